/**
 * A network on virtual time: the router of the daemon, file for file, on every node, with links that have a latency and stores
 * in memory. It performs the routers' effects as daemon/node does, and delivers every event through one schedule.
 *
 * No sessions and no codec run here: messages travel as values, so blocks may be short. Nothing here waits, reads a clock or
 * draws randomness that the seed does not give: (commit, scenario, seed) repeats a run, and the digest proves it.
 */
import {
  type Block,
  type Location,
  type RoutingKey,
  type Salt,
  assert,
  assertNever,
  equalBytes,
  primitives,
  routingKey,
} from '../../keys/index.ts';
import {
  type Effect,
  LOCAL_LINK,
  type LinkId,
  type Message,
  type NetworkParams,
  type RequestId,
  Router,
  type RouterEvent,
  type Trace,
} from '../../routing/index.ts';
import { Digest } from './digest.ts';
import { MemoryStore } from './memory-store.ts';
import { SeededRandom } from './random.ts';
import { type Cancel, Schedule } from './schedule.ts';
import type { Topology } from './topology.ts';

/**
 * - `silent`: takes everything and never says a word, like a black hole.
 * - `refusing`: always says that it is overloaded.
 * - `lying`: says that it has searched far and found nothing, or that it has stored what it was given.
 */
export type Role = 'honest' | 'silent' | 'refusing' | 'lying';

export interface WorldOptions {
  readonly topology: Topology;
  readonly params: NetworkParams;
  readonly seed: number;
  /** One-way latency of a link, drawn once for each. */
  readonly latencyMs: { readonly min: number; readonly max: number };
  readonly storeBlocks: number;
  readonly cacheBlocks: number;
  readonly role?: (node: number) => Role;
  readonly verify?: (key: RoutingKey, block: Block) => 'chk' | 'ssk' | undefined;
  readonly onTrace?: (node: number, trace: Trace) => void;
}

export type Result =
  | { readonly type: 'found' | 'collision'; readonly block: Block }
  | { readonly type: 'stored' | 'notFound' | 'noRoute' | 'overloaded' };

interface Pending {
  readonly block: Block | undefined;
  readonly done: (result: Result) => void;
}

interface Neighbour {
  readonly node: number;
  /** The number of this link at the other end. */
  readonly theirLink: LinkId;
  readonly latencyMs: number;
}

interface SimNode {
  readonly router: Router;
  readonly store: MemoryStore;
  readonly location: Location;
  readonly role: Role;
  readonly neighbours: Map<LinkId, Neighbour>;
  readonly timers: Map<number, Cancel>;
  readonly requests: Map<RequestId, Pending>;
  nextLink: number;
  nextRequest: number;
  alive: boolean;
}

/** Longer than any disk of a node is busy, shorter than any link. */
const DISK_MS = 0.2;

export class World {
  readonly schedule = new Schedule();
  readonly digest = new Digest();
  readonly random: SeededRandom;
  /** Messages delivered, by type; those of the virtual peer are not among them. */
  readonly messages = new Map<Message['type'], number>();
  readonly #nodes: SimNode[];
  readonly #options: WorldOptions;
  readonly #effects: Effect[] = [];

  constructor(options: WorldOptions) {
    this.#options = options;
    this.random = new SeededRandom(options.seed);
    this.#nodes = options.topology.locations.map((location, node) => this.#makeNode(node, location));
    for (const [a, b] of options.topology.links) this.connect(a, b);
  }

  get size(): number {
    return this.#nodes.length;
  }

  get now(): number {
    return this.schedule.now;
  }

