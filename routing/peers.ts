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
import { routingLimits } from './limits.ts';
import { toWire } from './budget.ts';
import { type Excluded, nearestListed, ShareCap } from './look-ahead.ts';
import { Window, type WindowEnd } from './load/window.ts';
import type { Priority, Uid, WireDistance } from './messages.ts';
import type { NetworkParams } from './network.ts';
import type { LinkId, Peer } from './peer.ts';
import { type PeerRecord, PeerRecords } from './record.ts';

interface PeerState {
  readonly link: LinkId;
  readonly peer: Peer;
  readonly since: number;
  readonly record: PeerRecord;
  confirmed: boolean;
  /** Ascending. */
  list: readonly Location[];
  /** Smoothed time from a request to its acceptance; undefined until the first. */
  rttMs: number | undefined;
  /** Anything but refusals. */
  hasAnswered: boolean;
  readonly windows: Readonly<Record<Priority, Window>>;
  backoffMs: number;
  backoffUntil: number;
  /** When the last audit was planned that each asker gave the occasion for. */
  readonly auditedFor: Map<LinkId, number>;
  /** How many of the last choices by look-ahead fell on it. */
  chosenByList: number;
}

/** What the peer policy and `status` see of a peer. */
export interface PeerView {
  readonly link: LinkId;
  readonly peer: Peer;
  readonly since: number;
  readonly confirmed: boolean;
  /** 0 … 1. */
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

export class PeerTable {
  readonly #params: NetworkParams;
  readonly #random: Random;
  readonly #own: Location;
  readonly #peers = new Map<LinkId, PeerState>();
  /** The same as a list: it is walked at every hop. */
  #all: readonly PeerState[] = [];
  readonly #records = new PeerRecords();
  readonly #cap = new ShareCap<PeerState>();
  /** Audits planned or in work. */
  #audits = 0;
  readonly #excluded: Excluded = { locations: [], count: 0, away: undefined };

  constructor(params: NetworkParams, random: Random, own: Location) {
    this.#params = params;
    this.#random = random;
    this.#own = own;
  }

  /** Confirmed ones. */
  get count(): number {
    return this.#all.reduce((sum, { confirmed }) => sum + (confirmed ? 1 : 0), 0);
  }

  /** A link to a friend is confirmed by coming up. */
  up(link: LinkId, peer: Peer, since: number): void {
    assert(!this.#peers.has(link), 'a link comes up once');
    const record = this.#records.of(peer.identity);
    this.#peers.set(link, {
      link,
      peer,
      since,
      record,
      confirmed: peer.tie === 'friend',
      list: [],
      rttMs: undefined,
      hasAnswered: false,
      windows: { bulk: new Window(), realtime: new Window() },
      backoffMs: 0,
      backoffUntil: 0,
      auditedFor: new Map(),
      chosenByList: 0,
    });
    this.#all = [...this.#peers.values()];
  }

  down(link: LinkId): void {
    this.#peers.delete(link);
    this.#all = [...this.#peers.values()];
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
    state.list = [];
  }

  isConfirmed(link: LinkId): boolean {
    return this.#peers.get(link)?.confirmed ?? false;
  }

  /** What the peer says its peers are, ascending. The array is kept, not copied: equal lists of a simulation share it. */
  setList(link: LinkId, list: readonly Location[]): void {
    const state = this.#peers.get(link);
    if (state !== undefined) state.list = list;
  }

  locationOf(link: LinkId): Location | undefined {
    return this.#peers.get(link)?.peer.location;
  }

