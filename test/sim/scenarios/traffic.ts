/**
 * What most scenarios do: insert blocks at random nodes, then fetch them from others, one at a time, and count. One at a time,
 * so that messages and hops belong to one request; crossing.ts and flash.ts are where requests meet.
 */
import { type RoutingKey, distance, location } from '../../../keys/index.ts';
import type { Trace, Uid } from '../../../routing/index.ts';
import { mean, quantile } from '../scenario.ts';
import { type World, shortBlock } from '../world.ts';

/** So many moments are looked at for one in which nothing is in work. */
const MOMENTS = 60;
const MOMENT_MS = 2_000;
/** Small enough for 10^5 nodes, long enough to be told apart. */
const CONTENT_BYTES = 32;
/** A person waits no longer than this between two tries. */
const PAUSE_MS = 3_000;

/** What routers say of each request: the length of the way a block came, and how much each node had to do. */
export class HopCounter {
  readonly #found = new Map<Uid, number>();
  readonly hops: number[] = [];
  /** Requests of others that a node has searched for, and served from its disk. */
  readonly visits = new Map<number, number>();
  readonly served = new Map<number, number>();

  readonly onTrace = (node: number, trace: Trace): void => {
    if (!trace.local) add(this.visits, node);
    if (trace.kind !== 'fetch' || trace.outcome !== 'found') return;
    if (!trace.local && trace.source === 'disk') add(this.served, node);
    const nodes = (this.#found.get(trace.uid) ?? 0) + 1;
    if (trace.local) {
      this.#found.delete(trace.uid);
      // The asker itself is no hop.
      this.hops.push(nodes - 1);
    } else {
      this.#found.set(trace.uid, nodes);
    }
  };

  /** Begins to count anew. */
  clear(): void {
    this.#found.clear();
    this.hops.length = 0;
    this.visits.clear();
    this.served.clear();
  }

  /** How much more the busiest of `nodes` nodes had to do than one on the average. */
  maxOverMean(nodes: number): number {
    const counts = [...this.visits.values()];
    const sum = counts.reduce((total, count) => total + count, 0);
    return sum === 0 ? 0 : (Math.max(...counts) * nodes) / sum;
  }
}

function add(counts: Map<number, number>, node: number): void {
  counts.set(node, (counts.get(node) ?? 0) + 1);
}

/** Who asks in a world: everybody alive and honest, unless told otherwise. */
export function askersOf(world: World, mayAsk: (node: number) => boolean = () => true): () => number {
  const askers: number[] = [];
  for (let node = 0; node < world.size; node += 1)
    if (world.isAlive(node) && world.roleOf(node) === 'honest' && mayAsk(node)) askers.push(node);
  return () => askers[world.random.below(askers.length)] ?? 0;
}

export interface Inserted {
  readonly keys: readonly RoutingKey[];
  readonly metrics: Readonly<Record<'insert.stored' | 'insert.copies' | 'insert.messages', number>>;
}

/** Copies are counted for so many of the inserts: looking for them at every node takes longer than the insert. */
const COPIES_COUNTED = 300;

export function insertSome(world: World, count: number, anyone: () => number = askersOf(world)): Inserted {
  const keys: RoutingKey[] = [];
  const copies: number[] = [];
  let stored = 0;
  const before = world.messages.ofRequests;
  for (let i = 0; i < count; i += 1) {
    const content = shortBlock(world.random.bytes(CONTENT_BYTES));
    world.insert(anyone(), { ...content, salt: 0 }, (result) => {
      if (result.type === 'stored') stored += 1;
    });
    world.settle();
    keys.push(content.key);
    if (copies.length < COPIES_COUNTED) copies.push(world.copies(content.key));
  }
  return {
    keys,
    metrics: {
      'insert.stored': stored / count,
      'insert.copies': mean(copies),
      'insert.messages': (world.messages.ofRequests - before) / count,
    },
  };
}

/** Nodes that are looked at for a place; an insert does not visit many more. 4.33 copies instead of its 4.26 (300 nodes). */
const NEAREST = 6;

/**
 * Puts blocks where inserts leave them in a healthy network, with no message: at the nodes next to their place that are among the
 * closest by the store rule. For catalogues whose inserts would take longer than what is measured.
 */
export function placeSome(world: World, count: number): readonly RoutingKey[] {
  const { params, topology } = world.options;
  const { locations } = topology;
  const ring = [...locations.keys()].sort((a, b) => (locations[a] ?? 0) - (locations[b] ?? 0));
  const places = ring.map((node) => locations[node] ?? 0);
  return Array.from({ length: count }, () => {
    const { key, block } = shortBlock(world.random.bytes(CONTENT_BYTES));
    const target = location(key, 0);
    const away = (node: number): number => distance(locations[node] ?? target, target);
    const from = places.findIndex((place) => place >= target);
    const around = Array.from({ length: 2 * NEAREST }, (_, index) =>
      ring.at((from + index - NEAREST) % ring.length),
    );
    const near = [...new Set(around)]
      .filter((node) => node !== undefined)
      .sort((a, b) => away(a) - away(b))
      .slice(0, NEAREST);
    for (const node of near) {
      const closer = world.neighboursOf(node).filter((peer) => away(peer) < away(node));
      if (closer.length < params.storeRank) world.storeOf(node).putNow(key, block, { part: 'store' });
    }
    return key;
  });
}

/** As `insertSome`, but not one after the other: where upkeep goes on, time costs more than requests do. */
export function insertWithin(world: World, count: number, withinMs: number): Inserted {
  const anyone = askersOf(world);
  const began = world.now;
  const before = world.messages.ofRequests;
  let stored = 0;
  const keys = Array.from({ length: count }, (_, index) => {
    const content = shortBlock(world.random.bytes(CONTENT_BYTES));
    world.at(began + (index * withinMs) / count, () =>
      world.insert(anyone(), { ...content, salt: 0 }, ({ type }) => {
        if (type === 'stored') stored += 1;
      }),
    );
    return content.key;
  });
  world.run(began + withinMs);
  world.settle();
  return {
    keys,
    metrics: {
      'insert.stored': stored / count,
      'insert.copies': mean(keys.slice(0, COPIES_COUNTED).map((key) => world.copies(key))),
      'insert.messages': (world.messages.ofRequests - before) / count,
    },
  };
}

export interface Fetched {
  readonly found: number;
  readonly messages: number;
  readonly latencyMs: readonly number[];
  /** How often each was tried at most. */
  readonly tries: number;
}

/** Fetches each key in turn, from anyone, until `count` fetches are made. */
export function fetchSome(
  world: World,
  keys: readonly RoutingKey[],
  options: { count: number; tries: number; anyone?: () => number },
): Fetched {
  const { count, tries, anyone = askersOf(world) } = options;
  let found = 0;
  const latencyMs: number[] = [];
  const before = world.messages.ofRequests;
  for (let i = 0; i < count; i += 1) {
    const key = keys[i % keys.length];
    if (key === undefined) break;
    if (fetchOne(world, { key, asker: anyone(), tries, latencyMs })) found += 1;
  }
  return { found: found / count, messages: (world.messages.ofRequests - before) / count, latencyMs, tries };
}

/** Fetches each key once, at times spread over `withinMs`: while what has just happened is news. */
export function fetchWithin(world: World, keys: readonly RoutingKey[], withinMs: number): Fetched {
  const anyone = askersOf(world);
  let found = 0;
  const latencyMs: number[] = [];
  const before = world.messages.ofRequests;
  const began = world.now;
  for (const [index, key] of keys.entries())
    world.at(began + (index * withinMs) / keys.length, () => {
      const askedAt = world.now;
      world.fetch(anyone(), key, 0, ({ type }) => {
        if (type !== 'found') return;
        found += 1;
        latencyMs.push(world.now - askedAt);
      });
    });
  world.run(began + withinMs);
  world.settle();
  const count = keys.length;
  return {
    found: found / count,
    messages: (world.messages.ofRequests - before) / count,
    latencyMs,
    tries: 1,
  };
}

function fetchOne(
  world: World,
  what: { key: RoutingKey; asker: number; tries: number; latencyMs: number[] },
): boolean {
  const { key, asker, tries, latencyMs } = what;
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const began = world.now;
    let found = false;
    world.fetch(asker, key, 0, ({ type }) => {
      found = type === 'found';
      if (found) latencyMs.push(world.now - began);
    });
    world.settle();
    if (found) return true;
    world.run(world.now + PAUSE_MS);
  }
  return false;
}

