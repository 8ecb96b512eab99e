/**
 * The uids that this node has accepted: while they are in work, and for a time after their answer. A search is depth first, so
 * accepting a uid twice would let it run in circles.
 *
 * It remembers nothing else about a request, and nothing at all about stem requests: they have no uid.
 */
import type { Random } from '../keys/index.ts';
import type { Uid } from './messages.ts';

interface Answered {
  readonly uid: Uid;
  readonly until: number;
}

export class SeenUids {
  readonly #keepMs: number;
  readonly #most: number;
  /** Until when each is known; Infinity while it is in work, of which there are as many as requests in work. */
  readonly #known = new Map<Uid, number>();
  /** In the order of answering, and so of expiry. A Map that loses its first entry each time walks over all the gaps. */
  #order: Answered[] = [];
  #first = 0;

  /** Of those that were answered it keeps `most`, the last ones. */
  constructor({ keepMs, most }: { keepMs: number; most: number }) {
    this.#keepMs = keepMs;
    this.#most = most;
  }

  /** False when the uid was accepted before. */
  accept(uid: Uid, now: number): boolean {
    const until = this.#known.get(uid);
    if (until !== undefined && until > now) return false;
    this.#known.set(uid, Infinity);
    return true;
  }

  answered(uid: Uid, now: number): void {
    const until = now + this.#keepMs;
    this.#known.set(uid, until);
    this.#order.push({ uid, until });
    this.#forget(now);
  }

  #forget(now: number): void {
    for (;;) {
      const oldest = this.#order[this.#first];
      if (oldest === undefined) break;
      const isFull = this.#order.length - this.#first > this.#most;
      if (oldest.until > now && !isFull) break;
      // It may have been answered again since, and then has a later place.
      if (this.#known.get(oldest.uid) === oldest.until) this.#known.delete(oldest.uid);
      this.#first += 1;
    }
    if (this.#first * 2 <= this.#order.length) return;
    this.#order = this.#order.slice(this.#first);
    this.#first = 0;
  }
}

/** Of a search that begins here. */
export function freshUid(random: Random): Uid {
  return Buffer.from(random.bytes(8)).toString('hex') as Uid;
}
