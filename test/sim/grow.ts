/**
 * Networks that grow by the real rules: nodes join one after the other, each by a seed, with the opennet machine of the daemon.
 * What came of it (who is linked to whom) is kept on the disk by everything that it depends on: the sources of routing and
 * simulator, size, seed, options.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asLocation } from '../../keys/index.ts';
import { networks } from '../../routing/index.ts';
import { fractionOf, SeededRandom } from './random.ts';
import type { Topology } from './topology.ts';
import { World } from './world.ts';

export interface GrowOptions {
  readonly nodes: number;
  readonly seed: number;
  /** - `random`: each by another living node. - `five`: all by the same five, the first ones. */
  readonly seeds?: 'random' | 'five';
  /** Fraction of nodes that can only dial out. */
  readonly undialable?: number;
  /** Virtual time between two joins, at most (docs/spec/simulator.md, 6), and after the last one. */
  readonly joinEveryMs?: number;
  readonly upkeepMs?: number;
}

const SEEDS = 5;
const JOIN_EVERY_MS = 500;
const UPKEEP_MS = 300_000;
/**
 * A large network takes in more at once: it grows by no more than 1 % a second. One after the other 10,000 nodes would take 80 minutes, in
 * which all the others do upkeep.
 */
const GROWTH_PER_MS = 0.01 / 1_000;
const ROOT = join(import.meta.dirname, '..', '..');
const SOURCES = ['routing', 'keys', 'test/sim'];

/** Lets a network grow; the same for the same options. */
export function grow(options: GrowOptions): World {
  const { nodes, seed, seeds = 'random', joinEveryMs = JOIN_EVERY_MS, upkeepMs = UPKEEP_MS } = options;
  const random = new SeededRandom(seed);
  const locations = Array.from({ length: nodes }, () => asLocation(random.fraction()));
  const world = new World({
    topology: { locations, links: [] },
    params: networks.open,
    seed,
    latency: { type: 'plane' },
    storeBlocks: 1,
    cacheBlocks: 1,
    opennet: 'on',
    present: () => false,
    dialable: isDialable(options),
  });
  const openNodes: number[] = [];
  for (let node = 0; node < nodes; node += 1) {
    const known = seeds === 'five' ? openNodes.slice(0, SEEDS) : [openNodes[random.below(openNodes.length)]];
    world.revive(node, { store: 'lost', seeds: known.filter((seed) => seed !== undefined) });
    if (isDialable(options)(node)) openNodes.push(node);
    world.run(world.now + Math.min(joinEveryMs, 1 / (GROWTH_PER_MS * (node + 1))));
  }
  world.run(world.now + upkeepMs);
  return world;
}

/** Who can be dialled, by number: the same in the growing network and in the grown one. The first ones always can. */
export function isDialable(options: Pick<GrowOptions, 'seed' | 'undialable'>): (node: number) => boolean {
  const { seed, undialable = 0 } = options;
  return (node) => node < SEEDS || fractionOf(seed, node, 77) >= undialable;
}

/** The same as a topology, from the disk when it was grown before. */
export function grownNetwork(options: GrowOptions): Topology {
  const file = join(tmpdir(), 'mimeo-sim', `${fingerprint(options)}.json`);
  const kept = readKept(file);
  if (kept !== undefined) return kept;
  const world = grow(options);
  const { locations } = world.options.topology;
  // Without those that one end has just left: they are about to be closed, and nothing is asked on them.
  const links = locations.flatMap((_, node) =>
    world
      .peersOf(node)
      .filter((peer) => peer > node)
      .map((peer) => [node, peer] as const),
  );
  const topology = { locations, links };
  mkdirSync(join(tmpdir(), 'mimeo-sim'), { recursive: true });
  // Whole or not at all, when two runs grow the same network.
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(topology));
  renameSync(draft, file);
  return topology;
}

function readKept(file: string): Topology | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Topology;
  } catch {
    return undefined;
  }
}

function fingerprint(options: GrowOptions): string {
  const hash = createHash('sha256');
  for (const folder of SOURCES)
    for (const file of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).sort())
      if (file.endsWith('.ts') && !file.endsWith('.test.ts') && !/^(?:scenarios|compare)/u.test(file))
        hash.update(file).update(readFileSync(join(ROOT, folder, file)));
  hash.update(JSON.stringify(Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1))));
  return hash.digest('hex').slice(0, 32);
}
