/**
 * Networks in which some nodes don't follow the protocol. The others must notice, blame the right hop, go round it, and still
 * find and store what they are asked to.
 */
import { worldOf } from '../networks.ts';
import { type Scenario, type ScenarioOptions, runCells } from '../scenario.ts';
import type { Role, World } from '../world.ts';
import { HopCounter, background, fetchSome, hopMetrics, insertSome, leftovers } from './traffic.ts';

interface Cell {
  /** First part of the names of its metrics. */
  readonly name: string;
  readonly roleOf: (node: number) => Role;
  readonly tries: number;
  /** Requests of each node before anything is measured, so that peers have a record. */
  readonly warmUp: number;
}

const WARM_UP_KEYS = 200;
/** A node's own requests while it comes to know its peers. */
const WARM_UP_EVERY_MS = 10_000;

function runCell(options: ScenarioOptions, cell: Cell): { world: World; metrics: Record<string, number> } {
  const { fetches = 500 } = options;
  const hops = new HopCounter();
  const world = worldOf(options, { onTrace: hops.onTrace, role: cell.roleOf });
  if (cell.warmUp > 0) {
    const { keys } = insertSome(world, WARM_UP_KEYS);
    const untilMs = world.now + cell.warmUp * WARM_UP_EVERY_MS;
    background(world, { keys, everyMs: WARM_UP_EVERY_MS, untilMs });
    world.run(untilMs);
    world.settle();
  }
  const inserted = insertSome(world, Math.ceil(fetches / 2));
  hops.clear();
  const fetched = fetchSome(world, inserted.keys, { count: fetches, tries: cell.tries });
  const metrics: Record<string, number> = { [`${cell.name}.found`]: fetched.found };
  for (const [name, value] of Object.entries({
    ...inserted.metrics,
    ...hopMetrics(hops, fetched),
    ...leftovers(world),
  }))
    metrics[`${cell.name}.${name}`] = value;
  return { world, metrics };
}

function scenario(summary: string, cells: readonly Cell[]): Scenario {
  return {
    summary,
    cells: cells.map(({ name }) => name),
    run: (options) =>
      runCells(
        options,
        Object.fromEntries(cells.map((cell) => [cell.name, () => runCell(options, cell)] as const)),
      ),
  };
}

/** Every `every`-th node has the role. */
function every(every: number, role: Role): (node: number) => Role {
  return (node) => (node % every === 0 ? role : 'honest');
}

export const silent = scenario('every fifth node is silent: it accepts nothing and answers nothing', [
  { name: 'silent', roleOf: every(5, 'silent'), tries: 3, warmUp: 0 },
]);

/** A refusal is free and sends the search on; the refuser is left alone for a while. */
export const refusals = scenario('every third node refuses all requests as overloaded', [
  { name: 'refusals', roleOf: every(3, 'refusing'), tries: 3, warmUp: 0 },
]);

/** What it costs that visits are believed: docs/adr/0001-believed-visits.md. */
export const liars = scenario('every tenth node lies about visits, about what it found and what it stored', [
  { name: 'liars', roleOf: every(10, 'lying'), tries: 1, warmUp: 0 },
]);

/**
 * Requests of each node to know its peers by. Of black holes as many as are needed: with 3, 10 and 30 (grown, 1,000 nodes, seed 1) 1, 1 and
 * .9994 were found where 10 % are silent, and .9994, 1 and 1 where 30 % are. Who lies is found out later: .939, .947 and .944.
 */
const WARM_UP = { silent: 3, lying: 10 } as const;

/** A share of black holes, among peers who know each other. */
export const blackhole = scenario(
  '10, 20 and 30 % of nodes are silent; 3 requests a node to know them by',
  [10, 20, 30].map((percent) => ({
    name: `blackhole${percent}`,
    roleOf: (node: number): Role => (node % 10 < percent / 10 ? 'silent' : 'honest'),
    tries: 3,
    warmUp: WARM_UP.silent,
  })),
);

const EVIL: readonly Role[] = [
  'silent',
  'dropping',
  'lyingPeers',
  'lyingVisits',
  'lyingInserts',
  'corrupting',
];

export const byzantine = scenario(
  '10 % of nodes misbehave, a sixth of them in each way; 10 requests a node before',
  [
    {
      name: 'byzantine10',
      roleOf: (node) => (node % 10 === 0 ? (EVIL[(node / 10) % EVIL.length] ?? 'silent') : 'honest'),
      tries: 3,
      warmUp: WARM_UP.lying,
    },
  ],
);
