/**
 * What both kinds of block have in common: the layout, and the sealing of the payload (docs/spec/keys.md, 2 and 3).
 *
 * The nonce N is a MAC of everything it encrypts, so it needs no randomness, differs whenever header, length or content
 * differ, and authenticates when it is computed again; one crypto key can serve all blocks of a file. It does not fill or
 * check header and trailer: those are chk.ts's and ssk.ts's.
 *
 * Invariant: a payload comes out only if N fits it and the padding is zero, so a block has one reading.
 */
import crypto from 'node:crypto';
import { BLOCK_BYTES, type CryptoKey, equalBytes, PAYLOAD_BYTES } from './bytes.ts';
import { assert, ParseError } from './errors.ts';
import type { Primitives } from './primitives/primitives.ts';

const HEADER_BYTES = 64;
const NONCE_BYTES = 24;
const LENGTH_BYTES = 4;
const TRAILER_BYTES = 64;
const SEALED_START = HEADER_BYTES + NONCE_BYTES;
const TRAILER_START = BLOCK_BYTES - TRAILER_BYTES;

export type BlockKind = 'chk' | 'ssk';

const INFO = { chk: Buffer.from('mimeo/block/chk'), ssk: Buffer.from('mimeo/block/ssk') };
const EMPTY = new Uint8Array(0);
const ZEROS = new Uint8Array(PAYLOAD_BYTES);

export interface SealInput {
  readonly kind: BlockKind;
  readonly cryptoKey: CryptoKey;
  readonly header: Uint8Array;
  readonly payload: Uint8Array;
}

/** A block whose trailer is still zero. One allocation: the text is laid out in its place, then covered by its encryption. */
export function seal({ kind, cryptoKey, header, payload }: SealInput, primitives: Primitives): Uint8Array {
  assert(header.length === HEADER_BYTES, `a header has ${HEADER_BYTES} bytes`);
  assert(payload.length <= PAYLOAD_BYTES, `a payload has at most ${PAYLOAD_BYTES} bytes`);
  const bytes = new Uint8Array(BLOCK_BYTES);
  bytes.set(header);
  const sealed = bytes.subarray(SEALED_START, TRAILER_START);
  new DataView(bytes.buffer).setUint32(SEALED_START, payload.length);
  sealed.set(payload, LENGTH_BYTES);
  const { encKey, macKey } = blockKeys({ kind, cryptoKey }, primitives);
  const nonce = primitives.hmacSha256(macKey, header, sealed).subarray(0, NONCE_BYTES);
  bytes.set(nonce, HEADER_BYTES);
  sealed.set(primitives.xchacha20({ key: encKey, nonce, data: sealed }));
  return bytes;
}

/**
 * The payload, in memory of its own.
 * @throws ParseError bad_block when N does not fit, and when it does but the author broke the format.
 */
export function unseal(
  { kind, cryptoKey, block }: { kind: BlockKind; cryptoKey: CryptoKey; block: Uint8Array },
  primitives: Primitives,
): Uint8Array {
  const { encKey, macKey } = blockKeys({ kind, cryptoKey }, primitives);
  const nonce = block.subarray(HEADER_BYTES, SEALED_START);
  const open = primitives.xchacha20({
    key: encKey,
    nonce,
    data: block.subarray(SEALED_START, TRAILER_START),
  });
  const expected = primitives.hmacSha256(macKey, header(block), open).subarray(0, NONCE_BYTES);
  if (!crypto.timingSafeEqual(nonce, expected)) {
    throw new ParseError('bad_block', 'the block does not open with this crypto key');
  }
  const length = new DataView(open.buffer, open.byteOffset).getUint32(0);
  if (length > PAYLOAD_BYTES) throw new ParseError('bad_block', `the block says it holds ${length} bytes`);
  const end = LENGTH_BYTES + length;
  if (!equalBytes(open.subarray(end), ZEROS.subarray(length))) {
    throw new ParseError('bad_block', 'the padding of the block is not zero');
  }
  return open.subarray(LENGTH_BYTES, end);
}

export function header(block: Uint8Array): Uint8Array {
  return block.subarray(0, HEADER_BYTES);
}

export function trailer(block: Uint8Array): Uint8Array {
  return block.subarray(TRAILER_START);
}

/** Everything before the trailer: what an SSK signs. */
export function body(block: Uint8Array): Uint8Array {
  return block.subarray(0, TRAILER_START);
}

function blockKeys(
  { kind, cryptoKey }: { kind: BlockKind; cryptoKey: CryptoKey },
  primitives: Primitives,
): { encKey: Uint8Array; macKey: Uint8Array } {
  const keys = primitives.hkdfSha256({ ikm: cryptoKey, salt: EMPTY, info: INFO[kind], length: 64 });
  return { encKey: keys.subarray(0, 32), macKey: keys.subarray(32) };
}
