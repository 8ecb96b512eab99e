/** What people want is not evenly spread: a few keys are asked for by many. Caches bring them near. */
import { worldOf } from '../networks.ts';
import type { Scenario } from '../scenario.ts';
import { HopCounter, askersOf, fetchSome, hopMetrics, leftovers, placeSome } from './traffic.ts';

const EXPONENT = 0.8;
const KEYS_PER_NODE = 20;
const KEYS_MOST = 50_000;
/** Of the catalogue, at each node. */
const CACHE_SHARE = 0.01;
const FETCHES_PER_NODE = 40;

export const zipf: Scenario = {
  summary:
    'fetches by popularity (Zipf 0.8) with caches of 1 % of the catalogue; the second half is measured',
  run: (options) => {
    const { nodes, fetches = FETCHES_PER_NODE * nodes, keys: wantedKeys } = options;
    const catalogue = wantedKeys ?? Math.min(KEYS_MOST, KEYS_PER_NODE * nodes);
    const hops = new HopCounter();
    const world = worldOf(options, {
      onTrace: hops.onTrace,
      cacheBlocks: Math.max(1, Math.round(catalogue * CACHE_SHARE)),
    });
    const keys = placeSome(world, catalogue);
    const draw = zipfian(catalogue, () => world.random.fraction());
    const wanted = Array.from({ length: fetches }, () => keys[draw()] ?? keys[0]).filter(
      (key) => key !== undefined,
    );
    const half = Math.floor(fetches / 2);
    fetchSome(world, wanted.slice(0, half), { count: half, tries: 1 });
    hops.clear();
    const fetched = fetchSome(world, wanted.slice(half), {
      count: fetches - half,
      tries: 1,
      anyone: askersOf(world),
    });
    const { 'hops.mean': mean = 0, ...others } = hopMetrics(hops, fetched);
    const served = [...hops.served.values()];
    const meanServed = served.reduce((sum, count) => sum + count, 0) / nodes;
    return {
      worlds: [world],
      metrics: {
        'zipf.found': fetched.found,
        'zipf.hops': mean,
        'zipf.servedMaxOverMean': meanServed === 0 ? 0 : Math.max(...served) / meanServed,
        ...others,
        ...leftovers(world),
      },
    };
  },
};

/** Ranks from 0, rank r with weight 1 / (r + 1)^EXPONENT. */
function zipfian(count: number, fraction: () => number): () => number {
  const sums: number[] = [];
  let sum = 0;
  for (let rank = 0; rank < count; rank += 1) {
    sum += 1 / (rank + 1) ** EXPONENT;
    sums.push(sum);
  }
  return () => {
    const wanted = fraction() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? Infinity) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
