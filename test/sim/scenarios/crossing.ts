/**
 * Many nodes ask for one key in one moment, so that their requests meet, cross and join. Nobody may wait for somebody who waits
 * for them; everybody gets the block, and no node serves the whole crowd.
 */
import type { RoutingKey } from '../../../keys/index.ts';
import type { Scenario } from '../scenario.ts';
import { mean, quantile } from '../scenario.ts';
import { shortBlock } from '../world.ts';
import { smallWorldWith } from './smallworld.ts';
import { HopCounter } from './traffic.ts';

const ROUNDS = 20;
/** A crowd that is half of the network. */
const SHARE = 2;

export const crossing: Scenario = {
  summary: 'half of all nodes fetch one key at once, then one key that does not exist',
  run: ({ nodes, seed }) => {
    const hops = new HopCounter();
    const world = smallWorldWith({ nodes, seed, hops });
    const latency: number[] = [];
    let asked = 0;
    let found = 0;
    let answered = 0;

    const crowd = (key: RoutingKey): void => {
      const began = world.now;
      for (let i = 0; i < nodes / SHARE; i += 1) {
        asked += 1;
        world.fetch(world.random.below(nodes), key, 0, (result) => {
          answered += 1;
          if (result.type !== 'found') return;
          found += 1;
          latency.push(world.now - began);
        });
      }
      world.schedule.run();
    };

    let existing = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const content = shortBlock(world.random.bytes(32));
      world.insert(world.random.below(nodes), { ...content, salt: 0 }, () => {});
      world.schedule.run();
      const before = asked;
      crowd(content.key);
      existing += asked - before;
      crowd(shortBlock(world.random.bytes(32)).key);
    }
    return {
      world,
      metrics: {
        'fetch.found': found / existing,
        'fetch.answered': answered / asked,
        'fetch.hops.mean': mean(hops.hops),
        'fetch.latencyMs.p50': quantile(latency, 0.5),
        'fetch.latencyMs.max': quantile(latency, 1),
        unanswered: world.unanswered,
        pending: world.pending,
      },
    };
  },
};
