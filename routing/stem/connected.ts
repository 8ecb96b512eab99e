/**
 * How long each peer was connected altogether, over its links and the runs of this node (docs/spec/stem.md, 2 and 8): who has been there for
 * `enoughMs` may be drawn as a guard.
 *
 * A sum ends there. More would be uptime, and nobody is preferred for that: spies are always up.
 *
 * Invariants: no moment counts twice for one identity, over how many links it ever came; of those that are away at most `connectedKept` are
 * known. Of these at most half are complete while there are others, so that neither those who are complete keep everybody else out nor
 * many who come for a moment flush what others have gathered in days.
 */
import type { LinkId } from '../peer.ts';
import { stemLimits } from './limits.ts';
import type { StemState } from './state.ts';

interface Running {
  from: number;
  readonly links: Set<LinkId>;
}

export class Connected {
  readonly #enoughMs: number;
  /** Until the time that runs now; who was there last is at the end. */
  readonly #sums = new Map<string, number>();
  readonly #running = new Map<string, Running>();
  readonly #links = new Map<LinkId, string>();

  constructor(enoughMs: number, kept: StemState['connected']) {
    this.#enoughMs = enoughMs;
    for (const { identity, ms } of kept.slice(0, stemLimits.connectedKept.value).reverse())
      this.#add(identity, ms);
  }

  /** `earlierMs`: for how long the link counts already. Twice for one link is once. */
  begin(link: LinkId, identity: string, { now, earlierMs }: { now: number; earlierMs: number }): void {
    if (this.#links.has(link)) return;
    this.#links.set(link, identity);
    this.#add(identity, earlierMs);
    const running = this.#running.get(identity);
    if (running === undefined) this.#running.set(identity, { from: now, links: new Set([link]) });
    else running.links.add(link);
  }

  end(link: LinkId, now: number): void {
    const identity = this.#links.get(link);
    const running = identity === undefined ? undefined : this.#running.get(identity);
    if (identity === undefined || running === undefined) return;
    this.#links.delete(link);
    running.links.delete(link);
    if (running.links.size > 0) return;
    this.#running.delete(identity);
    this.#add(identity, now - running.from);
    this.#forget(now);
  }

  /** Milliseconds, `enoughMs` at most. */
  msOf(identity: string, now: number): number {
    const running = this.#running.get(identity);
    const ms = (this.#sums.get(identity) ?? 0) + (running === undefined ? 0 : now - running.from);
    return Math.min(ms, this.#enoughMs);
  }

  isEnough(identity: string, now: number): boolean {
    return this.msOf(identity, now) >= this.#enoughMs;
  }

  /** Whether somebody's time grows now. */
  isGrowing(now: number): boolean {
    for (const identity of this.#running.keys()) if (!this.isEnough(identity, now)) return true;
    return false;
  }

  keep(now: number): StemState['connected'] {
    const there = [...this.#running.keys()];
    const away = [...this.#sums.keys()].reverse().filter((identity) => !this.#running.has(identity));
    const sums = [...there, ...away].map((identity) => ({ identity, ms: this.msOf(identity, now) }));
    return this.#best(sums.filter(({ ms }) => ms > 0));
  }

  #add(identity: string, ms: number): void {
    const sum = Math.min(this.#enoughMs, (this.#sums.get(identity) ?? 0) + Math.max(0, ms));
    this.#sums.delete(identity);
    if (sum > 0) this.#sums.set(identity, sum);
  }

  #forget(now: number): void {
    if (this.#sums.size - this.#running.size <= stemLimits.connectedKept.value) return;
    const away = [...this.#sums.keys()].reverse().filter((identity) => !this.#running.has(identity));
    const kept = this.#best(away.map((identity) => ({ identity, ms: this.msOf(identity, now) })));
    const names = new Set(kept.map(({ identity }) => identity));
    for (const identity of away) if (!names.has(identity)) this.#sums.delete(identity);
  }

  /** Of those given, who was there last first: the longest first, and of equals who was there last. */
  #best(sums: StemState['connected']): StemState['connected'] {
    const most = stemLimits.connectedKept.value;
    const complete = sums.filter(({ ms }) => ms >= this.#enoughMs);
    const others = sums.filter(({ ms }) => ms < this.#enoughMs).sort((a, b) => b.ms - a.ms);
    const first = complete.slice(0, Math.max(Math.ceil(most / 2), most - others.length));
    return [...first, ...others.slice(0, most - first.length)];
  }
}
