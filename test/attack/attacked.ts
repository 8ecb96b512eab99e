/** A population as a world of routers: at rest, and when some go and others come (docs/spec/attack.md, 1). */
import { networks } from '../../routing/index.ts';
import { World, type WorldOptions } from '../sim/world.ts';
import type { Population } from './population.ts';

const STORE_BLOCKS = 65_536;
/** Until guards are drawn, places granted, loops found and peers' lists told. */
const SETTLE_MS = 400_000;

/** Its world at rest, with those who are there at first. */
export function worldOfPopulation(
  { topology, options }: Population,
  its: Partial<WorldOptions> & { there?: readonly boolean[]; defence?: 'off' } = {},
): World {
  const { there, defence, ...rest } = its;
  const world = new World({
    topology,
    params: networks.open,
    seed: options.seed,
    latency: { type: 'plane' },
    storeBlocks: STORE_BLOCKS,
    cacheBlocks: STORE_BLOCKS,
    tie: 'chosen',
    ...(defence === 'off' ? {} : { stem: 'on' }),
    present: (node) => there?.[node] ?? true,
    ...rest,
  });
  world.run(SETTLE_MS);
  return world;
}

/** Brings those who are to be there, and takes away the others; their links of old come and go with them. */
export function turn(world: World, there: readonly boolean[]): void {
  for (let node = 0; node < world.size; node += 1)
    if (world.isAlive(node) && there[node] === false) world.kill(node);
  for (let node = 0; node < world.size; node += 1)
    if (!world.isAlive(node) && there[node] === true) world.revive(node, { store: 'kept' });
}
