/** The networks that scenarios begin with: drawn or grown, at rest, everybody a peer of old and told what its peers list. */
import { networks } from '../../routing/index.ts';
import { type GrowOptions, grownNetwork } from './grow.ts';
import { SeededRandom } from './random.ts';
import type { ScenarioOptions } from './scenario.ts';
import { type Topology, smallWorld } from './topology.ts';
import { World, type WorldOptions } from './world.ts';

const DEGREE = 20;
/** Room for what one run inserts, so that eviction does not blur what routing does. */
const STORE_BLOCKS = 65_536;
/** Longer than the lists of peers take to be told anew. */
const TELL_MS = 300_000;

export function topologyOf(options: ScenarioOptions, grow: Partial<GrowOptions> = {}): Topology {
  const { nodes, seed, network = 'smallworld' } = options;
  if (network === 'grown') return grownNetwork({ nodes, seed, ...grow });
  return smallWorld({ nodes, degree: Math.min(DEGREE, nodes - 1), random: new SeededRandom(seed) });
}

/** A world at rest; `its` is what the scenario wants otherwise. */
export function worldOf(options: ScenarioOptions, its: Partial<WorldOptions> = {}): World {
  const grown = options.network === 'grown' && its.topology === undefined;
  const world = new World({
    topology: its.topology ?? topologyOf(options),
    params: networks.open,
    seed: options.seed,
    latency: { type: 'plane' },
    storeBlocks: STORE_BLOCKS,
    cacheBlocks: STORE_BLOCKS,
    ...(grown ? { tie: 'chosen', opennet: 'quiet' } : {}),
    ...(options.check === undefined ? {} : { check: options.check }),
    ...(options.observers === undefined ? {} : { observers: options.observers }),
    ...its,
  });
  world.run(TELL_MS);
  return world;
}
