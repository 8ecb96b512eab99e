import * as fc from 'fast-check';
import t from 'tap';
import { block, BLOCK_BYTES, contentKey, cryptoKey, decodeChk, encodeChk } from '../../keys/index.ts';
import { PAYLOAD_BYTES, PUBLIC_CONVERGENCE_SECRET, routingKey, verifyBlock } from '../../keys/index.ts';
import { native } from '../../keys/primitives/native.ts';
import { noble } from '../../keys/primitives/noble.ts';
import { bitsToFlip, flipped, forge, paddedPayload } from './forge.ts';
import {
  cryptoKeys,
  hex,
  repeated,
  type RepeatedBytes,
  runs,
  throwsParseError,
  toHex,
  vectors,
} from './samples.ts';

const key = cryptoKey(new Uint8Array(32).fill(5));
const HEADER = Buffer.alloc(64);
HEADER.write('mimeo/block/chk/1');

const payloads = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.constantFrom(PAYLOAD_BYTES - 1, PAYLOAD_BYTES).map((size) => new Uint8Array(size).fill(0xa7)),
);

void t.test('what was encoded is decoded, and native and noble make the same block', async () => {
  fc.assert(
    fc.property(cryptoKeys, payloads, (cryptoKey, payload) => {
      const made = encodeChk({ cryptoKey, payload });
      const expected = encodeChk({ cryptoKey, payload }, noble);
      const opened = [native, noble].map((p) => decodeChk({ ...made, cryptoKey }, p));
      return (
        toHex(made.block) === toHex(expected.block) &&
        toHex(made.routingKey) === toHex(expected.routingKey) &&
        made.block.length === BLOCK_BYTES &&
        opened.every((text) => toHex(text) === toHex(payload)) &&
        verifyBlock(made.routingKey, made.block) === 'chk'
      );
    }),
    runs(300),
  );
});

void t.test('the block is the one of the specification, written a second time', async (t) => {
  const { block, routingKey } = encodeChk({ cryptoKey: key, payload: Buffer.from('hello') });
  const padded = paddedPayload('hello');
  const expected = forge({ info: 'mimeo/block/chk', cryptoKey: key, header: HEADER, length: 5, padded });
  t.equal(toHex(block), toHex(expected));
  t.equal(toHex(routingKey), toHex(noble.sha256(block)));
});

void t.test('the committed vectors hold', async (t) => {
  const file = vectors('chk') as {
    publicConvergenceSecret: string;
    contentKeys: { convergenceSecret: string; contentHash: string; cryptoKey: string }[];
    blocks: { cryptoKey: string; payload: RepeatedBytes; routingKey: string; start: string }[];
  };
  for (const vector of file.blocks) {
    const made = encodeChk({
      cryptoKey: cryptoKey(hex(vector.cryptoKey)),
      payload: repeated(vector.payload),
    });
    t.equal(toHex(made.block.subarray(0, 96)), vector.start);
    t.equal(toHex(made.routingKey), vector.routingKey);
  }
  for (const vector of file.contentKeys) {
    const made = contentKey({
      convergenceSecret: hex(vector.convergenceSecret),
      contentHash: hex(vector.contentHash),
    });
    t.equal(toHex(made), vector.cryptoKey);
  }
  t.equal(toHex(PUBLIC_CONVERGENCE_SECRET), file.publicConvergenceSecret);
});

void t.test('one changed bit: another routing key, and with that key it does not open either', async (t) => {
  const { block, routingKey: asked } = encodeChk({ cryptoKey: key, payload: Buffer.from('hello') });
  let refused = 0;
  for (const bit of bitsToFlip()) {
    const other = flipped(block, bit);
    if (verifyBlock(asked, other) !== undefined) t.fail(`bit ${bit} passes a relay`);
    const name = `bit ${bit}`;
    const isSealed = bit >= 64 * 8 && bit < (BLOCK_BYTES - 64) * 8;
    const says = isSealed ? 'does not open' : 'no CHK block';
    try {
      decodeChk({ routingKey: routingKey(native.sha256(other)), cryptoKey: key, block: other });
      t.fail(`${name} opens`);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.includes(says)) t.fail(`${name}: ${String(error)}`);
      refused++;
    }
  }
  t.equal(refused, bitsToFlip().length);
});

