/**
 * What a node without the crypto key checks before it stores or passes on a block (docs/spec/keys.md, 4 and 5).
 *
 * It does not say that the block can be opened: only the reader can.
 *
 * Invariant: never throws, whatever the bytes; and a block gets the same answer at every node.
 */
import { BLOCK_BYTES, block as asBlock, equalBytes, type RoutingKey } from './bytes.ts';
import { native } from './primitives/native.ts';
import type { BlockKind } from './sealed.ts';
import { isSigned, routingKeyInHeader } from './ssk.ts';

/** The kind of block that `key` names, or undefined when these bytes are not the block of this key. */
export function verifyBlock(key: RoutingKey, bytes: Uint8Array): BlockKind | undefined {
  if (bytes.length !== BLOCK_BYTES) return undefined;
  const block = asBlock(bytes);
  // The header first: two short hashes tell whether the signature (80 µs) or the hash of the whole (16 µs) is to be checked.
  if (equalBytes(routingKeyInHeader(block), key)) return isSigned(block) ? 'ssk' : undefined;
  return equalBytes(native.sha256(block), key) ? 'chk' : undefined;
}
