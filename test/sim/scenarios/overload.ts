/**
 * More is asked than the lines carry: how much is still delivered, and to whom (docs/spec/load.md). Every node has a line of its own
 * speed with buckets of the same rate, everybody asks at random times for what exists, one try each. Caches hold one block, so that
 * nothing becomes easier in time.
 */
import { type RoutingKey, assert } from '../../../keys/index.ts';
import { loadLimits, routingLimits } from '../../../routing/index.ts';
import { worldOf } from '../networks.ts';
import { fractionOf } from '../random.ts';
import { type Scenario, type ScenarioOptions, quantile } from '../scenario.ts';
import type { World, WorldOptions } from '../world.ts';
import { insertSome, leftovers } from './traffic.ts';

/** Blocks a second up; four times that down, as lines are. */
const [SLOWEST, FASTEST] = [2.5, 10];
const DOWN = 4;
/** A block on the wire (docs/spec/links.md, 7). */
const FRAME_BYTES = 33_536;
/** Fetches a second and node of which .95 and more are found, and what is asked instead. */
const SUSTAINABLE = 1.25;
const OVERLOAD = 3;
const KEYS_A_NODE = 10;
/** Time for windows and queues to become what they are, and the time that is measured. */
const WARM_MS = 15_000;
const MEASURED_MS = 20_000;
/** A rider asks so many times what others do, and serves nobody. */
const RIDER_ASKS = 4;
/** What a rider gets before it is one: twice what each of all peers grants a newcomer, because it does not ask them all alike. */
const HUNGRY_FETCHES = 2 * routingLimits.peers.value * loadLimits.grantBlocks.value;
/** It asks as fast as its line takes them, and others little. */
const HUNGRY_MS = (1_000 * HUNGRY_FETCHES) / (FASTEST * DOWN);
const FEW = 0.05;

type Kind = 'ordinary' | 'rider' | 'newcomer';

/** One rider and two newcomers among a hundred. */
function kindOf(node: number): Kind {
  return node % 100 === 50 ? 'rider' : node % 50 === 7 ? 'newcomer' : 'ordinary';
}

/** Blocks a second up. A rider has the best line there is, a newcomer a usual one. */
function blocksUp(kind: Kind, drawn: number): number {
  if (kind === 'rider') return FASTEST;
  return kind === 'newcomer' ? (SLOWEST + FASTEST) / 2 : SLOWEST + (FASTEST - SLOWEST) * drawn;
}

function busyWorld(options: ScenarioOptions, kinds: (node: number) => Kind): World {
  const up = (node: number): number => blocksUp(kinds(node), fractionOf(options.seed, node, 3)) * FRAME_BYTES;
  const its: Partial<WorldOptions> = {
    cacheBlocks: 1,
    bandwidth: (node) => ({ up: up(node) / 1_000, down: (DOWN * up(node)) / 1_000 }),
    load: (node) => ({ upBytesPerSecond: up(node), downBytesPerSecond: DOWN * up(node) }),
    role: (node) => (kinds(node) === 'rider' ? 'refusing' : 'honest'),
    present: (node) => kinds(node) !== 'newcomer',
  };
  return worldOf(options, its);
}

interface Count {
  asked: number;
  /** Of those asked. */
  found: number;
  /** While it was measured, whenever it was asked. */
  delivered: number;
  readonly latencyMs: number[];
}

interface Asking {
  readonly keys: readonly RoutingKey[];
  readonly kinds: (node: number) => Kind;
  /** A second, on the average. */
  readonly rateOf: (kind: Kind) => number;
  readonly warmMs: number;
  readonly measuredMs: number;
}

/** Everybody who is there asks; counted is what was asked in the last `measuredMs`. */
function ask(world: World, { keys, kinds, rateOf, warmMs, measuredMs }: Asking): Record<Kind, Count> {
  const counts = { ordinary: newCount(), rider: newCount(), newcomer: newCount() };
  const from = world.now + warmMs;
  const until = from + measuredMs;
  const once = (node: number): void => {
    const began = world.now;
    if (began >= until) return;
    const kind = kinds(node);
    const count = counts[kind];
    if (began >= from) count.asked += 1;
    const key = keys[world.random.below(keys.length)];
    assert(key !== undefined, 'there is something to ask for');
    world.fetch(node, key, 0, ({ type }) => {
      if (type !== 'found') return;
      if (world.now >= from && world.now < until) count.delivered += 1;
      if (began < from) return;
      count.found += 1;
      count.latencyMs.push(world.now - began);
    });
    again(node, rateOf(kind));
  };
  const again = (node: number, rate: number): void =>
    world.at(world.now + world.random.exponential(1_000 / rate), () => once(node));
  for (let node = 0; node < world.size; node += 1) if (world.isAlive(node)) again(node, rateOf(kinds(node)));
  world.run(until);
  world.settle();
  return counts;
}

