/**
 * Many nodes ask for one key, in one moment or in a few seconds, so that their requests meet, cross and join. Nobody may wait for
 * somebody who waits for them; everybody gets the block, and no node serves the whole crowd.
 */
import type { RoutingKey } from '../../../keys/index.ts';
import { worldOf } from '../networks.ts';
import type { Scenario } from '../scenario.ts';
import { mean, quantile } from '../scenario.ts';
import { type World, shortBlock } from '../world.ts';
import { HopCounter, insertSome, leftovers } from './traffic.ts';

const ROUNDS = 20;
/** A crowd that is half of the network. */
const SHARE = 2;
/** How long it takes until everybody has heard of it. */
const FLASH_MS = 10_000;

interface Crowd {
  asked: number;
  answered: number;
  found: number;
  readonly latencyMs: number[];
}

/** Half of all nodes ask for a key within a time. */
function ask(world: World, key: RoutingKey, options: { withinMs: number; crowd: Crowd }): void {
  const { withinMs, crowd } = options;
  const step = (): void => {
    const began = world.now;
    crowd.asked += 1;
    world.fetch(world.random.below(world.size), key, 0, (result) => {
      crowd.answered += 1;
      if (result.type !== 'found') return;
      crowd.found += 1;
      crowd.latencyMs.push(world.now - began);
    });
  };
  const count = Math.floor(world.size / SHARE);
  for (let i = 0; i < count; i += 1) {
    if (withinMs === 0) step();
    else world.at(world.now + (withinMs * i) / count, step);
  }
  world.run(world.now + withinMs);
  world.settle();
}

function newCrowd(): Crowd {
  return { asked: 0, answered: 0, found: 0, latencyMs: [] };
}

export const crossing: Scenario = {
  summary: 'half of all nodes fetch one key at once, then one key that does not exist',
  run: (options) => {
    const hops = new HopCounter();
    const world = worldOf(options, { onTrace: hops.onTrace });
    const [existing, missing] = [newCrowd(), newCrowd()];
    for (let round = 0; round < ROUNDS; round += 1) {
      const { keys } = insertSome(world, 1);
      for (const key of keys) ask(world, key, { withinMs: 0, crowd: existing });
      ask(world, shortBlock(world.random.bytes(32)).key, { withinMs: 0, crowd: missing });
    }
    const asked = existing.asked + missing.asked;
    return {
      worlds: [world],
      metrics: {
        'crossing.found': existing.found / existing.asked,
        'crossing.answered': (existing.answered + missing.answered) / asked,
        'hops.mean': mean(hops.hops),
        'latencyMs.p50': quantile(existing.latencyMs, 0.5),
        'latencyMs.max': quantile(existing.latencyMs, 1),
        ...leftovers(world),
      },
    };
  },
};

export const flash: Scenario = {
  summary: 'half of all nodes fetch one key within ten seconds, five times',
  run: (options) => {
    const hops = new HopCounter();
    const world = worldOf(options, { onTrace: hops.onTrace });
    const crowd = newCrowd();
    const maxServed: number[] = [];
    for (let round = 0; round < ROUNDS / 4; round += 1) {
      const { keys } = insertSome(world, 1);
      hops.served.clear();
      for (const key of keys) ask(world, key, { withinMs: FLASH_MS, crowd });
      maxServed.push(Math.max(...hops.served.values()));
    }
    return {
      worlds: [world],
      metrics: {
        'flash.found': crowd.found / crowd.asked,
        'flash.maxServed': Math.max(...maxServed),
        'hops.mean': mean(hops.hops),
        'latencyMs.p50': quantile(crowd.latencyMs, 0.5),
        tries: 1,
        ...leftovers(world),
      },
    };
  },
};
