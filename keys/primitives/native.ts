/**
 * The primitives by node:crypto (OpenSSL): what runs.
 *
 * Keys of Ed25519 and secrets of X25519 are kept imported, because an import costs 20 to 41 µs, and to verify or sign a block 86
 * and 74, to agree on a key 27. Secret keys of
 * HMAC, HKDF and ChaCha20 are kept nowhere: wrapping one in a KeyObject costs under 1 µs and makes the call that follows 7 µs
 * cheaper than passing its bytes does (Node 24.21, AMD EPYC; `npm run bench -- crypto` shows the sum).
 *
 * Invariant: equal to `noble.ts` on every input (test/keys/primitives.test.ts).
 */
import { hchacha } from '@noble/ciphers/chacha.js';
import { LRUCache } from 'lru-cache';
import crypto from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { type PublicKey, publicKey as asPublicKey, type Seed } from '../bytes.ts';
import { assert } from '../errors.ts';
import { keyLimits } from '../limits.ts';
import { isWellFormed } from './ed25519-strict.ts';
import { TAG_BYTES } from './primitives.ts';
import type {
  Aead,
  AeadInput,
  AeadParts,
  HkdfInput,
  Primitives,
  ScryptInput,
  SignatureInput,
  StreamInput,
} from './primitives.ts';

export const native: Primitives = {
  sha256,
  hmacSha256,
  hkdfSha256,
  xchacha20,
  chachaPoly,
  xchachaPoly,
  x25519PublicKey,
  x25519,
  x25519Forget,
  ed25519PublicKey,
  ed25519Sign,
  ed25519Verify,
  scrypt,
};

function sha256(...parts: Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (only && parts.length === 1) return plain(crypto.hash('sha256', only, 'buffer'));
  const hash = crypto.createHash('sha256');
  for (const part of parts) hash.update(part);
  return plain(hash.digest());
}

function hmacSha256(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  const hmac = crypto.createHmac('sha256', crypto.createSecretKey(key));
  for (const part of parts) hmac.update(part);
  return plain(hmac.digest());
}

function hkdfSha256({ ikm, salt, info, length }: HkdfInput): Uint8Array {
  return new Uint8Array(crypto.hkdfSync('sha256', crypto.createSecretKey(ikm), salt, info, length));
}

/** draft-irtf-cfrg-xchacha-03, 2.2–2.3: a subkey from the first 16 bytes of the nonce, ChaCha20 with the last 8. */
function xchacha20({ key, nonce, data }: StreamInput): Uint8Array {
  assert(key.length === 32 && nonce.length === 24, 'XChaCha20 takes a key of 32 and a nonce of 24 bytes');
  // OpenSSL's IV is the counter as 4 bytes (0) and the nonce of RFC 8439 as 12, of which XChaCha20 leaves the first 4 zero.
  const iv = new Uint8Array(16);
  iv.set(nonce.subarray(16), 8);
  return plain(crypto.createCipheriv('chacha20', xchachaSubkey(words(key), nonce), iv).update(data));
}

function xchachaSubkey(key: Uint32Array, nonce: Uint8Array): KeyObject {
  const subkey = new Uint32Array(8);
  hchacha(SIGMA, key, words(nonce.subarray(0, 16)), subkey);
  return crypto.createSecretKey(asBytes(subkey));
}

function chachaPoly(key: Uint8Array): Aead {
  assert(key.length === 32, 'ChaCha20-Poly1305 takes a key of 32 bytes');
  const object = crypto.createSecretKey(key);
  return {
    seal: (input) => aeadSeal(object, input),
    sealInto: (into, input) => aeadSealInto(into, object, input),
    open: (input) => aeadOpen(object, input),
  };
}

function xchachaPoly(key: Uint8Array): Aead {
  assert(key.length === 32, 'XChaCha20-Poly1305 takes a key of 32 bytes');
  const keyWords = words(key);
  const inner = <T extends { readonly nonce: Uint8Array }>(input: T): T => {
    assert(input.nonce.length === 24, 'XChaCha20-Poly1305 takes a nonce of 24 bytes');
    const rest = new Uint8Array(12);
    rest.set(input.nonce.subarray(16), 4);
    return { ...input, nonce: rest };
  };
  return {
    seal: (input) => aeadSeal(xchachaSubkey(keyWords, input.nonce), inner(input)),
    sealInto: (into, input) => aeadSealInto(into, xchachaSubkey(keyWords, input.nonce), inner(input)),
    open: (input) => aeadOpen(xchachaSubkey(keyWords, input.nonce), inner(input)),
  };
}

const AEAD = 'chacha20-poly1305';

function aeadSeal(key: KeyObject, { nonce, ad, data }: AeadInput): Uint8Array {
  const sealed = new Uint8Array(data.length + TAG_BYTES);
  aeadSealInto(sealed, key, { nonce, ad, parts: [data] });
  return sealed;
}

