/**
 * When guards were drawn, and whether one more may be (docs/spec/stem.md, 1 and 2): who could make a node draw again and again would be drawn
 * in the end.
 *
 * Invariant: of the times that were ever added, restarts between, at most `guardDraws` are in any `guardDrawsMs`. A clock that goes back only
 * makes that longer.
 */
import { assert } from '../../keys/index.ts';
import { stemLimits } from './limits.ts';

export class Draws {
  readonly #wallNow: () => number;
  /** By the wall clock, ascending. */
  #times: readonly number[];

  constructor(kept: readonly number[], wallNow: () => number) {
    this.#wallNow = wallNow;
    const now = wallNow();
    this.#times = kept.slice(-stemLimits.guardDraws.value).map((at) => Math.min(at, now));
  }

  get isOneLeft(): boolean {
    return this.#recent().length < stemLimits.guardDraws.value;
  }

  add(): void {
    assert(this.isOneLeft, 'a draw that counts was allowed');
    this.#times = [...this.#recent(), this.#wallNow()];
  }

  keep(): readonly number[] {
    return this.#times;
  }

  #recent(): readonly number[] {
    const from = this.#wallNow() - stemLimits.guardDrawsMs.value;
    return this.#times.filter((at) => at > from);
  }
}
