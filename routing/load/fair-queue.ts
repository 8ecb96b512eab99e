/**
 * Requests that wait at the door, and whose turn it is (docs/spec/load.md, 4). Start-time fair queueing over links: each link has
 * a `tag`, the weighted service that it has had; the one with the smallest goes next. A link with a realtime request may go
 * before its turn, but never by more than `realtimeLead`: realtime is served sooner, not more. Within a link realtime goes first,
 * bulk at least each fourth time, and stem takes at most half while both wait.
 *
 * It does not decide how fast requests are let in: that is bucket.ts and what is in work. It knows no owner: the virtual peer's
 * link is one link.
 *
 * Invariants: whoever waits is served before all others have had more than (their weight / its weight) × its own service, and
 * a few blocks; no link has more than `queuedPerLink` waiting; nobody waits longer than `queueWaitMs`, if `expired` is called then.
 */
import { assert } from '../../keys/index.ts';
import type { Priority, Route } from '../messages.ts';
import type { LinkId } from '../peer.ts';
import { loadLimits } from './limits.ts';

type Phase = Route['phase'];

export interface Waiting<Item> {
  readonly link: LinkId;
  readonly priority: Priority;
  readonly phase: Phase;
  /** In blocks: what serving it will probably cost. */
  readonly cost: number;
  readonly deadlineMs: number;
  readonly item: Item;
}

interface Entry<Item> extends Waiting<Item> {
  readonly until: number;
}

interface Flow<Item> {
  readonly lanes: Readonly<Record<Priority, Readonly<Record<Phase, Entry<Item>[]>>>>;
  waiting: number;
  waitingCost: number;
  tag: number;
  weight: number;
  /** Realtime requests served in a row while bulk waited. */
  run: number;
  /** Cost of stem minus cost of greedy, served while both waited. */
  stemAhead: number;
}

interface Turn<Item> {
  readonly link: LinkId;
  readonly flow: Flow<Item>;
}

const NOBODY: readonly never[] = [];
const CLASSES = ['realtime', 'bulk'] as const;
const PHASES = ['greedy', 'stem'] as const;

export class FairQueue<Item> {
  readonly #weightOf: (link: LinkId) => number;
  readonly #flows = new Map<LinkId, Flow<Item>>();
  #waiting = 0;
  /** Nobody has waited too long before that. */
  #expiresFrom = Infinity;
  /** What a link begins with that has not asked for long: nobody's tag is more than `debtMost` ahead of it. */
  #virtual = 0;
  /** Smoothed time that one block of cost takes while there is a queue; 0 until measured. */
  #msPerCost = 0;
  #servedAt: number | undefined;
  #passedAt = 0;

  /** `weightOf` is asked when a link's turn is reckoned; above 0. */
  constructor(weightOf: (link: LinkId) => number) {
    this.#weightOf = weightOf;
  }

  get waiting(): number {
    return this.#waiting;
  }

  waitingOf(link: LinkId): number {
    return this.#flows.get(link)?.waiting ?? 0;
  }

