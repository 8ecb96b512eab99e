/**
 * Who was a peer lately (docs/spec/peers.md, 8): tried again after a restart, or when the others are gone. The host keeps it.
 *
 * Invariant: at most `remembered`, each identity once, the last confirmed first; written down a while after a change, not at each.
 */
import type { Token } from '../effect.ts';
import type { Candidate } from '../peer.ts';
import type { PeerDesk } from './desk.ts';
import { opennetLimits } from './limits.ts';

export class Memory {
  readonly #desk: PeerDesk;
  /** The last confirmed last: a Map puts what is new at its end. */
  readonly #known = new Map<string, Candidate>();
  #timer: Token | undefined;

  constructor(desk: PeerDesk) {
    this.#desk = desk;
  }

  /** The last confirmed first. */
  get candidates(): readonly Candidate[] {
    return [...this.#known.values()].reverse();
  }

  /** From before the start. What was confirmed since is newer. */
  restore(candidates: readonly Candidate[]): void {
    const newer = [...this.#known.values()];
    this.#known.clear();
    for (const candidate of candidates.slice(0, opennetLimits.remembered.value).reverse())
      this.#put(candidate);
    for (const candidate of newer) this.#put(candidate);
  }

  confirmed(candidate: Candidate): void {
    this.#put(candidate);
    if (this.#timer !== undefined) return;
    this.#timer = this.#desk.setTimer(this.#desk.now + opennetLimits.rememberAfterMs.value, () => {
      this.#timer = undefined;
      this.#desk.remember(this.candidates);
    });
  }

  #put(candidate: Candidate): void {
    if (!candidate.dialable) return;
    this.#known.delete(candidate.identity);
    this.#known.set(candidate.identity, candidate);
    if (this.#known.size <= opennetLimits.remembered.value) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      break;
    }
  }
}
