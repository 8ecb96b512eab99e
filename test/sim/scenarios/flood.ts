/**
 * A store under attack (docs/spec/store.md, 7): somebody with five links fills one region of the circle for a week, to push out blocks
 * that nobody reads. Routers and stores have their real rules. What is scaled is the size of a store, and with it the flood: 100
 * Mbit/s are 230 million blocks a week, but what they can push out is bounded by the store and not by them, so several times as many
 * as all links together may push out do as much (`flood.offered`).
 *
 * It is as bad as it can be for who is attacked. Stores are full and four fifths of them protected, so that what is left is as short
 * as it gets. The attacker knows the keys of all that nobody has read but of what is marked, and asks for them every day, so that the marked
 * blocks are the ones unused for longest; and he asks for what he has brought.
 */
import {
  type Block,
  type Location,
  type RoutingKey,
  asLocation,
  distance,
  location,
} from '../../../keys/index.ts';
import type { Observer } from '../host.ts';
import { topologyOf, worldOf } from '../networks.ts';
import { type Scenario, type ScenarioOptions, type ScenarioResult, mean } from '../scenario.ts';
import type { Topology } from '../topology.ts';
import { type World, shortBlock } from '../world.ts';
import { askersOf, fetchSome, leftovers } from './traffic.ts';

/** Each is an experiment of its own with an attacker of its own. */
const REGIONS = 4;
const LINKS = 5;
/** As wide as so many nodes: what belongs there lies at them and at some beside them. */
const REGION_NODES = 4;
/** How many may hold something of it. */
const NEAR_NODES = 16;
const MARKED = 240;
/** Room in a store for each marked block of a region: half of what is not protected is left for marked ones. */
const ROOM_FOR_EACH = 1_000 / 60;
const DAY_MS = 86_400_000;
const OLD_DAYS = 20;
const ATTACK_DAYS = 7;
/** Inserted by others into each region in a day, towards its end. */
const OTHERS_A_DAY = 5;
/** Of a store, before anything is marked: read by two links on two days, and never read. */
const READ = 0.8;
const UNREAD = 0.05;
/** Of what is not protected, by all links in a day. */
const DISPLACED_A_DAY = 0.1;

export interface FloodOptions {
  /** Blocks that the attacker inserts in a day, of what a store has room for. */
  readonly share: number;
}

export const flood: Scenario = {
  summary: 'attackers with five links fill a region for a week; marked blocks that nobody reads must stay',
  // Three times what can be pushed out: with more it is the same.
  run: (options) => runFlood(options, { share: 0.1 }),
};

interface Region {
  readonly centre: Location;
  readonly attacker: number;
  /** The nodes closest to it. */
  readonly near: readonly number[];
}

interface Content {
  readonly key: RoutingKey;
  readonly block: Block;
}

type Asker = () => number;

export function runFlood(options: ScenarioOptions, { share }: FloodOptions): ScenarioResult {
  const marked = Math.max(1, Math.round((options.fetches ?? MARKED) / REGIONS));
  const capacity = Math.max(100, Math.round(marked * ROOM_FOR_EACH));
  const { topology, regions } = withAttackers(topologyOf(options));
  const offers = new Offers();
  const world = worldOf(options, {
    topology,
    storeBlocks: capacity,
    cacheBlocks: Math.ceil(capacity / 4),
    observers: [...(options.observers ?? []), offers],
  });
  const anyone = askersOf(world, (node) => node < options.nodes);
  // From noon on, so that a week touches eight days of the calendar.
  world.run(DAY_MS / 2);
  const markSome = (): RoutingKey[] =>
    regions.flatMap((region) =>
      Array.from({ length: marked }, () => insert(world, anyone(), ground(world, region))),
    );
  const old = markSome();
  const known = stock(world, capacity);
  world.run(world.now + OLD_DAYS * DAY_MS);
  const fresh = markSome();
  fill(world, capacity);
  const before = copiesOf(world, fresh);
  offers.counts.clear();
  const others = attack(world, { regions, known, aDay: Math.ceil(capacity * share), anyone });
  const after = copiesOf(world, fresh);
  const survived = (keys: readonly RoutingKey[]): number =>
    fetchSome(world, keys, { count: keys.length, tries: 3, anyone }).found;
  return {
    worlds: [world],
    metrics: {
      'flood.survived': survived(fresh),
      'flood.old.survived': survived(old),
      'flood.copies.before': mean(before),
      'flood.copies.after': mean(after),
      'flood.offered': offers.mean(world, fresh),
      'flood.others.stored': mean(copiesOf(world, others).map((copies) => Math.min(1, copies))),
      ...leftovers(world),
    },
  };
}

/** How many blocks came to each node for its store. */
class Offers implements Observer {
  readonly counts = new Map<number, number>();

  did(...[, { number }, effect]: Parameters<NonNullable<Observer['did']>>): void {
    if (effect.type === 'writeBlock' && effect.into === 'store')
      this.counts.set(number, (this.counts.get(number) ?? 0) + 1);
  }

