/** A fifth of the nodes take every request and never answer. Searches must notice, blame the right hop and go round. */
import type { Scenario } from '../scenario.ts';
import { smallWorldWith } from './smallworld.ts';
import { HopCounter, runTraffic } from './traffic.ts';

export const silent: Scenario = {
  summary: 'every fifth node is silent: it accepts nothing and answers nothing',
  run: ({ nodes, seed }) => {
    const hops = new HopCounter();
    const isSilent = (node: number): boolean => node % 5 === 0;
    const world = smallWorldWith({
      nodes,
      seed,
      hops,
      role: (node) => (isSilent(node) ? 'silent' : 'honest'),
    });
    return runTraffic(world, hops, {
      inserts: 100,
      fetches: 300,
      missing: 0,
      tries: 3,
      mayAsk: (node) => !isSilent(node),
    });
  },
};
