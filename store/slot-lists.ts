/**
 * The slots of each segment from the least to the most recently used: doubly linked lists in typed arrays, 9 bytes a slot.
 *
 * It decides nothing: which segment a block belongs to and when one makes room is retention.ts.
 *
 * Invariant: a slot is in at most one list, and `count` is the length of its list.
 */
import { assert } from '../keys/index.ts';
import { SEGMENT } from './slot.ts';
import type { Segment, UsedSegment } from './slot.ts';

/** Slots are stored + 1, so that 0 ends a list. */
interface List {
  oldest: number;
  newest: number;
  count: number;
}

const USED: readonly UsedSegment[] = [SEGMENT.probation, SEGMENT.protected, SEGMENT.cache];

/** The lists as they were at one moment, to be walked elsewhere. */
export interface ListsSnapshot {
  /** For each slot the next newer one + 1, or 0. */
  readonly newer: Uint32Array<ArrayBuffer>;
  /** The oldest of probation, protected and cache, + 1, or 0. */
  readonly oldest: readonly number[];
}

export class SlotLists {
  #older: Uint32Array;
  #newer: Uint32Array<ArrayBuffer>;
  #segments: Uint8Array;
  readonly #lists: Readonly<Record<UsedSegment, List>> = { 1: empty(), 2: empty(), 3: empty() };

  constructor(slots: number) {
    this.#older = new Uint32Array(slots);
    this.#newer = new Uint32Array(slots);
    this.#segments = new Uint8Array(slots);
  }

  grow(slots: number): void {
    if (slots <= this.#older.length) return;
    const older = new Uint32Array(slots);
    const newer = new Uint32Array(slots);
    const segments = new Uint8Array(slots);
    older.set(this.#older);
    newer.set(this.#newer);
    segments.set(this.#segments);
    this.#older = older;
    this.#newer = newer;
    this.#segments = segments;
  }

  /** `SEGMENT.free` for a slot that is in no list. */
  segmentOf(slot: number): Segment {
    return (this.#segments[slot] ?? 0) as Segment;
  }

  count(segment: UsedSegment): number {
    return this.#lists[segment].count;
  }

  oldest(segment: UsedSegment): number | undefined {
    const { oldest } = this.#lists[segment];
    return oldest === 0 ? undefined : oldest - 1;
  }

  /** As the most recently used one. */
  append(slot: number, segment: UsedSegment): void {
    assert(this.segmentOf(slot) === SEGMENT.free, 'a slot is in one list at most');
    const list = this.#lists[segment];
    this.#older[slot] = list.newest;
    this.#newer[slot] = 0;
    if (list.newest === 0) list.oldest = slot + 1;
    else this.#newer[list.newest - 1] = slot + 1;
    list.newest = slot + 1;
    list.count++;
    this.#segments[slot] = segment;
  }

  remove(slot: number): UsedSegment {
    const segment = this.segmentOf(slot);
    assert(segment !== SEGMENT.free, 'a slot that is removed is in a list');
    const list = this.#lists[segment];
    const older = this.#older[slot] ?? 0;
    const newer = this.#newer[slot] ?? 0;
    if (older === 0) list.oldest = newer;
    else this.#newer[older - 1] = newer;
    if (newer === 0) list.newest = older;
    else this.#older[newer - 1] = older;
    list.count--;
    this.#segments[slot] = SEGMENT.free;
    return segment;
  }

  /** `to` stands where `from` stood. */
  replace(slots: { readonly from: number; readonly to: number }): void {
    const { from, to } = slots;
    assert(this.segmentOf(to) === SEGMENT.free, 'a slot is in one list at most');
    const segment = this.segmentOf(from);
    assert(segment !== SEGMENT.free, 'a slot that is replaced is in a list');
    const list = this.#lists[segment];
    const older = this.#older[from] ?? 0;
    const newer = this.#newer[from] ?? 0;
    this.#older[to] = older;
    this.#newer[to] = newer;
    if (older === 0) list.oldest = to + 1;
    else this.#newer[older - 1] = to + 1;
    if (newer === 0) list.newest = to + 1;
    else this.#older[newer - 1] = to + 1;
    this.#segments[to] = segment;
    this.#segments[from] = SEGMENT.free;
  }

  /** Two copies of memory, so that the walk over all slots is done by another thread: 1 ms for 300,000 slots. */
  snapshot(): ListsSnapshot {
    return { newer: this.#newer.slice(), oldest: USED.map((segment) => this.#lists[segment].oldest) };
  }
}

function empty(): List {
  return { oldest: 0, newest: 0, count: 0 };
}
