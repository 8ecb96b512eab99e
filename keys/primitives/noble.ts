/**
 * The primitives by noble: the readable definition, ten times slower, which tests hold against `native.ts` and which
 * nothing in the product runs.
 *
 * Ed25519 verification is written out here, because no mode of the library is ours: its strict mode still multiplies by the
 * cofactor, and so takes signatures of keys with a torsion part that OpenSSL refuses.
 */
import { chacha20poly1305, xchacha20 as stream, xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { x25519 as curve25519 } from '@noble/curves/ed25519.js';
import * as ed25519 from '@noble/ed25519';
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { scryptAsync } from '@noble/hashes/scrypt.js';
import { sha256 as hash256, sha512 } from '@noble/hashes/sha2.js';
import { equalBytes, publicKey } from '../bytes.ts';
import { isWellFormed } from './ed25519-strict.ts';
import type { Aead, Primitives, SignatureInput } from './primitives.ts';

ed25519.hashes.sha512 = sha512;

export const noble: Primitives = {
  sha256: (...parts) => hash256(Buffer.concat(parts)),
  hmacSha256: (key, ...parts) => hmac(hash256, key, Buffer.concat(parts)),
  hkdfSha256: ({ ikm, salt, info, length }) => hkdf(hash256, ikm, salt, info, length),
  xchacha20: ({ key, nonce, data }) => stream(key, nonce, data),
  chachaPoly: (key) => aead((nonce, ad) => chacha20poly1305(key, nonce, ad)),
  xchachaPoly: (key) => aead((nonce, ad) => xchacha20poly1305(key, nonce, ad)),
  x25519PublicKey: (secret) => curve25519.getPublicKey(secret),
  x25519: agree,
  x25519Forget: () => {},
  ed25519PublicKey: (seed) => publicKey(ed25519.getPublicKey(seed)),
  ed25519Sign: ({ seed, message }) => ed25519.sign(message, seed),
  ed25519Verify: verify,
  scrypt: ({ password, salt, cost, blockSize, parallelization, length }) =>
    scryptAsync(password, salt, { N: cost, r: blockSize, p: parallelization, dkLen: length }),
};

interface Sealer {
  encrypt(plain: Uint8Array): Uint8Array;
  decrypt(sealed: Uint8Array): Uint8Array;
}

function aead(sealer: (nonce: Uint8Array, ad: Uint8Array) => Sealer): Aead {
  return {
    sealInto: (into, { nonce, ad, parts }) => into.set(sealer(nonce, ad).encrypt(Buffer.concat(parts))),
    seal: ({ nonce, ad, data }) => sealer(nonce, ad).encrypt(data),
    open: ({ nonce, ad, data }) => orUndefined(() => sealer(nonce, ad).decrypt(data)),
  };
}

function agree({ secret, publicKey }: { secret: Uint8Array; publicKey: Uint8Array }): Uint8Array | undefined {
  return orUndefined(() => curve25519.getSharedSecret(secret, publicKey));
}

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
  return orUndefined(() => ed25519.Point.fromBytes(bytes, false));
}

/** The library throws at what is no point, no valid tag, or agrees on zeros. */
function orUndefined<T>(compute: () => T): T | undefined {
  try {
    return compute();
  } catch {
    return undefined;
  }
}

function number(littleEndian: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(littleEndian).reverse().toString('hex')}`);
}
