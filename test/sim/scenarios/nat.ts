/** Nodes that can't be dialled: they have links to those alone that can. */
import { isDialable } from '../grow.ts';
import { topologyOf, worldOf } from '../networks.ts';
import type { Scenario } from '../scenario.ts';
import { HopCounter, fetchSome, hopMetrics, insertSome, leftovers } from './traffic.ts';

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