  /** In a day, for each that a flood may push out there; where `keys` lie. */
  mean(world: World, keys: readonly RoutingKey[]): number {
    const holders = [...Array(world.size).keys()].filter((node) =>
      keys.some((key) => world.storeOf(node).partOf(key) === 'store'),
    );
    return mean(
      holders.map((node) => {
        const { blocks, protectedBlocks } = world.storeOf(node).stats().parts.store;
        return (this.counts.get(node) ?? 0) / ATTACK_DAYS / ((blocks - protectedBlocks) * DISPLACED_A_DAY);
      }),
    );
  }
}

/** One more node for each region: far from it, with links to the nodes in its middle. */
function withAttackers({ locations, links }: Topology): { topology: Topology; regions: Region[] } {
  const regions = Array.from({ length: REGIONS }, (_, number): Region => {
    const centre = asLocation((number + 0.5) / REGIONS);
    const near = locations
      .map((place, node) => ({ node, away: distance(place, centre) }))
      .sort((a, b) => a.away - b.away)
      .map(({ node }) => node);
    return { centre, attacker: locations.length + number, near: near.slice(0, NEAR_NODES) };
  });
  // Between two regions.
  const places = regions.map(({ centre }) => asLocation((centre + 0.5 / REGIONS) % 1));
  const taken = regions.flatMap(({ attacker, near }) =>
    near.slice(0, LINKS).map((node) => [node, attacker] as const),
  );
  return { regions, topology: { locations: [...locations, ...places], links: [...links, ...taken] } };
}

/** A block whose place is in the region: anybody finds one by trying. */
function ground(world: World, { centre }: Region): Content {
  const reach = REGION_NODES / 2 / world.size;
  for (;;) {
    const content = newContent(world);
    if (distance(location(content.key, 0), centre) < reach) return content;
  }
}

function newContent(world: World): Content {
  return shortBlock(world.random.bytes(32));
}

function insert(world: World, node: number, content: Content): RoutingKey {
  world.insert(node, { ...content, salt: 0 }, () => {});
  world.settle();
  return content.key;
}

/** In how many stores each lies; in caches they don't stay. */
function copiesOf(world: World, keys: readonly RoutingKey[]): number[] {
  return keys.map((key) => {
    let copies = 0;
    for (let node = 0; node < world.size; node += 1)
      if (world.storeOf(node).partOf(key) === 'store') copies += 1;
    return copies;
  });
}

/** What was there before: most of it is read. Takes a day. @returns the keys of what is not */
function stock(world: World, capacity: number): readonly RoutingKey[] {
  const content = Array.from({ length: Math.round(capacity * (READ + UNREAD)) }, () => newContent(world));
  const isRead = content.slice(0, Math.round(capacity * READ));
  for (let node = 0; node < world.size; node += 1) {
    for (const { key, block } of content) world.storeOf(node).putNow(key, block, { part: 'store' });
    for (const { key } of isRead) world.storeOf(node).getNow(key, 'one');
  }
  world.run(world.now + DAY_MS);
  for (let node = 0; node < world.size; node += 1)
    for (const { key } of isRead) world.storeOf(node).getNow(key, 'another');
  return content.slice(isRead.length).map(({ key }) => key);
}

/** Until nothing can come without something going. */
function fill(world: World, capacity: number): void {
  const content = Array.from({ length: capacity }, () => newContent(world));
  for (let node = 0; node < world.size; node += 1) {
    const store = world.storeOf(node);
    const room = capacity - store.stats().parts.store.blocks;
    for (const { key, block } of content.slice(0, room)) store.putNow(key, block, { part: 'store' });
  }
}

/** @returns what others have inserted meanwhile */
function attack(
  world: World,
  what: { regions: readonly Region[]; known: readonly RoutingKey[]; aDay: number; anyone: Asker },
): RoutingKey[] {
  const { regions, known, aDay, anyone } = what;
  const began = world.now;
  const brought = regions.map((): RoutingKey[] => []);
  const others: RoutingKey[] = [];
  // Shares of a day are used up soon after it begins, at midnight; who comes before noon, when half of it is over, finds nothing left.
  const late = Math.max(0, Math.floor(aDay / 2) - OTHERS_A_DAY);
  for (let day = 0; day < ATTACK_DAYS; day += 1) {
    for (const { near } of regions)
      for (const node of near) for (const key of known) world.storeOf(node).getNow(key, 'attacker');
    for (let count = 0; count < aDay; count += 1) {
      world.run(Math.max(world.now, began + (day + count / aDay) * DAY_MS));
      for (const [index, region] of regions.entries()) {
        const own = brought[index] ?? [];
        own.push(insert(world, region.attacker, ground(world, region)));
        if (count % 2 === 0) askAgain(world, region.attacker, own);
        if (count >= late && count < late + OTHERS_A_DAY)
          others.push(insert(world, anyone(), ground(world, region)));
      }
    }
  }
  world.run(Math.max(world.now, began + ATTACK_DAYS * DAY_MS));
  return others;
}

function askAgain(world: World, node: number, keys: readonly RoutingKey[]): void {
  const key = keys[world.random.below(keys.length)];
  if (key !== undefined) world.fetch(node, key, 0, () => {});
  world.settle();
}
