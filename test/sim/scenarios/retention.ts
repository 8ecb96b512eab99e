/**
 * How long blocks stay when stores are full and people go on inserting (docs/spec/store.md, 7). The unit is one turnover T: the time in
 * which as many copies come as all stores have room for. Fast enough to be run, slow enough that no link passes its share of a day.
 *
 * Groups of blocks are inserted at its beginning among many others. Whether one is still there is looked up in the stores, which leaves no
 * trace; groups that are read are fetched by somebody at random, as any reader would.
 */
import type { RoutingKey } from '../../../keys/index.ts';
import { worldOf } from '../networks.ts';
import { type Scenario, mean } from '../scenario.ts';
import { type World, shortBlock } from '../world.ts';
import { askersOf, fetchSome, insertSome, leftovers } from './traffic.ts';

const NODES_MOST = 300;
/** Blocks in a store, for groups of the usual size; fewer for smaller ones. */
const CAPACITY = 60;
const CAPACITY_LEAST = 15;
const TURNOVER_MS = 120 * 86_400_000;
/** Two links on two days protect. */
const SECOND_READ_MS = 2 * 86_400_000;
const GROUP = 200;
/** Of a turnover, in which the groups are inserted. */
const BEGINNING = 0.1;
/** Inserts that are looked at to know how many copies one makes. */
const SAMPLE = 100;
const GROUPS = ['unread', 'readTwice', 'readHalf', 'readOne'] as const;

type Group = (typeof GROUPS)[number];

export const retention: Scenario = {
  summary: 'full stores and steady inserts: how long blocks stay that nobody reads, and that somebody does',
  run: (options) => {
    const nodes = Math.min(options.nodes, NODES_MOST);
    const { fetches = GROUP } = options;
    const capacity = Math.max(CAPACITY_LEAST, Math.min(CAPACITY, Math.round((CAPACITY * fetches) / GROUP)));
    const world = worldOf({ ...options, nodes }, { storeBlocks: capacity, cacheBlocks: capacity });
    const copies = insertSome(world, SAMPLE).metrics['insert.copies'];
    fill(world, capacity);
    const perTurnover = Math.max(1, Math.round((nodes * capacity) / Math.max(1, copies)));
    const inserts = new Steady(world, TURNOVER_MS / perTurnover);
    const size = Math.min(fetches, Math.floor((perTurnover * BEGINNING) / GROUPS.length));
    const groups = new Map<Group, readonly RoutingKey[]>();
    for (const group of GROUPS) groups.set(group, inserts.next(Math.max(1, size)));
    const keysOf = (group: Group): readonly RoutingKey[] => groups.get(group) ?? [];
    readAll(world, keysOf('readTwice'));
    world.run(world.now + SECOND_READ_MS);
    readAll(world, keysOf('readTwice'));
    const began = world.now;
    const metrics: Record<string, number> = {};
    for (const [index, name] of ['half', 'one', 'oneAndHalf'].entries()) {
      const turnovers = (index + 1) / 2;
      inserts.until(began + turnovers * TURNOVER_MS);
      for (const group of GROUPS) metrics[`retention.${group}.${name}`] = left(world, keysOf(group));
      metrics[`retention.readHalf.${name}.found`] = readAll(world, keysOf('readHalf'));
      if (turnovers === 1) metrics['retention.readOne.one.found'] = readAll(world, keysOf('readOne'));
    }
    metrics['retention.stored'] = inserts.stored;
    return { worlds: [world], metrics: { 'insert.copies': copies, ...metrics, ...leftovers(world) } };
  },
};

/** Inserts at equal times. */
class Steady {
  readonly #world: World;
  readonly #everyMs: number;
  readonly #anyone: () => number;
  readonly #kept: boolean[] = [];

  constructor(world: World, everyMs: number) {
    this.#world = world;
    this.#everyMs = everyMs;
    this.#anyone = askersOf(world);
  }

  /** Fraction of all that came into a store when it was inserted. */
  get stored(): number {
    return mean(this.#kept.map(Number));
  }

  next(count: number): RoutingKey[] {
    return Array.from({ length: count }, () => {
      const world = this.#world;
      const at = world.now + this.#everyMs;
      const content = shortBlock(world.random.bytes(32));
      world.insert(this.#anyone(), { ...content, salt: 0 }, () => {});
      world.settle();
      this.#kept.push(isLeft(world, content.key));
      world.run(Math.max(world.now, at));
      return content.key;
    });
  }

  until(timeMs: number): void {
    while (this.#world.now < timeMs) this.next(1);
  }
}

/** As full as it gets, with what is older than all that is measured. */
function fill(world: World, capacity: number): void {
  const content = Array.from({ length: capacity }, () => shortBlock(world.random.bytes(32)));
  for (let node = 0; node < world.size; node += 1) {
    const store = world.storeOf(node);
    const room = capacity - store.stats().parts.store.blocks;
    for (const { key, block } of content.slice(0, room)) store.putNow(key, block, { part: 'store' });
  }
  // A flood is not what is measured here: what fills may go.
  world.run(world.now + TURNOVER_MS / 8);
}

function isLeft(world: World, key: RoutingKey): boolean {
  for (let node = 0; node < world.size; node += 1)
    if (world.storeOf(node).partOf(key) === 'store') return true;
  return false;
}

function left(world: World, keys: readonly RoutingKey[]): number {
  return mean(keys.map((key) => Number(isLeft(world, key))));
}

/** @returns how many are found, caches included */
function readAll(world: World, keys: readonly RoutingKey[]): number {
  return fetchSome(world, keys, { count: keys.length, tries: 1 }).found;
}
