/**
 * The router: one synchronous machine per node that accepts requests, runs a search for each, and turns what the searches want
 * into effects. The daemon and the simulator run this same file.
 *
 * It keeps the tables (links, requests by link and id) and refuses what comes twice. Who is let in when is door.ts; how a search
 * proceeds is search.ts, fetch.ts and insert.ts; which links count and whom to dial is opennet/. It holds no clock, socket or disk,
 * and never throws on what a peer sends.
 *
 * Invariants: a uid is accepted at most once; local requests come by the virtual peer's link and take the same path as all
 * others; the tables are bounded by routingLimits; every effect with a token is answered to the search that asked, or to nobody
 * when it has ended.
 */
import { assert, type Random } from '../keys/index.ts';
import { Awaited } from './awaited.ts';
import type { Desk } from './desk.ts';
import { type DeskOptions, makeDesk } from './make-desk.ts';
import type { Effect } from './effect.ts';
import type { RouterEvent } from './event.ts';
import { type Asked, Door, type LoadOptions } from './door.ts';
import { FailureTable } from './failure-table.ts';
import { Insert } from './insert.ts';
import { routingLimits } from './limits.ts';
import { WaitingRoom } from './load/room.ts';
import type { IncomingMessage, Request } from './messages.ts';
import { heardOffer } from './offers.ts';
import type { OpennetOptions, PeerDesk } from './opennet/desk.ts';
import type { JoinStep } from './opennet/joining.ts';
import { isLinkMessage, Opennet } from './opennet/opennet.ts';
import { LOCAL_LINK, type LinkId } from './peer.ts';
import { PeerTable } from './peers.ts';
import { StemRelay } from './stem/relay.ts';
import { Stem, type StemOptions, type StemStanding } from './stem/stem.ts';
import type { StemState } from './stem/state.ts';
import { type LinkRequests, Requests } from './requests.ts';
import { SeenUids, freshUid } from './seen.ts';
import { Tasks } from './tasks.ts';
import { NOTHING_MOVED } from './tally.ts';

export interface RouterOptions extends DeskOptions {
  /** Peers among strangers (docs/spec/peers.md). Without it the links are what the host brings up. */
  readonly opennet?: OpennetOptions;
  /** How much this node may let in (docs/spec/load.md, 3). */
  readonly load?: LoadOptions;
  /** How the owner stays unknown (docs/spec/stem.md). `off`: every node diffuses at once, which tells its neighbours who asks: for measuring alone. */
  readonly stem: StemOptions | 'off';
  /** Another number than routingLimits has, for measuring it; without the stem 0, for there is nothing to be quiet about. */
  readonly quietHops?: number;
  /** What the clock shows when it begins; 0 unless given. */
  readonly beginsAt?: number;
}

export class Router {
  readonly #random: Random;
  readonly #desk: Desk & PeerDesk;
  readonly #opennet: Opennet;
  readonly #peers: PeerTable;
  readonly #seen: SeenUids;
  readonly #failures = new FailureTable();
  readonly #door: Door;
  readonly #room: WaitingRoom;
  readonly #requests = new Requests();
  readonly #awaited = new Awaited();
  readonly #stem: Stem | undefined;
  readonly #tasks: Tasks;
  #now: number;
  /** What making the parts has led to: performed with the first event. */
  readonly #first: Effect[] = [];
  #effects: Effect[] = this.#first;

