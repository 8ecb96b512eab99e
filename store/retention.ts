/**
 * What is kept and what makes room (docs/spec/store.md, 7): the parts' capacities, probation and protection, and which slot a new
 * block gets. Owns what is known of every slot in memory; touches no disk and waits for nothing.
 *
 * Invariants: a slot is in a list, free, taken (by a batch that is under way), dropped, or not filled yet. A block leaves the lists
 * before its slot is given to another. No part passes its capacity, except after the capacities were made smaller.
 */
import { Displacement, dayOf } from './displacement.ts';
import { FreeSlots } from './free-slots.ts';
import { IdTable } from './id-table.ts';
import { storeLimits } from './limits.ts';
import { SlotLists } from './slot-lists.ts';
import { ID_BYTES, SEGMENT } from './slot.ts';
import type { UsedSegment } from './slot.ts';
import type { StorePart } from './block-store.ts';

/**
 * - `slot`: taken; nothing lies there any more that counts.
 * - `refused`: the link, or all of them, have displaced their share today; or what would have to go has come a short time ago.
 * - `unfilled`: there is room, but it is not filled yet.
 * - `wait`: all that could make room is being written.
 */
export type Room =
  | { readonly type: 'slot'; readonly slot: number }
  | { readonly type: 'refused' }
  | { readonly type: 'unfilled' }
  | { readonly type: 'wait' };

export interface RetentionOptions {
  readonly capacitySlots: number;
  readonly storeShare: number;
  readonly clock: () => number;
  readonly linkMark: (from: string) => number;
}

/** No row of the index names the slot. */
export const NO_ID = new Uint8Array(ID_BYTES);

export class Retention {
  readonly ids: IdTable;
  readonly lists: SlotLists;
  readonly free: FreeSlots;
  readonly #options: RetentionOptions;
  readonly #displacement = new Displacement();
  /**
   * Of a block in probation: mark of the link << 16 | low bits of the day. Until a link has fetched it the link is 0 and the day that
   * of its coming. 0: it was protected before, or nobody knows.
   */
  #marks: Uint32Array<ArrayBuffer>;
  /** Blocks that moved between probation and protection since their row was written. */
  #changed = new Set<number>();
  #capacitySlots: number;
  #filled = 0;
  /** Blocks that have a slot and are not durable yet. */
  readonly #taken: Record<StorePart, number> = { store: 0, cache: 0 };

  constructor(options: RetentionOptions) {
    const { capacitySlots } = options;
    this.#options = options;
    this.#capacitySlots = capacitySlots;
    this.ids = new IdTable(capacitySlots);
    this.lists = new SlotLists(capacitySlots);
    this.free = new FreeSlots(capacitySlots);
    this.#marks = new Uint32Array(capacitySlots);
  }

  get capacitySlots(): number {
    return this.#capacitySlots;
  }

  /** Slots that exist in the file. */
  get filled(): number {
    return this.#filled;
  }

  blocks(part: StorePart): number {
    const { lists } = this;
    return part === 'cache'
      ? lists.count(SEGMENT.cache)
      : lists.count(SEGMENT.probation) + lists.count(SEGMENT.protected);
  }

  capacityBlocks(part: StorePart): number {
    return this.#share(part, this.#capacitySlots);
  }

