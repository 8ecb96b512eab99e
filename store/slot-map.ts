/**
 * What lies in each slot of the file, as it is found out at opening: from rows of the index, or from the slots themselves. Blocks;
 * runs in the disk's thread.
 *
 * Invariant: no two slots hold one id. Of two that claim it the one that was written later does; the other one is left unknown.
 */
import { IdTable } from './id-table.ts';
import { ID_BYTES, SEGMENT } from './slot.ts';
import type { NamedRow } from './disk-index.ts';

export class SlotMap {
  readonly slots: number;
  readonly ids: Uint8Array<ArrayBuffer>;
  readonly segments: Uint8Array<ArrayBuffer>;
  readonly counters: Float64Array;
  readonly #isKnown: Uint8Array;
  readonly #table: IdTable;

  constructor(slots: number) {
    this.slots = slots;
    this.ids = new Uint8Array(slots * ID_BYTES);
    this.segments = new Uint8Array(slots);
    this.counters = new Float64Array(slots);
    this.#isKnown = new Uint8Array(slots);
    this.#table = new IdTable(slots);
  }

  isKnown(slot: number): boolean {
    return this.#isKnown[slot] === 1;
  }

  idOf(slot: number): Uint8Array {
    return this.ids.subarray(slot * ID_BYTES, (slot + 1) * ID_BYTES);
  }

  /** Whether some slot holds a block under `id`. */
  has(id: Uint8Array): boolean {
    return this.#table.find(id) !== undefined;
  }

  /** False when a slot that was written later holds this id: then this one holds nothing. */
  learn({ slot, id, segment, counter }: NamedRow): boolean {
    if (segment !== SEGMENT.free) {
      const rival = this.#table.find(id);
      if (rival !== undefined && (this.counters[rival] ?? 0) >= counter) return false;
      if (rival !== undefined) this.unlearn(rival);
    }
    this.ids.set(id, slot * ID_BYTES);
    this.segments[slot] = segment;
    this.counters[slot] = counter;
    this.#isKnown[slot] = 1;
    if (segment !== SEGMENT.free) {
      this.#table.setId(slot, id);
      this.#table.name(slot);
    }
    return true;
  }

  unlearn(slot: number): void {
    if (!this.isKnown(slot)) return;
    if (this.segments[slot] !== SEGMENT.free) this.#table.forget(slot);
    this.#isKnown[slot] = 0;
    this.segments[slot] = SEGMENT.free;
    this.counters[slot] = 0;
  }

  newestCounter(): number {
    let newest = 0;
    for (const counter of this.counters) if (counter > newest) newest = counter;
    return newest;
  }
}
