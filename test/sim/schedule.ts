/**
 * Virtual time: a binary heap of things to happen, keyed by (time, sequence), so that two things at one moment happen in the
 * order in which they were asked for, on every run.
 */
import TinyQueue from 'tinyqueue';

interface Entry {
  readonly at: number;
  readonly sequence: number;
  /** Undefined once it was cancelled. */
  happen: (() => void) | undefined;
}

export type Cancel = () => void;

export class Schedule {
  readonly #heap = new TinyQueue<Entry>([], (a, b) => a.at - b.at || a.sequence - b.sequence);
  #sequence = 0;
  #now = 0;

  get now(): number {
    return this.#now;
  }

  at(time: number, happen: () => void): Cancel {
    const entry: Entry = { at: Math.max(time, this.#now), sequence: this.#sequence, happen };
    this.#sequence += 1;
    this.#heap.push(entry);
    return () => {
      entry.happen = undefined;
    };
  }

  /** Lets time pass until nothing is left to happen before `until`. */
  run(until: number = Infinity): void {
    for (;;) {
      const next = this.#heap.peek();
      if (next === undefined || next.at > until) break;
      this.#heap.pop();
      if (next.happen === undefined) continue;
      this.#now = next.at;
      next.happen();
    }
    if (until !== Infinity) this.#now = Math.max(this.#now, until);
  }
}
