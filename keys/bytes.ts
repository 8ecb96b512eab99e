/**
 * The names that bytes get once they have been checked. A branded value has passed its constructor and needs no second check;
 * nothing else casts to a brand. The bytes themselves are not copied: whoever keeps them longer than the buffer they lie in copies.
 */
import { assert, ParseError } from './errors.ts';

declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** 32 bytes that nodes see: what a block is asked for and verified by. Says nothing about the content. */
export type RoutingKey = Brand<Uint8Array, 'RoutingKey'>;
/** 32 bytes that only clients see: what a block is decrypted with. */
export type CryptoKey = Brand<Uint8Array, 'CryptoKey'>;
/** One encoded block of exactly `BLOCK_BYTES`: what travels and what is stored. A brand for its size, not for its validity. */
export type Block = Brand<Uint8Array, 'Block'>;

/** 32 bytes that identify a signer to everybody: a node, or the owner of a subspace. */
export type PublicKey = Brand<Uint8Array, 'PublicKey'>;
/** SHA-256 of a public key: field 1 of an SSK's request URI. */
export type PublicKeyHash = Brand<Uint8Array, 'PublicKeyHash'>;
/** 32 secret bytes that a signing key is made from: field 1 of an SSK's insert URI, where a mix-up would publish it. */
export type Seed = Brand<Uint8Array, 'Seed'>;

export const KEY_BYTES = 32;
/** Content bytes that one block carries at most (docs/spec/keys.md, 2). */
export const PAYLOAD_BYTES = 32_768;
/** Header 64, N 24, sealed length 4 and payload, trailer 64: one size for every kind of block, so that size tells nothing. */
export const BLOCK_BYTES = 64 + 24 + 4 + PAYLOAD_BYTES + 64;

/** @throws AssertionError unless `bytes` are 32: callers with foreign bytes check the length in their codec. */
export function routingKey(bytes: Uint8Array): RoutingKey {
  assert(bytes.length === KEY_BYTES, `a routing key has ${KEY_BYTES} bytes`);
  return bytes as RoutingKey;
}

export function cryptoKey(bytes: Uint8Array): CryptoKey {
  assert(bytes.length === KEY_BYTES, `a crypto key has ${KEY_BYTES} bytes`);
  return bytes as CryptoKey;
}

export function publicKey(bytes: Uint8Array): PublicKey {
  assert(bytes.length === KEY_BYTES, `a public key has ${KEY_BYTES} bytes`);
  return bytes as PublicKey;
}

export function publicKeyHash(bytes: Uint8Array): PublicKeyHash {
  assert(bytes.length === KEY_BYTES, `a hash of a public key has ${KEY_BYTES} bytes`);
  return bytes as PublicKeyHash;
}

export function seed(bytes: Uint8Array): Seed {
  assert(bytes.length === KEY_BYTES, `a seed has ${KEY_BYTES} bytes`);
  return bytes as Seed;
}

export function block(bytes: Uint8Array): Block {
  assert(bytes.length === BLOCK_BYTES, `a block has ${BLOCK_BYTES} bytes`);
  return bytes as Block;
}

/** Text form for maps and logs of tests: base64url without padding, 43 characters for 32 bytes. */
export function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}

/**
 * Exactly what `toText` writes. Node's own decoder skips what it does not know and ignores surplus bits, so that one key would
 * have many texts; every text here has one value and every value one text.
 * @throws ParseError bad_key
 */
export function fromText(text: string): Uint8Array {
  const stray = /[^A-Za-z0-9_-]/u.exec(text);
  if (stray) throw new ParseError('bad_key', `character ${stray.index + 1} is not base64url`);
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) {
    throw new ParseError('bad_key', 'the last character of the base64url is wrong: cut off or mistyped');
  }
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Source of random bytes. The daemon gives the system's, the simulator a seeded one; nothing in a pure room makes its own. */
export interface Random {
  bytes(count: number): Uint8Array;
}
