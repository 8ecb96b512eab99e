/**
 * One request at one node, as far as fetch and insert are alike: depth first to the closest peer not yet tried, one hop at a
 * time, and on to the next one after every kind of failure (docs/spec/routing.md, 3 and 4).
 *
 *            ┌──────────── advance ◄──────────────────────────────────────────┐
 *            ▼                                                                │ silence, overload, dead end,
 *      next peer? ──no──► exhausted                                           │ not found, link lost, bad data
 *            │yes                                                             │
 *            ▼                                                                │
 *         asked ──accepted──► working ◄──working── (patience begins anew) ────┘
 *
 * It does not know what is looked for or kept: that is fetch.ts and insert.ts. It blames a hop for its own silence only: as long
 * as a hop says "working", what lies below it is that hop's affair.
 *
 * Invariant: whoever asked gets `accepted` and later exactly one answer, unless their link is gone.
 */
import {
  assert,
  assertNever,
  type Block,
  location,
  type Location,
  type RoutingKey,
  type Salt,
} from '../keys/index.ts';
import { Budget, wireDistance } from './budget.ts';
import type { Desk, HopOwner } from './desk.ts';
import type { Token, Trace } from './effect.ts';
import type { WriteOutcome } from './event.ts';
import type { Answer, Message, Priority, Reply, Request, RequestId, Uid } from './messages.ts';
import { LOCAL_LINK, type LinkId } from './peer.ts';

interface Hop {
  readonly link: LinkId;
  readonly id: RequestId;
  readonly location: Location;
  readonly askedAt: number;
  accepted: boolean;
  /** Runs out when the hop is silent. */
  watch: Token;
}

export abstract class Search implements HopOwner {
  abstract readonly kind: 'fetch' | 'insert';
  protected readonly desk: Desk;
  readonly key: RoutingKey;
  readonly salt: Salt;
  readonly uid: Uid;
  /** The phase in which it came. This node diffuses whatever comes by the stem. */
  readonly phase: 'stem' | 'greedy';
  readonly from: LinkId;
  readonly #id: RequestId;
  readonly #target: Location;
  readonly #priority: Priority;
  readonly #budget: Budget;
  readonly #deadlineAt: number;
  /** Peers that are not asked (again). Links, not identities: a peer that comes back is worth another try. */
  readonly #tried: Set<LinkId>;
  #visits = 0;
  #hop: Hop | undefined;
  #tick: Token;
  /** Some node has accepted it. */
  #reached = false;
  #ended = false;

  constructor(desk: Desk, asked: { request: Request; from: LinkId; uid: Uid }) {
    const { request, from, uid } = asked;
    this.desk = desk;
    this.key = request.key;
    this.salt = request.salt;
    this.uid = uid;
    this.phase = request.route.phase;
    this.from = from;
    this.#id = request.id;
    this.#target = location(request.key, request.salt);
    this.#priority = request.priority;
    this.#budget = Budget.enter(request.route, wireDistance(desk.location, this.#target), desk.params);
    this.#deadlineAt = desk.now + Math.min(request.deadlineMs, desk.params.deadlineMs);
    this.#tried = new Set([from]);
    this.#tick = this.#setTick();
    this.#say({ type: 'accepted', id: this.#id });
  }

  /** Begins the work. Apart from the constructor so that a subclass is complete when the first answer comes. */
  abstract start(): void;
  /** No peer is left to ask: `spent`, because HTL, stall or time ended the search; `deadEnd`, because all were tried. */
  protected abstract exhausted(why: 'spent' | 'deadEnd'): void;
  /** The hop waits for the data, if there are any to send. */
  protected abstract hopAccepted(link: LinkId, id: RequestId): void;
  /** A final answer of the hop that only this kind of search gets; false when it is none that it may get. */
  protected abstract hopAnswered(link: LinkId, reply: Reply): boolean;
  /** Releases what the kind holds beyond the hop. */
  protected abstract released(): void;

  get ended(): boolean {
    return this.#ended;
  }

  get htl(): number {
    return this.#budget.htl;
  }

  protected get reached(): boolean {
    return this.#reached;
  }

  get isLocal(): boolean {
    return this.from === LOCAL_LINK;
  }

  /** Nothing that the owner asked for enters store or cache: it could be found there by asking. */
  protected get mayKeep(): boolean {
    return !this.isLocal;
  }

