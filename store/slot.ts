/**
 * The bytes of a slot (docs/spec/store.md, 4): id, nonce, sealed block. Knows no files.
 *
 * Invariants: no byte of a slot can be told from a random one without the keys; `openSlot` gives what `sealSlot` was given, or
 * nothing. A slot that was torn by a crash, rotted on disk, or was copied over another one fails its tag.
 */
import { randomFillSync } from 'node:crypto';
import { BLOCK_BYTES, TAG_BYTES, assert, block } from '../keys/index.ts';
import type { Aead, Block } from '../keys/index.ts';

/** First bytes of HMAC-SHA256(K_id, routing key): 2^64 blocks until two of them share one, and 16 a slot in memory. */
export const ID_BYTES = 16;
export const NONCE_BYTES = 24;
const COUNTER_BYTES = 6;
const HEAD_BYTES = 1 + COUNTER_BYTES;
/** What is read back; the rest of a slot stays as it was filled. */
export const SLOT_USED_BYTES = ID_BYTES + NONCE_BYTES + HEAD_BYTES + BLOCK_BYTES + TAG_BYTES;
/**
 * 65 sectors of 512 bytes: no sector belongs to two slots, so a write that is torn by a power cut cannot reach a neighbour on disks
 * that write sectors whole. Rounding to pages of 4,096 would cost 11 % of the room.
 */
export const SLOT_BYTES = 65 * 512;

/** What is in a slot. The numbers are the format: in a slot 1 or 3, in a row of the index all four. */
export const SEGMENT = { free: 0, probation: 1, protected: 2, cache: 3 } as const;
export type Segment = (typeof SEGMENT)[keyof typeof SEGMENT];
/** A segment that holds blocks. */
export type UsedSegment = Exclude<Segment, 0>;

export interface SlotContent {
  readonly segment: UsedSegment;
  /** Grows with every write of this store: of two slots with one id the greater one is the newer. */
  readonly counter: number;
  readonly block: Block;
}

export interface SealInput {
  readonly id: Uint8Array;
  readonly segment: UsedSegment;
  readonly counter: number;
  /** `BLOCK_BYTES`. */
  readonly block: Uint8Array;
}

/**
 * Fills `slot`, which has `SLOT_USED_BYTES`, under a fresh random nonce. Who seals many passes the same one: fresh buffers for each
 * cost a fifth of a batch (`npm run bench -- store`).
 */
export function sealSlot(
  slot: Uint8Array,
  aead: Aead,
  { id, segment, counter, block: content }: SealInput,
): void {
  assert(id.length === ID_BYTES && content.length === BLOCK_BYTES, 'a slot takes an id and a block');
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head[0] = segment === SEGMENT.cache ? SEGMENT.cache : SEGMENT.probation;
  head.writeUIntBE(counter, 1, COUNTER_BYTES);
  const nonce = slot.subarray(ID_BYTES, ID_BYTES + NONCE_BYTES);
  slot.set(id);
  randomFillSync(nonce);
  aead.sealInto(slot.subarray(ID_BYTES + NONCE_BYTES), { nonce, ad: id, parts: [head, content] });
}

/** `slot` is what was read, as long as it is; the id in its head is the one that counts. */
export function openSlot(aead: Aead, slot: Uint8Array): SlotContent | undefined {
  if (slot.length < SLOT_USED_BYTES) return undefined;
  const data = aead.open({
    nonce: slot.subarray(ID_BYTES, ID_BYTES + NONCE_BYTES),
    ad: slot.subarray(0, ID_BYTES),
    data: slot.subarray(ID_BYTES + NONCE_BYTES, SLOT_USED_BYTES),
  });
  if (!data) return undefined;
  const segment = data[0] === SEGMENT.cache ? SEGMENT.cache : SEGMENT.probation;
  const view = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return { segment, counter: view.readUIntBE(1, COUNTER_BYTES), block: block(data.subarray(HEAD_BYTES)) };
}