/** Fetches of keys that don't exist: what a search for nothing costs. */
export function fetchMissing(world: World, count: number): Readonly<Record<string, number>> {
  const anyone = askersOf(world);
  const before = world.messages.ofRequests;
  let invented = 0;
  for (let i = 0; i < count; i += 1) {
    world.fetch(anyone(), shortBlock(world.random.bytes(CONTENT_BYTES)).key, 0, ({ type }) => {
      if (type === 'found') invented += 1;
    });
    world.settle();
  }
  return { 'missing.messages': (world.messages.ofRequests - before) / count, 'missing.found': invented };
}

/**
 * Owners who go on asking, each on its own time, for keys that exist and for some that don't: what a network lives with while
 * something else is measured, and how nodes come to know each other's record.
 */
export function background(
  world: World,
  options: {
    keys: readonly RoutingKey[];
    everyMs: number;
    untilMs: number;
    mayAsk?: (node: number) => boolean;
  },
): void {
  const { keys, everyMs, untilMs, mayAsk = () => true } = options;
  const ask = (node: number): void => {
    if (world.now > untilMs) return;
    const key = keys[world.random.below(keys.length)];
    if (key !== undefined && world.isAlive(node)) world.fetch(node, key, 0, () => {});
    world.at(world.now + world.random.exponential(everyMs), () => ask(node));
  };
  for (let node = 0; node < world.size; node += 1)
    if (world.roleOf(node) === 'honest' && mayAsk(node))
      world.at(world.now + world.random.exponential(everyMs), () => ask(node));
}

/** What is said of every run: what was left over, and what must be 0. */
export function leftovers(world: World): Readonly<Record<string, number>> {
  world.rest();
  // What a node begins of its own accord, an audit, may be in work at any one moment; what is never over is in work at all.
  for (let step = 0; step < MOMENTS && world.pending > 0; step += 1) world.run(world.now + MOMENT_MS);
  world.checks?.finish(world.now, (node) => world.isAlive(node));
  return {
    unanswered: world.unanswered,
    pending: world.pending,
    ...(world.checks === undefined ? {} : { breaches: world.checks.breaches.length }),
  };
}

/** The lengths of ways, and how often each fetch was tried. */
export function hopMetrics(hops: HopCounter, fetched: Fetched): Readonly<Record<string, number>> {
  return {
    'hops.mean': mean(hops.hops),
    'hops.p95': quantile(hops.hops, 0.95),
    'messages.mean': fetched.messages,
    'latencyMs.p50': quantile(fetched.latencyMs, 0.5),
    tries: fetched.tries,
  };
}
