/** Nodes that go: many at once and for ever, or all of them now and then. What was inserted before is fetched after. */
import { networks } from '../../../routing/index.ts';
import { Churn } from '../churn.ts';
import { worldOf } from '../networks.ts';
import type { Scenario, ScenarioOptions } from '../scenario.ts';
import type { World } from '../world.ts';
import { HopCounter, fetchSome, hopMetrics, insertSome, leftovers } from './traffic.ts';

const HOUR_MS = 3_600_000;

function vanishCell(
  options: ScenarioOptions,
  percent: number,
): { world: World; metrics: Record<string, number> } {
  const { fetches = 1_000, death = 'knownAtOnce' } = options;
  const hops = new HopCounter();
  const world = worldOf(options, { onTrace: hops.onTrace });
  // Each key is fetched once: a copy left by another fetch would help.
  const { keys } = insertSome(world, fetches);
  const gone = Math.round((world.size * percent) / 100);
  for (let killed = 0; killed < gone;) {
    const node = world.random.below(world.size);
    if (!world.isAlive(node)) continue;
    world.kill(node, death);
    killed += 1;
  }
  hops.clear();
  const fetched = fetchSome(world, keys, { count: fetches, tries: 1 });
  const metrics: Record<string, number> = { [`vanish${percent}.found`]: fetched.found };
  for (const [name, value] of Object.entries({ ...hopMetrics(hops, fetched), ...leftovers(world) }))
    metrics[`vanish${percent}.${name}`] = value;
  return { world, metrics };
}

export const vanish: Scenario = {
  summary: '30 and 50 % of nodes are gone at once, nothing is repaired',
  run: (options) => {
    const cells = [30, 50].map((percent) => vanishCell(options, percent));
    return {
      worlds: cells.map(({ world }) => world),
      metrics: Object.assign({}, ...cells.map(({ metrics }) => metrics)) as Record<string, number>,
    };
  },
};

export const churn: Scenario = {
  summary: 'sessions and absences of two hours; fetched one hour after it was inserted',
  run: (options) => {
    const { fetches = 1_000, death = 'knownAtOnce', network } = options;
    const hops = new HopCounter();
    const world = worldOf(options, {
      onTrace: hops.onTrace,
      // Links are as old as their session: a day of age, as in the open network, none would reach.
      params: { ...networks.open, usableAfterMs: 0 },
      ...(network === 'grown' ? { opennet: 'on' } : {}),
    });
    const life = new Churn(world, { sessionMs: 2 * HOUR_MS, absenceMs: 2 * HOUR_MS, store: 'kept', death });
    life.pass(HOUR_MS / 2);
    const { keys, metrics: inserted } = insertSome(world, fetches);
    life.pass(HOUR_MS);
    hops.clear();
    const fetched = fetchSome(world, keys, { count: fetches, tries: 1 });
    return {
      worlds: [world],
      metrics: {
        ...inserted,
        'churn.found': fetched.found,
        ...hopMetrics(hops, fetched),
        ...leftovers(world),
      },
    };
  },
};