  constructor(options: RouterOptions) {
    this.#random = options.random;
    this.#now = options.beginsAt ?? 0;
    this.#peers = new PeerTable(options.params, options.random, options.location);
    this.#seen = new SeenUids({ keepMs: options.params.seenKeepMs, most: routingLimits.seenUids.value });
    const { quietHops = options.stem === 'off' ? 0 : routingLimits.quietHops.value } = options;
    this.#desk = makeDesk(
      { ...options, quietHops },
      {
        now: () => this.#now,
        push: (effect) => void this.#effects.push(effect),
        peers: this.#peers,
        failures: this.#failures,
        seen: this.#seen,
        requests: this.#requests,
        awaited: this.#awaited,
        room: () => this.#room,
        opennet: () => this.#opennet,
        door: () => this.#door,
        stem: () => this.#stem,
      },
    );
    this.#room = new WaitingRoom(this.#desk);
    this.#opennet = new Opennet(this.#desk, options.opennet, {
      confirmed: (link) => this.#stem?.confirmed(link),
      lost: (link) => this.#stem?.lost(link),
      holds: (link) => this.#stem?.holds(link) ?? false,
    });
    this.#door = new Door({
      desk: this.#desk,
      load: options.load ?? {},
      owner: options.stem === 'off' ? 'free' : 'pays',
      letIn: (asked) => this.#letIn(asked),
      refuse: (asked) => this.#noRoomFor(asked),
    });
    this.#requests.up(LOCAL_LINK);
    if (options.stem !== 'off') this.#stem = this.#makeStem(options.stem, options.load);
    this.#tasks = new Tasks({
      desk: this.#desk,
      uplink: this.#opennet.uplink,
      stem: this.#stem,
      takenOver: ({ from, request }, search) => this.#requests.of(from)?.asked.set(request.id, search),
    });
  }

  /** Requests in work, own ones and others' together: apart they would tell what the owner does. */
  get pending(): number {
    return this.#door.inWork;
  }

  /** Whether both ends want the link. */
  isConfirmed(link: LinkId): boolean {
    return this.#peers.isConfirmed(link);
  }

  /** Confirmed peers. */
  get peerCount(): number {
    return this.#peers.count;
  }

  /** Friendships to a node that routes among strangers: 0 if this one does, 7 if none is near. */
  get uplink(): number {
    return this.#opennet.uplink.own;
  }

  /** Undefined when it is off. */
  get stem(): StemStanding | undefined {
    return this.#stem?.standing;
  }

  /** What the stem must know after a restart, as it is now: for a host that stops. */
  get stemState(): StemState | undefined {
    return this.#stem?.keep();
  }

  /** What is being done to get more of them; undefined in a network without strangers. */
  get joining(): JoinStep | undefined {
    return this.#opennet.joining;
  }

  /** Handles one event at time `now` (milliseconds, never going back) and appends what is to be done to `effects`. */
  handle(now: number, event: RouterEvent, effects: Effect[]): void {
    this.#now = now;
    this.#effects = effects;
    if (this.#first.length > 0) effects.push(...this.#first.splice(0));
    this.#happened(event);
    this.#room.pump();
    this.#door.pump();
    this.#failures.forgetLater(this.#desk);
  }

  #happened(event: RouterEvent): void {
    switch (event.type) {
      case 'linkUp':
        this.#requests.up(event.link);
        this.#peers.up(event.link, event.peer, event.since);
        this.#door.linkUp(event.link, event.peer.identity);
        this.#stem?.linkUp(event.link, event.peer, event.since);
        this.#opennet.linkUp(event.link, event.peer);
        return;
      case 'linkDown':
        this.#linkDown(event.link);
        return;
      case 'message':
        this.#message(event.link, event.message);
        return;
      case 'dialled':
        this.#awaited.take(event.token, 'dial')?.ended(event.outcome);
        return;
      case 'candidates':
        this.#opennet.candidates(event);
        return;
      case 'blockRead':
        this.#awaited.take(event.token, 'read')?.found(event.block);
        return;
      case 'blockWritten':
        this.#awaited.take(event.token, 'write')?.written(event.outcome);
        return;
      case 'timer':
        this.#awaited.take(event.token, 'timer')?.fired();
    }
  }

  #message(from: LinkId, message: IncomingMessage): void {
    const link = this.#requests.of(from);
    // What was on its way when the link went down.
    if (link === undefined) return;
    if (isLinkMessage(message)) {
      // The owner has no place on the circle.
      if (from !== LOCAL_LINK) this.#opennet.heard(from, message);
      if (message.type === 'uplink') this.#stem?.uplinkHeard();
      return;
    }
    switch (message.type) {
      case 'stemLink':
        this.#stem?.heard(from, message.step);
        return;
      case 'dataRequest':
      case 'insertRequest':
        this.#request(from, link, message);
        return;
      case 'insertBlock': {
        const search = link.asked.get(message.id);
        if (search instanceof Insert || search instanceof StemRelay) search.blockArrived(message.block);
        return;
      }
      case 'reserved':
        this.#desk.send(from, { type: 'unsupported', name: message.name });
        return;
      case 'unsupported':
        return;
      case 'offered':
        heardOffer(this.#desk, message, from);
        return;
      case 'fold': {
        const search = link.asking.get(message.id);
        // Nobody on a stem is to be linked to what it has found.
        if (search !== undefined && !(search instanceof StemRelay))
          this.#opennet.folded(from, search, message.reference);
        return;
      }
      case 'accepted':
      case 'working':
      case 'rejectedOverload':
      case 'dataFound':
      case 'dataNotFound':
      case 'routeNotFound':
      case 'insertStored':
      case 'insertCollision':
        // A late answer to a request that was given up finds nobody.
        link.asking.get(message.id)?.hopSays(message);
    }
  }

  #request(from: LinkId, link: LinkRequests, request: Request): void {
    if (link.asked.has(request.id)) {
      this.#desk.verdict(from, 'violation');
      return;
    }
    const isFull = link.asked.size >= routingLimits.pendingPerLink.value;
    if (isFull || !this.#mayAsk(from, request)) {
      this.#desk.send(from, { type: 'rejectedOverload', id: request.id });
      return;
    }
    link.asked.set(request.id, 'waiting');
    if (from === LOCAL_LINK && this.#stem !== undefined) this.#stem.hold(request);
    else this.#knocks(from, request);
  }

  #mayAsk(from: LinkId, { route }: Request): boolean {
    if (from === LOCAL_LINK) return true;
    if (route.phase === 'stem' && this.#stem !== undefined) return this.#stem.mayAsk(from);
    return this.#peers.isConfirmed(from);
  }

  #knocks(from: LinkId, request: Request): void {
    const asked = { from, request, at: this.#now };
    if (!this.#door.comes(asked)) this.#noRoomFor(asked);
  }

  #noRoomFor({ from, request }: Asked): void {
    this.#requests.ended(from, request.id);
    if (from === LOCAL_LINK) this.#stem?.ownEnded(request, 'overloaded');
    this.#desk.send(from, { type: 'rejectedOverload', id: request.id });
  }

  /** Its turn has come. */
  #letIn({ from, at, request: came }: Asked): void {
    const link = this.#requests.of(from);
    assert(link !== undefined, 'what waits goes with its link');
    const request =
      at === this.#now ? came : { ...came, deadlineMs: Math.max(0, came.deadlineMs - (this.#now - at)) };
    const uid = request.route.phase === 'greedy' ? request.route.uid : freshUid(this.#random);
    if (!this.#seen.accept(uid, this.#now)) {
      this.#refuse(from, link, request);
      return;
    }
    const search = this.#tasks.begin({ request, from, uid });
    link.asked.set(request.id, search);
    search.start();
  }

  /**
   * A uid seen before gets what a dead end gives, after the look-up that every request costs, so that neither form nor delay
   * tells that the request has passed here. An insert is not accepted first: the block would travel for nothing, and most
   * refusals near a key are of this kind (docs/spec/routing.md, 5, has what that gives away).
   */
  #refuse(from: LinkId, link: LinkRequests, request: Request): void {
    link.asked.set(request.id, 'refused');
    if (request.type === 'dataRequest') this.#desk.send(from, { type: 'accepted', id: request.id });
    this.#desk.read({ key: request.key, asker: undefined }, () => {
      link.asked.delete(request.id);
      this.#door.ended({ from, request }, NOTHING_MOVED);
      this.#desk.send(from, { type: 'routeNotFound', id: request.id, visits: 0 });
    });
  }

  #linkDown(id: LinkId): void {
    const link = id === LOCAL_LINK ? undefined : this.#requests.down(id);
    if (link === undefined) return;
    this.#peers.down(id);
    this.#door.linkDown(id);
    // Before its requests: they go to another guard.
    this.#stem?.linkDown(id);
    // Searches for the lost peer go on and end by themselves: what they find is kept for the next one who asks.
    for (const search of link.asking.values()) search.hopLost();
    this.#opennet.linkDown(id);
  }

  #makeStem(options: StemOptions, load: LoadOptions = {}): Stem {
    const opennet = this.#opennet;
    return new Stem(
      this.#desk,
      { ...options, load },
      {
        candidateOf: (link) => opennet.candidateOf(link),
        call: (reference) => opennet.call(reference),
        sourceOf: (identity) => opennet.sourceOf(identity),
        uplinkOf: (link) => opennet.uplink.wayBy(link),
        isEdge: () => opennet.uplink.isEdge,
        go: (request) => this.#knocks(LOCAL_LINK, request),
        remember: (state) => this.#effects.push({ type: 'rememberStem', state }),
      },
    );
  }
}
