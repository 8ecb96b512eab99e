/**
 * A request of the stem at a node that does not diffuse it: it goes on as it came (docs/spec/stem.md, 4). The owner's own requests take
 * the same path.
 *
 * It looks at no disk, keeps nothing, has no HTL, names nobody, is compared with no other request, and its hops have no id in common. A
 * block travels whole: an insert goes on when its block is here.
 *
 * To whom is said by others: stem.ts names one guard, and uplink.ts the friends of an edge, who are asked one after the other until one
 * has an answer (docs/spec/routing.md, 12).
 *
 * Invariants: whoever asked gets `accepted` and later exactly one answer, unless their link is gone or somebody else took the request
 * over; the owner's is taken over by nobody. At an edge nobody is asked any more when `stemVisits` nodes were, as far as the hops have
 * said, and of one request no more than its deadline has `stemHopMs`.
 */
import { assert, assertNever, type Block, equalBytes } from '../../keys/index.ts';
import type { Desk, HopOwner } from '../desk.ts';
import type { Token, Trace } from '../effect.ts';
import { Hop } from '../hop.ts';
import { routingLimits } from '../limits.ts';
import { RoomFinder } from '../load/room-finder.ts';
import type { WindowEnd } from '../load/window.ts';
import type { Answer, Message, Overloaded, Reply, Request, Uid } from '../messages.ts';
import { LOCAL_LINK, type LinkId } from '../peer.ts';
import { Tally } from '../tally.ts';

export interface StemOptions {
  readonly request: Request;
  readonly from: LinkId;
  /** For the trace alone: it does not travel. */
  readonly uid: Uid;
  /** Whom to ask, in order, as the links stand now. */
  readonly ways: () => readonly LinkId[];
  /**
   * What becomes of it when who was asked fails: at an edge the next friend is asked; a relay diffuses it itself; the owner's is given back,
   * to be tried again later.
   */
  readonly failing: 'askNext' | GiveBack | Diffuse;
}

/** The owner's: it is told when a guard has had no room at once. */
interface GiveBack {
  readonly waited: () => void;
}

/** Takes the request over: with its block if it is an insert, and with what is left of its time. */
type Diffuse = (block: Block | undefined, leftMs: number) => void;

type Outcome = Pick<Trace, 'outcome' | 'source'>;

export class StemRelay implements HopOwner {
  readonly #desk: Desk;
  readonly #options: StemOptions;
  readonly #tally: Tally;
  readonly #deadlineAt: number;
  readonly #tried = new Set<LinkId>();
  /** While it waits for room there is no hop. */
  readonly #room: RoomFinder;
  #block: Block | undefined;
  /** Until the block of an insert must be here. */
  #patience: Token | undefined;
  #hop: Hop | undefined;
  /** Nodes that were asked, as far as this one knows and believes. */
  #visits = 0;
  #tick: Token;
  #ended = false;

