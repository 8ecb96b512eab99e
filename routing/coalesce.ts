/**
 * Fetches for one key at one node become one search: the first runs, later ones wait for what it finds (docs/spec/routing.md, 8).
 *
 * Two requests that cross must not wait for each other, so a fetch waits only for one that has never been at the asker's own
 * node and that is on at a node closer to the key; and it waits for a bounded time, then runs alone. Only greedy requests of
 * peers take part: if the owner's or a stem's were compared, a neighbour could learn by its own requests what is pending.
 */
import { type RoutingKey, type Salt, toText } from '../keys/index.ts';
import { routingLimits } from './limits.ts';
import type { LinkId } from './peer.ts';

/** What is compared of two fetches. */
interface Coalescable {
  readonly from: LinkId;
  readonly key: RoutingKey;
  readonly salt: Salt;
  readonly phase: 'stem' | 'greedy';
  readonly isLocal: boolean;
  readonly htl: number;
  readonly isBelowCloser: boolean;
  /** How many wait for it already. */
  readonly waiting: number;
  hasTried(link: LinkId): boolean;
}

export class PendingFetches<Fetch extends Coalescable> {
  readonly #leaders = new Map<string, Set<Fetch>>();

  /** A fetch that `fetch` can wait for. */
  leaderFor(fetch: Fetch): Fetch | undefined {
    if (!mayTakePart(fetch)) return undefined;
    for (const leader of this.#leaders.get(keyOf(fetch)) ?? []) {
      if (
        !leader.hasTried(fetch.from) &&
        leader.isBelowCloser &&
        leader.htl >= fetch.htl &&
        leader.waiting < routingLimits.waitersPerFetch.value
      ) {
        return leader;
      }
    }
    return undefined;
  }

  add(leader: Fetch): void {
    if (!mayTakePart(leader)) return;
    const key = keyOf(leader);
    const leaders = this.#leaders.get(key);
    if (leaders === undefined) this.#leaders.set(key, new Set([leader]));
    else leaders.add(leader);
  }

  remove(leader: Fetch): void {
    const key = keyOf(leader);
    const leaders = this.#leaders.get(key);
    if (leaders?.delete(leader) === true && leaders.size === 0) this.#leaders.delete(key);
  }
}

function mayTakePart(fetch: Coalescable): boolean {
  return fetch.phase === 'greedy' && !fetch.isLocal;
}

function keyOf(fetch: Coalescable): string {
  return toText(fetch.key) + fetch.salt;
}
