/**
 * Fetches for one key at one node become one search: the first runs, later ones wait for what it finds (docs/spec/routing.md, 8).
 *
 * Two requests that cross must not wait for each other, so a fetch waits only for one that has never been at the asker's own
 * node and that is on at a node closer to the key; and it waits for a bounded time, then runs alone. Only greedy requests of
 * peers take part: if the owner's or a stem's were compared, a neighbour could learn by its own requests what is pending.
 */
import { toText } from '../keys/index.ts';
import type { Fetch } from './fetch.ts';
import { routingLimits } from './limits.ts';

export class PendingFetches {
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

function mayTakePart(fetch: Fetch): boolean {
  return fetch.phase === 'greedy' && !fetch.isLocal;
}

function keyOf(fetch: Fetch): string {
  return toText(fetch.key) + fetch.salt;
}