  /** Brings a link up at both ends. */
  connect(a: number, b: number): void {
    const { min, max } = this.#options.latencyMs;
    const latencyMs = min + (max - min) * this.random.fraction();
    const [atA, atB] = [this.#freshLink(a), this.#freshLink(b)];
    for (const [node, link, other, theirLink] of [
      [a, atA, b, atB],
      [b, atB, a, atA],
    ] as const) {
      this.#node(node).neighbours.set(link, { node: other, theirLink, latencyMs });
      const peer = {
        identity: `n${other}`,
        location: this.#node(other).location,
        group: `g${other}`,
        cost: latencyMs,
        carrier: 'memory',
      } as const;
      this.#handle(node, { type: 'linkUp', link, peer, since: -Infinity });
    }
  }

  /** The links between two nodes go down at both ends, and what was on its way is lost. */
  cut(a: number, b: number): void {
    for (const [link, { node, theirLink }] of this.#node(a).neighbours) {
      if (node !== b) continue;
      this.#node(a).neighbours.delete(link);
      this.#node(b).neighbours.delete(theirLink);
      this.#handle(a, { type: 'linkDown', link });
      this.#handle(b, { type: 'linkDown', link: theirLink });
    }
  }

  /** The node is gone, and its neighbours know it at once. */
  kill(node: number): void {
    const dead = this.#node(node);
    dead.alive = false;
    for (const { node: other, theirLink } of dead.neighbours.values()) {
      this.#node(other).neighbours.delete(theirLink);
      this.#handle(other, { type: 'linkDown', link: theirLink });
    }
    for (const cancel of dead.timers.values()) cancel();
  }

  isAlive(node: number): boolean {
    return this.#node(node).alive;
  }

  /** The owner of `node` asks; by the virtual peer, like any client. */
  fetch(node: number, key: RoutingKey, salt: Salt, done: (result: Result) => void): void {
    this.#ask(node, { type: 'dataRequest', key, salt }, { block: undefined, done });
  }

  insert(
    node: number,
    content: { key: RoutingKey; block: Block; salt: Salt },
    done: (result: Result) => void,
  ): void {
    this.#ask(
      node,
      { type: 'insertRequest', key: content.key, salt: content.salt },
      { block: content.block, done },
    );
  }

  /** How many nodes hold a block. */
  copies(key: RoutingKey): number {
    return this.#nodes.filter(({ store, alive }) => alive && store.getNow(key) !== undefined).length;
  }

  /** What a node holds under a key. */
  blockAt(node: number, key: RoutingKey): Block | undefined {
    return this.#node(node).store.getNow(key);
  }

  /** Requests that somebody still waits for: 0 when everything has come to rest. */
  get unanswered(): number {
    return this.#nodes.reduce((sum, { requests, alive }) => sum + (alive ? requests.size : 0), 0);
  }

