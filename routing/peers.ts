/**
 * The peers that are connected now, and what this node has learned about each: whether the link is confirmed, whom the peer
 * lists, round trip, back-off, and how it has behaved (record.ts).
 *
 * It chooses by closeness, one step ahead, among those that may be asked. It knows nothing of requests, and it decides nothing
 * about links: that is routing/opennet. The virtual peer is not in it: nothing is ever routed to the owner.
 *
 * Invariant: a peer in back-off or with a bad record does not count as closer for the store rule: blocks whose closest
 * node is a black hole would otherwise be stored nowhere (measured in the prototype: 69 % found at 30 % black holes instead of
 * 99.5 %).
 */
import { assert, distance, type Location, type Random } from '../keys/index.ts';
import { type AuditedFor, AuditPlan, type Planned } from './audit-plan.ts';
import { toWire } from './budget.ts';
import { type Excluded, nearestListed, ShareCap } from './look-ahead.ts';
import { Window, type WindowEnd } from './load/window.ts';
import type { Priority, WireDistance } from './messages.ts';
import type { NetworkParams } from './network.ts';
import type { LinkId, Peer } from './peer.ts';
import { type PeerRecord, PeerRecords } from './record.ts';

interface PeerState {
  readonly link: LinkId;
  readonly peer: Peer;
  readonly since: number;
  readonly record: PeerRecord;
  confirmed: boolean;
  /** A friend that does not route among strangers, of a node that does: no greedy request goes there (docs/spec/peers.md, 10). */
  isEdge: boolean;
  /** A guard, or who has a place here: what goes by the stem may go there though it is no peer any more. */
  isStem: boolean;
  silence: number;
  /** Ascending. */
  listed: readonly Location[];
  /** Smoothed time from a request to its acceptance; undefined until the first. */
  rttMs: number | undefined;
  /** Anything but refusals. */
  hasAnswered: boolean;
  readonly windows: Readonly<Record<Priority, Window>>;
  backoffMs: number;
  backoffUntil: number;
  auditedFor: AuditedFor | undefined;
  /** How many of the last choices by look-ahead fell on it. */
  chosenByList: number;
}

/** What the peer policy sees of a peer: the table's own, which changes with it. */
export interface PeerView {
  readonly link: LinkId;
  readonly peer: Peer;
  readonly since: number;
  readonly confirmed: boolean;
  /** A friend that greedy requests don't go to. */
  readonly isEdge: boolean;
  /** 0 … 1, when `views` was last asked. */
  readonly silence: number;
  readonly listed: readonly Location[];
}

export interface Choice {
  readonly now: number;
  /** Not asked (again), and neither are they looked for behind others. */
  readonly tried: ReadonlySet<LinkId>;
  readonly asker: LinkId | undefined;
  /** Nodes that the request is known to have visited: tried last. */
  readonly visited: readonly Location[];
  /** Distance of the closest node visited, where that is known: it names this node to whoever knows it. */
  readonly best?: WireDistance;
  /** Peers that have looked for it in vain a short time ago: tried last, so that a second try goes another way. */
  readonly avoided?: ReadonlySet<LinkId>;
  /** Peers that have said that they have it now: tried first. */
  readonly offered?: ReadonlySet<LinkId>;
}

const NOBODY: readonly Location[] = [];

export class PeerTable {
  readonly #params: NetworkParams;
  readonly #random: Random;
  readonly #own: Location;
  readonly #peers = new Map<LinkId, PeerState>();
  /** The same as a list, and where each of them is: they are walked at every hop. */
  #all: PeerState[] = [];
  #places: Location[] = [];
  readonly #records = new PeerRecords();
  readonly #cap = new ShareCap<PeerState>();
  readonly #audits: AuditPlan;
  readonly #excluded: Excluded = { locations: [], count: 0, away: undefined };

