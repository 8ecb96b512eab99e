import * as fc from 'fast-check';
import t from 'tap';
import { keyLimits } from '../../keys/limits.ts';
import { native } from '../../keys/primitives/native.ts';
import { noble } from '../../keys/primitives/noble.ts';
import { seed } from '../../keys/bytes.ts';
import { bytes32, hex, runs, seeds, toHex, wycheproof } from './samples.ts';
import type { WycheproofCase as Case } from './samples.ts';

const both = Object.entries({ native, noble });

/** Around the block sizes of the hashes and of the stream, and the sizes in our blocks. */
const sizes = fc.oneof(
  fc.constantFrom(0, 1, 31, 32, 55, 56, 63, 64, 65, 119, 127, 128, 129, 255, 256, 257, 32_772, 32_924),
  fc.nat(700),
);
const data = sizes.chain((size) => fc.uint8Array({ minLength: size, maxLength: size }));
const short = fc.uint8Array({ maxLength: 200 });

void t.test('native and noble hash alike, however the message is cut', async (t) => {
  fc.assert(
    fc.property(fc.array(data, { maxLength: 4 }), (parts) => {
      const whole = Buffer.concat(parts);
      const hashes = both.flatMap(([, p]) => [p.sha256(...parts), p.sha256(whole)]);
      return new Set(hashes.map(toHex)).size === 1;
    }),
    runs(500),
  );
  const known = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  for (const [name, p] of both) t.equal(toHex(p.sha256(Buffer.from('abc'))), known, `${name}, FIPS 180`);
});

void t.test('native and noble make the same HMAC, with keys of any length', async () => {
  fc.assert(
    fc.property(data, fc.array(data, { maxLength: 3 }), (key, parts) => {
      return toHex(native.hmacSha256(key, ...parts)) === toHex(noble.hmacSha256(key, ...parts));
    }),
    runs(500),
  );
});

void t.test('native and noble derive the same keys', async () => {
  const input = fc.record({ ikm: short, salt: short, info: short, length: fc.integer({ min: 1, max: 300 }) });
  fc.assert(
    fc.property(input, (input) => toHex(native.hkdfSha256(input)) === toHex(noble.hkdfSha256(input))),
    runs(1_000),
  );
});

void t.test(
  'native and noble make the same stream, also from views at odd offsets, and twice is nothing',
  async () => {
    const nonces = fc.uint8Array({ minLength: 24, maxLength: 24 });
    fc.assert(
      fc.property(bytes32, nonces, data, fc.nat(7), (key, nonce, data, shift) => {
        const room = new Uint8Array(64);
        room.set(key, shift);
        room.set(nonce, shift + 32);
        const views = {
          key: room.subarray(shift, shift + 32),
          nonce: room.subarray(shift + 32, shift + 56),
          data,
        };
        const sealed = native.xchacha20(views);
        const expected = noble.xchacha20({ key, nonce, data });
        return (
          toHex(sealed) === toHex(expected) &&
          toHex(native.xchacha20({ key, nonce, data: sealed })) === toHex(data)
        );
      }),
      runs(1_000),
    );
  },
);

void t.test('XChaCha20 takes no other sizes of key and nonce', async (t) => {
  const data = new Uint8Array(8);
  t.throws(() => native.xchacha20({ key: new Uint8Array(31), nonce: new Uint8Array(24), data }));
  t.throws(() => native.xchacha20({ key: new Uint8Array(32), nonce: new Uint8Array(12), data }));
});

void t.test('native and noble make the same signatures, which both verify', async () => {
  fc.assert(
    fc.property(seeds, data, (seed, message) => {
      const publicKey = native.ed25519PublicKey(seed);
      const signature = native.ed25519Sign({ seed, message });
      return (
        toHex(publicKey) === toHex(noble.ed25519PublicKey(seed)) &&
        toHex(signature) === toHex(noble.ed25519Sign({ seed, message })) &&
        both.every(([, p]) => p.ed25519Verify({ publicKey, message, signature }))
      );
    }),
    runs(300),
  );
});

