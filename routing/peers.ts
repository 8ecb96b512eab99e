/**
 * The peers that are connected now, and what this node has learned about each by asking: round trip and back-off.
 *
 * It chooses by closeness among those that may be asked. It never chooses by what a peer claims about itself, and it knows
 * nothing of requests. The virtual peer is not in it: nothing is ever routed to the owner.
 *
 * Invariant: a peer in back-off is neither asked nor counted as closer for the store rule: blocks whose closest node is a black
 * hole would otherwise be stored nowhere (measured in the prototype: 69 % found at 30 % black holes instead of 99.5 %).
 */
import { distance, type Location, type Random } from '../keys/index.ts';
import type { NetworkParams } from './network.ts';
import type { LinkId, Peer } from './peer.ts';

interface PeerState {
  readonly link: LinkId;
  readonly peer: Peer;
  readonly since: number;
  /** Smoothed time from a request to its acceptance; undefined until the first. */
  rttMs: number | undefined;
  backoffMs: number;
  backoffUntil: number;
}

export class PeerTable {
  readonly #params: NetworkParams;
  readonly #random: Random;
  readonly #peers = new Map<LinkId, PeerState>();

  constructor(params: NetworkParams, random: Random) {
    this.#params = params;
    this.#random = random;
  }

  get count(): number {
    return this.#peers.size;
  }

  up(link: LinkId, peer: Peer, since: number): void {
    this.#peers.set(link, { link, peer, since, rttMs: undefined, backoffMs: 0, backoffUntil: 0 });
  }

  down(link: LinkId): void {
    this.#peers.delete(link);
  }

  has(link: LinkId): boolean {
    return this.#peers.has(link);
  }

  locationOf(link: LinkId): Location | undefined {
    return this.#peers.get(link)?.peer.location;
  }

  /** The closest peer to `target` that may be asked now and is not in `tried`. */
  closest(target: Location, choice: { now: number; tried: ReadonlySet<LinkId> }): LinkId | undefined {
    let best: LinkId | undefined;
    let bestDistance = Infinity;
    for (const { link, peer, backoffUntil } of this.#peers.values()) {
      if (backoffUntil > choice.now || choice.tried.has(link)) continue;
      const away = distance(peer.location, target);
      if (away < bestDistance) {
        best = link;
        bestDistance = away;
      }
    }
    return best;
  }

  /**
   * The store rule (docs/spec/routing.md, 6): whether fewer than `storeRank` usable peers are closer to `target` than `own`.
   * Of one group at most one counts, so that one operator's Sybils can't push a block away from here.
   */
  isAmongClosest(target: Location, place: { own: Location; now: number }): boolean {
    const ownDistance = distance(place.own, target);
    const closerGroups = new Set<string>();
    for (const { peer, since, backoffUntil } of this.#peers.values()) {
      if (backoffUntil > place.now || place.now - since < this.#params.usableAfterMs) continue;
      if (distance(peer.location, target) < ownDistance) closerGroups.add(peer.group);
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

  /** The peer has done what it was asked; the next back-off begins small again. */
  answered(link: LinkId): void {
    const state = this.#peers.get(link);
    if (state !== undefined) state.backoffMs = 0;
  }

  /** Leaves a peer alone that was overloaded or silent: twice as long each time, ± a half so that askers don't come back together. */
  backOff(link: LinkId, now: number): void {
    const state = this.#peers.get(link);
    // Several requests are often refused in one burst: they are one sign of overload.
    if (state === undefined || state.backoffUntil > now) return;
    const { backoffFirstMs, backoffMostMs } = this.#params;
    state.backoffMs = Math.min(backoffMostMs, Math.max(backoffFirstMs, state.backoffMs * 2));
    const [random = 0] = this.#random.bytes(1);
    state.backoffUntil = now + state.backoffMs * (0.5 + random / 256);
  }
}
