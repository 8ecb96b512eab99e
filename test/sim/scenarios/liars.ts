/**
 * Every tenth node lies: it says at once that a thousand nodes below it have nothing, or that it has stored what it was given.
 * Its visits must not end the search of the node before it (routing/budget.ts).
 */
import type { Scenario } from '../scenario.ts';
import { smallWorldWith } from './smallworld.ts';
import { HopCounter, runTraffic } from './traffic.ts';

export const liars: Scenario = {
  summary: 'every tenth node lies about visits, about what it found and about what it stored',
  run: ({ nodes, seed }) => {
    const hops = new HopCounter();
    const lies = (node: number): boolean => node % 10 === 0;
    const world = smallWorldWith({ nodes, seed, hops, role: (node) => (lies(node) ? 'lying' : 'honest') });
    return runTraffic(world, hops, {
      inserts: 200,
      fetches: 1_000,
      missing: 0,
      tries: 1,
      mayAsk: (node) => !lies(node),
    });
  },
};
