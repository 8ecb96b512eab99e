/**
 * The face of this folder that the router calls: when and to whom what the owner asks for goes, where what others bring by the stem goes on, and who may
 * bring it (docs/spec/stem.md).
 *
 * It moves no request itself: that is relay.ts, and at the diffuser the search. At an edge the way is uplink.ts's.
 *
 * Invariants: the owner's requests have no way but a guard; which way a neighbour's request takes depends on the neighbour, the guards and
 * which of them are up, never on the request or on another one.
 */
import type { RoutingKey } from '../../keys/index.ts';
import type { Desk } from '../desk.ts';
import type { Token } from '../effect.ts';
import type { LoadOptions } from '../door.ts';
import type { Priority, Request, StemStep } from '../messages.ts';
import type { PeerDesk } from '../opennet/desk.ts';
import { type Candidate, LOCAL_LINK, type LinkId, type Peer } from '../peer.ts';
import { Guards } from './guards.ts';
import { stemLimits } from './limits.ts';
import { Check, LoopChecks } from './loop-checks.ts';
import { OwnRequests } from './own.ts';
import { Places } from './places.ts';
import { ownRates } from './rates.ts';
import type { StemState } from './state.ts';
import { Ways } from './ways.ts';

export interface StemOptions {
  /** The wall clock, in milliseconds, when the router's time was 0. */
  readonly epochMs: number;
  /** What an earlier run has left. */
  readonly kept?: StemState;
}

export interface StemHooks {
  /** What the peer has shown of itself. */
  readonly candidateOf: (link: LinkId) => Candidate | undefined;
  readonly call: (reference: Uint8Array) => void;
  readonly sourceOf: (identity: string) => string | undefined;
  /** How far a friend says it is from the strangers. */
  readonly uplinkOf: (link: LinkId) => number;
  /** Whether friends take what the owner asks for, because this node has nobody else (docs/spec/routing.md, 12). */
  readonly isEdge: () => boolean;
  /** The time of an own request has come. */
  readonly go: (request: Request) => void;
  readonly remember: (state: StemState) => void;
}

/** For `status`. */
export interface StemStanding {
  /** The one in use. */
  readonly guard: 'none' | 'provisional' | 'settled';
  readonly isFriend: boolean;
  /** All of them, those that are away included. */
  readonly guards: number;
  /** Nodes that have chosen this one and are connected. */
  readonly stemIns: number;
  readonly friends: number;
  /** Own requests that wait for somebody to take them. */
  readonly waiting: number;
}

interface Inbound {
  readonly peer: Peer;
  confirmed: boolean;
}

export class Stem {
  readonly #desk: Desk & PeerDesk;
  readonly #hooks: StemHooks;
  readonly #links = new Map<LinkId, Inbound>();
  readonly #guards: Guards;
  readonly #places: Places;
  readonly #ways: Ways;
  readonly #checks: LoopChecks;
  readonly #own: OwnRequests;
  /** Where each neighbour's requests went when that was last looked at. */
  readonly #wayAt = new Map<LinkId, LinkId | undefined>();
  #timer: Token | undefined;