  /** Which part of the store a block under this key belongs to at this node. */
  protected get part(): 'store' | 'cache' {
    const place = { own: this.desk.location, now: this.desk.now };
    return this.desk.peers.isAmongClosest(this.#target, place) ? 'store' : 'cache';
  }

  protected read(asker: LinkId | undefined, found: (block: Block | undefined) => void): void {
    this.desk.read({ key: this.key, asker }, found);
  }

  protected write(
    what: { block: Block; into: 'store' | 'cache' },
    written: (outcome: WriteOutcome) => void,
  ): void {
    this.desk.write({ key: this.key, asker: this.from, ...what }, written);
  }

  hasTried(link: LinkId): boolean {
    return this.#tried.has(link);
  }

  /** Whether the search is on at a node closer to the key than this one. */
  get isBelowCloser(): boolean {
    if (this.#hop === undefined) return false;
    const own = wireDistance(this.desk.location, this.#target);
    return wireDistance(this.#hop.location, this.#target) < own;
  }

  /** Asks the next peer, or ends. */
  protected advance(): void {
    assert(!this.#ended && this.#hop === undefined, 'one hop at a time');
    const { desk } = this;
    const deadlineMs = Math.floor(this.#deadlineAt - desk.now - desk.params.hopMarginMs);
    if (this.#budget.spent || deadlineMs < desk.params.hopMarginMs) {
      this.exhausted('spent');
      return;
    }
    const link = desk.peers.closest(this.#target, { now: desk.now, tried: this.#tried });
    const place = link === undefined ? undefined : desk.peers.locationOf(link);
    if (link === undefined || place === undefined) {
      this.exhausted('deadEnd');
      return;
    }
    this.#tried.add(link);
    const id = desk.openHop(link, this);
    const watch = desk.setTimer(desk.now + desk.peers.acceptWithinMs(link), () => this.#hopSilent());
    this.#hop = { link, id, location: place, askedAt: desk.now, accepted: false, watch };
    desk.send(link, {
      type: this.kind === 'fetch' ? 'dataRequest' : 'insertRequest',
      id,
      key: this.key,
      salt: this.salt,
      priority: this.#priority,
      deadlineMs,
      route: this.#budget.route(this.uid),
    });
  }

  /** What the hop says. The router has checked that it is the hop's link and id. */
  hopSays(reply: Reply): void {
    const hop = this.#hop;
    assert(hop !== undefined, 'a reply reaches the search whose hop it answers');
    switch (reply.type) {
      case 'accepted':
        if (hop.accepted) return;
        hop.accepted = true;
        this.#reached = true;
        this.desk.peers.accepted(hop.link, this.desk.now - hop.askedAt);
        this.#watchWork(hop);
        this.hopAccepted(hop.link, hop.id);
        return;
      case 'working':
        if (hop.accepted) this.#watchWork(hop);
        return;
      case 'rejectedOverload':
        this.desk.peers.backOff(hop.link, this.desk.now);
        this.#closeHop();
        this.advance();
        return;
      case 'routeNotFound':
        this.desk.peers.answered(hop.link);
        this.#closeHop();
        // With nothing below it was a loop or a dead end: free, and both look the same.
        if (reply.visits > 0) this.#charge(hop, reply.visits);
        this.advance();
        return;
      case 'dataNotFound':
      case 'dataFound':
      case 'insertStored':
      case 'insertCollision':
        this.desk.peers.answered(hop.link);
        this.#closeHop();
        this.#charge(hop, reply.visits);
        if (this.hopAnswered(hop.link, reply)) return;
        this.desk.verdict(hop.link, 'violation');
        this.advance();
        return;
      default:
        assertNever(reply);
    }
  }

  /** The link to the hop is gone. */
  hopLost(): void {
    if (this.#hop === undefined) return;
    this.#visits += this.#budget.chargeSilence();
    this.#closeHop();
    this.advance();
  }

  /** Sends the one final answer and ends. */
  protected answer(answer: Answer): void {
    assert(!this.#ended, 'one answer');
    this.#ended = true;
    this.#closeHop();
    this.desk.cancelTimer(this.#tick);
    this.released();
    this.desk.ended({ from: this.from, id: this.#id, uid: this.uid });
    this.#say({ ...answer, id: this.#id, visits: this.#visits });
  }

  protected trace(what: Pick<Trace, 'outcome' | 'source'>): void {
    const { uid, key, kind, isLocal: local } = this;
    this.desk.trace({ uid, key, kind, local, ...what });
  }

  #say(message: Message): void {
    this.desk.send(this.from, message);
  }

  #charge(hop: Hop, visits: number): void {
    this.#visits += this.#budget.charge(wireDistance(hop.location, this.#target), visits);
  }

  #watchWork(hop: Hop): void {
    this.desk.cancelTimer(hop.watch);
    hop.watch = this.desk.setTimer(this.desk.now + this.desk.params.workingPatienceMs, () =>
      this.#hopSilent(),
    );
  }

  #hopSilent(): void {
    assert(this.#hop !== undefined, 'a watch ends with its hop');
    const { link } = this.#hop;
    this.desk.verdict(link, 'silent');
    this.desk.peers.backOff(link, this.desk.now);
    this.hopLost();
  }

  #closeHop(): void {
    if (this.#hop === undefined) return;
    this.desk.cancelTimer(this.#hop.watch);
    this.desk.closeHop(this.#hop.link, this.#hop.id);
    this.#hop = undefined;
  }

  /** Says that the work goes on, until the deadline. */
  #setTick(): Token {
    const at = Math.min(this.desk.now + this.desk.params.workingEveryMs, this.#deadlineAt);
    return this.desk.setTimer(at, () => {
      if (this.desk.now >= this.#deadlineAt) {
        this.#closeHop();
        this.exhausted('spent');
        // An insert may still wait for its disk; it answers by itself.
        return;
      }
      this.#say({ type: 'working', id: this.#id });
      this.#tick = this.#setTick();
    });
  }
}
