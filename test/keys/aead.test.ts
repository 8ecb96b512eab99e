import * as fc from 'fast-check';
import t from 'tap';
import { native } from '../../keys/primitives/native.ts';
import { noble } from '../../keys/primitives/noble.ts';
import { bytes32, hex, runs, toHex, wycheproof } from './samples.ts';
import type { WycheproofCase } from './samples.ts';

const both = Object.entries({ native, noble });
const ciphers = [
  { name: 'chachaPoly', nonceBytes: 12 },
  { name: 'xchachaPoly', nonceBytes: 24 },
] as const;
const data = fc.oneof(
  fc
    .constantFrom(0, 1, 15, 16, 17, 63, 64, 65, 255, 4_096, 33_000)
    .map((size) => new Uint8Array(size).fill(7)),
  fc.uint8Array({ maxLength: 300 }),
);
const ads = fc.uint8Array({ maxLength: 64 });

for (const { name, nonceBytes } of ciphers) {
  const nonces = fc.uint8Array({ minLength: nonceBytes, maxLength: nonceBytes });

  void t.test(`native and noble seal alike with ${name}, and open what the other has sealed`, async () => {
    fc.assert(
      fc.property(bytes32, nonces, ads, data, (key, nonce, ad, data) => {
        const sealed = native[name](key).seal({ nonce, ad, data });
        const opened = both.map(([, p]) => p[name](key).open({ nonce, ad, data: sealed }));
        const cut = data.length >> 1;
        const into = new Uint8Array(data.length + 16);
        native[name](key).sealInto(into, { nonce, ad, parts: [data.subarray(0, cut), data.subarray(cut)] });
        return (
          toHex(into) === toHex(sealed) &&
          sealed.length === data.length + 16 &&
          toHex(sealed) === toHex(noble[name](key).seal({ nonce, ad, data })) &&
          opened.every((plain) => plain !== undefined && toHex(plain) === toHex(data))
        );
      }),
      runs(1_000),
    );
  });

  void t.test(
    `${name} opens nothing when one bit of key, nonce, added data or sealed bytes differs`,
    async () => {
      const flips = fc.tuple(fc.constantFrom('key', 'nonce', 'ad', 'data'), fc.nat());
      fc.assert(
        fc.property(
          bytes32,
          nonces,
          bytes32,
          fc.uint8Array({ maxLength: 100 }),
          flips,
          (key, nonce, ad, data, flip) => {
            const parts = { key, nonce, ad, data: native[name](key).seal({ nonce, ad, data }) };
            const [part, at] = flip;
            const flipped = Uint8Array.from(parts[part]);
            const bit = at % (flipped.length * 8);
            flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
            const wrong = { ...parts, [part]: flipped };
            return both.every(([, p]) => p[name](wrong.key).open(wrong) === undefined);
          },
        ),
        runs(2_000),
      );
    },
  );

  void t.test(`${name} opens nothing that is shorter than a tag`, async (t) => {
    const input = { nonce: new Uint8Array(nonceBytes), ad: new Uint8Array(0) };
    for (const [which, p] of both)
      for (const size of [0, 1, 15])
        t.equal(p[name](new Uint8Array(32)).open({ ...input, data: new Uint8Array(size) }), undefined, which);
  });

  void t.test(`${name} takes no other sizes of key and nonce`, async (t) => {
    const input = { ad: new Uint8Array(0), data: new Uint8Array(16) };
    const nonce = new Uint8Array(nonceBytes);
    t.throws(() => native[name](new Uint8Array(31)).seal({ ...input, nonce }));
    t.throws(() => native[name](new Uint8Array(32)).seal({ ...input, nonce: nonce.subarray(1) }));
    t.throws(() =>
      native[name](new Uint8Array(32)).open({ ...input, nonce: new Uint8Array(nonceBytes + 1) }),
    );
  });
}

type AeadCase = WycheproofCase & Record<'key' | 'iv' | 'aad' | 'msg' | 'ct' | 'tag', string>;
type AeadGroup = { ivSize: number; tests: AeadCase[] };
for (const [name, file, ivSize] of [
  ['chachaPoly', 'chacha20_poly1305', 96],
  ['xchachaPoly', 'xchacha20_poly1305', 192],
] as const) {
  const { groups, options } = wycheproof(file);
  void t.test(`Wycheproof: ${file}`, options, async (t) => {
    for (const group of groups as AeadGroup[]) {
      for (const { tcId, comment, result, ...bytes } of group.tests) {
        const input = { nonce: hex(bytes.iv), ad: hex(bytes.aad) };
        const sealed = { ...input, data: hex(bytes.ct + bytes.tag) };
        for (const [which, p] of both) {
          const says = `${which}, ${tcId} ${comment}`;
          const aead = p[name](hex(bytes.key));
          if (group.ivSize !== ivSize) {
            if (which === 'native') t.throws(() => aead.open(sealed), says);
            continue;
          }
          const opened = aead.open(sealed);
          t.equal(opened && toHex(opened), result === 'valid' ? bytes.msg : undefined, says);
          if (result === 'valid')
            t.equal(toHex(aead.seal({ ...input, data: hex(bytes.msg) })), bytes.ct + bytes.tag, says);
        }
      }
    }
  });
}

void t.test('native and noble agree on the same key from both sides', async () => {
  fc.assert(
    fc.property(bytes32, bytes32, (a, b) => {
      const keys = both.flatMap(([, p]) => [
        p.x25519({ secret: a, publicKey: p.x25519PublicKey(b) }),
        p.x25519({ secret: b, publicKey: p.x25519PublicKey(a) }),
      ]);
      return new Set(keys.map((key) => key && toHex(key))).size === 1 && keys[0]?.length === 32;
    }),
    runs(500),
  );
});

type AgreementGroup = { tests: (WycheproofCase & Record<'public' | 'private' | 'shared', string>)[] };
const agreements = wycheproof('x25519');
void t.test(
  'Wycheproof: X25519, and points of small order agree on nothing',
  agreements.options,
  async (t) => {
    for (const { tests } of agreements.groups as AgreementGroup[]) {
      for (const { tcId, comment, shared, ...keys } of tests) {
        const input = { secret: hex(keys.private), publicKey: hex(keys.public) };
        // "Acceptable" ones are on the twist or not canonical: RFC 7748 takes them. Zero is ours to refuse (6.1).
        const expected = /^0+$/u.test(shared) ? undefined : shared;
        for (const [name, p] of both) {
          const agreed = p.x25519(input);
          t.equal(agreed && toHex(agreed), expected, `${name}, ${tcId} ${comment}`);
        }
      }
    }
  },
);
