/**
 * What a search may still cost at one node: visits (HTL), visits without progress (stall), and the best distance so far
 * (docs/spec/routing.md, 4). Pure arithmetic; it knows no peers and no messages.
 *
 * Invariant: `htl` never grows, the stall only falls by progress. Where there is a stall limit one reply takes at most half of the HTL
 * that was left beyond the visit itself, and what is believed of the HTL is believed of the stall as well; where there is none, all of
 * the HTL is believed. Distrusting all that ends a search makes every node on the way search on, ten to thirty times as many messages
 * for a key that does not exist (docs/adr/0001-believed-visits.md).
 */
import { type Location, distance } from '../keys/index.ts';
import type { Route, Uid, WireDistance } from './messages.ts';
import type { NetworkParams } from './network.ts';

const WIRE_SCALE = 2 ** 32;

export function wireDistance(a: Location, b: Location): WireDistance {
  return toWire(distance(a, b));
}

/** Exact on every machine: a product with a power of two rounds nowhere. */
export function toWire(away: number): WireDistance {
  return Math.floor(away * WIRE_SCALE) as WireDistance;
}

export class Budget {
  readonly #stallLimit: number;
  #htl: number;
  #stall: number;
  #best: WireDistance;

  private constructor(state: { htl: number; stall: number; best: WireDistance; stallLimit: number }) {
    this.#htl = state.htl;
    this.#stall = state.stall;
    this.#best = state.best;
    this.#stallLimit = state.stallLimit;
  }

  /** What is left after the visit of this node, which lies `own` away. A stem request becomes greedy here, with all there is. */
  static enter(route: Route, own: WireDistance, params: NetworkParams): Budget {
    const stallLimit = params.stallLimit ?? Infinity;
    if (route.phase === 'stem') return new Budget({ htl: params.htl, stall: 0, best: own, stallLimit });
    const progress = own < route.best;
    return new Budget({
      htl: Math.min(route.htl, params.htl) - 1,
      stall: progress ? 0 : route.stall + 1,
      best: progress ? own : route.best,
      stallLimit,
    });
  }

  get spent(): boolean {
    return this.#htl <= 0 || this.#stall >= this.#stallLimit;
  }

  get htl(): number {
    return this.#htl;
  }

  /** Distance of the closest node visited. */
  get best(): WireDistance {
    return this.#best;
  }

  /** Whether the search goes on without progress: it is near the key, among nodes that know each other. */
  get stalls(): boolean {
    return this.#stall > 0;
  }

  /** The route of a request to the next node. */
  route(uid: Uid, visited: readonly Location[]): Route {
    return { phase: 'greedy', uid, htl: this.#htl, stall: this.#stall, best: this.#best, visited };
  }

  /**
   * Takes off what the visit of a peer that lies `away` has cost, with the `visits` that it reports below itself.
   * @returns the visits that were believed: what this node reports upward.
   */
  charge(away: WireDistance, visits: number): number {
    const most = this.#stallLimit === Infinity ? this.#htl - 1 : Math.floor((this.#htl - 1) / 2);
    const below = Math.min(visits, most);
    this.#htl -= 1 + below;
    if (away < this.#best) {
      this.#best = away;
      this.#stall = below;
    } else {
      this.#stall += 1 + below;
    }
    return 1 + below;
  }

  /** A peer that has accepted and never answered: it was a visit, and no sign of a dead end. */
  chargeSilence(): number {
    this.#htl -= 1;
    return 1;
  }
}
