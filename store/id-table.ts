/**
 * Which slot holds which id: the ids of all slots, and a hash table with open addressing over those that are named. In memory, 16
 * bytes a slot and 6 to 12 for the table; a Map with strings takes ten times as much.
 *
 * Ids are as random as a keyed hash is, so their first bytes are the hash; somebody who could choose ids would need K_id.
 *
 * Invariant: `find` gives the slot that was last named with an id and not forgotten since.
 */
import { assert } from '../keys/index.ts';
import { ID_BYTES } from './slot.ts';

export class IdTable {
  #ids: Uint8Array;
  #view: DataView;
  /** Slot + 1, or 0. */
  #places: Uint32Array;
  #mask: number;

  constructor(slots: number) {
    this.#ids = new Uint8Array(slots * ID_BYTES);
    this.#view = new DataView(this.#ids.buffer);
    this.#places = placesFor(slots);
    this.#mask = this.#places.length - 1;
  }

  get slots(): number {
    return this.#ids.length / ID_BYTES;
  }

  /** Room for more slots; the old ones stay. */
  grow(slots: number): void {
    if (slots <= this.slots) return;
    const old = this.#places;
    const ids = new Uint8Array(slots * ID_BYTES);
    ids.set(this.#ids);
    this.#ids = ids;
    this.#view = new DataView(ids.buffer);
    this.#places = placesFor(slots);
    this.#mask = this.#places.length - 1;
    for (const place of old) if (place !== 0) this.name(place - 1);
  }

  /** A view of the id at the head of `slot`, named or not. */
  idOf(slot: number): Uint8Array {
    return this.#ids.subarray(slot * ID_BYTES, (slot + 1) * ID_BYTES);
  }

  /** Must not be called for a slot that is named. */
  setId(slot: number, id: Uint8Array): void {
    this.#ids.set(id, slot * ID_BYTES);
  }

  find(id: Uint8Array): number | undefined {
    const wanted = new DataView(id.buffer, id.byteOffset, ID_BYTES);
    for (let at = wanted.getUint32(0) & this.#mask; ; at = (at + 1) & this.#mask) {
      const place = this.#places[at] ?? 0;
      if (place === 0) return undefined;
      if (this.#equals(place - 1, wanted)) return place - 1;
    }
  }

  /** `find` gives `slot` for its id from now on. No other slot may be named with it. */
  name(slot: number): void {
    let at = this.#home(slot);
    while (this.#places[at] !== 0) at = (at + 1) & this.#mask;
    this.#places[at] = slot + 1;
  }

  /** The id stays at the slot's head, but `find` does not give it any more. */
  forget(slot: number): void {
    let hole = this.#home(slot);
    while (this.#places[hole] !== slot + 1) {
      assert(this.#places[hole] !== 0, 'only a named slot is forgotten');
      hole = (hole + 1) & this.#mask;
    }
    // Backward shift, so that no tombstones gather: what stands later in the run moves up unless it is at or after its home.
    for (let at = (hole + 1) & this.#mask; ; at = (at + 1) & this.#mask) {
      const place = this.#places[at] ?? 0;
      if (place === 0) break;
      const fromHome = (at - this.#home(place - 1)) & this.#mask;
      if (fromHome < ((at - hole) & this.#mask)) continue;
      this.#places[hole] = place;
      hole = at;
    }
    this.#places[hole] = 0;
  }

  #home(slot: number): number {
    return this.#view.getUint32(slot * ID_BYTES) & this.#mask;
  }

  #equals(slot: number, wanted: DataView): boolean {
    const at = slot * ID_BYTES;
    for (let byte = 0; byte < ID_BYTES; byte += 4)
      if (this.#view.getUint32(at + byte) !== wanted.getUint32(byte)) return false;
    return true;
  }
}

/** At most two thirds full. */
function placesFor(slots: number): Uint32Array {
  return new Uint32Array(2 ** Math.ceil(Math.log2(slots * 1.5 + 2)));
}
