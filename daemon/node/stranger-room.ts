/**
 * How many strangers may come in, in a network that has them: at once, of one group, and in a while (docs/spec/node.md, 5). It does not
 * know who they are, and whether somebody is kept is the router's.
 *
 * The rate keeps the promise of the replay guard: who is let in takes the place of the one it has not heard of for longest, and
 * 4,096 places last for the twenty minutes in which an opening is good only while fewer than three a second are let in. It also bounds
 * the writes to disk that a stranger can cause.
 */
import { LRUCache } from 'lru-cache';
import { nodeLimits } from './limits.ts';

/** Fills by one every `everyMs`, up to `most`. */
class Allowance {
  readonly #most: number;
  readonly #everyMs: number;
  #left: number;
  #at: number;

  constructor({ most, everyMs, now }: { most: number; everyMs: number; now: number }) {
    this.#most = most;
    this.#everyMs = everyMs;
    this.#left = most;
    this.#at = now;
  }

  isSpent(now: number): boolean {
    this.#left = Math.min(this.#most, this.#left + (now - this.#at) / this.#everyMs);
    this.#at = now;
    return this.#left < 1;
  }

  spend(): void {
    this.#left -= 1;
  }
}

export class StrangerRoom<Ticket extends object> {
  readonly #inside = new Map<Ticket, string>();
  readonly #all: Allowance;
  readonly #groups = new LRUCache<string, Allowance>({ max: nodeLimits.callingGroups.value });

  constructor(now: number) {
    const { strangerCalls: most, strangerCallEveryMs: everyMs } = nodeLimits;
    this.#all = new Allowance({ most: most.value, everyMs: everyMs.value, now });
  }

  /** Whether there is room for one more of this group; who has a ticket is inside until it leaves. */
  enter(ticket: Ticket, { group, now }: { group: string; now: number }): boolean {
    const { strangerLinks, strangersPerGroup } = nodeLimits;
    if (this.#inside.size >= strangerLinks.value) return false;
    let ofGroup = 0;
    for (const other of this.#inside.values()) if (other === group) ofGroup += 1;
    if (ofGroup >= strangersPerGroup.value) return false;
    const calls = this.#callsOf(group, now);
    // A group that has used up its own share takes nothing from the others.
    if (calls.isSpent(now) || this.#all.isSpent(now)) return false;
    calls.spend();
    this.#all.spend();
    this.#inside.set(ticket, group);
    return true;
  }

  leave(ticket: Ticket): void {
    this.#inside.delete(ticket);
  }

  #callsOf(group: string, now: number): Allowance {
    let calls = this.#groups.get(group);
    if (calls === undefined) {
      const { groupCalls: most, groupCallEveryMs: everyMs } = nodeLimits;
      calls = new Allowance({ most: most.value, everyMs: everyMs.value, now });
      this.#groups.set(group, calls);
    }
    return calls;
  }
}
