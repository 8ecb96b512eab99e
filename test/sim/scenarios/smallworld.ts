/** A healthy network: what greedy routing with backtracking finds, and at what price. */
import { worldOf } from '../networks.ts';
import type { Scenario } from '../scenario.ts';
import { HopCounter, fetchMissing, fetchSome, hopMetrics, insertSome, leftovers } from './traffic.ts';

export const smallworld: Scenario = {
  summary: 'a healthy network: inserts, fetches, fetches of what does not exist',
  run: (options) => {
    const { nodes, fetches = 1_000 } = options;
    const hops = new HopCounter();
    const world = worldOf(options, { onTrace: hops.onTrace });
    const inserted = insertSome(world, Math.ceil(fetches / 5));
    hops.clear();
    const fetched = fetchSome(world, inserted.keys, { count: fetches, tries: 1 });
    const load = hops.maxOverMean(nodes);
    const missing = fetchMissing(world, Math.ceil(fetches / 10));
    return {
      worlds: [world],
      metrics: {
        ...inserted.metrics,
        'healthy.found': fetched.found,
        ...hopMetrics(hops, fetched),
        'load.maxOverMean': load,
        ...missing,
        ...leftovers(world),
      },
    };
  },
};

export const missing: Scenario = {
  summary: 'fetches of keys that do not exist',
  run: (options) => {
    const world = worldOf(options);
    return {
      worlds: [world],
      metrics: { ...fetchMissing(world, options.fetches ?? 1_000), ...leftovers(world) },
    };
  },
};
