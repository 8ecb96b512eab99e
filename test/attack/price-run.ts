/**
 * What the stem costs: hops, delay, and what fits through the lines of a network in which everybody fetches, each against the same network without it
 * (docs/spec/attack.md, 9).
 */
import { networks } from '../../routing/index.ts';
import { SeededRandom } from '../sim/random.ts';
import { HopCounter, placeSome } from '../sim/scenarios/traffic.ts';
import { quantile } from '../sim/scenario.ts';
import { worldOfPopulation } from './attacked.ts';
import { askersOf } from './count-run.ts';
import { pauseMs } from './jobs.ts';
import { Population } from './population.ts';
import { Ways } from './spies.ts';

export interface PriceOptions {
  readonly seed: number;
  readonly nodes: number;
}

/** Of single fetches, one after the other, in a network that does nothing else. */
export function runQuiet(options: PriceOptions & { fetches: number; stem: 'on' | 'off' }): {
  /** From the owner's own guard to the diffuser. */
  stemHops: number;
  greedyHops: number;
  latencyMs: number;
} {
  const { fetches, stem } = options;
  const population = new Population({ ...options, spyShare: 0, presence: 'mix' });
  const hops = new HopCounter();
  const ways = new Ways(networks.open.htl);
  const there = population.draw();
  const world = worldOfPopulation(population, {
    there,
    observers: [ways],
    onTrace: hops.onTrace,
    ...(stem === 'off' ? { defence: 'off' } : {}),
  });
  const keys = placeSome(world, fetches);
  const askers = askersOf(population, { there, world, trials: undefined });
  const latencies: number[] = [];
  let stemHops = 0;
  keys.forEach((key, index) => {
    const began = world.now;
    world.fetch(askers[index % askers.length] ?? 0, key, 0, ({ type }) => {
      if (type === 'found') latencies.push(world.now - began);
    });
    world.settle();
    stemHops += ways.of(key)?.stem.length ?? 0;
  });
  return {
    stemHops: stemHops / fetches,
    greedyHops: hops.hops.reduce((sum, count) => sum + count, 0) / Math.max(1, hops.hops.length),
    latencyMs: quantile(latencies, 0.5),
  };
}

const UP_BYTES_PER_SECOND = 256 * 1_024;
/** As lines are. */
const DOWN = 4;
const AT_ONCE = 32;

/** Blocks a second that each of those who fetch gets; they fetch all the time, with `AT_ONCE` in work. */
export function runBusy(
  options: PriceOptions & { who: 'all' | 'one'; stem: 'on' | 'off'; warmMs: number; measuredMs: number },
): number[] {
  const { who, stem, warmMs, measuredMs, nodes } = options;
  const population = new Population({ ...options, spyShare: 0, presence: 'always' });
  const up = UP_BYTES_PER_SECOND;
  const world = worldOfPopulation(population, {
    cacheBlocks: 1,
    bandwidth: () => ({ up: up / 1_000, down: (DOWN * up) / 1_000 }),
    load: () => ({ upBytesPerSecond: up, downBytesPerSecond: DOWN * up }),
    ...(stem === 'off' ? { defence: 'off' } : {}),
  });
  const keys = placeSome(world, 10 * nodes);
  world.freeze();
  const random = new SeededRandom(options.seed ^ 0x70726963);
  const owners = who === 'all' ? Array.from({ length: nodes }, (_, node) => node) : [random.below(nodes)];
  const from = world.now + warmMs;
  const until = from + measuredMs;
  const counts = new Map(owners.map((owner) => [owner, 0]));
  const ask = (owner: number, refusals = 0): void => {
    if (world.now >= until) return;
    const key = keys[random.below(keys.length)];
    if (key === undefined) return;
    world.fetch(owner, key, 0, ({ type }) => {
      if (type === 'found' && world.now >= from && world.now < until)
        counts.set(owner, (counts.get(owner) ?? 0) + 1);
      if (type === 'found') ask(owner);
      else {
        const later = world.now + pauseMs(refusals + 1, random.fraction());
        world.at(later, () => ask(owner, refusals + 1));
      }
    });
  };
  for (const owner of owners)
    for (let i = 0; i < AT_ONCE; i += 1)
      world.at(world.now + random.fraction() * warmMs * 0.2, () => ask(owner));
  world.run(until);
  return [...counts.values()].map((count) => (1_000 * count) / measuredMs);
}