function aeadSealInto(into: Uint8Array, key: KeyObject, { nonce, ad, parts }: AeadParts): void {
  assert(nonce.length === 12, 'ChaCha20-Poly1305 takes a nonce of 12 bytes');
  const plaintextLength = parts.reduce((sum, part) => sum + part.length, 0);
  assert(into.length === plaintextLength + TAG_BYTES, 'sealed bytes and their tag have their exact room');
  const cipher = crypto.createCipheriv(AEAD, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(ad, { plaintextLength });
  let at = 0;
  for (const part of parts) {
    into.set(cipher.update(part), at);
    at += part.length;
  }
  cipher.final();
  into.set(cipher.getAuthTag(), at);
}

/** The tag is given before, and what `update` hands out leaves this function only when `final` has checked it. */
function aeadOpen(key: KeyObject, { nonce, ad, data }: AeadInput): Uint8Array | undefined {
  assert(nonce.length === 12, 'ChaCha20-Poly1305 takes a nonce of 12 bytes');
  if (data.length < TAG_BYTES) return undefined;
  const end = data.length - TAG_BYTES;
  const decipher = crypto.createDecipheriv(AEAD, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(data.subarray(end));
  decipher.setAAD(ad, { plaintextLength: end });
  const opened = decipher.update(data.subarray(0, end));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plain(opened);
}

/** "expand 32-byte k" */
const SIGMA = Uint32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574);

/** A copy as 32-bit words in the machine's order: the bytes may lie at an odd offset. */
function words(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(Uint8Array.from(bytes).buffer);
}

function asBytes(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

/** RFC 8410: the fixed bytes before the 32 of a secret key in PKCS #8, and before those of a public key in SPKI. */
const X25519_PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const X25519_SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** An import makes OpenSSL compute the public key too, which costs as much as what follows; the node's own secret comes every time. */
const agreementKeys = new LRUCache<string, KeyObject>({ max: keyLimits.agreementKeysKept.value });

function x25519PublicKey(secret: Uint8Array): Uint8Array {
  const spki = crypto.createPublicKey(agreementKey(secret)).export({ format: 'der', type: 'spki' });
  return new Uint8Array(spki.subarray(X25519_SPKI_PREFIX.length));
}

function x25519(input: { secret: Uint8Array; publicKey: Uint8Array }): Uint8Array | undefined {
  assert(input.publicKey.length === 32, 'X25519 takes a point of 32 bytes');
  const privateKey = agreementKey(input.secret);
  const spki = Buffer.concat([X25519_SPKI_PREFIX, input.publicKey]);
  const publicKey = crypto.createPublicKey({ key: spki, format: 'der', type: 'spki' });
  try {
    return plain(crypto.diffieHellman({ privateKey, publicKey }));
  } catch {
    // OpenSSL refuses a result of zeros (RFC 7748, 6.1), and nothing else can fail with keys of the right size.
    return undefined;
  }
}

function x25519Forget(secret: Uint8Array): void {
  agreementKeys.delete(latin1(secret));
}

function agreementKey(secret: Uint8Array): KeyObject {
  assert(secret.length === 32, 'X25519 takes a secret of 32 bytes');
  const name = latin1(secret);
  let key = agreementKeys.get(name);
  if (!key) {
    const pkcs8 = Buffer.concat([X25519_PKCS8_PREFIX, secret]);
    key = crypto.createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
    agreementKeys.set(name, key);
  }
  return key;
}

const signingKeys = new LRUCache<string, KeyObject>({ max: keyLimits.signingKeysKept.value });
const publicKeys = new LRUCache<string, KeyObject>({ max: keyLimits.publicKeysKept.value });

function ed25519PublicKey(seed: Seed): PublicKey {
  const spki = crypto.createPublicKey(importSeed(seed)).export({ format: 'der', type: 'spki' });
  return asPublicKey(new Uint8Array(spki.subarray(SPKI_PREFIX.length)));
}

function ed25519Sign({ seed, message }: { seed: Seed; message: Uint8Array }): Uint8Array {
  const name = latin1(seed);
  const kept = signingKeys.get(name);
  const key = kept ?? importSeed(seed);
  if (!kept) signingKeys.set(name, key);
  return plain(crypto.sign(null, message, key));
}

/** Bytes that encode no point are found by OpenSSL at the verification, which is then false; the import does not look. */
function ed25519Verify({ publicKey, message, signature }: SignatureInput): boolean {
  if (!isWellFormed(publicKey, signature)) return false;
  const name = latin1(publicKey);
  let key = publicKeys.get(name);
  if (!key) {
    const spki = Buffer.concat([SPKI_PREFIX, publicKey]);
    key = crypto.createPublicKey({ key: spki, format: 'der', type: 'spki' });
    publicKeys.set(name, key);
  }
  return crypto.verify(null, message, key, signature);
}

function importSeed(seed: Seed): KeyObject {
  return crypto.createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
}

/** On the thread pool. Node refuses more than 32 MiB unless told, and N = 2^15, r = 8 needs a little more. */
function scrypt(input: ScryptInput): Promise<Uint8Array> {
  const { password, salt, cost, blockSize, parallelization, length } = input;
  const maxmem = 128 * blockSize * (cost + parallelization + 2) + 1024;
  return new Promise((resolve, reject) => {
    crypto.scrypt(
      password,
      salt,
      length,
      { N: cost, r: blockSize, p: parallelization, maxmem },
      (error, key) => {
        if (error) reject(error);
        else resolve(plain(key));
      },
    );
  });
}

/** A Buffer's `slice` aliases where an array's copies, so no Buffer leaves this file. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
