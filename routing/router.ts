/**
 * The router: one synchronous machine per node that accepts requests, runs a search for each, and turns what the searches want
 * into effects. The daemon and the simulator run this same file.
 *
 * It keeps the tables (links, requests by link and id, timers) and the rules at the door: who may ask, how much, and nothing
 * twice. How a search proceeds is search.ts, fetch.ts and insert.ts. It holds no clock, socket or disk, and never throws on
 * what a peer sends.
 *
 * Invariants: a uid is accepted at most once; local requests come by the virtual peer's link and take the same path as all
 * others; the tables are bounded by routingLimits; every effect with a token is answered to the search that asked, or to nobody
 * when it has ended.
 */
import { assert, type Block, type Location, type Random, type RoutingKey } from '../keys/index.ts';
import { PendingFetches } from './coalesce.ts';
import type { Desk, HopOwner } from './desk.ts';
import type { Effect, Token } from './effect.ts';
import type { RouterEvent, WriteOutcome } from './event.ts';
import { Fetch } from './fetch.ts';
import { Insert } from './insert.ts';
import { routingLimits } from './limits.ts';
import type { IncomingMessage, Reply, Request, RequestId, Uid } from './messages.ts';
import type { NetworkParams } from './network.ts';
import { LOCAL_LINK, type LinkId } from './peer.ts';
import { PeerTable } from './peers.ts';
import type { Search } from './search.ts';
import { SeenUids } from './seen.ts';

export interface RouterOptions {
  readonly params: NetworkParams;
  readonly location: Location;
  readonly random: Random;
  /** What a relay can check; the simulator may give one for small blocks. */
  readonly verify: (key: RoutingKey, block: Block) => 'chk' | 'ssk' | undefined;
  /** Whether `trace` effects are wanted. */
  readonly traced: 'traced' | 'untraced';
}

interface Link {
  /** Requests of the peer in work here. */
  readonly asked: Map<RequestId, Search | 'refused'>;
  /** Requests of ours in work there. */
  readonly asking: Map<RequestId, HopOwner>;
  nextId: number;
}

/** What to do when the answer to an effect comes. */
type Answered =
  | { readonly type: 'timer'; readonly fired: () => void }
  | { readonly type: 'read'; readonly found: (block: Block | undefined) => void }
  | { readonly type: 'write'; readonly written: (outcome: WriteOutcome) => void };

export class Router {
  readonly #random: Random;
  readonly #desk: Desk;
  readonly #peers: PeerTable;
  readonly #seen: SeenUids;
  readonly #fetches = new PendingFetches<Fetch>();
  readonly #links = new Map<LinkId, Link>();
  readonly #awaited = new Map<Token, Answered>();
  #nextToken = 1;
  #pending = 0;
  #now = 0;
  #effects: Effect[] = [];

  constructor(options: RouterOptions) {
    this.#random = options.random;
    this.#peers = new PeerTable(options.params, options.random);
    this.#seen = new SeenUids(options.params.seenKeepMs);
    this.#desk = this.#makeDesk(options);
    this.#links.set(LOCAL_LINK, newLink());
  }

  /** Requests in work, own ones and others' together: apart they would tell what the owner does. */
  get pending(): number {
    return this.#pending;
  }

  get peerCount(): number {
    return this.#peers.count;
  }

