/**
 * How many slots a size allows, and what each other file may take (docs/spec/store.md, 8). Pure arithmetic.
 *
 * Invariant: slots, index, its log and the recency file (twice, while it is replaced) together never pass the size that
 * `capacitySlots` was given.
 */
import { storeLimits } from './limits.ts';
import { SLOT_BYTES } from './slot.ts';

export const FORMAT = 2;
export const SLOTS_FILE = 'store.slots';
/** Two anchors stand before the slots, each in a page of its own, so that one write never tears both. */
export const ANCHOR_BYTES = 4_096;
export const ANCHORS = 2;

/** 73 bytes of payload and pointer; 101 measured after six random replacements of 100,000 rows, 128 of 40. */
const ROW_RESERVED_BYTES = 144;
export const PAGE_BYTES = 1_024;
const WAL_FRAME_BYTES = PAGE_BYTES + 24;
/** Schema, batch number, root pages. */
const INDEX_PAGES_LEAST = 16;
/** A delete or insert changes one leaf, and by balancing at most its siblings and the levels above. 1.4 were measured. */
const PAGES_PER_ROW = 8;
/** Slot number and mark. */
export const RECENCY_SLOT_BYTES = 8;
const RECENCY_CHUNK_BYTES = 65_536;
/** Heads, tags and what SQLite writes for an instant when it makes the file. */
const SPARE_BYTES = 8_192;

export function slotPosition(slot: number): number {
  return ANCHORS * ANCHOR_BYTES + slot * SLOT_BYTES;
}

/** Whole slots of a slots file of this size. */
export function slotsInFile(sizeBytes: number): number {
  return Math.max(0, Math.floor((sizeBytes - slotPosition(0)) / SLOT_BYTES));
}

/** `PRAGMA max_page_count`. */
export function indexPages(slots: number): number {
  return INDEX_PAGES_LEAST + Math.ceil((slots * ROW_RESERVED_BYTES) / PAGE_BYTES);
}

/** When the log is longer than this after a commit, it is folded into the index. */
export function walLimitBytes(slots: number): number {
  const share = Math.floor((slots * SLOT_BYTES) / 128);
  return Math.max(storeLimits.walBytesLeast.value, Math.min(storeLimits.walBytes.value, share));
}

/** The log at its longest: one commit above its limit. A page is logged once in a commit, however often it changes. */
function walBytes(slots: number): number {
  const largestCommit = Math.min(indexPages(slots), 2 * storeLimits.commitRows.value * PAGES_PER_ROW);
  return walLimitBytes(slots) + largestCommit * WAL_FRAME_BYTES;
}

function recencyBytes(slots: number): number {
  const content = slots * RECENCY_SLOT_BYTES;
  return content + 64 * Math.ceil((content + 64) / RECENCY_CHUNK_BYTES);
}

/** What everything but the slots may take. */
export function overheadBytes(slots: number): number {
  return indexPages(slots) * PAGE_BYTES + walBytes(slots) + 2 * recencyBytes(slots) + SPARE_BYTES;
}

/** All files together at their largest. */
export function sizeForSlots(slots: number): number {
  return slotPosition(slots) + overheadBytes(slots);
}

/** The most slots that stay within `sizeBytes`. */
export function capacitySlots(sizeBytes: number): number {
  let low = 0;
  let high = slotsInFile(sizeBytes) + 1;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (sizeForSlots(middle) <= sizeBytes) low = middle;
    else high = middle;
  }
  return low;
}
