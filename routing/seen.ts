/**
 * The uids that this node has accepted: while they are in work, and for a time after their answer. A search is depth first, so
 * accepting a uid twice would let it run in circles.
 *
 * It remembers nothing else about a request, and nothing at all about stem requests: they have no uid.
 */
import { routingLimits } from './limits.ts';
import type { Uid } from './messages.ts';

export class SeenUids {
  readonly #keepMs: number;
  /** Bounded by the requests in work. */
  readonly #inWork = new Set<Uid>();
  /** Until when they are refused; in the order of answering, so that what has expired stands in front. */
  readonly #answered = new Map<Uid, number>();

  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  /** False when the uid was accepted before. */
  accept(uid: Uid, now: number): boolean {
    if (this.#inWork.has(uid) || (this.#answered.get(uid) ?? -Infinity) > now) return false;
    this.#inWork.add(uid);
    // What has expired may still lie here; answered again, it must not keep its old place.
    this.#answered.delete(uid);
    return true;
  }

  answered(uid: Uid, now: number): void {
    this.#inWork.delete(uid);
    this.#answered.set(uid, now + this.#keepMs);
    for (const [old, until] of this.#answered) {
      if (until > now && this.#answered.size <= routingLimits.seenUids.value) break;
      this.#answered.delete(old);
    }
  }
}