  /** Handles one event at time `now` (milliseconds, never going back) and appends what is to be done to `effects`. */
  handle(now: number, event: RouterEvent, effects: Effect[]): void {
    this.#now = now;
    this.#effects = effects;
    switch (event.type) {
      case 'linkUp':
        assert(!this.#links.has(event.link), 'a link comes up once');
        this.#links.set(event.link, newLink());
        this.#peers.up(event.link, event.peer, event.since);
        return;
      case 'linkDown':
        this.#linkDown(event.link);
        return;
      case 'message':
        this.#message(event.link, event.message);
        return;
      case 'blockRead':
        this.#take(event.token, 'read')?.found(event.block);
        return;
      case 'blockWritten':
        this.#take(event.token, 'write')?.written(event.outcome);
        return;
      case 'timer':
        this.#take(event.token, 'timer')?.fired();
    }
  }

  #message(from: LinkId, message: IncomingMessage): void {
    const link = this.#links.get(from);
    // What was on its way when the link went down.
    if (link === undefined) return;
    switch (message.type) {
      case 'dataRequest':
      case 'insertRequest':
        this.#request(from, link, message);
        return;
      case 'insertBlock': {
        const search = link.asked.get(message.id);
        if (search instanceof Insert) search.blockArrived(message.block);
        return;
      }
      case 'reserved':
        this.#effects.push({
          type: 'send',
          link: from,
          message: { type: 'unsupported', name: message.name },
        });
        return;
      case 'unsupported':
        return;
      case 'accepted':
      case 'working':
      case 'rejectedOverload':
      case 'dataFound':
      case 'dataNotFound':
      case 'routeNotFound':
      case 'insertStored':
      case 'insertCollision':
        this.#reply(link, message);
    }
  }

  #request(from: LinkId, link: Link, request: Request): void {
    if (link.asked.has(request.id)) {
      this.#desk.verdict(from, 'violation');
      return;
    }
    const { pendingPerLink, pendingRequests } = routingLimits;
    if (link.asked.size >= pendingPerLink.value || this.#pending >= pendingRequests.value) {
      this.#desk.send(from, { type: 'rejectedOverload', id: request.id });
      return;
    }
    const uid = request.route.phase === 'greedy' ? request.route.uid : this.#freshUid();
    this.#pending += 1;
    if (!this.#seen.accept(uid, this.#now)) {
      this.#refuse(from, link, request);
      return;
    }
    const asked = { request, from, uid };
    const search =
      request.type === 'dataRequest'
        ? new Fetch(this.#desk, this.#fetches, asked)
        : new Insert(this.#desk, asked);
    link.asked.set(request.id, search);
    search.start();
  }

  /**
   * A uid seen before gets what a dead end gives, after the look-up that every request costs, so that neither form nor delay
   * tells that the request has passed here. An insert is not accepted first: the block would travel for nothing, and most
   * refusals near a key are of this kind (docs/spec/routing.md, 5, has what that gives away).
   */
  #refuse(from: LinkId, link: Link, request: Request): void {
    link.asked.set(request.id, 'refused');
    if (request.type === 'dataRequest') this.#desk.send(from, { type: 'accepted', id: request.id });
    this.#desk.read({ key: request.key, asker: undefined }, () => {
      link.asked.delete(request.id);
      this.#pending -= 1;
      this.#desk.send(from, { type: 'routeNotFound', id: request.id, visits: 0 });
    });
  }

  #reply(link: Link, reply: Reply): void {
    // A late answer to a request that was given up finds nobody.
    link.asking.get(reply.id)?.hopSays(reply);
  }

  #linkDown(id: LinkId): void {
    const link = this.#links.get(id);
    if (link === undefined || id === LOCAL_LINK) return;
    this.#peers.down(id);
    this.#links.delete(id);
    // Searches for the lost peer go on and end by themselves: what they find is kept for the next one who asks.
    for (const search of link.asking.values()) search.hopLost();
  }

  #freshUid(): Uid {
    return Buffer.from(this.#random.bytes(8)).toString('hex') as Uid;
  }

  #take<T extends Answered['type']>(token: Token, type: T): Extract<Answered, { type: T }> | undefined {
    const answered = this.#awaited.get(token);
    // A timer that was cancelled may still fire when both fell on one moment.
    if (answered === undefined) return undefined;
    assert(answered.type === type, 'an effect is answered by its own kind of event');
    this.#awaited.delete(token);
    return answered as Extract<Answered, { type: T }>;
  }

  #await(answered: Answered): Token {
    const token = this.#nextToken as Token;
    this.#nextToken += 1;
    this.#awaited.set(token, answered);
    return token;
  }

  #makeDesk(options: RouterOptions): Desk {
    const push = (effect: Effect): void => void this.#effects.push(effect);
    const now = (): number => this.#now;
    return {
      get now() {
        return now();
      },
      params: options.params,
      location: options.location,
      peers: this.#peers,
      verify: options.verify,
      send: (link, message) => {
        if (this.#links.has(link)) push({ type: 'send', link, message });
      },
      openHop: (to, owner) => {
        const link = this.#links.get(to);
        assert(link !== undefined, 'a hop is a peer');
        const id = link.nextId as RequestId;
        link.nextId = (link.nextId + 1) >>> 0;
        link.asking.set(id, owner);
        return id;
      },
      closeHop: (to, id) => void this.#links.get(to)?.asking.delete(id),
      setTimer: (at, fired) => {
        const token = this.#await({ type: 'timer', fired });
        push({ type: 'setTimer', token, at });
        return token;
      },
      cancelTimer: (token) => {
        if (this.#awaited.delete(token)) push({ type: 'cancelTimer', token });
      },
      read: (what, found) =>
        push({ type: 'readBlock', token: this.#await({ type: 'read', found }), ...what }),
      write: (what, written) =>
        push({ type: 'writeBlock', token: this.#await({ type: 'write', written }), ...what }),
      verdict: (link, verdict) => {
        // Neither the owner nor who is gone.
        if (this.#peers.has(link)) push({ type: 'peerVerdict', link, verdict });
      },
      trace: (trace) => {
        if (options.traced === 'traced') push({ type: 'trace', trace });
      },
      ended: ({ from, id, uid }) => {
        // The link may be gone, and its table with it.
        this.#links.get(from)?.asked.delete(id);
        this.#pending -= 1;
        this.#seen.answered(uid, this.#now);
      },
    };
  }
}

function newLink(): Link {
  return { asked: new Map(), asking: new Map(), nextId: 0 };
}
