import * as fc from 'fast-check';
import t from 'tap';
import { BLOCK_BYTES, createSsk, cryptoKey, encodeChk, encodeSsk, routingKey } from '../../keys/index.ts';
import { verifyBlock } from '../../keys/index.ts';
import { native } from '../../keys/primitives/native.ts';
import { bytes32, countingRandom, runs } from './samples.ts';

const chk = encodeChk({ cryptoKey: cryptoKey(new Uint8Array(32)), payload: Buffer.from('hello') });
const ssk = encodeSsk({ secret: createSsk(countingRandom()), name: 'doc', payload: Buffer.from('hello') });

void t.test('a block is known by its own key and by no other', async (t) => {
  t.equal(verifyBlock(chk.routingKey, chk.block), 'chk');
  t.equal(verifyBlock(ssk.routingKey, ssk.block), 'ssk');
  t.equal(verifyBlock(chk.routingKey, ssk.block), undefined);
  t.equal(verifyBlock(ssk.routingKey, chk.block), undefined);
});

void t.test('a block that is cut off or too long is none', async (t) => {
  for (const { routingKey, block } of [chk, ssk]) {
    const longer = new Uint8Array(BLOCK_BYTES + 1);
    longer.set(block);
    t.equal(verifyBlock(routingKey, longer), undefined);
    for (const length of [0, 1, 63, 64, 88, 32_860, BLOCK_BYTES - 1]) {
      t.equal(verifyBlock(routingKey, block.subarray(0, length)), undefined, `${length} bytes`);
    }
  }
});

void t.test('whatever the bytes, there is an answer and no error', async () => {
  const header = fc.uint8Array({ minLength: 64, maxLength: 64 });
  fc.assert(
    fc.property(bytes32, header, header, fc.boolean(), (key, start, end, asksForClaimedKey) => {
      const bytes = new Uint8Array(BLOCK_BYTES);
      bytes.set(start);
      bytes.set(end, BLOCK_BYTES - 64);
      // The key that the header claims, so that the random signature and public key reach the verification.
      const claimed = native.sha256(
        Buffer.from('mimeo/ssk/routing'),
        start.subarray(32),
        native.sha256(start.subarray(0, 32)),
      );
      return verifyBlock(routingKey(asksForClaimedKey ? claimed : key), bytes) === undefined;
    }),
    runs(1_000),
  );
  fc.assert(
    fc.property(bytes32, fc.uint8Array({ maxLength: 200 }), (key, bytes) => {
      return verifyBlock(routingKey(key), bytes) === undefined;
    }),
    runs(1_000),
  );
});

void t.test(
  'any bytes of the size of a block are the CHK block of their hash: a relay can not tell',
  async (t) => {
    const bytes = new Uint8Array(BLOCK_BYTES).fill(9);
    t.equal(verifyBlock(routingKey(native.sha256(bytes)), bytes), 'chk');
  },
);
