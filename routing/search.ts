/**
 * One request at one node, as far as fetch and insert are alike: depth first to the next best peer not yet tried, one hop at a
 * time, and on to the next one after every kind of failure (docs/spec/routing.md, 3 and 4).
 *
 *            ┌──────────── advance ◄──────────────────────────────────────────┐
 *            ▼                                                                │ silence, overload, dead end,
 *      next peer? ──no──► exhausted                                           │ not found, link lost, bad data
 *            │yes; waits until it has room (load/room-finder.ts)              │
 *            ▼                                                                │
 *         asked ──accepted──► working ◄──working── (patience begins anew) ────┘
 *
 * It does not know what is looked for or kept: that is fetch.ts and insert.ts. It blames a hop for its own silence only: as long
 * as a hop says "working", what lies below it is that hop's affair.
 *
 * Invariant: whoever asked gets `accepted` and later exactly one answer, unless their link is gone.
 */
import { assert, assertNever, type Block, type Location, type RoutingKey, type Salt } from '../keys/index.ts';
import { Budget, wireDistance } from './budget.ts';
import type { Desk, HopOwner } from './desk.ts';
import type { Token, Trace } from './effect.ts';
import type { WriteOutcome } from './event.ts';
import { Hop } from './hop.ts';
import { RoomFinder } from './load/room-finder.ts';
import type { WindowEnd } from './load/window.ts';
import type { Answer, Message, Overloaded, Priority, Reply, Request, RequestId, Uid } from './messages.ts';
import { LOCAL_LINK, type LinkId } from './peer.ts';
import type { Choice } from './peers.ts';
import { Tally } from './tally.ts';
import { Visited } from './visited.ts';

export type Exhausted = 'spent' | 'deadEnd' | 'overload';

export interface SearchOptions {
  readonly request: Request;
  readonly from: LinkId;
  readonly uid: Uid;
  /** Whoever had the request before has said so. */
  readonly isAccepted?: true;
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
  readonly #request: Request;
  protected readonly tally: Tally;
  readonly #target: Location;
  readonly #budget: Budget;
  readonly #deadlineAt: number;
  /** Peers that are not asked (again). Links, not identities: a peer that comes back is worth another try. */
  readonly #tried: Set<LinkId>;
  readonly #visited: Visited;
  /** From the diffuser, as far as HTL tells. */
  readonly #steps: number;
  #visits = 0;
  /** While it waits for room there is no hop. */
  readonly #room: RoomFinder;
  #hop: Hop | undefined;
  #tick: Token;
  /** Some node has accepted it. */
  #reached = false;
  #ended = false;