  constructor(params: NetworkParams, random: Random, own: Location) {
    this.#params = params;
    this.#random = random;
    this.#audits = new AuditPlan(random);
    this.#own = own;
  }

  /** Confirmed ones. */
  get count(): number {
    let count = 0;
    for (const { confirmed } of this.#all) if (confirmed) count += 1;
    return count;
  }

  /** A link to a friend is confirmed by coming up. */
  up(link: LinkId, peer: Peer, since: number): void {
    assert(!this.#peers.has(link), 'a link comes up once');
    const record = this.#records.of(peer.identity);
    const state: PeerState = {
      link,
      peer,
      since,
      record,
      confirmed: peer.tie === 'friend',
      isEdge: false,
      isStem: false,
      silence: 0,
      listed: NOBODY,
      rttMs: undefined,
      hasAnswered: false,
      windows: { bulk: new Window(), realtime: new Window() },
      backoffMs: 0,
      backoffUntil: 0,
      auditedFor: undefined,
      chosenByList: 0,
    };
    this.#peers.set(link, state);
    this.#all.push(state);
    this.#places.push(peer.location);
  }

  down(link: LinkId): void {
    if (!this.#peers.delete(link)) return;
    // Anew: somebody may be walking over it.
    this.#all = [...this.#peers.values()];
    this.#places = this.#all.map(({ peer }) => peer.location);
  }

  has(link: LinkId): boolean {
    return this.#peers.has(link);
  }

  isFriend(link: LinkId): boolean {
    return this.#peers.get(link)?.peer.tie === 'friend';
  }

  confirm(link: LinkId): void {
    const state = this.#peers.get(link);
    if (state !== undefined) state.confirmed = true;
  }

  unconfirm(link: LinkId): void {
    const state = this.#peers.get(link);
    if (state === undefined) return;
    state.confirmed = false;
    state.listed = NOBODY;
  }

  isConfirmed(link: LinkId): boolean {
    return this.#peers.get(link)?.confirmed ?? false;
  }

  /** Which friends greedy requests don't go to. */
  setEdges(edges: ReadonlySet<LinkId>): void {
    for (const state of this.#all) state.isEdge = edges.has(state.link);
  }

  setStem(link: LinkId, held: boolean): void {
    const state = this.#peers.get(link);
    if (state !== undefined) state.isStem = held;
  }

  /** Whether anything may be asked of it now. */
  mayAsk(link: LinkId, now: number): boolean {
    const state = this.#peers.get(link);
    return state !== undefined && (state.confirmed || state.isStem) && state.backoffUntil <= now;
  }

  /** Silent twice in a row, and not heard since. */
  isSilent(link: LinkId, now: number): boolean {
    return this.#peers.get(link)?.record.isSilent(now) ?? false;
  }

  /** Nodes that this one knows: its peers, those that they list, and itself. */
  get known(): number {
    const places = new Set<number>([this.#own]);
    for (const { peer, confirmed, listed } of this.#all) {
      if (confirmed) places.add(peer.location);
      for (const place of listed) places.add(place);
    }
    return places.size;
  }

  /** Silent or doubtful. */
  isShunned(link: LinkId, now: number): boolean {
    return this.#peers.get(link)?.record.isShunned(now) ?? false;
  }

  /** What the peer says its peers are, ascending. The array is kept, not copied: equal lists of a simulation share it. */
  setList(link: LinkId, list: readonly Location[]): void {
    const state = this.#peers.get(link);
    if (state !== undefined) state.listed = list;
  }

  locationOf(link: LinkId): Location | undefined {
    return this.#peers.get(link)?.peer.location;
  }

  /** All links, in the order in which they came up. Nothing is copied: it is walked for each candidate and each seek. */
  views(now: number): readonly PeerView[] {
    for (const state of this.#all) state.silence = state.record.silence(now);
    return this.#all;
  }

  /** Of somebody who need not be connected. */
  silenceOf(identity: string, now: number): number {
    return this.#records.find(identity)?.silence(now) ?? 0;
  }

  /**
   * Whom to ask next for `target`: the peer that is closest to it itself or by one that it lists; of equals the one that is closer
   * itself. Doubtful peers and those already visited come last. The choice counts for the share of the chosen.
   */
  next(target: Location, choice: Choice): LinkId | undefined {
    const { now, tried, asker } = choice;
    const live = this.#exclude(choice);
    const most = this.#cap.most(live);
    let best: PeerState | undefined;
    let bestRank = Infinity;
    let bestReach = Infinity;
    let bestAway = Infinity;
    const all = this.#all;
    for (let index = 0; index < all.length; index += 1) {
      const state = all[index] as PeerState;
      const { link } = state;
      if (!state.confirmed || state.isEdge || state.backoffUntil > now) continue;
      if (link === asker || tried.has(link)) continue;
      const place = this.#placeAt(index);
      const away = distance(place, target);
      const rank = rankOf(state, { place, away }, choice);
      if (rank > bestRank) continue;
      const mayList = state.chosenByList < most;
      const reach = mayList ? Math.min(away, nearestListed(state.listed, target, this.#excluded)) : away;
      if (rank === bestRank && (reach > bestReach || (reach === bestReach && away >= bestAway))) continue;
      best = state;
      bestRank = rank;
      bestReach = reach;
      bestAway = away;
    }
    if (best === undefined) return undefined;
    if (bestReach < bestAway) this.#cap.chose(best);
    return best.link;
  }

  /** Collects the places that don't count behind a peer; returns how many peers may be asked at all. */
  #exclude({ now, tried, asker, visited, best }: Choice): number {
    const { locations } = this.#excluded;
    let count = 0;
    let live = 0;
    locations[count++] = this.#own;
    for (const place of visited) locations[count++] = place;
    const all = this.#all;
    for (let index = 0; index < all.length; index += 1) {
      const { link, record, confirmed, isEdge, backoffUntil } = all[index] as PeerState;
      const isAway = isEdge || backoffUntil > now;
      if (confirmed && !isAway) live += 1;
      // Who is silent or lies to this node will not serve it better behind another one.
      if (isAway || link === asker || tried.has(link) || record.isShunned(now))
        locations[count++] = this.#placeAt(index);
    }
    this.#excluded.count = count;
    this.#excluded.away = best;
    return live;
  }

  #placeAt(index: number): Location {
    return this.#places[index] as Location;
  }

  /**
   * The store rule (docs/spec/routing.md, 6): whether fewer than `storeRank` usable peers are closer to `target` than `own`.
   * Of one group at most one counts, so that one operator's Sybils can't push a block away from here.
   */
  isAmongClosest(target: Location, place: { own: Location; now: number }): boolean {
    const { now } = place;
    const ownDistance = distance(place.own, target);
    const closerGroups = new Set<string>();
    const all = this.#all;
    for (let index = 0; index < all.length; index += 1) {
      if (distance(this.#placeAt(index), target) >= ownDistance) continue;
      const { peer, since, backoffUntil, confirmed, isEdge, record } = all[index] as PeerState;
      if (!confirmed || isEdge || backoffUntil > now || now - since < this.#params.usableAfterMs) continue;
      if (!record.isShunned(now)) closerGroups.add(peer.group);
    }
    return closerGroups.size < this.#params.storeRank;
  }

  /** How long to wait for this peer to accept. */
  acceptWithinMs(link: LinkId): number {
    const { acceptFloorMs, acceptRtts, workingPatienceMs } = this.#params;
    const usual = acceptRtts * (this.#peers.get(link)?.rttMs ?? 0);
    // Bounded, because a peer that accepts just in time each time would stretch its own window.
    return Math.min(workingPatienceMs, Math.max(acceptFloorMs, usual));
  }

  accepted(link: LinkId, tookMs: number): void {
    const state = this.#peers.get(link);
    if (state === undefined) return;
    state.rttMs = state.rttMs === undefined ? tookMs : state.rttMs + (tookMs - state.rttMs) / 8;
  }

  /** Whether one more request may be in work there (docs/spec/load.md, 5). `full`: it has refused even its only one, and is not asked for a while. */
  room(
    link: LinkId,
    { priority, now }: { priority: Priority; now: number },
  ): 'free' | 'taken' | 'full' | 'gone' {
    const window = this.#peers.get(link)?.windows[priority];
    if (window === undefined || !this.mayAsk(link, now)) return 'gone';
    return window.isPaused(now) ? 'full' : window.hasRoom(now) ? 'free' : 'taken';
  }

  /** Whether it has ever done what it was asked, on this link. */
  hasAnswered(link: LinkId): boolean {
    return this.#peers.get(link)?.hasAnswered ?? false;
  }

  /** @returns what `left` is to be told when the request has ended. */
  sent(link: LinkId, priority: Priority): number {
    return this.#peers.get(link)?.windows[priority].sent() ?? 0;
  }

  /** A request that was sent is no longer in work there, as far as this node knows. */
  left(link: LinkId, what: { priority: Priority; how: WindowEnd; round: number; now: number }): void {
    const state = this.#peers.get(link);
    if (state === undefined) return;
    const isCut = what.how === 'refused' || what.how === 'silent';
    const [random = 0] = isCut ? this.#random.bytes(1) : [];
    state.windows[what.priority].ended(what.how, { ...what, chance: random / 256 });
  }

  /** The peer has done what it was asked, "not found" included; the next back-off begins small again. */
  answered(link: LinkId, now: number): void {
    const state = this.#peers.get(link);
    if (state === undefined) return;
    state.backoffMs = 0;
    state.hasAnswered = true;
    state.record.wasAsked('answered', now);
  }

  /** The peer has accepted nothing in time, or has stopped working. */
  silent(link: LinkId, now: number): void {
    const state = this.#peers.get(link);
    // What was asked before and runs out while it is left alone is the same silence.
    if (state === undefined || state.backoffUntil > now) return;
    state.record.wasAsked('silent', now);
    // Left alone for twice as long each time, ± a half so that askers don't come back together.
    const { backoffFirstMs, backoffMostMs } = this.#params;
    state.backoffMs = Math.min(backoffMostMs, Math.max(backoffFirstMs, state.backoffMs * 2));
    const [random = 0] = this.#random.bytes(1);
    state.backoffUntil = now + state.backoffMs * (0.5 + random / 256);
  }

  /** When to audit a peer for what a request of `asker` has brought to light; undefined when this occasion is not taken. */
  planAudit(link: LinkId, occasion: { asker: LinkId; now: number }): Planned | undefined {
    const state = this.#peers.get(link);
    if (state === undefined) return undefined;
    const { record } = state;
    return this.#audits.take({ record, auditedFor: (state.auditedFor ??= new Map()) }, occasion);
  }

  /** It has said what can't be true. */
  lied(link: LinkId, now: number): void {
    this.#peers.get(link)?.record.wasAudited('failed', now);
  }

  /** How an audit that was planned has ended. */
  audited(link: LinkId, outcome: 'passed' | 'failed' | 'undecided', now: number): void {
    this.#audits.ended();
    if (outcome !== 'undecided') this.#peers.get(link)?.record.wasAudited(outcome, now);
  }
}

/** 0 for who is asked first. A node visited before costs two messages, a silent one a time-out, a liar the search. */
function rankOf(
  { link, record }: PeerState,
  { place, away }: { place: Location; away: number },
  choice: Choice,
): 0 | 1 | 2 | 3 {
  const { now, visited, best, avoided, offered } = choice;
  if (record.isShunned(now)) return 3;
  if (toWire(away) === best || visited.includes(place) || avoided?.has(link)) return 2;
  return offered?.has(link) ? 0 : 1;
}
