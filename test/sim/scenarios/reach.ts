/** Networks that are not open to everybody: nodes that can't be dialled, and friends alone. */
import { networks } from '../../../routing/index.ts';
import { isDialable } from '../grow.ts';
import { topologyOf, worldOf } from '../networks.ts';
import { SeededRandom } from '../random.ts';
import type { Scenario } from '../scenario.ts';
import { friendsGraph } from '../topology.ts';
import { HopCounter, fetchMissing, fetchSome, hopMetrics, insertSome, leftovers } from './traffic.ts';

const UNDIALABLE = 0.6;

export const nat: Scenario = {
  summary: '60 % of nodes can only dial out',
  run: (options) => {
    const { fetches = 1_000, seed } = options;
    const dialable = isDialable({ seed, undialable: UNDIALABLE });
    const drawn = topologyOf(options, { undialable: UNDIALABLE });
    // Two who can't be dialled can have no link; a grown network has none.
    const links = drawn.links.filter(([a, b]) => dialable(a) || dialable(b));
    const hops = new HopCounter();
    const grown = options.network === 'grown';
    const world = worldOf(options, {
      topology: { locations: drawn.locations, links },
      dialable,
      onTrace: hops.onTrace,
      ...(grown ? { tie: 'chosen', opennet: 'quiet' } : {}),
    });
    const inserted = insertSome(world, fetches);
    hops.clear();
    const fetched = fetchSome(world, inserted.keys, { count: fetches, tries: 1 });
    const { 'hops.mean': mean = 0, ...others } = hopMetrics(hops, fetched);
    return {
      worlds: [world],
      metrics: {
        ...inserted.metrics,
        'nat60.found': fetched.found,
        'nat60.hops': mean,
        ...others,
        ...leftovers(world),
      },
    };
  },
};

/** Up to here a circle of friends is small (routing.md, 10). */
const SMALL = 100;

export const friends: Scenario = {
  summary:
    'friends alone, in communities, 6 to 7 each; class friends-small up to 100 nodes, else friends-medium',
  run: (options) => {
    const { nodes, seed, fetches = 500 } = options;
    const hops = new HopCounter();
    const world = worldOf(options, {
      topology: friendsGraph({ nodes, random: new SeededRandom(seed) }),
      params: nodes <= SMALL ? networks['friends-small'] : networks['friends-medium'],
      onTrace: hops.onTrace,
    });
    const inserted = insertSome(world, fetches);
    hops.clear();
    const fetched = fetchSome(world, inserted.keys, { count: fetches, tries: 1 });
    return {
      worlds: [world],
      metrics: {
        ...inserted.metrics,
        [`friends${nodes}.found`]: fetched.found,
        ...hopMetrics(hops, fetched),
        ...fetchMissing(world, Math.ceil(fetches / 10)),
        ...leftovers(world),
      },
    };
  },
};
