/**
 * A network on virtual time: the router of the daemon, file for file, on every node, with links, stores in memory, owners who
 * ask, and death (docs/spec/simulator.md). This is its face; host.ts performs effects, links.ts carries messages.
 *
 * No sessions and no codec run here: messages travel as values, so blocks may be short. Nothing here waits, reads a clock or
 * draws randomness that the seed does not give: (commit, scenario, seed) repeats a run, and the digest proves it.
 */
import { type Block, type RoutingKey, type Salt, assert } from '../../keys/index.ts';
import {
  LOCAL_LINK,
  type LoadOptions,
  type Message,
  type NetworkParams,
  Router,
  type RouterEvent,
  type StemStanding,
  type StemState,
  type Trace,
} from '../../routing/index.ts';
import { type Addresses, placeOf } from './addresses.ts';
import { Checks } from './checks.ts';
import { Clients, DISK_MS } from './client.ts';
import type { MessageCounts } from './codes.ts';
import { locateOnce, verifyHash } from './content.ts';
import { Dialling, type Known, References } from './dialling.ts';
import type { Digest } from './digest.ts';
import { Host, type Observer } from './host.ts';
import { type LinkOptions, Links } from './links.ts';
import { MemoryStore } from './memory-store.ts';
import type { Happening, Pending, Result, SimNode, Tie } from './node.ts';
import { SeededRandom } from './random.ts';
import { type Mask, type MaskOptions, type Role, maskOf } from './roles.ts';
import { Schedule } from './schedule.ts';
import type { Topology } from './topology.ts';

export { shortBlock } from './content.ts';
export type { Result } from './node.ts';
export type { Role } from './roles.ts';

export interface WorldOptions extends LinkOptions {
  readonly topology: Topology;
  readonly params: NetworkParams;
  readonly seed: number;
  readonly storeBlocks: number;
  readonly cacheBlocks: number;
  /** What the links of the topology are; `friend` unless given. */
  readonly tie?: Tie | ((a: number, b: number) => Tie);
  /** Nodes find peers among strangers by themselves; without it links are the topology's. */
  readonly opennet?: 'on' | 'quiet';
  /** Who does; all unless given. */
  readonly amongStrangers?: (node: number) => boolean;
  readonly addresses?: Addresses;
  /** Whether others can dial a node; all can unless given. */
  readonly dialable?: (node: number) => boolean;
  readonly role?: (node: number) => Role;
  readonly mask?: Omit<MaskOptions, 'random'>;
  /** What stands between the network and the router of a node that follows a plan of its own; goes before the mask of its role. */
  readonly maskOf?: (node: number) => Mask | undefined;
  /** Who is there in the beginning; all unless given. */
  readonly present?: (node: number) => boolean;
  readonly verify?: (key: RoutingKey, block: Block) => 'chk' | 'ssk' | undefined;
  /** Whether what owners ask for leaves by the stem; without it every node diffuses at once, so that routing can be measured alone. */
  readonly stem?: 'on';
  /** Another number of hops that cache nothing than the routers have by themselves. */
  readonly quietHops?: number;
  /** What each node lets in; without it as much as comes. */
  readonly load?: (node: number) => LoadOptions;
  readonly onTrace?: (node: number, trace: Trace) => void;
  /** Whether what must hold is checked at every event: twice as slow. */
  readonly check?: 'checked' | 'unchecked';
  readonly observers?: readonly Observer[];
}

/** - `knownAtOnce`: all neighbours lose the link now. - `silent`: they notice by time-outs alone. */
export type Death = 'knownAtOnce' | 'silent';

/** Nobody waits this many deadlines for an answer: the request has been lost. */
const PATIENCE_DEADLINES = 4;

export class World {
  readonly random: SeededRandom;
  readonly checks: Checks | undefined;
  readonly references: References;
  readonly options: WorldOptions;
  readonly #schedule = new Schedule<Happening>();
  readonly #links: Links;
  readonly #clients: Clients;
  readonly #dialling: Dialling;
  readonly #host: Host;
  readonly #nodes: SimNode[];
  readonly #lives: number[] = [];
  /** Who is linked to whom by the topology; made when it is first asked for. */
  #linked: number[][] | undefined;

