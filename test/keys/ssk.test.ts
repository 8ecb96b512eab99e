import * as fc from 'fast-check';
import t from 'tap';
import {
  block,
  type Block,
  BLOCK_BYTES,
  createSsk,
  cryptoKey,
  decodeSsk,
  encodeSsk,
} from '../../keys/index.ts';
import { hashPublicKey, PAYLOAD_BYTES, seed, type SskSecret, sskFromSeed } from '../../keys/index.ts';
import { sskRoutingKey, verifyBlock } from '../../keys/index.ts';
import { native } from '../../keys/primitives/native.ts';
import { noble } from '../../keys/primitives/noble.ts';
import { bitsToFlip, flipped, forge, paddedPayload } from './forge.ts';
import { countingRandom, cryptoKeys, hex, repeated, type RepeatedBytes, runs } from './samples.ts';
import { seeds, throwsParseError, toHex, vectors } from './samples.ts';

const secret = createSsk(countingRandom());
const publicKeyHash = hashPublicKey(secret.publicKey);
const address = { publicKeyHash, cryptoKey: secret.cryptoKey, name: 'doc' };
const hello = encodeSsk({ secret, name: 'doc', payload: Buffer.from('hello') });
const SIGNED = BLOCK_BYTES - 64;

/** The owner's signature over whatever the block says. */
function signedAgain(unsigned: Block, by: SskSecret = secret): Block {
  const bytes = Uint8Array.from(unsigned);
  bytes.set(native.ed25519Sign({ seed: by.seed, message: bytes.subarray(0, SIGNED) }), SIGNED);
  return block(bytes);
}

const names = fc.constantFrom('doc', 'site-7', 'Grüße ✉', 'x'.repeat(512), ' ');

void t.test('what was encoded is decoded, and native and noble make the same block', async () => {
  fc.assert(
    fc.property(
      seeds,
      cryptoKeys,
      names,
      fc.uint8Array({ maxLength: 300 }),
      (seed, cryptoKey, name, payload) => {
        const secret = sskFromSeed({ seed, cryptoKey });
        const made = encodeSsk({ secret, name, payload });
        const address = { publicKeyHash: hashPublicKey(secret.publicKey), cryptoKey, name };
        const opened = [native, noble].map((p) => decodeSsk({ ...address, block: made.block }, p));
        return (
          toHex(made.block) === toHex(encodeSsk({ secret, name, payload }, noble).block) &&
          toHex(made.routingKey) === toHex(sskRoutingKey(address)) &&
          toHex(made.routingKey) === toHex(sskRoutingKey(address, noble)) &&
          opened.every((text) => toHex(text) === toHex(payload)) &&
          verifyBlock(made.routingKey, made.block) === 'ssk'
        );
      },
    ),
    runs(100),
  );
});

void t.test('the committed vectors hold', async (t) => {
  const { blocks } = vectors('ssk') as {
    blocks: {
      seed: string;
      publicKey: string;
      publicKeyHash: string;
      cryptoKey: string;
      name: string;
      payload: RepeatedBytes;
      routingKey: string;
      blockSha256: string;
      start: string;
      signature: string;
    }[];
  };
  for (const vector of blocks) {
    const secret = sskFromSeed({ seed: seed(hex(vector.seed)), cryptoKey: cryptoKey(hex(vector.cryptoKey)) });
    const made = encodeSsk({ secret, name: vector.name, payload: repeated(vector.payload) });
    t.equal(toHex(secret.publicKey), vector.publicKey);
    t.equal(toHex(hashPublicKey(secret.publicKey)), vector.publicKeyHash);
    t.equal(toHex(made.block.subarray(0, 96)), vector.start);
    t.equal(toHex(made.block.subarray(SIGNED)), vector.signature);
    t.equal(toHex(native.sha256(made.block)), vector.blockSha256);
    t.equal(toHex(made.routingKey), vector.routingKey);
  }
});

void t.test('one changed bit: no relay passes it, and the reader refuses it', async (t) => {
  let refused = 0;
  for (const bit of bitsToFlip()) {
    const other = flipped(hello.block, bit);
    if (verifyBlock(hello.routingKey, other) !== undefined) t.fail(`bit ${bit} passes a relay`);
    try {
      decodeSsk({ ...address, block: other });
      t.fail(`bit ${bit} opens`);
    } catch (error) {
      const says = bit < 256 ? 'another public key' : bit < 512 ? 'another name' : 'signature';
      if (!(error instanceof Error) || !error.message.includes(says)) t.fail(`bit ${bit}: ${String(error)}`);
      refused++;
    }
  }
  t.equal(refused, bitsToFlip().length);
});

