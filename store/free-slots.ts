/**
 * The filled slots that hold nothing. One is taken at random, never the lowest: otherwise the place of a block would tell when it
 * came.
 *
 * Invariant: a slot is in the set at most once (the caller's duty; 4 bytes a slot leave no room to check).
 */
import { randomInt } from 'node:crypto';
import { assert } from '../keys/index.ts';

export class FreeSlots {
  #slots: Uint32Array;
  #count = 0;

  constructor(capacitySlots: number) {
    this.#slots = new Uint32Array(capacitySlots);
  }

  get count(): number {
    return this.#count;
  }

  grow(capacitySlots: number): void {
    if (capacitySlots <= this.#slots.length) return;
    const slots = new Uint32Array(capacitySlots);
    slots.set(this.#slots);
    this.#slots = slots;
  }

  add(slot: number): void {
    assert(this.#count < this.#slots.length, 'no more slots are free than there are');
    this.#slots[this.#count++] = slot;
  }

  take(): number | undefined {
    if (this.#count === 0) return undefined;
    const at = randomInt(this.#count);
    const slot = this.#slots[at];
    this.#slots[at] = this.#slots[--this.#count] ?? 0;
    return slot;
  }

  /** Forgets the slots for which `isKept` is false. */
  retain(isKept: (slot: number) => boolean): void {
    const kept = this.#slots.subarray(0, this.#count).filter(isKept);
    this.#slots.set(kept);
    this.#count = kept.length;
  }
}
