/**
 * The stem (docs/spec/stem.md) in a network whose nodes come and go: what owners ask for is found, waits where nobody can take it, and
 * leaves by nobody else's hands. Who they are must stay unknown: that is test/attack.
 */
import { networks } from '../../../routing/index.ts';
import { Churn } from '../churn.ts';
import type { Observer } from '../host.ts';
import { worldOf } from '../networks.ts';
import type { Scenario } from '../scenario.ts';
import { fetchSome, fetchWithin, insertSome, leftovers } from './traffic.ts';

/** Until places are given and ways are checked. */
const SETTLED_MS = 120_000;
const HOUR_MS = 3_600_000;
/** Most of those who are there can take what the others ask. */
const TIMES = { sessionMs: 2 * HOUR_MS, absenceMs: HOUR_MS, store: 'kept', death: 'knownAtOnce' } as const;
const ASKED_WITHIN_MS = 600_000;

/** How far requests go before somebody diffuses them. */
class StemCounter implements Observer {
  stems = 0;

  passed(_now: number, _end: unknown, what: Parameters<NonNullable<Observer['passed']>>[2]): void {
    const { dir, message } = what;
    if (dir === 'in' && 'route' in message && message.route.phase === 'stem') this.stems += 1;
  }
}

export const stem: Scenario = {
  summary: 'owners ask by the stem, in a network that stands and in one whose nodes come and go',
  run: (options) => {
    const { fetches = 1_000 } = options;
    const counter = new StemCounter();
    const world = worldOf(options, {
      stem: 'on',
      tie: 'chosen',
      params: { ...networks.open, usableAfterMs: 0 },
      observers: [...(options.observers ?? []), counter],
    });
    world.run(world.now + SETTLED_MS);
    const { keys, metrics } = insertSome(world, Math.ceil(fetches / 2));
    counter.stems = 0;
    const standing = fetchSome(world, keys, { count: fetches, tries: 3 });
    const stems = counter.stems / fetches;
    const life = new Churn(world, TIMES);
    life.pass(HOUR_MS);
    const moving = fetchWithin(world, keys, ASKED_WITHIN_MS);
    const waiting = world.unanswered;
    // Whoever waits for a guard that is away is served when it is back.
    for (let node = 0; node < world.size; node += 1)
      if (!world.isAlive(node)) world.revive(node, { store: 'kept' });
    world.run(world.now + SETTLED_MS);
    return {
      worlds: [world],
      metrics: {
        ...metrics,
        'stem.found': standing.found,
        'stem.length': stems,
        'stem.messages': standing.messages,
        'stem.churn.found': moving.found,
        'stem.churn.waiting': waiting / keys.length,
        ...leftovers(world),
      },
    };
  },
};
