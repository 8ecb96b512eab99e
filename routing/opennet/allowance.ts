/**
 * How often a neighbour may do something: so many times in each minute. Counts alone, so that it costs nothing to say no.
 */
const MINUTE_MS = 60_000;

export class Allowance {
  readonly #perMinute: number;
  #used = 0;
  #until = -Infinity;

  constructor(perMinute: number) {
    this.#perMinute = perMinute;
  }

  /** False when this minute's are used up. */
  take(now: number): boolean {
    if (now >= this.#until) {
      this.#until = now + MINUTE_MS;
      this.#used = 0;
    }
    this.#used += 1;
    return this.#used <= this.#perMinute;
  }
}