function newCount(): Count {
  return { asked: 0, found: 0, delivered: 0, latencyMs: [] };
}

interface Cell {
  readonly world: World;
  readonly metrics: Readonly<Record<string, number>>;
}

/** What a run is long: shorter for a test, with all in proportion. */
interface Length {
  readonly keys: number;
  readonly warmMs: number;
  readonly measuredMs: number;
  readonly hungryMs: number;
}

function lengthOf({ nodes, fetches }: ScenarioOptions): Length {
  const usual = (nodes * SUSTAINABLE * MEASURED_MS) / 1_000;
  const share = (fetches ?? usual) / usual;
  return {
    keys: Math.ceil(nodes * KEYS_A_NODE * Math.min(1, share)),
    warmMs: WARM_MS * Math.min(1, share),
    measuredMs: MEASURED_MS * share,
    hungryMs: HUNGRY_MS * Math.min(1, share),
  };
}

export const overload: Scenario = {
  summary: 'slow lines: asked for what they carry, for three times that, and by free riders',
  run: (options) => {
    const cells = [
      atRate(options, { name: 'at1', times: 1 }),
      atRate(options, { name: 'at3', times: OVERLOAD }),
      unequal(options),
    ];
    const metrics = Object.assign({}, ...cells.map((cell) => cell.metrics)) as Record<string, number>;
    metrics['overload.goodput'] =
      (metrics['at3.delivered'] ?? 0) / Math.max(1, metrics['at1.delivered'] ?? 0);
    return { worlds: cells.map(({ world }) => world), metrics };
  },
};

function atRate(options: ScenarioOptions, { name, times }: { name: string; times: number }): Cell {
  const { warmMs, measuredMs, ...length } = lengthOf(options);
  const kinds = (): Kind => 'ordinary';
  const world = busyWorld(options, kinds);
  const { keys } = insertSome(world, length.keys);
  const rateOf = (): number => times * SUSTAINABLE;
  const { ordinary } = ask(world, { keys, kinds, rateOf, warmMs, measuredMs });
  return {
    world,
    metrics: named(name, {
      asked: ordinary.asked / (measuredMs / 1_000),
      delivered: ordinary.delivered / (measuredMs / 1_000),
      found: foundOf(ordinary),
      'latencyMs.p50': quantile(ordinary.latencyMs, 0.5),
      'latencyMs.p95': quantile(ordinary.latencyMs, 0.95),
      ...leftovers(world),
    }),
  };
}

/** At three times what is sustainable: free riders who have had their grants, and nodes that have just come. */
function unequal(options: ScenarioOptions): Cell {
  const { warmMs, measuredMs, hungryMs, ...length } = lengthOf(options);
  const kinds = kindOf;
  const world = busyWorld(options, kinds);
  const { keys } = insertSome(world, length.keys);
  const hungry = (kind: Kind): number => (kind === 'rider' ? FASTEST * DOWN : FEW);
  ask(world, { keys, kinds, rateOf: hungry, warmMs: 0, measuredMs: hungryMs });
  for (let node = 0; node < world.size; node += 1)
    if (!world.isAlive(node)) world.revive(node, { store: 'lost' });
  const rateOf = (kind: Kind): number => (kind === 'rider' ? RIDER_ASKS : 1) * OVERLOAD * SUSTAINABLE;
  const { ordinary, rider, newcomer } = ask(world, { keys, kinds, rateOf, warmMs, measuredMs });
  return {
    world,
    metrics: {
      'overload.freeRider': foundOf(rider) / foundOf(ordinary),
      'overload.newcomer': foundOf(newcomer) / foundOf(ordinary),
      ...named('unequal', { found: foundOf(ordinary), ...leftovers(world) }),
    },
  };
}

function foundOf({ found, asked }: Count): number {
  return found / Math.max(1, asked);
}

function named(name: string, metrics: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).map(([key, value]) => [`${name}.${key}`, value]));
}