  /** False when it is to be refused at once: the link has too much waiting, or it would wait too long. */
  push(what: Waiting<Item>, now: number): boolean {
    const flow = this.#flowOf(what.link);
    const { queuedPerLink, queueWaitMs } = loadLimits;
    if (flow.waiting >= queuedPerLink.value) return false;
    this.#pass(now);
    if (this.#waitFor(flow, what) > Math.min(queueWaitMs.value, what.deadlineMs)) return false;
    if (flow.waiting === 0) flow.tag = Math.max(flow.tag, this.#virtual);
    const until = now + queueWaitMs.value;
    // Who comes later waits until later.
    if (this.#waiting === 0) this.#expiresFrom = until;
    flow.lanes[what.priority][what.phase].push({ ...what, until });
    this.#count(flow, { requests: 1, cost: what.cost });
    return true;
  }

  /**
   * Whose turn it is. `fullness` is how much of what this node can do is unused, 0 … 1 (bucket.ts): who is further ahead than a peer
   * of median weight can be is let in from what is left over alone. Undefined when nobody waits, or `needed` is more.
   */
  take(now: number, fullness: number): Waiting<Item> | undefined {
    this.#pass(now);
    const next = this.#next();
    if (next === undefined || fullness < this.#neededBy(next.first)) return undefined;
    const { link, flow } = next.urgent ?? next.first;
    const entry = takeOf(flow);
    this.#measure(entry.cost, now);
    this.#count(flow, { requests: -1, cost: -entry.cost });
    this.charge(link, entry.cost);
    return entry;
  }

  /** The fullness at which somebody is let in; undefined when nobody waits. */
  needed(now: number): number | undefined {
    this.#pass(now);
    const next = this.#next();
    return next === undefined ? undefined : this.#neededBy(next.first);
  }

  /** Adds to what a link has had: the cost of a request beyond, or below, what it was let in for. */
  charge(link: LinkId, cost: number): void {
    const flow = this.#flows.get(link);
    if (flow === undefined) return;
    flow.weight = this.#weightOf(link);
    flow.tag += cost / flow.weight;
    this.#virtual = Math.max(this.#virtual, flow.tag - loadLimits.debtMost.value / flow.weight);
  }

  /** Those that have waited too long, taken out. */
  expired(now: number): readonly Waiting<Item>[] {
    if (this.#waiting === 0 || now < this.#expiresFrom) return NOBODY;
    const gone: Waiting<Item>[] = [];
    for (const flow of this.#flows.values()) {
      for (const lane of lanesOf(flow)) {
        for (let first = lane[0]; first !== undefined && first.until <= now; first = lane[0]) {
          lane.shift();
          this.#count(flow, { requests: -1, cost: -first.cost });
          gone.push(first);
        }
      }
    }
    this.#expiresFrom = this.expiresAt;
    return gone;
  }

  /** When `expired` next has somebody. */
  get expiresAt(): number {
    let at = Infinity;
    for (const flow of this.#flows.values()) {
      for (const lane of lanesOf(flow)) at = Math.min(at, lane[0]?.until ?? Infinity);
    }
    return at;
  }

  /** The link is gone, and what it asked for. */
  drop(link: LinkId): void {
    this.#waiting -= this.#flows.get(link)?.waiting ?? 0;
    this.#flows.delete(link);
  }

  /**
   * How long a request would wait for its turn: what its own link has before it, and of each other link what that one may have
   * served meanwhile.
   */
  #waitFor(flow: Flow<Item>, what: Waiting<Item>): number {
    if (this.#waiting === 0) return 0;
    let own = 0;
    for (const phase of PHASES) {
      for (const entry of flow.lanes.realtime[phase]) own += entry.cost;
      if (what.priority === 'bulk') for (const entry of flow.lanes.bulk[phase]) own += entry.cost;
    }
    let before = own;
    const turn = Math.max(flow.tag, this.#virtual) + own / this.#weightOf(what.link);
    for (const other of this.#flows.values()) {
      if (other === flow || other.waiting === 0 || other.tag > turn) continue;
      before += Math.min(other.waitingCost, (turn - other.tag) * other.weight + 1);
    }
    return before * this.#msPerCost;
  }

  #neededBy({ flow }: Turn<Item>): number {
    const { debtMost, surplusPercent } = loadLimits;
    const ahead = (flow.tag - this.#virtual) / debtMost.value - 1;
    return Math.min(surplusPercent.value / 100, Math.max(0, ahead));
  }

  /** Who has had least, and who goes before that one because it has a realtime request. */
  #next(): { first: Turn<Item>; urgent: Turn<Item> | undefined } | undefined {
    let first: Turn<Item> | undefined;
    let urgent: Turn<Item> | undefined;
    for (const [link, flow] of this.#flows) {
      if (flow.waiting === 0) continue;
      if (first === undefined || flow.tag < first.flow.tag) first = { link, flow };
      if (chosen(flow).priority !== 'realtime') continue;
      if (urgent === undefined || flow.tag < urgent.flow.tag) urgent = { link, flow };
    }
    if (first === undefined) return undefined;
    if (urgent === undefined) return { first, urgent };
    const lead = loadLimits.realtimeLead.value / urgent.flow.weight;
    return { first, urgent: urgent.flow.tag <= first.flow.tag + lead ? urgent : undefined };
  }

  #measure(cost: number, now: number): void {
    // Only what was served while somebody waited tells how fast this node is.
    if (this.#servedAt !== undefined) {
      const took = (now - this.#servedAt) / cost;
      this.#msPerCost += (took - this.#msPerCost) / 16;
    }
    this.#servedAt = this.#waiting > 1 ? now : undefined;
  }

  #count(flow: Flow<Item>, by: { requests: number; cost: number }): void {
    flow.waiting += by.requests;
    flow.waitingCost += by.cost;
    this.#waiting += by.requests;
    if (this.#waiting === 0) this.#servedAt = undefined;
  }

  /**
   * Debts are forgiven at the pace at which they would be worked off if all links waited all the time. Were they forgiven as soon
   * as nobody waits, which under load is many times a second, a link that asks all the time would have most of the node
   * (measured: docs/spec/load.md, 8).
   */
  #pass(now: number): void {
    if (this.#msPerCost > 0) {
      let weights = 0;
      for (const { weight } of this.#flows.values()) weights += weight;
      this.#virtual += (now - this.#passedAt) / (this.#msPerCost * Math.max(1, weights));
    }
    this.#passedAt = now;
  }

  #flowOf(link: LinkId): Flow<Item> {
    const known = this.#flows.get(link);
    if (known !== undefined) return known;
    const flow: Flow<Item> = {
      lanes: { realtime: { greedy: [], stem: [] }, bulk: { greedy: [], stem: [] } },
      waiting: 0,
      waitingCost: 0,
      tag: this.#virtual,
      weight: this.#weightOf(link),
      run: 0,
      stemAhead: 0,
    };
    this.#flows.set(link, flow);
    return flow;
  }
}

function lanesOf<Item>({ lanes }: Flow<Item>): readonly Entry<Item>[][] {
  return [lanes.realtime.greedy, lanes.realtime.stem, lanes.bulk.greedy, lanes.bulk.stem];
}

function waitsIn<Item>(flow: Flow<Item>, phase: Phase): boolean {
  return CLASSES.some((priority) => flow.lanes[priority][phase].length > 0);
}

/** Which request of a link would be next; the link has one. */
function chosen<Item>(flow: Flow<Item>): { priority: Priority; phase: Phase } {
  if (flow.waiting === 1) return only(flow);
  const both = waitsIn(flow, 'stem') && waitsIn(flow, 'greedy');
  const phases = PHASES.filter(
    (phase) => waitsIn(flow, phase) && !(both && phase === 'stem' && flow.stemAhead > 0),
  );
  const waits = (priority: Priority): boolean =>
    phases.some((phase) => flow.lanes[priority][phase].length > 0);
  const bulkIsDue = flow.run >= loadLimits.realtimeRun.value && waits('bulk');
  const priority = waits('realtime') && !bulkIsDue ? 'realtime' : 'bulk';
  const inClass = phases.filter((phase) => flow.lanes[priority][phase].length > 0);
  const phase = inClass.length === 2 ? (flow.stemAhead < 0 ? 'stem' : 'greedy') : (inClass[0] ?? 'greedy');
  return { priority, phase };
}

/** The one request of a link that has one: on an idle node this is all there is to choose. */
function only<Item>({ lanes }: Flow<Item>): { priority: Priority; phase: Phase } {
  const priority = lanes.realtime.greedy.length + lanes.realtime.stem.length > 0 ? 'realtime' : 'bulk';
  return { priority, phase: lanes[priority].greedy.length > 0 ? 'greedy' : 'stem' };
}

function takeOf<Item>(flow: Flow<Item>): Entry<Item> {
  const { priority, phase } = chosen(flow);
  const bulkWaits = PHASES.some((phase) => flow.lanes.bulk[phase].length > 0);
  const both = waitsIn(flow, 'stem') && waitsIn(flow, 'greedy');
  const entry = flow.lanes[priority][phase].shift();
  assert(entry !== undefined, 'a chosen lane has somebody');
  flow.run = priority === 'realtime' && bulkWaits ? flow.run + 1 : 0;
  const ahead = flow.stemAhead + (phase === 'stem' ? entry.cost : -entry.cost);
  // What greedy had while stem waited is made good only in part: a link must not save up stem.
  flow.stemAhead = both ? Math.max(-loadLimits.realtimeLead.value, ahead) : 0;
  return entry;
}