  constructor(options: WorldOptions) {
    this.options = options;
    const { seed, params, topology } = options;
    // Not the sequence that has drawn the locations: who is picked by it would lie where those were drawn.
    this.random = new SeededRandom(seed ^ 0x776f726c);
    this.checks =
      options.check === 'checked' ? new Checks(params, { stem: options.stem ?? 'off' }) : undefined;
    const tell = (node: SimNode, event: RouterEvent): void => this.#host.handle(node, event);
    const schedule = this.#schedule;
    this.#links = new Links({ schedule, links: options, seed, tell });
    this.#clients = new Clients({
      deadlineMs: params.deadlineMs,
      tell,
      soon: (call) => void schedule.push(schedule.now + DISK_MS, { type: 'call', call }),
    });
    this.references = new References((node) => this.#known(node));
    this.#dialling = new Dialling({
      schedule,
      links: this.#links,
      references: this.references,
      living: (number) => (this.#nodes[number]?.alive === true ? this.#nodes[number] : undefined),
      tell,
    });
    this.#host = new Host(schedule, {
      links: this.#links,
      clients: this.#clients,
      observers: [...(this.checks === undefined ? [] : [this.checks]), ...(options.observers ?? [])],
      dial: (node, effect) => this.#dialling.dial(node, effect),
      onTrace: options.onTrace,
    });
    this.#nodes = topology.locations.map((_, node) => this.#makeNode(node));
    for (const node of this.#nodes) if (options.present?.(node.number) === false) node.alive = false;
    for (const [a, b] of topology.links) if (this.isAlive(a) && this.isAlive(b)) this.connect(a, b);
    for (const node of this.#nodes) this.#flood(node);
  }

  get size(): number {
    return this.#nodes.length;
  }

  get now(): number {
    return this.#schedule.now;
  }

  get digest(): Digest {
    return this.#host.digest;
  }

  get messages(): MessageCounts {
    return this.#host.messages;
  }

  get dials(): Readonly<Dialling['counts']> {
    return this.#dialling.counts;
  }

  // --- time -----------------------------------------------------------------------------------------------------------------

  /** Lets time pass up to and including `untilMs`. */
  run(untilMs: number): void {
    for (;;) {
      const what = this.#schedule.next(untilMs);
      if (what === undefined) break;
      this.#host.happen(what);
    }
    this.#schedule.passTo(untilMs);
  }

  /** Lets time pass until no owner waits for an answer; gives up after some deadlines. */
  settle(): void {
    const most = this.now + PATIENCE_DEADLINES * this.options.params.deadlineMs;
    while (this.#clients.open > 0) {
      const what = this.#schedule.next(most);
      if (what === undefined) return;
      this.#host.happen(what);
    }
  }

  /** Until everything that was begun has come to its end, what nobody waits for any more included. */
  rest(): void {
    this.settle();
    this.run(this.now + 1.5 * this.options.params.deadlineMs);
  }

  at(timeMs: number, call: () => void): void {
    this.#schedule.push(timeMs, { type: 'call', call });
  }

  // --- links and lives ------------------------------------------------------------------------------------------------------

  /** Brings a link up at both ends, as one that has long been there. */
  connect(a: number, b: number): void {
    const { tie: given = 'friend' } = this.options;
    const tie = typeof given === 'function' ? given(a, b) : given;
    this.#links.connect(this.#node(a), this.#node(b), { tie, since: -Infinity });
  }

  /** The links between two nodes go down at both ends, and what was on its way is lost. */
  cut(a: number, b: number): void {
    for (;;) {
      const end = this.#links.endAt(this.#node(a), b);
      if (end === undefined) return;
      this.#links.cut(end);
    }
  }

  kill(number: number, death: Death = 'knownAtOnce'): void {
    const node = this.#node(number);
    if (!node.alive) return;
    node.alive = false;
    this.#clients.forget(node);
    for (const ticket of node.timers.values()) this.#schedule.cancel(ticket);
    node.timers.clear();
    for (const end of node.ends.values()) {
      end.open = false;
      if (end.other === undefined) continue;
      if (death === 'knownAtOnce') this.#links.drop(end.other);
      else this.#links.fade(end.other);
    }
    node.ends.clear();
  }

  /**
   * A node comes back, or for the first time, with the seeds that it knows and the peers that it remembers, which may be said; without
   * opennet its living old links come up.
   */
  revive(
    number: number,
    how: { store: 'kept' | 'lost'; seeds?: readonly number[]; peers?: readonly number[] },
  ): void {
    const before = this.#node(number);
    assert(!before.alive, 'who comes back was gone');
    this.#lives[number] = (this.#lives[number] ?? 0) + 1;
    const node = this.#makeNode(number, how.store === 'kept' ? before.store : undefined);
    this.#nodes[number] = node;
    if (this.options.opennet === undefined) {
      for (const peer of this.#linkedTo(number)) if (this.isAlive(peer)) this.#relink(number, peer);
      return;
    }
    const tell = (from: 'remembered' | 'seeds', candidates: SimNode['remembered']): void => {
      if (candidates.length > 0) this.#host.handle(node, { type: 'candidates', from, candidates });
    };
    tell('remembered', how.peers?.map((peer) => this.references.candidate(peer)) ?? before.remembered);
    tell(
      'seeds',
      (how.seeds ?? []).map((seed) => this.references.candidate(seed)),
    );
    this.#flood(node);
  }

  /** Nodes of different parts can't reach each other; `undefined` heals it. */
  part(partOf: ((node: number) => number) | undefined): void {
    this.#links.part(this.#nodes, partOf);
  }

  isAlive(node: number): boolean {
    return this.#node(node).alive;
  }

  roleOf(node: number): Role {
    return this.#node(node).role;
  }

  /** Numbers of the nodes that it has links to. */
  neighboursOf(node: number): number[] {
    return [...this.#node(node).ends.values()].flatMap(({ other }) =>
      other === undefined ? [] : [other.node.number],
    );
  }

  /** Those of them with which both ends want the link. */
  peersOf(node: number): number[] {
    const { ends, router } = this.#node(node);
    return [...ends.values()].flatMap(({ link, other }) =>
      router.isConfirmed(link) && other?.node.router.isConfirmed(other.link) === true
        ? [other.node.number]
        : [],
    );
  }

  /** A node says something to a peer that its router has not told it to, as one may that has plans of its own. */
  say(from: number, to: number, message: Message): void {
    const end = this.#links.endAt(this.#node(from), to);
    if (end !== undefined) this.#host.say(end, message);
  }

  // --- owners ---------------------------------------------------------------------------------------------------------------

  /** The owner of `node` asks; by the virtual peer, like any client. */
  fetch(node: number, key: RoutingKey, salt: Salt, done: (result: Result) => void): void {
    this.#ask(node, { type: 'dataRequest', key, salt }, { block: undefined, done });
  }

  insert(
    node: number,
    content: { key: RoutingKey; block: Block; salt: Salt },
    done: (result: Result) => void,
  ): void {
    const { key, salt, block } = content;
    this.#ask(node, { type: 'insertRequest', key, salt }, { block, done });
  }

  /** How many living nodes hold a block. */
  copies(key: RoutingKey): number {
    let count = 0;
    for (const number of this.#host.writersOf(key) ?? this.#nodes.keys())
      if (this.isAlive(number) && this.blockAt(number, key) !== undefined) count += 1;
    return count;
  }

  /** From now on nothing is written any more: each fetch meets the copies that the inserts have left. */
  freeze(): void {
    for (const { store } of this.#nodes) store.freeze();
  }

  /** How many friendships it is to a node that routes among strangers, as the node itself sees it. */
  uplinkOf(node: number): number {
    return this.#node(node).router.uplink;
  }

  /** How a node's stem stands; undefined where it is off. */
  stemOf(node: number): StemStanding | undefined {
    return this.#node(node).router.stem;
  }

  /** What it has last said is to outlive it. */
  stemStateOf(node: number): StemState | undefined {
    return this.#host.stemOf(node).kept;
  }

  /** What a node keeps, to be stocked and looked into. */
  storeOf(node: number): MemoryStore {
    return this.#node(node).store;
  }

  /** What a node holds under a key. */
  blockAt(node: number, key: RoutingKey): Block | undefined {
    return this.#node(node).store.getNow(key);
  }

  /** Requests of living owners without an answer. */
  get unanswered(): number {
    return this.#clients.open;
  }

  /** Searches in work on honest nodes. */
  get pending(): number {
    let sum = 0;
    for (const { router, role, alive } of this.#nodes) if (alive && role === 'honest') sum += router.pending;
    return sum;
  }

  // --------------------------------------------------------------------------------------------------------------------------

  #ask(
    number: number,
    what: { type: 'dataRequest' | 'insertRequest'; key: RoutingKey; salt: Salt },
    pending: Pending,
  ): void {
    this.#clients.ask(this.#node(number), what, pending);
  }

  #node(number: number): SimNode {
    const node = this.#nodes[number];
    assert(node !== undefined, `there is a node ${number}`);
    return node;
  }

  #known(number: number): Known | undefined {
    const node = this.#nodes[number];
    return node && { location: node.location, place: node.place, dialable: node.dialable };
  }

  #makeNode(number: number, store?: MemoryStore): SimNode {
    const { options } = this;
    const location = options.topology.locations[number];
    assert(location !== undefined, `there is a place for node ${number}`);
    const role = options.role?.(number) ?? 'honest';
    const life = this.#lives[number] ?? 0;
    const random = (purpose: number): SeededRandom =>
      new SeededRandom(options.seed * 100_003 + number + life * 1_000_003 + purpose * 500_009);
    const { storeBlocks, cacheBlocks } = options;
    const opennet = options.amongStrangers?.(number) === false ? undefined : options.opennet;
    return {
      number,
      router: new Router({
        params: options.params,
        location,
        random: random(0),
        locate: locateOnce,
        verify: options.verify ?? verifyHash,
        traced: options.onTrace === undefined ? 'untraced' : 'traced',
        stem: options.stem === 'on' ? { epochMs: 0, ...this.#host.stemOf(number) } : 'off',
        beginsAt: this.#schedule.now,
        ...(options.quietHops === undefined ? {} : { quietHops: options.quietHops }),
        ...(options.load === undefined ? {} : { load: options.load(number) }),
        ...(opennet === undefined ? {} : { opennet: this.references.opennet(number, opennet) }),
      }),
      store: store ?? new MemoryStore({ store: storeBlocks, cache: cacheBlocks }, () => this.#schedule.now),
      identity: `n${number}`,
      location,
      place: placeOf(number, options.addresses),
      dialable: options.dialable?.(number) ?? true,
      role,
      mask: options.maskOf?.(number) ?? maskOf(role, { random: random(1), ...options.mask }),
      ends: new Map(),
      timers: new Map(),
      requests: new Map(),
      nextLink: LOCAL_LINK + 1,
      nextRequest: 0,
      alive: true,
      remembered: [],
    };
  }

  #linkedTo(number: number): number[] {
    if (this.#linked === undefined) {
      const linked: number[][] = this.#nodes.map(() => []);
      for (const [a, b] of this.options.topology.links) {
        linked[a]?.push(b);
        linked[b]?.push(a);
      }
      this.#linked = linked;
    }
    return this.#linked[number] ?? [];
  }

  #relink(number: number, peer: number): void {
    const stale = this.#links.endAt(this.#node(peer), number);
    if (stale !== undefined) this.#links.drop(stale);
    this.connect(number, peer);
  }

  /** A flooder asks each of its peers in turn, as long as it lives. */
  #flood(node: SimNode): void {
    const floods = node.mask?.floods;
    if (floods === undefined) return;
    const step = (): void => {
      if (!node.alive) return;
      for (const end of node.ends.values()) this.#host.say(end, floods.next(node.location));
      this.at(this.now + floods.everyMs, step);
    };
    this.at(this.now + floods.everyMs, step);
  }
}