  views(now: number): PeerView[] {
    return this.#all.map(({ link, peer, since, confirmed, record, list }) => {
      return { link, peer, since, confirmed, silence: record.silence(now), listed: list };
    });
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
    for (const state of this.#all) {
      const { link, peer } = state;
      if (!state.confirmed || state.backoffUntil > now || link === asker || tried.has(link)) continue;
      const away = distance(peer.location, target);
      const rank = rankOf(state, away, choice);
      if (rank > bestRank) continue;
      const mayList = state.chosenByList < most;
      const reach = mayList ? Math.min(away, nearestListed(state.list, target, this.#excluded)) : away;
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
    for (const { link, peer, record, confirmed, backoffUntil } of this.#all) {
      const isAway = backoffUntil > now;
      if (confirmed && !isAway) live += 1;
      // Who is silent or lies to this node will not serve it better behind another one.
      if (isAway || link === asker || tried.has(link) || record.isShunned(now))
        locations[count++] = peer.location;
    }
    this.#excluded.count = count;
    this.#excluded.away = best;
    return live;
  }

  /**
   * The store rule (docs/spec/routing.md, 6): whether fewer than `storeRank` usable peers are closer to `target` than `own`.
   * Of one group at most one counts, so that one operator's Sybils can't push a block away from here.
   */
  isAmongClosest(target: Location, place: { own: Location; now: number }): boolean {
    const { now } = place;
    const ownDistance = distance(place.own, target);
    const closerGroups = new Set<string>();
    for (const { peer, since, backoffUntil, confirmed, record } of this.#all) {
      if (!confirmed || backoffUntil > now || now - since < this.#params.usableAfterMs) continue;
      if (distance(peer.location, target) < ownDistance && !record.isShunned(now))
        closerGroups.add(peer.group);
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

  /** Whether one more request may be in work there (docs/spec/load.md, 5). */
  hasRoom(link: LinkId, what: { priority: Priority; now: number }): boolean {
    return this.#peers.get(link)?.windows[what.priority].hasRoom(what.now) ?? false;
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

  /**
   * Whether to audit a peer now, for what a request of `asker` has brought to light, and when: often while little is known of it,
   * seldom later. What one asker brings counts once in a while only: it could choose keys by which honest peers fail.
   */
  planAudit(
    link: LinkId,
    { asker, now }: { asker: LinkId; now: number },
  ): { readonly afterMs: number; readonly uid: Uid } | undefined {
    const { auditsAtOnce, auditsAtFirst, auditEvery, auditAskerMs, auditSoonestMs, auditLatestMs } =
      routingLimits;
    const state = this.#peers.get(link);
    if (state === undefined || this.#audits >= auditsAtOnce.value) return undefined;
    for (const [earlier, at] of state.auditedFor)
      if (now - at >= auditAskerMs.value) state.auditedFor.delete(earlier);
    if (state.auditedFor.has(asker)) return undefined;
    const [whether = 0, when = 0, ...name] = this.#random.bytes(10);
    if (state.record.audits >= auditsAtFirst.value && whether >= 256 / auditEvery.value) return undefined;
    state.record.audits += 1;
    state.auditedFor.set(asker, now);
    this.#audits += 1;
    // As many in each doubling of the time: who keeps for a minute what he claims to keep does not pass.
    const afterMs = auditSoonestMs.value * (auditLatestMs.value / auditSoonestMs.value) ** (when / 256);
    return { afterMs, uid: Buffer.from(name).toString('hex') as Uid };
  }

  /** How an audit that was planned has ended. */
  audited(link: LinkId, outcome: 'passed' | 'failed' | 'undecided', now: number): void {
    this.#audits -= 1;
    if (outcome !== 'undecided') this.#peers.get(link)?.record.wasAudited(outcome, now);
  }
}

/** 0 for who is asked first. A node visited before costs two messages, a silent one a time-out, a liar the search. */
function rankOf({ link, peer, record }: PeerState, away: number, choice: Choice): 0 | 1 | 2 | 3 {
  const { now, visited, best, avoided, offered } = choice;
  if (record.isShunned(now)) return 3;
  if (toWire(away) === best || visited.includes(peer.location) || avoided?.has(link)) return 2;
  return offered?.has(link) ? 0 : 1;
}