void t.test('a block is refused with another routing key or another crypto key', async (t) => {
  const made = encodeChk({ cryptoKey: key, payload: Buffer.from('hello') });
  const otherKey = cryptoKey(new Uint8Array(32).fill(6));
  const other = encodeChk({ cryptoKey: otherKey, payload: Buffer.from('hello') });
  throwsParseError(t, () => decodeChk({ ...made, cryptoKey: key, routingKey: other.routingKey }), {
    code: 'bad_block',
    says: 'not the one of this routing key',
    name: 'routing key',
  });
  throwsParseError(t, () => decodeChk({ ...made, cryptoKey: otherKey }), {
    code: 'bad_block',
    says: 'does not open',
    name: 'crypto key',
  });
});

void t.test('a block whose author broke the format is refused although its N fits', async (t) => {
  const base = { info: 'mimeo/block/chk', cryptoKey: key, header: HEADER } as const;
  const dirty = paddedPayload('hello');
  dirty[PAYLOAD_BYTES - 1] = 1;
  const wrong: [name: string, says: string, forged: Uint8Array][] = [
    [
      'a length beyond the payload',
      '32769',
      forge({ ...base, length: 32_769, padded: new Uint8Array(32_768) }),
    ],
    [
      'the greatest length',
      '4294967295',
      forge({ ...base, length: 0xffff_ffff, padded: new Uint8Array(32_768) }),
    ],
    ['a last byte that is not zero', 'padding', forge({ ...base, length: 5, padded: dirty })],
    ['a length that is one short', 'padding', forge({ ...base, length: 4, padded: paddedPayload('hello') })],
    [
      'the header of another version',
      'no CHK block',
      forge({
        ...base,
        header: Buffer.alloc(64, 'mimeo/block/chk/2'),
        length: 0,
        padded: new Uint8Array(32_768),
      }),
    ],
    [
      'the keys of another kind',
      'does not open',
      forge({ ...base, info: 'mimeo/block/ssk', length: 5, padded: paddedPayload('hello') }),
    ],
  ];
  for (const [name, says, bytes] of wrong) {
    const forged = block(bytes);
    const open = () =>
      decodeChk({ routingKey: routingKey(native.sha256(forged)), cryptoKey: key, block: forged });
    throwsParseError(t, open, { code: 'bad_block', says, name });
  }
});

void t.test(
  'equal content under equal keys is an equal block; N tells different content apart',
  async (t) => {
    const nonce = (payload: string) =>
      toHex(encodeChk({ cryptoKey: key, payload: Buffer.from(payload) }).block.subarray(64, 88));
    t.equal(nonce('a'), nonce('a'));
    t.not(nonce('a'), nonce('b'));
    t.not(nonce('a'), nonce('a\0'), 'the length counts');
  },
);

void t.test('encoding leaves the payload as it was and asserts its size', async (t) => {
  const payload = new Uint8Array(PAYLOAD_BYTES).fill(3);
  encodeChk({ cryptoKey: key, payload });
  t.ok(payload.every((byte) => byte === 3));
  t.throws(() => encodeChk({ cryptoKey: key, payload: new Uint8Array(PAYLOAD_BYTES + 1) }), {
    name: 'AssertionError',
  });
});

void t.test('the payload does not lie in the block', async (t) => {
  const made = encodeChk({ cryptoKey: key, payload: Buffer.from('hello') });
  const payload = decodeChk({ ...made, cryptoKey: key });
  made.block.fill(0);
  t.equal(Buffer.from(payload).toString(), 'hello');
});

void t.test('contentKey asserts the sizes of secret and hash', async (t) => {
  const right = new Uint8Array(32);
  const wrong = new Uint8Array(31);
  t.throws(() => contentKey({ convergenceSecret: wrong, contentHash: right }), { name: 'AssertionError' });
  t.throws(() => contentKey({ convergenceSecret: right, contentHash: wrong }), { name: 'AssertionError' });
});