  /** Searches in work on honest nodes. */
  get pending(): number {
    return this.#nodes.reduce(
      (sum, { router, role, alive }) => sum + (alive && role === 'honest' ? router.pending : 0),
      0,
    );
  }

  #ask(
    node: number,
    what: { type: 'dataRequest' | 'insertRequest'; key: RoutingKey; salt: Salt },
    pending: Pending,
  ): void {
    const asker = this.#node(node);
    const id = asker.nextRequest as RequestId;
    asker.nextRequest += 1;
    asker.requests.set(id, pending);
    const { deadlineMs } = this.#options.params;
    const message = { ...what, id, priority: 'realtime', deadlineMs, route: { phase: 'stem' } } as const;
    this.#handle(node, { type: 'message', link: LOCAL_LINK, message });
  }

  #makeNode(node: number, location: Location): SimNode {
    const options = this.#options;
    return {
      router: new Router({
        params: options.params,
        location,
        random: new SeededRandom(options.seed * 100_003 + node),
        verify: options.verify ?? verifyHash,
        traced: options.onTrace === undefined ? 'untraced' : 'traced',
      }),
      store: new MemoryStore({ store: options.storeBlocks, cache: options.cacheBlocks }),
      location,
      role: options.role?.(node) ?? 'honest',
      neighbours: new Map(),
      timers: new Map(),
      requests: new Map(),
      nextLink: LOCAL_LINK + 1,
      nextRequest: 0,
      alive: true,
    };
  }

  #node(number: number): SimNode {
    const node = this.#nodes[number];
    assert(node !== undefined, `there is a node ${number}`);
    return node;
  }

  #freshLink(node: number): LinkId {
    const owner = this.#node(node);
    const link = owner.nextLink as LinkId;
    owner.nextLink += 1;
    return link;
  }

  #handle(number: number, event: RouterEvent): void {
    const node = this.#node(number);
    if (!node.alive) return;
    this.digest.add({
      at: this.schedule.now,
      node: number,
      what: event.type === 'message' ? event.message.type : event.type,
      number: event.type === 'message' && 'id' in event.message ? event.message.id : 0,
    });
    const effects = this.#effects;
    node.router.handle(this.schedule.now, event, effects);
    // The array is reused: effects never lead to another `handle` before it is empty again, except by the client's answers.
    for (const effect of effects.splice(0)) this.#perform(number, node, effect);
  }

  #perform(number: number, node: SimNode, effect: Effect): void {
    switch (effect.type) {
      case 'send':
        if (effect.link === LOCAL_LINK) this.#answerClient(number, node, effect.message);
        else this.#deliver(node, effect.link, effect.message);
        return;
      case 'setTimer': {
        const { token } = effect;
        node.timers.set(
          token,
          this.schedule.at(effect.at, () => {
            node.timers.delete(token);
            this.#handle(number, { type: 'timer', token });
          }),
        );
        return;
      }
      case 'cancelTimer':
        node.timers.get(effect.token)?.();
        node.timers.delete(effect.token);
        return;
      case 'readBlock': {
        const { token, key, asker } = effect;
        this.#soon(() => {
          const block = node.store.getNow(key, asker === undefined ? undefined : String(asker));
          this.#handle(number, { type: 'blockRead', token, block });
        });
        return;
      }
      case 'writeBlock': {
        const { token, key, block, into, asker } = effect;
        this.#soon(() => {
          const from = String(asker);
          let put = node.store.putNow(key, block, { part: into, from });
          if (put === 'refused') put = node.store.putNow(key, block, { part: 'cache', from });
          const outcome = put === 'collision' ? 'collision' : put === 'refused' ? 'failed' : 'kept';
          this.#handle(number, { type: 'blockWritten', token, outcome });
        });
        return;
      }
      case 'trace':
        this.#options.onTrace?.(number, effect.trace);
        return;
      case 'peerVerdict':
        return;
    }
  }

  #soon(happen: () => void): void {
    this.schedule.at(this.schedule.now + DISK_MS, happen);
  }

  #deliver(from: SimNode, link: LinkId, message: Message): void {
    const to = from.neighbours.get(link);
    if (to === undefined) return;
    this.schedule.at(this.schedule.now + to.latencyMs, () => {
      const receiver = this.#node(to.node);
      if (!receiver.alive || !from.alive) return;
      this.messages.set(message.type, (this.messages.get(message.type) ?? 0) + 1);
      if (receiver.role === 'honest') this.#handle(to.node, { type: 'message', link: to.theirLink, message });
      else
        for (const answer of misbehave(receiver.role, message)) this.#deliver(receiver, to.theirLink, answer);
    });
  }

  /** What a client does with what its virtual peer is sent. */
  #answerClient(number: number, node: SimNode, message: Message): void {
    assert('id' in message, 'the virtual peer is sent answers alone');
    const pending = node.requests.get(message.id);
    assert(pending !== undefined, 'every request is answered once');
    if (message.type === 'accepted') {
      const { block } = pending;
      const { id } = message;
      if (block !== undefined) {
        this.#soon(() =>
          this.#handle(number, {
            type: 'message',
            link: LOCAL_LINK,
            message: { type: 'insertBlock', id, block },
          }),
        );
      }
      return;
    }
    if (message.type === 'working') return;
    node.requests.delete(message.id);
    this.#soon(() => pending.done(resultOf(message)));
  }
}

/** What a node that does not follow the protocol says to a request. */
function misbehave(role: Exclude<Role, 'honest'>, message: Message): Message[] {
  if (role === 'silent' || (message.type !== 'dataRequest' && message.type !== 'insertRequest')) return [];
  const { id } = message;
  if (role === 'refusing') return [{ type: 'rejectedOverload', id }];
  return [
    { type: 'accepted', id },
    { type: message.type === 'dataRequest' ? 'dataNotFound' : 'insertStored', id, visits: 1_000 },
  ];
}

function resultOf(message: Message): Result {
  switch (message.type) {
    case 'dataFound':
      return { type: 'found', block: message.block };
    case 'insertCollision':
      return { type: 'collision', block: message.block };
    case 'insertStored':
      return { type: 'stored' };
    case 'dataNotFound':
      return { type: 'notFound' };
    case 'routeNotFound':
      return { type: 'noRoute' };
    case 'rejectedOverload':
      return { type: 'overloaded' };
    case 'accepted':
    case 'working':
    case 'dataRequest':
    case 'insertRequest':
    case 'insertBlock':
    case 'unsupported':
      throw new Error(`a client is not sent ${message.type}`);
    default:
      return assertNever(message);
  }
}

/** A block of any length under its own hash: the check of a CHK without the size. */
export function shortBlock(bytes: Uint8Array): { key: RoutingKey; block: Block } {
  return { key: routingKey(primitives.sha256(bytes)), block: bytes as Block };
}

function verifyHash(key: RoutingKey, block: Block): 'chk' | undefined {
  return equalBytes(primitives.sha256(block), key) ? 'chk' : undefined;
}