  constructor(desk: Desk, options: StemOptions) {
    this.#desk = desk;
    this.#options = options;
    const { request } = options;
    // The owner's as well: what is let in at one pace and what at another could be told apart.
    this.#tally = new Tally('peer');
    const { deadlineMs } = desk.params;
    this.#deadlineAt = desk.now + (this.#isEdge ? Math.min(request.deadlineMs, deadlineMs) : deadlineMs);
    this.#room = new RoomFinder({
      desk,
      priority: request.priority,
      // Who was chosen, or is a friend.
      believes: 'everybody',
      best: () => this.#best(),
      called: (link) => (link === undefined || this.#isSpent ? this.#advance() : this.#ask(link)),
    });
    this.#tick = this.#setTick();
    this.#say({ type: 'accepted', id: request.id });
  }

  start(): void {
    if (this.#options.request.type === 'dataRequest') {
      this.#advance();
      return;
    }
    const { now, params } = this.#desk;
    this.#patience = this.#desk.setTimer(now + params.blockPatienceMs, () => {
      this.#desk.verdict(this.#options.from, 'silent');
      this.#refuse();
    });
  }

  /** The data from the asker. */
  blockArrived(block: Block): void {
    const { request, from } = this.#options;
    if (request.type !== 'insertRequest' || this.#block !== undefined || this.#ended) return;
    this.#tally.fromAsker();
    if (this.#desk.verify(request.key, block) === undefined) {
      this.#desk.verdict(from, 'badData');
      this.#refuse();
      return;
    }
    this.#block = block;
    if (this.#patience !== undefined) this.#desk.cancelTimer(this.#patience);
    this.#advance();
  }

  hopSays(reply: Reply): void {
    const hop = this.#hop;
    assert(hop !== undefined, 'a reply reaches the request whose hop it answers');
    switch (reply.type) {
      case 'accepted':
        if (hop.accepted) return;
        hop.accepts();
        if (this.#block === undefined) return;
        this.#tally.toHop();
        this.#desk.send(
          hop.link,
          { type: 'insertBlock', id: hop.id, block: this.#block },
          this.#options.request.priority,
        );
        return;
      case 'working':
        if (hop.accepted) hop.works();
        return;
      case 'rejectedOverload':
        this.#room.refused(hop.link);
        if (this.#isEdge) this.#next(hop.accepted ? 'dropped' : 'refused', 1);
        else {
          this.#closeHop(hop.accepted ? 'dropped' : 'refused');
          this.#overloaded();
        }
        return;
      case 'routeNotFound':
        this.#desk.peers.answered(hop.link, this.#desk.now);
        if (typeof this.#options.failing === 'object') {
          this.#closeHop('answered');
          this.#end({ type: 'routeNotFound' }, { outcome: 'noRoute', source: undefined });
          return;
        }
        // At an edge it is believed in full: a liar could as well say that it has found nothing, and what is not believed is asked again at each node.
        this.#next('answered', 1 + reply.visits);
        return;
      case 'dataFound':
      case 'dataNotFound':
      case 'insertStored':
      case 'insertCollision':
        this.#desk.peers.answered(hop.link, this.#desk.now);
        if ('block' in reply) this.#tally.fromHop();
        this.#answered(hop.link, reply);
        return;
      default:
        assertNever(reply);
    }
  }

  /** The link to the hop is gone. */
  hopLost(): void {
    if (this.#hop === undefined) return;
    this.#visits += 1;
    this.#closeHop('dropped');
    this.#advance();
  }

  get #isEdge(): boolean {
    return this.#options.failing === 'askNext';
  }

  #answered(link: LinkId, reply: Extract<Reply, { visits: number }>): void {
    switch (reply.type) {
      case 'dataFound':
        if (this.#isOf('dataRequest', { link, block: reply.block })) {
          this.#desk.served(link);
          this.#end({ type: 'dataFound', block: reply.block }, { outcome: 'found', source: 'peer' });
        }
        return;
      case 'insertCollision':
        if (this.#isOf('insertRequest', { link, block: reply.block }))
          this.#end(
            { type: 'insertCollision', block: reply.block },
            { outcome: 'collision', source: 'peer' },
          );
        return;
      case 'insertStored':
        if (this.#isOf('insertRequest', { link, block: undefined }))
          this.#end({ type: 'insertStored' }, { outcome: 'stored', source: undefined });
        return;
      case 'dataNotFound':
      case 'routeNotFound':
        // An open node has searched: another one would search the same network.
        this.#end({ type: 'dataNotFound' }, { outcome: this.#inVain, source: undefined });
        return;
      default:
        assertNever(reply);
    }
  }

  /** Whether the answer is of this kind of request, with a block that belongs to it; if not the peer is judged and the next one asked. */
  #isOf(type: Request['type'], { link, block }: { link: LinkId; block: Block | undefined }): boolean {
    const { request } = this.#options;
    if (request.type !== type) {
      this.#desk.verdict(link, 'violation');
      this.#next('answered', 1);
      return false;
    }
    if (block === undefined) return true;
    const same = this.#block !== undefined && equalBytes(block, this.#block);
    if (same || this.#desk.verify(request.key, block) === undefined) {
      this.#desk.verdict(link, 'badData');
      this.#next('answered', 1);
      return false;
    }
    return true;
  }

  #advance(): void {
    const link = this.#isSpent ? undefined : this.#room.next();
    if (link === undefined) this.#giveUp();
    else if (link !== 'waits') this.#ask(link);
    else if (typeof this.#options.failing === 'object') this.#options.failing.waited();
  }

  /** What a hop may take. Time is what a stem has instead of HTL: every node that was asked takes its part, so all of them together are bounded. */
  get #leftMs(): number {
    const takenMs = (this.#visits + 1) * routingLimits.stemHopMs.value;
    return Math.floor(this.#deadlineAt - this.#desk.now - takenMs);
  }

  get #isSpent(): boolean {
    if (!this.#isEdge) return false;
    const { stemVisits, stemHopMs } = routingLimits;
    return this.#visits >= stemVisits.value || this.#leftMs < stemHopMs.value;
  }

  #ask(link: LinkId): void {
    const location = this.#desk.peers.locationOf(link);
    assert(location !== undefined, 'who is asked is a peer');
    const { priority, type, key, salt } = this.#options.request;
    // The time that is left would tell how far it has come. Only an edge has nothing else to end what goes round.
    const deadlineMs = this.#isEdge ? this.#leftMs : this.#desk.params.deadlineMs;
    const silent = (): void => this.#next('silent', 1);
    this.#hop = new Hop(this.#desk, { link, location, priority, owner: this, silent });
    const route = { phase: 'stem' } as const;
    this.#desk.send(link, { type, id: this.#hop.id, key, salt, priority, deadlineMs, route });
  }

  #best(): LinkId | undefined {
    const { peers, now } = this.#desk;
    const link = this.#options.ways().find((way) => !this.#tried.has(way) && peers.mayAsk(way, now));
    if (link !== undefined) this.#tried.add(link);
    return link;
  }

  /** The hop has failed. */
  #next(how: WindowEnd, visits: number): void {
    this.#visits += visits;
    this.#closeHop(how);
    if (this.#ended) return;
    if (this.#isEdge) this.#advance();
    else this.#fail();
  }

  /** Nobody is left to ask. */
  #giveUp(): void {
    if (this.#room.isCurtailed) this.#overloaded();
    else if (!this.#isEdge) this.#fail();
    else this.#end({ type: 'routeNotFound' }, { outcome: 'noRoute', source: undefined });
  }

  #fail(): void {
    const { failing } = this.#options;
    assert(failing !== 'askNext', 'an edge asks the next one');
    if (typeof failing === 'object') {
      this.#overloaded();
      return;
    }
    this.#ended = true;
    this.#release();
    failing(this.#block, Math.max(0, Math.floor(this.#deadlineAt - this.#desk.now)));
  }

  #overloaded(): void {
    this.#end({ type: 'rejectedOverload' }, { outcome: 'overloaded', source: undefined });
  }

  #refuse(): void {
    if (!this.#ended) this.#end({ type: 'routeNotFound' }, { outcome: 'refused', source: undefined });
  }

  get #inVain(): Trace['outcome'] {
    return this.#options.request.type === 'dataRequest' ? 'notFound' : 'noRoute';
  }

  #end(answer: Answer | Overloaded, outcome: Outcome): void {
    assert(!this.#ended, 'one answer');
    this.#ended = true;
    const { request, from, uid } = this.#options;
    this.#release();
    const kind = request.type === 'dataRequest' ? 'fetch' : 'insert';
    this.#desk.trace({ uid, key: request.key, kind, local: from === LOCAL_LINK, ...outcome });
    const how = answer.type === 'rejectedOverload' ? 'overloaded' : 'answered';
    this.#desk.ended({ from, request, uid, spent: this.#tally.spent(answer), how });
    const { id } = request;
    // What lies above an open node is nobody's affair; how many were asked in vain bounds what the asker still does.
    const visits =
      this.#isEdge && answer.type === 'routeNotFound'
        ? Math.min(this.#visits, routingLimits.stemVisits.value)
        : 0;
    this.#say(answer.type === 'rejectedOverload' ? { ...answer, id } : { ...answer, id, visits });
  }

  #release(): void {
    this.#room.stop();
    this.#closeHop('answered');
    this.#desk.cancelTimer(this.#tick);
    if (this.#patience !== undefined) this.#desk.cancelTimer(this.#patience);
  }

  #closeHop(how: WindowEnd): void {
    this.#hop?.close(how);
    this.#hop = undefined;
  }

  #say(message: Message): void {
    const { from, request } = this.#options;
    this.#desk.send(from, message, 'block' in message ? request.priority : undefined);
  }

  /** Says that the work goes on, until the deadline. */
  #setTick(): Token {
    const at = Math.min(this.#desk.now + this.#desk.params.workingEveryMs, this.#deadlineAt);
    return this.#desk.setTimer(at, () => {
      if (this.#desk.now >= this.#deadlineAt) {
        this.#closeHop('dropped');
        if (this.#isEdge) this.#giveUp();
        else this.#end({ type: 'routeNotFound' }, { outcome: this.#inVain, source: undefined });
        return;
      }
      this.#say({ type: 'working', id: this.#options.request.id });
      this.#tick = this.#setTick();
    });
  }
}
