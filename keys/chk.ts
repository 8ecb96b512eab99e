/**
 * The content hash key: a block whose routing key is the hash of its bytes (docs/spec/keys.md, 4).
 *
 * A node checks it with one SHA-256 and learns nothing of the content; only the crypto key opens it. How files become
 * payloads, and which crypto key a file gets, is the client's choice; `contentKey` is the rule for the usual one.
 *
 * Invariant: `decodeChk` of what `encodeChk` made is the payload, and of any other bytes an error.
 */
import { type Block, block as asBlock, type CryptoKey, cryptoKey as asCryptoKey } from './bytes.ts';
import { equalBytes, KEY_BYTES, type RoutingKey, routingKey as asRoutingKey } from './bytes.ts';
import { assert, ParseError } from './errors.ts';
import { native } from './primitives/native.ts';
import type { Primitives } from './primitives/primitives.ts';
import { header, seal, trailer, unseal } from './sealed.ts';

const HEADER = zeroPadded('mimeo/block/chk/1', 64);
const TRAILER = new Uint8Array(64);

/**
 * The convergence secret that everybody knows: equal files get equal keys wherever they are inserted, and whoever has a file
 * can recognise its insertion. Used when that was asked for (`--convergent`).
 */
export const PUBLIC_CONVERGENCE_SECRET: Uint8Array = zeroPadded('mimeo/convergence/public', KEY_BYTES);

/** @throws AssertionError when the payload is longer than PAYLOAD_BYTES. */
export function encodeChk(
  { cryptoKey, payload }: { cryptoKey: CryptoKey; payload: Uint8Array },
  primitives: Primitives = native,
): { routingKey: RoutingKey; block: Block } {
  const block = asBlock(seal({ kind: 'chk', cryptoKey, header: HEADER, payload }, primitives));
  return { routingKey: asRoutingKey(primitives.sha256(block)), block };
}

/** @throws ParseError bad_block */
export function decodeChk(
  { routingKey, cryptoKey, block }: { routingKey: RoutingKey; cryptoKey: CryptoKey; block: Block },
  primitives: Primitives = native,
): Uint8Array {
  if (!equalBytes(primitives.sha256(block), routingKey)) {
    throw new ParseError('bad_block', 'the block is not the one of this routing key');
  }
  if (!equalBytes(header(block), HEADER) || !equalBytes(trailer(block), TRAILER)) {
    throw new ParseError('bad_block', 'the block is no CHK block of version 1');
  }
  return unseal({ kind: 'chk', cryptoKey, block }, primitives);
}

/** One crypto key for all blocks of a content. `contentHash` is its SHA-256, before compression. */
export function contentKey({
  convergenceSecret,
  contentHash,
}: {
  convergenceSecret: Uint8Array;
  contentHash: Uint8Array;
}): CryptoKey {
  assert(convergenceSecret.length === KEY_BYTES, `a convergence secret has ${KEY_BYTES} bytes`);
  assert(contentHash.length === KEY_BYTES, `a content hash has ${KEY_BYTES} bytes`);
  return asCryptoKey(native.hmacSha256(convergenceSecret, contentHash));
}

function zeroPadded(text: string, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  bytes.set(Buffer.from(text));
  return bytes;
}
