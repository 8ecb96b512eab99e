/** Nodes that go: many at once and for ever, or all of them now and then. What was inserted before is fetched after. */
import { networks } from '../../../routing/index.ts';
import { Churn } from '../churn.ts';
import { topologyOf, worldOf } from '../networks.ts';
import { type Scenario, type ScenarioOptions, runCells } from '../scenario.ts';
import type { Death, World } from '../world.ts';
import {
  HopCounter,
  fetchSome,
  fetchWithin,
  hopMetrics,
  insertSome,
  insertWithin,
  leftovers,
} from './traffic.ts';

const HOUR_MS = 3_600_000;
/** In so long nobody has noticed yet who is gone silently: links fade after a minute. */
const STALE_MS = 30_000;
const INSERTS_MS = 60_000;
/** Until holes are filled that half of the nodes leave at the beginning, and lists are told. */
const RUN_IN_MS = HOUR_MS / 6;
const SETTLED_MS = 120_000;

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
  const fetched =
    death === 'silent'
      ? fetchWithin(world, keys, STALE_MS)
      : fetchSome(world, keys, { count: fetches, tries: 1 });
  const metrics: Record<string, number> = { [`vanish${percent}.found`]: fetched.found };
  for (const [name, value] of Object.entries({ ...hopMetrics(hops, fetched), ...leftovers(world) }))
    metrics[`vanish${percent}.${name}`] = value;
  return { world, metrics };
}

export const vanish: Scenario = {
  summary: '30 and 50 % of nodes are gone at once, nothing is repaired',
  cells: ['vanish30', 'vanish50'],
  run: (options) =>
    runCells(options, { vanish30: () => vanishCell(options, 30), vanish50: () => vanishCell(options, 50) }),
};

export const churn: Scenario = {
  summary: 'sessions and absences of two hours; fetched one hour after it was inserted',
  run: (options) => {
    const { fetches = 1_000, death = 'knownAtOnce' } = options;
    const hops = new HopCounter();
    const { world, life } = churningWorld(options, { hops, death });
    life.pass(RUN_IN_MS);
    // Not one after the other: thousands of them would take longer than all else, and their time is everybody's upkeep.
    const { keys, metrics: inserted } = insertWithin(world, fetches, INSERTS_MS);
    life.pass(HOUR_MS);
    hops.clear();
    const fetched = fetchWithin(world, keys, STALE_MS);
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

/** Where nodes look for others in place of those who went. */
function churningWorld(
  options: ScenarioOptions,
  { hops: { onTrace }, death }: { hops: HopCounter; death: Death },
): { world: World; life: Churn } {
  // Links are as old as their session: a day of age, as in the open network, none would reach.
  const params = { ...networks.open, usableAfterMs: 0 };
  const time = { sessionMs: 2 * HOUR_MS, absenceMs: 2 * HOUR_MS, store: 'kept', death } as const;
  if (options.network !== 'grown') {
    const world = worldOf(options, { onTrace, params });
    return { world, life: new Churn(world, time) };
  }
  const { locations, links } = topologyOf(options);
  const world = worldOf(options, {
    onTrace,
    params,
    opennet: 'on',
    topology: { locations, links: [] },
    present: () => false,
  });
  const life = new Churn(world, time);
  // As after a failure of the power: who is there comes back at once, and remembers whom it was linked to. One end of each link is enough.
  const remembered = locations.map((): number[] => []);
  for (const [index, [a, b]] of links.entries())
    remembered[index % 2 === 0 ? a : b]?.push(index % 2 === 0 ? b : a);
  for (const [node, peers] of remembered.entries())
    if (life.isThereAtFirst(node)) world.revive(node, { store: 'kept', peers });
  world.run(world.now + SETTLED_MS);
  return { world, life };
}
