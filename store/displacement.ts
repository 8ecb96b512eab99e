/**
 * How many blocks of *store* each link has pushed out today, and all of them together. In memory only: a list of who sent how much does
 * not belong on a disk.
 *
 * Invariants: one link displaces at most max(1, 1 %) of the store in a day, as long as its count is kept (`displacersKept`); all
 * links together at most max(2, 10 % of probation).
 */
import { storeLimits } from './limits.ts';

const DAY_MS = 86_400_000;

/** The UTC day of a time. */
export function dayOf(nowMs: number): number {
  return Math.floor(nowMs / DAY_MS);
}

export class Displacement {
  #day = 0;
  #byAll = 0;
  readonly #counts = new Map<string, number>();

  /** `capacityBlocks`, `probationBlocks`: of the store now. */
  mayDisplace(
    from: string,
    { day, ...blocks }: { day: number; capacityBlocks: number; probationBlocks: number },
  ): boolean {
    if (day !== this.#day) return true;
    const { displacedPercentPerDay, displacedByAllPercentPerDay } = storeLimits;
    const byOne = Math.floor((blocks.capacityBlocks * displacedPercentPerDay.value) / 100);
    const byAll = Math.floor((blocks.probationBlocks * displacedByAllPercentPerDay.value) / 100);
    // Of a small store one block, and one more that comes by another link.
    return this.#byAll < Math.max(2, byAll) && (this.#counts.get(from) ?? 0) < Math.max(1, byOne);
  }

  count(from: string, day: number): void {
    if (day !== this.#day) {
      this.#day = day;
      this.#byAll = 0;
      this.#counts.clear();
    }
    this.#byAll++;
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