  setCapacity(capacitySlots: number): void {
    this.#capacitySlots = capacitySlots;
    this.ids.grow(capacitySlots);
    this.lists.grow(capacitySlots);
    this.free.grow(capacitySlots);
    if (capacitySlots > this.#marks.length) {
      const marks = new Uint32Array(capacitySlots);
      marks.set(this.#marks);
      this.#marks = marks;
    }
  }

  /** Slots below `end` exist now; the caller says of each new one what it holds. */
  setFilled(end: number): void {
    this.#filled = end;
  }

  find(id: Uint8Array): number | undefined {
    return this.ids.find(id);
  }

  partOf(slot: number): StorePart {
    return this.lists.segmentOf(slot) === SEGMENT.cache ? 'cache' : 'store';
  }

  /** A block lies in `slot` for certain. `id` must not be named elsewhere. */
  keep(slot: number, id: Uint8Array, segment: UsedSegment): void {
    this.ids.setId(slot, id);
    this.ids.name(slot);
    this.lists.append(slot, segment);
    if (segment === SEGMENT.probation) this.#marks[slot] = lowBits(this.#day());
  }

  /** The block in `slot` does not count any more; who calls this decides what becomes of the slot. */
  drop(slot: number): void {
    this.ids.forget(slot);
    this.lists.remove(slot);
    this.#marks[slot] = 0;
  }

  /** The block under `id` lies in `to` now, as old and as protected as it was in `from`. */
  relocate(id: Uint8Array, slots: { readonly from: number; readonly to: number }): void {
    const { from, to } = slots;
    this.ids.forget(from);
    this.ids.setId(to, id);
    this.ids.name(to);
    this.lists.replace(slots);
    this.#marks[to] = this.#marks[from] ?? 0;
    this.#marks[from] = 0;
  }

  /** The most recently used one of its segment. */
  touch(slot: number): void {
    this.lists.append(slot, this.lists.remove(slot));
  }

  /** The block was asked for over a link. The second link on another day than the first protects it. */
  fetched(slot: number, from: string): void {
    if (this.lists.segmentOf(slot) !== SEGMENT.probation) return;
    const mark = ((this.#options.linkMark(from) << 16) | lowBits(this.#day())) >>> 0;
    const first = this.#marks[slot] ?? 0;
    if (first >>> 16 === 0) this.#marks[slot] = mark;
    else if (first >>> 16 !== mark >>> 16 && (first & 0xffff) !== (mark & 0xffff)) this.#protect(slot);
  }

  #protect(slot: number): void {
    const most = Math.floor((this.capacityBlocks('store') * storeLimits.protectedPercent.value) / 100);
    if (most === 0) return;
    this.lists.remove(slot);
    this.lists.append(slot, SEGMENT.protected);
    this.#marks[slot] = 0;
    this.#changed.add(slot);
    while (this.lists.count(SEGMENT.protected) > most) {
      const oldest = this.lists.oldest(SEGMENT.protected);
      if (oldest === undefined) break;
      this.lists.remove(oldest);
      this.lists.append(oldest, SEGMENT.probation);
      this.#changed.add(oldest);
    }
  }

  /** A slot for a new block, which counts as taken until `settle`. `fill`: whether more slots will be filled if they are waited for. */
  take(part: StorePart, from: string | undefined, fill: 'can-fill' | 'cannot-fill'): Room {
    if (this.#held(part) < this.capacityBlocks(part)) {
      const slot = this.free.take();
      if (slot !== undefined) return this.#taking(part, slot);
      if (fill === 'can-fill' && this.#filled < this.#capacitySlots) return { type: 'unfilled' };
    }
    const giving = this.#whoGives(part);
    const victim = this.#oldest(giving);
    if (victim === undefined) return { type: 'wait' };
    if (giving === 'store' && from !== undefined) {
      const day = this.#day();
      const capacityBlocks = this.capacityBlocks('store');
      const probationBlocks = this.lists.count(SEGMENT.probation);
      const may = this.#displacement.mayDisplace(from, { day, capacityBlocks, probationBlocks });
      if (!may || this.#isYoung(victim, day)) return { type: 'refused' };
      this.#displacement.count(from, day);
    }
    this.drop(victim);
    return this.#taking(part, victim);
  }

  /** The block that took a slot is durable, or failed. */
  settle(part: StorePart): void {
    this.#taken[part]--;
  }

  /** The oldest block of a part that has more than its capacity. */
  surplus(): number | undefined {
    for (const part of ['store', 'cache'] as const)
      if (this.blocks(part) > this.capacityBlocks(part)) return this.#oldest(part);
    return undefined;
  }

  /** Each is given once. */
  takeChanged(): number[] {
    const changed = [...this.#changed].filter((slot) => this.lists.segmentOf(slot) !== SEGMENT.free);
    this.#changed = new Set();
    return changed;
  }

  marksSnapshot(): Uint32Array<ArrayBuffer> {
    return this.#marks.slice();
  }

  setMark(slot: number, mark: number): void {
    this.#marks[slot] = mark;
  }

  #taking(part: StorePart, slot: number): Room {
    this.#taken[part]++;
    return { type: 'slot', slot };
  }

  /** A full part makes room itself. While slots are missing (disk full, store made smaller), whoever has more than its share of them. */
  #whoGives(part: StorePart): StorePart {
    if (this.#held(part) >= this.capacityBlocks(part)) return part;
    const other = part === 'store' ? 'cache' : 'store';
    const filled = Math.min(this.#filled, this.#capacitySlots);
    return this.#held(other) > this.#share(other, filled) && this.blocks(other) > 0 ? other : part;
  }

  #held(part: StorePart): number {
    return this.blocks(part) + this.#taken[part];
  }

  #oldest(part: StorePart): number | undefined {
    if (part === 'cache') return this.lists.oldest(SEGMENT.cache);
    return this.lists.oldest(SEGMENT.probation) ?? this.lists.oldest(SEGMENT.protected);
  }

  /** It came, or was fetched for the first time, a short time ago. A day that is yet to come says nothing: the clock was wrong. */
  #isYoung(slot: number, day: number): boolean {
    const mark = this.#marks[slot] ?? 0;
    return mark !== 0 && lowBits(day - lowBits(mark)) < storeLimits.keptDays.value;
  }

  #share(part: StorePart, slots: number): number {
    const { storeShare } = this.#options;
    // Whoever wants both parts has at least one block of each.
    const store =
      storeShare <= 0
        ? 0
        : storeShare >= 1
          ? slots
          : Math.min(Math.max(1, Math.round(slots * storeShare)), Math.max(0, slots - 1));
    return part === 'store' ? store : slots - store;
  }

  #day(): number {
    return dayOf(this.#options.clock());
  }
}

function lowBits(day: number): number {
  return day & 0xffff;
}
