/**
 * Node ids as Kademlia and Chord see them: the locations of the simulated nodes in 32 bits, in order, with the search for who is where.
 * A node is a *rank* here, its place in that order; `numbers` leads back to the numbers of the world.
 *
 * Deliberately not here: links, time, loss. Both protocols are compared at their best: nobody is gone, all tables are full and fresh.
 */
import type { Location } from '../../../keys/index.ts';

const ID_BITS = 32;

/** The first 32 bits of a location; the simulator draws places of nodes with no more than these. */
export function idOf(place: Location): number {
  return Math.floor(place * 2 ** ID_BITS);
}

export class Ring {
  /** By rank, ascending. */
  readonly ids: Uint32Array;
  /** By rank. */
  readonly numbers: Uint32Array;
  /** By number. */
  readonly ranks: Uint32Array;

  constructor(locations: readonly Location[]) {
    const numbers = locations.map((_, number) => number);
    numbers.sort((a, b) => (locations[a] ?? 0) - (locations[b] ?? 0));
    this.numbers = Uint32Array.from(numbers);
    this.ids = Uint32Array.from(numbers, (number) => idOf(locations[number] as Location));
    this.ranks = new Uint32Array(locations.length);
    for (const [rank, number] of numbers.entries()) this.ranks[number] = rank;
  }

  get size(): number {
    return this.ids.length;
  }

  idAt(rank: number): number {
    return this.ids[rank] as number;
  }

  /** How many ids are below; `id` may be 2^32. */
  below(id: number): number {
    let [low, high] = [0, this.size];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.idAt(middle) < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Ranks [from, to) of the ids whose first `bits` bits are those of `id`. */
  sharing(id: number, bits: number): { from: number; to: number } {
    const width = 2 ** (ID_BITS - bits);
    const first = Math.floor(id / width) * width;
    return { from: this.below(first), to: this.below(first + width) };
  }

  /** The first node at or after an id, round the circle. */
  successor(id: number): number {
    const rank = this.below(id % 2 ** ID_BITS);
    return rank === this.size ? 0 : rank;
  }
}
