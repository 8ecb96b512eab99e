/** A healthy network in the shape of Kleinberg's small world: what greedy routing with backtracking finds, and at what price. */
import { networks } from '../../../routing/index.ts';
import { SeededRandom } from '../random.ts';
import type { Scenario } from '../scenario.ts';
import { smallWorld } from '../topology.ts';
import { type Role, World } from '../world.ts';
import { HopCounter, runTraffic } from './traffic.ts';

const DEGREE = 20;
/** Room for what one run inserts, so that eviction does not blur what routing does. */
const STORE_BLOCKS = 4_096;

/** The same network with nodes that misbehave, for silent.ts and refusals.ts. */
export function smallWorldWith(options: {
  nodes: number;
  seed: number;
  hops: HopCounter;
  role?: (node: number) => Role;
}): World {
  const random = new SeededRandom(options.seed);
  const topology = smallWorld({ nodes: options.nodes, degree: Math.min(DEGREE, options.nodes - 1), random });
  return new World({
    topology,
    params: networks.open,
    seed: options.seed,
    latencyMs: { min: 10, max: 100 },
    storeBlocks: STORE_BLOCKS,
    cacheBlocks: STORE_BLOCKS,
    onTrace: options.hops.onTrace,
    ...(options.role === undefined ? {} : { role: options.role }),
  });
}

export const smallworld: Scenario = {
  summary: 'a healthy small-world network: inserts, fetches, fetches of what does not exist',
  run: ({ nodes, seed }) => {
    const hops = new HopCounter();
    const world = smallWorldWith({ nodes, seed, hops });
    return runTraffic(world, hops, { inserts: 200, fetches: 1_000, missing: 100, tries: 1 });
  },
};
