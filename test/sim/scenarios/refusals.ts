/** A third of the nodes refuse every request as overloaded. A refusal is free and sends the search on; the refuser is left alone. */
import type { Scenario } from '../scenario.ts';
import { smallWorldWith } from './smallworld.ts';
import { HopCounter, runTraffic } from './traffic.ts';

export const refusals: Scenario = {
  summary: 'every third node refuses all requests as overloaded',
  run: ({ nodes, seed }) => {
    const hops = new HopCounter();
    const refuses = (node: number): boolean => node % 3 === 0;
    const world = smallWorldWith({
      nodes,
      seed,
      hops,
      role: (node) => (refuses(node) ? 'refusing' : 'honest'),
    });
    return runTraffic(world, hops, {
      inserts: 100,
      fetches: 300,
      missing: 0,
      tries: 3,
      mayAsk: (node) => !refuses(node),
    });
  },
};
