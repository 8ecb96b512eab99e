/**
 * Networks in which some nodes don't follow the protocol. The others must notice, blame the right hop, go round it, and still
 * find and store what they are asked to.
 */
import type { Scenario } from '../scenario.ts';
import type { Role } from '../world.ts';
import { smallWorldWith } from './smallworld.ts';
import { HopCounter, runTraffic } from './traffic.ts';

/** Every `every`-th node has the role; the others ask. */
function misbehaving(options: { summary: string; role: Role; every: number; tries: number }): Scenario {
  const { summary, role, every, tries } = options;
  return {
    summary,
    run: ({ nodes, seed }) => {
      const hops = new HopCounter();
      const isBad = (node: number): boolean => node % every === 0;
      const world = smallWorldWith({ nodes, seed, hops, role: (node) => (isBad(node) ? role : 'honest') });
      return runTraffic(world, hops, {
        inserts: 100,
        fetches: 500,
        missing: 0,
        tries,
        mayAsk: (node) => !isBad(node),
      });
    },
  };
}

export const silent = misbehaving({
  summary: 'every fifth node is silent: it accepts nothing and answers nothing',
  role: 'silent',
  every: 5,
  tries: 3,
});

/** A refusal is free and sends the search on; the refuser is left alone for a while. */
export const refusals = misbehaving({
  summary: 'every third node refuses all requests as overloaded',
  role: 'refusing',
  every: 3,
  tries: 3,
});

/** What it costs that visits are believed: docs/adr/0001-believed-visits.md. */
export const liars = misbehaving({
  summary: 'every tenth node lies about visits, about what it found and about what it stored',
  role: 'lying',
  every: 10,
  tries: 1,
});
