/** Friends alone: no strangers, locations that have nothing to do with who knows whom, and a class without a stall limit (routing.md, 10). */
import { networks } from '../../../routing/index.ts';
import { worldOf } from '../networks.ts';
import { SeededRandom } from '../random.ts';
import type { Scenario } from '../scenario.ts';
import { friendsGraph } from '../topology.ts';
import { HopCounter, fetchMissing, fetchSome, hopMetrics, insertSome, leftovers } from './traffic.ts';

/** Up to here a circle of friends is small (routing.md, 10). */
const SMALL = 100;

/**
 * An insert costs as much as ten fetches and more, so there may be fewer keys than fetches. Then nothing is written after the
 * inserts: each fetch is a new trial of the copies that they have left.
 */
export const friends: Scenario = {
  summary:
    'friends alone, in communities, 6 to 7 each; class friends-small up to 100 nodes, else friends-medium',
  run: (options) => {
    const { nodes, seed, fetches = 500, keys = fetches } = options;
    const hops = new HopCounter();
    const world = worldOf(options, {
      topology: friendsGraph({ nodes, random: new SeededRandom(seed) }),
      params: nodes <= SMALL ? networks['friends-small'] : networks['friends-medium'],
      onTrace: hops.onTrace,
    });
    const inserted = insertSome(world, Math.min(keys, fetches));
    if (keys < fetches) world.freeze();
    hops.clear();
    const fetched = fetchSome(world, inserted.keys, { count: fetches, tries: 1 });
    return {
      worlds: [world],
      metrics: {
        ...inserted.metrics,
        [`friends${nodes}.found`]: fetched.found,
        [`friends${nodes}.fetchesPerKey`]: fetches / inserted.keys.length,
        ...hopMetrics(hops, fetched),
        ...fetchMissing(world, Math.min(100, Math.ceil(fetches / 10))),
        ...leftovers(world),
      },
    };
  },
};
