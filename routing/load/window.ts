/**
 * How many requests of one class this node has in work at one peer, found out by asking (docs/spec/load.md, 5): grows while the
 * window is used and answers come, is cut when the peer refuses.
 *
 * It does not choose whom to ask instead. It takes no hint from what the peer says about its load, only from what it does.
 *
 * Invariant: 1 ≤ size ≤ `windowMost`; a burst of refusals cuts once; a peer that refuses everything is still tried once in
 * `pauseMostMs` × 1½.
 */
import { assert } from '../../keys/index.ts';
import { loadLimits } from './limits.ts';

/** How a request that was sent ended: `answered` with any final answer but a refusal; `dropped`: link or asker gone, no sign. */
export type WindowEnd = 'answered' | 'refused' | 'silent' | 'dropped';

export class Window {
  #size: number = loadLimits.windowFirst.value;
  #inWork = 0;
  /** Until the first refusal the window grows by one with each answer. */
  #isSeeking = true;
  /** Counts the cuts. */
  #round = 0;
  #pauseMs = 0;
  #pausedUntil = -Infinity;

  get size(): number {
    return this.#size;
  }

  get inWork(): number {
    return this.#inWork;
  }

  hasRoom(now: number): boolean {
    return this.#inWork < Math.floor(this.#size) && now >= this.#pausedUntil;
  }

  /** After the peer has refused, or not answered, the only request. */
  isPaused(now: number): boolean {
    return now < this.#pausedUntil;
  }

  /** Infinity when only an answer can make room. */
  roomAt(now: number): number {
    if (this.#inWork >= Math.floor(this.#size)) return Infinity;
    return Math.max(now, this.#pausedUntil);
  }

  /** @returns the round in which it was sent, to be given to `ended`. */
  sent(): number {
    this.#inWork += 1;
    return this.#round;
  }

  /** `chance` in [0, 1) spreads the pauses of many askers. */
  ended(how: WindowEnd, when: { now: number; round: number; chance: number }): void {
    assert(this.#inWork > 0, 'what ends was sent');
    // A window that nobody fills has not been tried; its size would mean nothing.
    const isFull = this.#inWork >= Math.floor(this.#size) - 1;
    this.#inWork -= 1;
    switch (how) {
      case 'answered':
        this.#pauseMs = 0;
        if (isFull) this.#grow();
        return;
      case 'refused':
      case 'silent':
        // Sent before the last cut: it is a sign of what was cut already.
        if (when.round < this.#round) return;
        this.#cut(how, when);
        return;
      case 'dropped':
    }
  }

  #grow(): void {
    const { windowMost } = loadLimits;
    this.#size = Math.min(windowMost.value, this.#size + (this.#isSeeking ? 1 : 1 / this.#size));
  }

  #cut(how: 'refused' | 'silent', { now, chance }: { now: number; chance: number }): void {
    const { pauseFirstMs, pauseMostMs, windowCutPercent } = loadLimits;
    this.#isSeeking = false;
    this.#round += 1;
    if (this.#size >= 2 && how === 'refused') {
      this.#size = Math.max(1, (this.#size * windowCutPercent.value) / 100);
      return;
    }
    this.#size = 1;
    this.#pauseMs = Math.min(pauseMostMs.value, Math.max(pauseFirstMs.value, this.#pauseMs * 2));
    this.#pausedUntil = now + this.#pauseMs * (0.5 + chance);
  }
}