void t.test('native and noble refuse what differs in one bit: of key, message or signature', async () => {
  fc.assert(
    fc.property(seeds, bytes32, fc.nat(8 * 128 - 1), (seed, message, bit) => {
      const all = Buffer.concat([
        native.ed25519PublicKey(seed),
        message,
        native.ed25519Sign({ seed, message }),
      ]);
      all[bit >> 3] = (all[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const flipped = {
        publicKey: all.subarray(0, 32),
        message: all.subarray(32, 64),
        signature: all.subarray(64),
      };
      return both.every(([, p]) => !p.ed25519Verify(flipped));
    }),
    runs(500),
  );
});

void t.test('bytes that are no key or no signature are false and no error', async () => {
  const anything = fc.record({
    publicKey: fc.oneof(bytes32, short),
    message: short,
    signature: fc.oneof(fc.uint8Array({ minLength: 64, maxLength: 64 }), short),
  });
  fc.assert(
    fc.property(anything, (input) => {
      // S below the order of the group, so that the curve is reached.
      if (input.signature.length === 64) input.signature[63] = 0;
      return both.every(([, p]) => !p.ed25519Verify(input));
    }),
    runs(2_000),
  );
});

void t.test('more signers than keys are kept: every one still verifies', async (t) => {
  const message = Buffer.from('kept or not');
  const signers = Array.from({ length: keyLimits.publicKeysKept.value + 20 }, (_, i) => {
    const bytes = new Uint8Array(32);
    new DataView(bytes.buffer).setUint32(0, i);
    return seed(bytes);
  });
  const signed = signers.map((seed) => ({
    publicKey: native.ed25519PublicKey(seed),
    message,
    signature: native.ed25519Sign({ seed, message }),
  }));
  for (const round of [1, 2])
    t.ok(
      signed.every((input) => native.ed25519Verify(input)),
      `round ${round}`,
    );
});

void t.test('native and noble agree on scrypt', async () => {
  const input = fc.record({
    password: short,
    salt: short,
    cost: fc.constantFrom(2, 16, 256),
    blockSize: fc.integer({ min: 1, max: 8 }),
    parallelization: fc.integer({ min: 1, max: 3 }),
    length: fc.integer({ min: 1, max: 100 }),
  });
  await fc.assert(
    fc.asyncProperty(
      input,
      async (input) => toHex(await native.scrypt(input)) === toHex(await noble.scrypt(input)),
    ),
    runs(200),
  );
});

type SignatureGroup = { publicKey: { pk: string }; tests: (Case & { msg: string; sig: string })[] };
const signatures = wycheproof('ed25519');
void t.test('Wycheproof: Ed25519', signatures.options, async (t) => {
  for (const { publicKey, tests } of signatures.groups as SignatureGroup[]) {
    for (const { tcId, comment, msg, sig, result } of tests) {
      const input = { publicKey: hex(publicKey.pk), message: hex(msg), signature: hex(sig) };
      for (const [name, p] of both) {
        t.equal(p.ed25519Verify(input), result === 'valid', `${name}, ${tcId} ${comment}`);
      }
    }
  }
});

type HkdfGroup = { tests: (Case & { ikm: string; salt: string; info: string; size: number; okm: string })[] };
const derivations = wycheproof('hkdf_sha256');
void t.test('Wycheproof: HKDF with SHA-256', derivations.options, async (t) => {
  const cases = (derivations.groups as HkdfGroup[]).flatMap((group) => group.tests);
  for (const { tcId, comment, ikm, salt, info, size, okm, result } of cases) {
    const input = { ikm: hex(ikm), salt: hex(salt), info: hex(info), length: size };
    for (const [name, p] of both) {
      if (result === 'valid') t.equal(toHex(p.hkdfSha256(input)), okm, `${name}, ${tcId} ${comment}`);
      else t.throws(() => p.hkdfSha256(input), `${name}, ${tcId} ${comment}`);
    }
  }
});

type HmacGroup = { tagSize: number; tests: (Case & { key: string; msg: string; tag: string })[] };
const macs = wycheproof('hmac_sha256');
void t.test('Wycheproof: HMAC with SHA-256', macs.options, async (t) => {
  for (const { tagSize, tests } of macs.groups as HmacGroup[]) {
    for (const { tcId, comment, key, msg, tag, result } of tests) {
      for (const [name, p] of both) {
        const made = toHex(p.hmacSha256(hex(key), hex(msg)).subarray(0, tagSize / 8));
        t.equal(made === tag, result === 'valid', `${name}, ${tcId} ${comment}`);
      }
    }
  }
});
