/**
 * How much of the speed of OpenSSL our blocks keep: what keys/ does, against the node:crypto calls that it cannot do without,
 * one after the other on the same sizes and with nothing between them.
 *
 * The base has no layout, no copies, no checks and no comparison. Like the code that it stands for it derives the two keys of
 * the block, and wraps raw keys in KeyObjects, which is node:crypto's faster way. Its Ed25519 key stays imported; the row
 * `ssk.verify.fresh` shows what a signer costs whose key was not kept.
 */
import crypto from 'node:crypto';
import { assert, BLOCK_BYTES, cryptoKey, PAYLOAD_BYTES, type Random } from '../../keys/index.ts';
import { createSsk, decodeChk, encodeChk, encodeSsk, keyLimits, verifyBlock } from '../../keys/index.ts';
import { compare, type Row, row } from './harness.ts';

const GOAL = 0.7;
const SEALED_BYTES = 4 + PAYLOAD_BYTES;
const SIGNED_BYTES = BLOCK_BYTES - 64;

const random: Random = { bytes: (count) => new Uint8Array(crypto.randomBytes(count)) };

export async function run(): Promise<Row[]> {
  const key = cryptoKey(random.bytes(32));
  const payload = random.bytes(PAYLOAD_BYTES);
  const { routingKey, block } = encodeChk({ cryptoKey: key, payload });
  const floor = blockFloor();
  const encode = compare({ subject: () => encodeChk({ cryptoKey: key, payload }), base: floor });
  const decode = compare({ subject: () => decodeChk({ routingKey, cryptoKey: key, block }), base: floor });
  const verify = compare({ subject: verifyOf(8), base: verifyFloor() });
  const fresh = compare({ subject: verifyOf(2 * keyLimits.publicKeysKept.value), base: verifyFloor() });
  return [
    row({ name: 'chk.encode.ratio', value: encode.ratio, unit: 'ratio', goal: GOAL, better: 'higher' }),
    row({ name: 'chk.decode.ratio', value: decode.ratio, unit: 'ratio', goal: GOAL, better: 'higher' }),
    row({ name: 'ssk.verify.ratio', value: verify.ratio, unit: 'ratio', goal: GOAL, better: 'higher' }),
    row({ name: 'ssk.verify.fresh.ratio', value: fresh.ratio, unit: 'ratio', better: 'higher' }),
    row({ name: 'chk.encode', value: encode.subjectMicros, unit: 'µs', better: 'lower' }),
    row({ name: 'chk.decode', value: decode.subjectMicros, unit: 'µs', better: 'lower' }),
    row({ name: 'ssk.verify', value: verify.subjectMicros, unit: 'µs', better: 'lower' }),
    row({ name: 'ssk.verify.fresh', value: fresh.subjectMicros, unit: 'µs', better: 'lower' }),
  ];
}

/** HKDF, HMAC-SHA-256, ChaCha20 and SHA-256: encoding and decoding a CHK need the same four. */
function blockFloor(): () => unknown {
  const raw = random.bytes(32);
  const header = random.bytes(64);
  const sealed = random.bytes(SEALED_BYTES);
  const block = random.bytes(BLOCK_BYTES);
  const iv = random.bytes(16);
  const info = Buffer.from('mimeo/block/chk');
  const empty = new Uint8Array(0);
  return () => {
    const keys = crypto.hkdfSync('sha256', crypto.createSecretKey(raw), empty, info, 64);
    const mac = crypto
      .createHmac('sha256', crypto.createSecretKey(raw))
      .update(header)
      .update(sealed)
      .digest();
    const text = crypto.createCipheriv('chacha20', crypto.createSecretKey(raw), iv).update(sealed);
    const hash = crypto.hash('sha256', block, 'buffer');
    return [keys, mac, text, hash];
  };
}

/** The SHA-256 of the public key and of the routing key's input, and Ed25519 over the signed bytes. */
function verifyFloor(): () => unknown {
  const { publicKey, privateKey } = crypto.generateKeyPairSync('ed25519');
  const message = random.bytes(SIGNED_BYTES);
  const signature = crypto.sign(null, message, privateKey);
  const short = random.bytes(32);
  const long = random.bytes(17 + 64);
  return () => [
    crypto.hash('sha256', short, 'buffer'),
    crypto.hash('sha256', long, 'buffer'),
    crypto.verify(null, message, publicKey, signature),
  ];
}

/** Blocks of so many signers in turn. More signers than keys are kept means an import every time. */
function verifyOf(signers: number): () => unknown {
  const blocks = Array.from({ length: signers }, () =>
    encodeSsk({ secret: createSsk(random), name: 'bench', payload: random.bytes(1_000) }),
  );
  let next = 0;
  return () => {
    const { routingKey, block } = pick(blocks, next++);
    assert(verifyBlock(routingKey, block) === 'ssk', 'the bench verifies valid blocks');
  };
}

function pick<T>(items: readonly T[], turn: number): T {
  const item = items[turn % items.length];
  assert(item !== undefined, 'the list is not empty');
  return item;
}