  constructor(
    desk: Desk & PeerDesk,
    options: StemOptions & { readonly load?: LoadOptions },
    hooks: StemHooks,
  ) {
    this.#desk = desk;
    this.#hooks = hooks;
    const { kept, epochMs } = options;
    this.#ways = new Ways(kept?.secret ?? desk.random.bytes(32), kept?.loops ?? []);
    this.#places = new Places({
      kept: kept?.places ?? [],
      wallNow: () => desk.now + epochMs,
      isPeer: (link) => this.#links.get(link)?.confirmed ?? false,
      isOld: (identity) => this.#guards.isOld(identity),
      answer: (link, step) => desk.send(link, { type: 'stemLink', step }),
      violation: (link) => desk.verdict(link, 'violation'),
      changed: (link) => this.#placeChanged(link),
    });
    this.#checks = new LoopChecks({
      desk,
      wayOf: (inbound) => this.#wayOf(inbound),
      cut: (inbound) => {
        const peer = this.#links.get(inbound)?.peer;
        if (peer === undefined) return;
        this.#ways.cut(peer.identity);
        this.#rememberLater();
      },
    });
    this.#guards = new Guards({
      desk,
      epochMs,
      kept,
      ask: (link) => desk.send(link, { type: 'stemLink', step: 'ask' }),
      end: (link) => {
        desk.send(link, { type: 'stemLink', step: 'end' });
        this.#hold(link);
      },
      prove: (link, ended) =>
        void Check.send(desk, link, (how) => ended(how === 'silent' ? 'silent' : 'answers')),
      candidateOf: hooks.candidateOf,
      call: hooks.call,
      sourceOf: hooks.sourceOf,
      uplinkOf: hooks.uplinkOf,
      knownNodes: () => desk.peers.known,
      changed: () => this.#guardsChanged(),
    });
    this.#own = new OwnRequests({
      desk,
      ...ownRates({ ...options, params: desk.params }),
      mayGo: (priority) => this.#mayGo(priority),
      go: hooks.go,
    });
    this.#ways.setGuards(this.#guards.order.map(({ identity }) => identity));
    this.#guards.begin();
  }

  get standing(): StemStanding {
    let friends = 0;
    for (const { peer } of this.#links.values()) if (peer.tie === 'friend') friends += 1;
    return {
      guard: this.#guards.kind,
      isFriend: this.#guards.inUse?.isFriend ?? false,
      guards: this.#guards.order.length,
      stemIns: this.#places.links().length,
      friends,
      waiting: this.#own.waiting,
    };
  }

  // --- links ----------------------------------------------------------------------------------------------------------------

  linkUp(link: LinkId, peer: Peer, since: number): void {
    this.#links.set(link, { peer, confirmed: false });
    this.#places.linkUp(link, peer);
    this.#guards.linkUp(link, peer, since);
    this.#hold(link);
  }

  linkDown(link: LinkId): void {
    this.#checks.gone(link);
    this.#checks.lost(link);
    this.#wayAt.delete(link);
    this.#guards.linkDown(link);
    this.#places.linkDown(link);
    this.#links.delete(link);
  }

  confirmed(link: LinkId): void {
    const inbound = this.#links.get(link);
    if (inbound === undefined) return;
    inbound.confirmed = true;
    this.#guards.confirmed(link);
    // A friend may bring what climbs, without a place.
    if (inbound.peer.tie === 'friend') this.#look(link);
  }

  lost(link: LinkId): void {
    const inbound = this.#links.get(link);
    if (inbound !== undefined) inbound.confirmed = false;
    this.#guards.lost(link);
    this.#places.lost(link);
    this.#hold(link);
  }

  /** A friend has said how far it is from the strangers. */
  uplinkHeard(): void {
    this.#guards.noticed();
    this.#own.mayGo();
  }

  heard(link: LinkId, step: StemStep): void {
    if (step === 'grant') this.#guards.granted(link);
    else if (step === 'full') this.#guards.full(link);
    else this.#places.heard(link, step);
    this.#hold(link);
  }

  /** Whether the link is to stay up although it is no peer's. */
  holds(link: LinkId): boolean {
    return this.#guards.holds(link) || this.#places.holds(link);
  }

  // --- requests -------------------------------------------------------------------------------------------------------------

  /** Whether this neighbour may ask by the stem. */
  mayAsk(link: LinkId): boolean {
    return this.#places.has(link) || this.#desk.peers.isFriend(link);
  }

  /** An own request has come: it goes when its time has come and somebody takes it. */
  hold(request: Request): void {
    this.#own.hold(request);
  }

  /** One had to wait for room at the guard. */
  ownWaited(request: Request): void {
    this.#own.waited(request);
  }

  /** One that went has ended. */
  ownEnded(request: Request, how: 'answered' | 'overloaded'): void {
    this.#own.ended(request, how);
  }

  /** Whether somebody takes an own request of this class now. */
  #mayGo(priority: Priority): boolean {
    if (this.#hooks.isEdge()) return true;
    if (this.#guards.own() === undefined) return false;
    return priority === 'realtime' || this.#guards.mayBulk;
  }

  /** Whether this node begins the search of what this neighbour brings. Never of the owner's. */
  diffuses(inbound: LinkId): boolean {
    if (inbound === LOCAL_LINK) return false;
    const to = this.#wayOf(inbound);
    return to === undefined || !this.#checks.isOpen(inbound, to);
  }

  /** Where what this neighbour brings goes once its way has been looked at; undefined if this node begins the search whatever that shows. */
  #wayOf(inbound: LinkId): LinkId | undefined {
    const { coin } = this.#ways.of(this.#nameOf(inbound));
    return coin === 'diffuse' ? undefined : this.ways(inbound)[0];
  }

  /** The one to whom it goes on; nobody when none is up. */
  ways(inbound: LinkId): LinkId[] {
    if (inbound === LOCAL_LINK) {
      const guard = this.#guards.own();
      return guard === undefined ? [] : [guard];
    }
    const { order } = this.#guards;
    for (const identity of this.#ways.of(this.#nameOf(inbound)).order) {
      const link = order.find((guard) => guard.identity === identity)?.link;
      if (link !== undefined) return [link];
    }
    return [];
  }

  /** A fetch has come in by the stem. */
  arrived(inbound: LinkId, key: RoutingKey): void {
    this.#checks.arrived(inbound, key);
  }

  #nameOf(inbound: LinkId): string {
    return this.#links.get(inbound)?.peer.identity ?? '';
  }

  // --- changes --------------------------------------------------------------------------------------------------------------

  #guardsChanged(): void {
    this.#ways.setGuards(this.#guards.order.map(({ identity }) => identity));
    for (const [link, { peer }] of this.#links) {
      if (this.#places.has(link) || peer.tie === 'friend') this.#look(link);
      this.#hold(link);
    }
    // At once: who could make it crash before a draw is written would have it drawn again.
    this.#hooks.remember(this.keep());
    this.#own.mayGo();
  }

  #placeChanged(link: LinkId): void {
    if (this.#places.has(link)) this.#look(link);
    else if (!this.#desk.peers.isFriend(link)) {
      this.#checks.gone(link);
      this.#wayAt.delete(link);
    }
    this.#rememberLater();
  }

  /** A way that leads elsewhere than before is checked anew. */
  #look(link: LinkId): void {
    const to = this.#wayOf(link);
    if (this.#wayAt.has(link) && this.#wayAt.get(link) === to) return;
    this.#wayAt.set(link, to);
    if (to !== undefined) this.#checks.changed(link);
  }

  #hold(link: LinkId): void {
    this.#desk.peers.setStem(link, this.holds(link));
  }

  /** At once would be at each of many changes of one moment. */
  #rememberLater(): void {
    if (this.#timer !== undefined) return;
    this.#timer = this.#desk.setTimer(this.#desk.now + stemLimits.stemKeepAfterMs.value, () => {
      this.#timer = undefined;
      this.#hooks.remember(this.keep());
    });
  }

  keep(): StemState {
    return {
      secret: this.#ways.secret,
      ...this.#guards.keep(),
      places: this.#places.keep(),
      loops: this.#ways.loops,
    };
  }
}
