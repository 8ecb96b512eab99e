/**
 * The cryptography that keys and blocks are made of, as one interface: `native.ts` (OpenSSL by node:crypto) is what runs,
 * `noble.ts` is the readable definition, and a property test holds one against the other. Nothing else in this room calls a
 * cryptographic library.
 *
 * Shapes: keys and hashes are 32 bytes, a signature 64, a ChaCha20 nonce 12 and an XChaCha20 nonce 24; wrong sizes are bugs of the
 * caller and assert.
 * Results are fresh arrays that alias nothing.
 */
import type { PublicKey, Seed } from '../bytes.ts';

export interface Primitives {
  /** Of the parts in a row. */
  sha256(...parts: Uint8Array[]): Uint8Array;
  hmacSha256(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array;
  /** RFC 5869; at most 255 × 32 bytes. */
  hkdfSha256(input: HkdfInput): Uint8Array;
  /** The bare stream from counter 0: encrypts, decrypts and authenticates nothing. */
  xchacha20(input: StreamInput): Uint8Array;
  /** RFC 8439, 2.8, under a key that is used many times. */
  chachaPoly(key: Uint8Array): Aead;
  /** draft-irtf-cfrg-xchacha-03, 2: the nonce is long enough to be drawn at random. */
  xchachaPoly(key: Uint8Array): Aead;
  /** RFC 7748. Secrets are 32 bytes, clamped where they are used. */
  x25519PublicKey(secret: Uint8Array): Uint8Array;
  /** 32 shared bytes; undefined when they are zero: the other side's point is of small order, and everybody knows the result. */
  x25519(input: { readonly secret: Uint8Array; readonly publicKey: Uint8Array }): Uint8Array | undefined;
  /** Keeps nothing of a secret that was good once: an imported key would outlive the caller's bytes. */
  x25519Forget(secret: Uint8Array): void;
  ed25519PublicKey(seed: Seed): PublicKey;
  ed25519Sign(input: { readonly seed: Seed; readonly message: Uint8Array }): Uint8Array;
  /** Strict (./ed25519-strict.ts). False, never an error, for any bytes whatever. */
  ed25519Verify(input: SignatureInput): boolean;
  scrypt(input: ScryptInput): Promise<Uint8Array>;
}

/** A tag of 16 bytes follows the sealed bytes. No nonce may seal twice under one key. */
export interface Aead {
  seal(input: AeadInput): Uint8Array;
  /** The same of parts in a row, without a copy of them: `into` takes their bytes and the tag, exactly. */
  sealInto(into: Uint8Array, input: AeadParts): void;
  /** Undefined unless every byte of `data` (with its tag), `ad` and `nonce` is the one that was sealed; nothing is decrypted then. */
  open(input: AeadInput): Uint8Array | undefined;
}

export interface AeadInput {
  readonly nonce: Uint8Array;
  readonly ad: Uint8Array;
  readonly data: Uint8Array;
}

export interface AeadParts {
  readonly nonce: Uint8Array;
  readonly ad: Uint8Array;
  readonly parts: readonly Uint8Array[];
}

export const TAG_BYTES = 16;

export interface HkdfInput {
  readonly ikm: Uint8Array;
  readonly salt: Uint8Array;
  readonly info: Uint8Array;
  readonly length: number;
}

export interface StreamInput {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly data: Uint8Array;
}

export interface SignatureInput {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

export interface ScryptInput {
  readonly password: Uint8Array;
  readonly salt: Uint8Array;
  /** The cost N, a power of two; the memory is 128 × N × r bytes. */
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
  readonly length: number;
}
