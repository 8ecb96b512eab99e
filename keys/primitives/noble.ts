/**
 * The primitives by noble: the readable definition, ten times slower, which tests hold against `native.ts` and which
 * nothing in the product runs.
 *
 * Ed25519 verification is written out here, because no mode of the library is ours: its strict mode still multiplies by the
 * cofactor, and so takes signatures of keys with a torsion part that OpenSSL refuses.
 */
import { xchacha20 as stream } from '@noble/ciphers/chacha.js';
import * as ed25519 from '@noble/ed25519';
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { scryptAsync } from '@noble/hashes/scrypt.js';
import { sha256 as hash256, sha512 } from '@noble/hashes/sha2.js';
import { equalBytes, publicKey } from '../bytes.ts';
import { isWellFormed } from './ed25519-strict.ts';
import type { Primitives, SignatureInput } from './primitives.ts';

ed25519.hashes.sha512 = sha512;

export const noble: Primitives = {
  sha256: (...parts) => hash256(Buffer.concat(parts)),
  hmacSha256: (key, ...parts) => hmac(hash256, key, Buffer.concat(parts)),
  hkdfSha256: ({ ikm, salt, info, length }) => hkdf(hash256, ikm, salt, info, length),
  xchacha20: ({ key, nonce, data }) => stream(key, nonce, data),
  ed25519PublicKey: (seed) => publicKey(ed25519.getPublicKey(seed)),
  ed25519Sign: ({ seed, message }) => ed25519.sign(message, seed),
  ed25519Verify: verify,
  scrypt: ({ password, salt, cost, blockSize, parallelization, length }) =>
    scryptAsync(password, salt, { N: cost, r: blockSize, p: parallelization, dkLen: length }),
};

/** RFC 8032, 5.1.7, without cofactor: R must be the very bytes of [S]B − [k]A. */
function verify({ publicKey, message, signature }: SignatureInput): boolean {
  if (!isWellFormed(publicKey, signature)) return false;
  const a = decodePoint(publicKey);
  if (!a) return false;
  const r = signature.subarray(0, 32);
  const s = number(signature.subarray(32));
  const k = number(sha512(Buffer.concat([r, publicKey, message]))) % ed25519.Point.CURVE().n;
  const expected = ed25519.Point.BASE.multiply(s, false).subtract(a.multiply(k, false));
  return equalBytes(expected.toBytes(), r);
}

function decodePoint(bytes: Uint8Array): ed25519.Point | undefined {
  try {
    return ed25519.Point.fromBytes(bytes, false);
  } catch {
    return undefined;
  }
}

function number(littleEndian: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(littleEndian).reverse().toString('hex')}`);
}
