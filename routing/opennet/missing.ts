/**
 * Peers that were lost together (docs/spec/peers.md, 8): it is not these nodes that have gone but a line, this one's or one between two
 * parts of the network, and it may be there again before long. Single peers come and go all the time, and nobody runs after them.
 *
 * It says who is missing; who is called, and when, is joining.ts.
 *
 * Invariant: nobody is missing that was not lost in a break, or that has had a link since; at most `missing` are.
 */
import type { Candidate } from '../peer.ts';
import { opennetLimits } from './limits.ts';

export class Missing {
  /** When each was lost, the last one last; those of more than `togetherMs` ago are forgotten. */
  readonly #lately = new Map<string, { readonly candidate: Candidate; readonly at: number }>();
  readonly #missing = new Map<string, Candidate>();

  get candidates(): readonly Candidate[] {
    return [...this.#missing.values()];
  }

  /** The link of a peer has broken, and so many peers are `left`. @returns whether so many broke together that they are missing */
  lost(candidate: Candidate, { now, left }: { now: number; left: number }): boolean {
    const { breakShare, breakLeast, togetherMs, missing } = opennetLimits;
    this.#lately.delete(candidate.identity);
    this.#lately.set(candidate.identity, { candidate, at: now });
    for (const [identity, { at }] of this.#lately)
      if (now - at > togetherMs.value) this.#lately.delete(identity);
    const together = this.#lately.size;
    if (together < breakLeast.value || together < breakShare.value * (together + left)) return false;
    for (const [identity, { candidate }] of this.#lately) this.#missing.set(identity, candidate);
    for (const identity of this.#missing.keys()) {
      if (this.#missing.size <= missing.value) break;
      this.#missing.delete(identity);
    }
    return true;
  }

  /** A node has a link. @returns whether it was missing */
  isBack(identity: string): boolean {
    this.#lately.delete(identity);
    return this.#missing.delete(identity);
  }
}