  constructor(desk: Desk, asked: SearchOptions) {
    const { request, from, uid } = asked;
    this.desk = desk;
    this.key = request.key;
    this.salt = request.salt;
    this.uid = uid;
    this.phase = request.route.phase;
    this.from = from;
    this.#request = request;
    this.tally = new Tally(from === LOCAL_LINK ? 'owner' : 'peer');
    this.#target = desk.locate(request.key, request.salt);
    this.#budget = Budget.enter(request.route, wireDistance(desk.location, this.#target), desk.params);
    this.#steps = request.route.phase === 'stem' ? 0 : Math.max(0, desk.params.htl + 1 - request.route.htl);
    this.#deadlineAt = desk.now + Math.min(request.deadlineMs, desk.params.deadlineMs);
    // Who brought a stem is a peer like any other one: who is passed over would be known to have brought it.
    this.#tried = new Set(this.phase === 'stem' ? [] : [from]);
    this.#visited = new Visited({
      came: request.route.phase === 'greedy' ? request.route.visited : [],
      cameFrom: desk.peers.isFriend(from) ? 'friend' : 'other',
      mayName: this.phase === 'greedy' && this.#budget.htl <= desk.params.htl - desk.params.hintsAfter,
    });
    this.#room = new RoomFinder({
      desk,
      priority: request.priority,
      believes: 'who has answered',
      best: () => this.#best(),
      called: (link) => (link === undefined || this.#isSpent ? this.advance() : this.#ask(link)),
    });
    this.#tick = this.#setTick();
    if (asked.isAccepted === undefined) this.#say({ type: 'accepted', id: this.#request.id });
  }

  /** Begins the work. Apart from the constructor so that a subclass is complete when the first answer comes. */
  abstract start(): void;
  /**
   * No peer is left to ask: `spent`, because HTL, stall or time ended the search; `deadEnd`, because all were tried; `overload`, because
   * there was no room, here at the next hops or below one of them.
   */
  protected abstract exhausted(why: Exhausted): void;
  /** The hop waits for the data, if there are any to send. */
  protected abstract hopAccepted(link: LinkId, id: RequestId): void;
  /** The hop has searched and has not found. */
  protected abstract hopFailed(link: LinkId): void;
  /** What failed or was offered for this place lately. */
  protected abstract remembered(): Pick<Choice, 'avoided' | 'offered'>;
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

  protected get priority(): Priority {
    return this.#request.priority;
  }

  get isLocal(): boolean {
    return this.from === LOCAL_LINK;
  }

  /** Whether others may learn by their own requests that it was here: neither of what the owner asks for, nor of a stem. */
  protected get leavesTrace(): boolean {
    return this.phase === 'greedy' && !this.isLocal;
  }

  /** Nothing that the owner asked for enters store or cache: it could be found there by asking. */
  protected get mayKeep(): boolean {
    return !this.isLocal;
  }

  /** Where a block that a search has brought is kept: not near the diffuser, where it could be asked for (docs/spec/stem.md, 7). */
  protected get keeps(): 'store' | 'cache' | 'nowhere' {
    return this.mayKeep && this.#steps >= this.desk.quietHops ? this.part : 'nowhere';
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
    const link = this.#isSpent ? 'spent' : this.#room.next();
    if (link === 'spent') this.exhausted('spent');
    else if (link === undefined) this.exhausted(this.#room.isOverloaded ? 'overload' : 'deadEnd');
    else if (link !== 'waits') this.#ask(link);
  }

  /** What a hop may take. */
  get #leftMs(): number {
    return Math.floor(this.#deadlineAt - this.desk.now - this.desk.params.hopMarginMs);
  }

  get #isSpent(): boolean {
    return this.#budget.spent || this.#leftMs < this.desk.params.hopMarginMs;
  }

  #ask(link: LinkId): void {
    const { desk } = this;
    const place = desk.peers.locationOf(link);
    assert(place !== undefined, 'who is asked is a peer');
    const { priority } = this.#request;
    const silent = (): void => this.#hopGone('silent');
    this.#hop = new Hop(desk, { link, location: place, priority, owner: this, silent });
    desk.send(link, {
      type: this.kind === 'fetch' ? 'dataRequest' : 'insertRequest',
      id: this.#hop.id,
      key: this.key,
      salt: this.salt,
      priority,
      deadlineMs: this.#leftMs,
      route: this.#budget.route(this.uid, this.#hints(link)),
    });
  }

  #best(): LinkId | undefined {
    const link = this.desk.peers.next(this.#target, {
      now: this.desk.now,
      tried: this.#tried,
      asker: this.phase === 'stem' ? undefined : this.from,
      visited: this.#visited.came,
      best: this.#budget.best,
      ...this.remembered(),
    });
    if (link !== undefined) this.#tried.add(link);
    return link;
  }

  /** Whether a search that goes on from here must come to the nodes closest to the key: it has made progress so far, and has HTL for it. */
  protected get mustArrive(): boolean {
    return !this.#budget.stalls && this.#budget.htl * 2 > this.desk.params.htl;
  }

  /** Whether an answer can't be true, whoever was asked below. */
  protected abstract isFalse(reply: Reply): boolean;

  /** Peers were passed over for want of room: what was not found may be there. */
  protected get isCurtailed(): boolean {
    return this.#room.isCurtailed;
  }

  /** What the hop says. The router has checked that it is the hop's link and id. */
  hopSays(reply: Reply): void {
    const hop = this.#hop;
    assert(hop !== undefined, 'a reply reaches the search whose hop it answers');
    switch (reply.type) {
      case 'accepted':
        if (hop.accepted) return;
        hop.accepts();
        this.#reached = true;
        this.hopAccepted(hop.link, hop.id);
        return;
      case 'working':
        if (hop.accepted) hop.works();
        return;
      case 'rejectedOverload':
        this.#room.refused(hop.link);
        if (hop.accepted) {
          // It looked for room below itself. Were that the end, whoever accepts and refuses would end the searches of others, and without a trace.
          this.#hopGone('dropped');
          return;
        }
        this.#closeHop('refused');
        this.advance();
        return;
      case 'routeNotFound':
        this.desk.peers.answered(hop.link, this.desk.now);
        this.#closeHop('answered');
        // With nothing below it was a loop or a dead end: free, and both look the same.
        if (reply.visits > 0) {
          this.#charge(hop, reply);
          this.hopFailed(hop.link);
        }
        this.advance();
        return;
      case 'dataNotFound':
      case 'dataFound':
      case 'insertStored':
      case 'insertCollision':
        this.desk.peers.answered(hop.link, this.desk.now);
        this.#closeHop('answered');
        this.#charge(hop, reply);
        if ('block' in reply) this.tally.fromHop();
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
    if (this.#hop !== undefined) this.#hopGone('dropped');
  }

  /** Sends the one final answer and ends. */
  protected answer(answer: Answer | Overloaded): void {
    assert(!this.#ended, 'one answer');
    this.#ended = true;
    this.#room.stop();
    this.#closeHop('dropped');
    this.desk.cancelTimer(this.#tick);
    this.released();
    this.desk.ended({
      from: this.from,
      request: this.#request,
      uid: this.uid,
      spent: this.tally.spent(answer),
      how: answer.type === 'rejectedOverload' ? 'overloaded' : 'answered',
    });
    // Where the block is may be worth a link; nobody on a stem is to be linked to it.
    if (this.phase === 'greedy' && (answer.type === 'dataFound' || answer.type === 'insertStored'))
      this.desk.fold({ to: this.from, id: this.#request.id, search: this });
    const { id } = this.#request;
    this.#say(
      answer.type === 'rejectedOverload' ? { ...answer, id } : { ...answer, id, visits: this.#visits },
    );
  }

  protected trace(what: Pick<Trace, 'outcome' | 'source'>): void {
    const { uid, key, kind, isLocal: local } = this;
    this.desk.trace({ uid, key, kind, local, ...what });
  }

  #say(message: Message): void {
    this.desk.send(this.from, message, 'block' in message ? this.priority : undefined);
  }

  #hints(to: LinkId): readonly Location[] {
    const { location: own, peers } = this.desk;
    return this.#visited.hints({ own, isFriend: peers.isFriend(to), stalls: this.#budget.stalls });
  }

  /** Takes off what a hop has cost by its own account; of one that lies, what a silent one costs. */
  #charge(hop: Hop, reply: Reply & { readonly visits: number }): void {
    if (this.isFalse(reply)) {
      this.desk.peers.lied(hop.link, this.desk.now);
      this.#visits += this.#budget.chargeSilence();
      return;
    }
    this.#visited.answered(hop.location, { isFriend: this.desk.peers.isFriend(hop.link) });
    this.#visits += this.#budget.charge(wireDistance(hop.location, this.#target), reply.visits);
  }

  #hopGone(how: 'silent' | 'dropped'): void {
    // Who has not accepted was no visit. Where half of the nodes have just gone, HTL would be spent on them.
    if (this.#hop?.accepted === true) this.#visits += this.#budget.chargeSilence();
    this.#closeHop(how);
    this.advance();
  }

  #closeHop(how: WindowEnd): void {
    this.#hop?.close(how);
    this.#hop = undefined;
  }

  /** Says that the work goes on, until the deadline. */
  #setTick(): Token {
    const at = Math.min(this.desk.now + this.desk.params.workingEveryMs, this.#deadlineAt);
    return this.desk.setTimer(at, () => {
      if (this.desk.now >= this.#deadlineAt) {
        this.#room.stop();
        this.#closeHop('dropped');
        this.exhausted('spent');
        // An insert may still wait for its disk; it answers by itself.
        return;
      }
      this.#say({ type: 'working', id: this.#request.id });
      this.#tick = this.#setTick();
    });
  }
}
