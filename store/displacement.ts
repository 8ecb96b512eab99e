/**
 * How many blocks of *store* each link has pushed out today. In memory only: a list of who sent how much does not belong on a disk.
 *
 * Invariant: one link displaces at most max(1, 1 %) of the store in a day, as long as its count is kept (`displacersKept`).
 */
import { storeLimits } from './limits.ts';

const DAY_MS = 86_400_000;

/** The UTC day of a time. */
export function dayOf(nowMs: number): number {
  return Math.floor(nowMs / DAY_MS);
}

export class Displacement {
  #day = 0;
  readonly #counts = new Map<string, number>();

  mayDisplace(from: string, { day, capacityBlocks }: { day: number; capacityBlocks: number }): boolean {
    const most = Math.max(1, Math.floor((capacityBlocks * storeLimits.displacedPercentPerDay.value) / 100));
    return (day === this.#day ? (this.#counts.get(from) ?? 0) : 0) < most;
  }

  count(from: string, day: number): void {
    if (day !== this.#day) {
      this.#day = day;
      this.#counts.clear();
    }
    const before = this.#counts.get(from);
    if (before === undefined && this.#counts.size >= storeLimits.displacersKept.value) this.#forgetSmallest();
    this.#counts.set(from, (before ?? 0) + 1);
  }

  /** Whoever displaced most is remembered longest. */
  #forgetSmallest(): void {
    let smallest: string | undefined;
    let least = Infinity;
    for (const [from, count] of this.#counts) {
      if (count < least) {
        least = count;
        smallest = from;
      }
    }
    if (smallest !== undefined) this.#counts.delete(smallest);
  }
}
