/**
 * keys/verify.ts, chk.ts, ssk.ts. The first byte of an input says which fixture it was made from and whether it is signed
 * or hashed anew, the rest is the block.
 *
 * Promises: a node takes for a key no bytes but those that were made for it; a reader gets no payload but the one that was
 * sealed, even when the author himself signs or hashes the changed bytes anew; and with the wrong key nothing at all.
 */
import {
  block as asBlock,
  BLOCK_BYTES,
  cryptoKey,
  decodeChk,
  decodeSsk,
  encodeChk,
  encodeSsk,
  equalBytes,
  hashPublicKey,
  PAYLOAD_BYTES,
  primitives,
  routingKey,
  seed,
  sskFromSeed,
  verifyBlock,
  type Block,
  type RoutingKey,
} from '../../../keys/index.ts';
import { SeededRandom } from '../../sim/random.ts';
import { accepted, attempt, ensure, pick, type Answer, type Change, type Target } from '../target.ts';

interface Fixture {
  readonly kind: 'chk' | 'ssk';
  readonly key: RoutingKey;
  readonly block: Block;
  readonly payload: Uint8Array;
  readonly open: (block: Block) => Uint8Array;
  readonly openWrongly: (block: Block) => Uint8Array;
  /** By one who has all secrets: opens the bytes as if they were meant. */
  readonly openResealed: (block: Block) => Uint8Array;
}

const random = new SeededRandom(1);
const TRAILER_START = BLOCK_BYTES - 64;
/** Signing is dear, and mostly finds that N does not fit. */
const RESEALED_IN = 4;
const NAME = 'name';
const right = cryptoKey(random.bytes(32));
const wrong = cryptoKey(random.bytes(32));
const secret = sskFromSeed({ seed: seed(random.bytes(32)), cryptoKey: right });
const owner = hashPublicKey(secret.publicKey);
const payloads = [0, 1, 1_000, PAYLOAD_BYTES - 1, PAYLOAD_BYTES].map((size) => random.bytes(size));

const fixtures: readonly Fixture[] = payloads.flatMap((payload): Fixture[] => {
  const chk = encodeChk({ cryptoKey: right, payload });
  const ssk = encodeSsk({ secret, name: NAME, payload });
  const address = { publicKeyHash: owner, name: NAME };
  return [
    {
      kind: 'chk',
      key: chk.routingKey,
      block: chk.block,
      payload,
      open: (block) => decodeChk({ routingKey: chk.routingKey, cryptoKey: right, block }),
      openWrongly: (block) => decodeChk({ routingKey: chk.routingKey, cryptoKey: wrong, block }),
      openResealed: (block) =>
        decodeChk({ routingKey: routingKey(primitives.sha256(block)), cryptoKey: right, block }),
    },
    {
      kind: 'ssk',
      key: ssk.routingKey,
      block: ssk.block,
      payload,
      open: (block) => decodeSsk({ ...address, cryptoKey: right, block }),
      openWrongly: (block) => decodeSsk({ ...address, cryptoKey: wrong, block }),
      openResealed: (block) => decodeSsk({ ...address, cryptoKey: right, block: signed(block) }),
    },
  ];
});

export const block: Target = {
  name: 'block',
  promise: 'nothing but the block that was made is taken for its key or opened',
  mostBytes: BLOCK_BYTES + 65,
  edits: [editHeader, editTrailer],
  sample: (random) => {
    const index = random.below(fixtures.length);
    const choice = index + fixtures.length * random.below(Math.floor(256 / fixtures.length));
    return Buffer.concat([Uint8Array.of(choice), fixture(index).block]);
  },
  run: (input) => {
    const { kind, key, payload, ...opened } = fixture(input[0] ?? 0);
    const bytes = input.subarray(1);
    const verified = verifyBlock(key, bytes);
    // All fixtures of the SSK have one key: each is a block of it.
    const made = fixtures.find((one) => equalBytes(one.key, key) && equalBytes(one.block, bytes));
    ensure(verified === (made && kind), 'a node takes what was made for a key and nothing else');
    if (bytes.length !== BLOCK_BYTES) return { type: 'refused', shape: 'length' };
    const foreign = asBlock(bytes);
    const read = attempt(() => opened.open(foreign), ['bad_block']);
    ensure((read.type === 'value') === (made !== undefined), 'a reader opens what was made and nothing else');
    ensure(read.type !== 'value' || equalBytes(read.value, made?.payload ?? payload), 'the payload');
    if (made === undefined) {
      const isResealed = Math.floor((input[0] ?? 0) / fixtures.length) % RESEALED_IN === 0;
      return isResealed ? checkResealed(opened.openResealed, foreign) : { type: 'refused', shape: kind };
    }
    const strange = attempt(() => opened.openWrongly(foreign), ['bad_block']);
    ensure(strange.type === 'refused', 'the wrong key opens nothing');
    return accepted(kind);
  },
};

/** Whoever has the secrets can hash and sign anything; N still fits only what was sealed. */
function checkResealed(open: Fixture['openResealed'], foreign: Block): Answer {
  const read = attempt(() => open(foreign), ['bad_block']);
  if (read.type !== 'value') return read;
  const sealed = fixtures.find((one) => equalBytes(body(one.block), body(foreign)));
  ensure(sealed !== undefined && equalBytes(sealed.payload, read.value), 'N fits only what was sealed');
  return { type: 'refused', shape: 'signed anew' };
}

function body(block: Uint8Array): Uint8Array {
  return block.subarray(0, TRAILER_START);
}

function signed(foreign: Block): Block {
  const copy = new Uint8Array(foreign);
  copy.set(primitives.ed25519Sign({ seed: secret.seed, message: body(copy) }), TRAILER_START);
  return asBlock(copy);
}

function fixture(index: number): Fixture {
  const chosen = fixtures[index % fixtures.length];
  if (chosen === undefined) throw new RangeError('there are fixtures');
  return chosen;
}

/** Where changes mean most: header, N and length are 92 of 32,924 bytes. */
function editHeader({ input, random }: Change): Uint8Array {
  return nudged(input, { at: 1 + random.below(96), by: pick([1, 0x80, 0xff], random) });
}

function editTrailer({ input, random }: Change): Uint8Array {
  return nudged(input, { at: input.length - 1 - random.below(70), by: pick([1, 0x80, 0xff], random) });
}

function nudged(input: Uint8Array, { at, by }: { at: number; by: number }): Uint8Array {
  const copy = input.slice();
  if (at >= 0 && at < copy.length) copy[at] = (copy[at] ?? 0) ^ by;
  return copy;
}