void t.test('a bit that the owner changes and signs passes relays but does not open', async (t) => {
  for (const bit of [64 * 8, 88 * 8 - 1, 88 * 8, 92 * 8, SIGNED * 8 - 1]) {
    const other = signedAgain(flipped(hello.block, bit));
    t.equal(verifyBlock(hello.routingKey, other), 'ssk', `bit ${bit}`);
    throwsParseError(t, () => decodeSsk({ ...address, block: other }), {
      code: 'bad_block',
      says: 'does not open',
      name: `bit ${bit}`,
    });
  }
});

void t.test("a block with another's signature is refused by relay and reader", async (t) => {
  const stranger = sskFromSeed({ seed: seed(new Uint8Array(32).fill(1)), cryptoKey: secret.cryptoKey });
  const forged = signedAgain(hello.block, stranger);
  t.equal(verifyBlock(hello.routingKey, forged), undefined);
  throwsParseError(t, () => decodeSsk({ ...address, block: forged }), {
    code: 'bad_block',
    says: 'signature',
    name: 'reader',
  });
});

void t.test("a stranger's own block is refused under the key that was asked for", async (t) => {
  const stranger = sskFromSeed({ seed: seed(new Uint8Array(32).fill(1)), cryptoKey: secret.cryptoKey });
  const own = encodeSsk({ secret: stranger, name: 'doc', payload: Buffer.from('hello') });
  t.equal(verifyBlock(hello.routingKey, own.block), undefined);
  t.equal(verifyBlock(own.routingKey, own.block), 'ssk');
  throwsParseError(t, () => decodeSsk({ ...address, block: own.block }), {
    code: 'bad_block',
    says: 'another public key',
    name: 'reader',
  });
});

void t.test("the owner's block for another name is refused under this one", async (t) => {
  const other = encodeSsk({ secret, name: 'other', payload: Buffer.from('hello') });
  t.equal(verifyBlock(hello.routingKey, other.block), undefined);
  throwsParseError(t, () => decodeSsk({ ...address, block: other.block }), {
    code: 'bad_block',
    says: 'another name',
    name: 'reader',
  });
});

void t.test('a block whose author broke the format is refused although N and signature fit', async (t) => {
  const base = {
    info: 'mimeo/block/ssk',
    cryptoKey: secret.cryptoKey,
    header: hello.block.subarray(0, 64),
  } as const;
  const wrong: [says: string, forged: Block][] = [
    ['32769', forge({ ...base, length: 32_769, padded: new Uint8Array(PAYLOAD_BYTES) })],
    ['padding', forge({ ...base, length: 4, padded: paddedPayload('hello') })],
    ['does not open', forge({ ...base, info: 'mimeo/block/chk', length: 5, padded: paddedPayload('hello') })],
  ];
  for (const [says, forged] of wrong) {
    const signed = signedAgain(forged);
    t.equal(verifyBlock(hello.routingKey, signed), 'ssk', 'a relay can not tell');
    throwsParseError(t, () => decodeSsk({ ...address, block: signed }), {
      code: 'bad_block',
      says,
      name: says,
    });
  }
  const honest = signedAgain(forge({ ...base, length: 5, padded: paddedPayload('hello') }));
  t.equal(toHex(honest), toHex(hello.block), 'the forger can write the honest block');
});

void t.test('a name is one key however it was typed, and no name is a bad key', async (t) => {
  const composed = sskRoutingKey({ ...address, name: 'Gr\u00fc\u00dfe' });
  const decomposed = sskRoutingKey({ ...address, name: 'Gru\u0308\u00dfe' });
  t.equal(toHex(composed), toHex(decomposed));
  for (const name of ['', '..', 'a\0b', '\ud800', 'x'.repeat(513)]) {
    const what = { code: 'bad_key', name: JSON.stringify(name.slice(0, 20)) } as const;
    throwsParseError(t, () => sskRoutingKey({ ...address, name }), what);
    throwsParseError(t, () => encodeSsk({ secret, name, payload: new Uint8Array(0) }), what);
  }
});

void t.test('two new secrets take different random bytes for seed and crypto key', async (t) => {
  let next = 0;
  const random = { bytes: (count: number) => new Uint8Array(count).fill(next++) };
  const made = createSsk(random);
  t.equal(toHex(made.seed), '00'.repeat(32));
  t.equal(toHex(made.cryptoKey), '01'.repeat(32));
  t.equal(toHex(made.publicKey), toHex(noble.ed25519PublicKey(made.seed)));
});
