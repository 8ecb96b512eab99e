/**
 * Owners of one network fetch a file each, one after the other, and spies count (docs/spec/attack.md, 2). Requests go through the routers, one for each
 * block. What the stem alone shows is the same for each block of a file, so for `shortBlocks` one block is sent and taken so many times.
 */
import type { RoutingKey } from '../../keys/index.ts';
import { networks } from '../../routing/index.ts';
import { placeSome } from '../sim/scenarios/traffic.ts';
import type { World } from '../sim/world.ts';
import { worldOfPopulation } from './attacked.ts';
import { ESTIMATORS, type Estimator, type Evidence, Tally, accuse } from './counting.ts';
import { Population, type PopulationOptions } from './population.ts';
import { type Sighting, Spies } from './spies.ts';

export interface CountOptions extends PopulationOptions {
  readonly stem: 'on' | 'off';
  /** Blocks of a file, all of which are asked for. */
  readonly blocks: number;
  /** Sizes of files of which the stem is looked at as if they had been asked for. */
  readonly shortBlocks?: readonly number[];
  /** Owners that ask; all that are there unless given. */
  readonly trials?: number;
}

/** What is looked at. */
type View = 'all' | 'stem';

export interface CountCell {
  readonly estimator: Estimator;
  readonly view: View;
  readonly blocks: number;
  readonly tally: Tally;
}

/** Requests of one owner in work at a time. */
const AT_ONCE = 16;

export function runCounting(options: CountOptions): CountCell[] {
  const { blocks, stem, shortBlocks = [] } = options;
  const population = new Population(options);
  const spies = new Spies((node) => population.spies.has(node));
  const there = population.draw();
  const world = worldOfPopulation(population, {
    there,
    observers: [spies],
    ...(stem === 'off' ? { defence: 'off' } : {}),
  });
  const keys = placeSome(world, blocks);
  // Each file finds the network as the one before: no copies near who has asked.
  world.freeze();
  const peersOf = population.peers.map((peers) => peers.filter((peer) => there[peer] === true));
  const around = {
    degreeOf: (node: number): number => peersOf[node]?.length ?? 0,
    spiesOf: (node: number): number =>
      peersOf[node]?.filter((peer) => population.spies.has(peer)).length ?? 0,
  };
  const cells = new Map<string, CountCell>();
  const judge = (view: View, evidence: Evidence, asker: number): void => {
    for (const estimator of ESTIMATORS) {
      const name = [estimator, view, evidence.blocks].join();
      let cell = cells.get(name);
      if (cell === undefined) {
        cell = { estimator, view, blocks: evidence.blocks, tally: new Tally() };
        cells.set(name, cell);
      }
      cell.tally.add({ accused: accuse(estimator, evidence), asker });
    }
  };
  for (const asker of askersOf(population, { there, world, trials: options.trials })) {
    spies.take();
    fetchAll(world, { asker, keys });
    const seen = spies.take();
    const byStem = seen.filter(({ phase }) => phase === 'stem');
    const htl = networks.open.htl;
    judge('all', { seen, blocks, around, htl }, asker);
    judge('stem', { seen: byStem, blocks, around, htl }, asker);
    for (const count of shortBlocks)
      judge('stem', { seen: repeated(byStem, count), blocks: count, around, htl }, asker);
  }
  return [...cells.values()];
}

/** Honest nodes that are there, each once, in an order of chance. */
export function askersOf(
  { spies }: Population,
  how: { there: readonly boolean[]; world: World; trials: number | undefined },
): number[] {
  const { there, world, trials } = how;
  const nodes = [...there.keys()].filter((node) => there[node] === true && !spies.has(node));
  for (let left = nodes.length - 1; left > 0; left -= 1) {
    const other = world.random.below(left + 1);
    [nodes[left], nodes[other]] = [nodes[other] as number, nodes[left] as number];
  }
  return nodes.slice(0, trials ?? nodes.length);
}

/** All blocks of a file, some at a time, until the last one is answered. */
export function fetchAll(
  world: World,
  { asker, keys }: { asker: number; keys: readonly RoutingKey[] },
): void {
  let next = 0;
  const more = (): void => {
    const key = keys[next];
    next += 1;
    if (key !== undefined) world.fetch(asker, key, 0, more);
  };
  for (let i = 0; i < AT_ONCE; i += 1) more();
  world.settle();
}

/** As if as many blocks had been asked for: each goes the way of the first. */
function repeated(seen: readonly Sighting[], blocks: number): Sighting[] {
  const first = seen.filter(({ key }) => key === seen[0]?.key);
  return Array.from({ length: blocks }, () => {
    const key = new Uint8Array(1) as RoutingKey;
    return first.map((sighting) => ({ ...sighting, key }));
  }).flat();
}
