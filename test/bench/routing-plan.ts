/**
 * What the routing bench runs and what it wants of it: the table of goals, and for each scenario its size, its fetches and its time.
 * Scenarios are those of test/sim; nothing of what happens in them is repeated here. A scenario with several cells is one run for each, so that
 * they run beside each other.
 */
import type { ScenarioOptions } from '../sim/scenario.ts';

export type Size = 'small' | '1k' | '10k' | '100k';

export const SIZES: Readonly<Record<Size, { nodes: number; seeds: readonly number[] }>> = {
  /** To try the bench itself: no goals. */
  small: { nodes: 200, seeds: [1] },
  '1k': { nodes: 1_000, seeds: [1, 2, 3] },
  '10k': { nodes: 10_000, seeds: [1] },
  '100k': { nodes: 100_000, seeds: [1] },
};

/** Of one scenario, at one size: for each seed. */
interface Extent {
  readonly fetches: number;
  /** Wall time after which it is ended and its rows are not measured. */
  readonly budgetSeconds: number;
  /** Keys for the fetches, where the scenario would take another number. */
  readonly keys?: number;
}

export interface Run {
  readonly scenario: string;
  readonly network: NonNullable<ScenarioOptions['network']>;
  readonly death?: NonNullable<ScenarioOptions['death']>;
  /** In another network than that of the size. */
  readonly nodes?: number;
  /** The one cell of the scenario. */
  readonly cell?: string;
  readonly params: 'open' | 'friends-small' | 'friends-medium';
  readonly sizes: Readonly<Partial<Record<Size, Extent>>>;
  /** What else must be known to read its numbers that are of all fetches. */
  readonly note?: string;
}

/** Growing takes 300 KiB a node: what is larger than this is drawn (test/sim/topology.ts), and its rows say so. */
const GROWN_MOST: Size = '10k';

export function networkOf(run: Run, size: Size): Run['network'] {
  return SIZES[size].nodes > SIZES[GROWN_MOST].nodes ? 'smallworld' : run.network;
}

const grownOpen = { network: 'grown', params: 'open' } as const;

function extents(
  fetches: Record<Size, number>,
  budgets: Partial<Record<Size, number>>,
  keys: Partial<Record<Size, number>> = {},
): Readonly<Partial<Record<Size, Extent>>> {
  const sizes: Partial<Record<Size, Extent>> = {};
  for (const [size, budgetSeconds] of Object.entries(budgets) as [Size, number][]) {
    const own = keys[size];
    sizes[size] = { fetches: fetches[size], budgetSeconds, ...(own === undefined ? {} : { keys: own }) };
  }
  return sizes;
}

/** Fewer fetches than this in a cell say nothing of a rate of `RARE` and above. */
export const FETCHES_LEAST = 10_000;
export const RARE = 0.99;

/** Three seeds of 1k have `FETCHES_LEAST` together. */
const RATE = { small: 200, '1k': 3_400, '10k': 10_000, '100k': 10_000 };
/** The busiest node is told from a lucky one only when the mean has some tens of requests. */
const LOAD = { small: 1_000, '1k': 10_000, '10k': 60_000, '100k': 200_000 };
/** At 1k caches are full with 200 a node, as in the prototype; with 40, 100 and 200 it takes 2.12, 1.96 and 1.85 hops. */
const ZIPF = { small: 2_000, '1k': 200_000, '10k': 100_000, '100k': 0 };

function vanish(cell: string, death: NonNullable<ScenarioOptions['death']>): Run {
  return {
    ...grownOpen,
    scenario: 'vanish',
    cell,
    death,
    sizes: extents(RATE, {
      small: 60,
      '1k': 40,
      '10k': 150,
      ...(death === 'silent' ? {} : { '100k': 7_200 }),
    }),
    ...(death === 'silent' ? { note: 'all in the first 30 s, while links to the dead seem to be up' } : {}),
  };
}

function blackhole(cell: string): Run {
  return {
    ...grownOpen,
    scenario: 'blackhole',
    cell,
    sizes: extents(RATE, { small: 60, '1k': 50, '10k': 200, '100k': 7_200 }),
    note: 'each key fetched twice',
  };
}

export const RUNS = {
  healthy: {
    ...grownOpen,
    scenario: 'smallworld',
    sizes: extents(LOAD, { small: 60, '1k': 40, '10k': 220, '100k': 7_200 }),
    note: 'each key fetched 5 times',
  },
  vanish30: vanish('vanish30', 'knownAtOnce'),
  vanish50: vanish('vanish50', 'knownAtOnce'),
  vanish30B: vanish('vanish30', 'silent'),
  vanish50B: vanish('vanish50', 'silent'),
  blackhole10: blackhole('blackhole10'),
  blackhole20: blackhole('blackhole20'),
  blackhole30: blackhole('blackhole30'),
  byzantine: {
    ...grownOpen,
    scenario: 'byzantine',
    cell: 'byzantine10',
    sizes: extents({ ...RATE, '10k': 3_000 }, { small: 60, '1k': 25, '10k': 150 }),
    note: 'each key fetched twice',
  },
  churn: {
    ...grownOpen,
    scenario: 'churn',
    death: 'knownAtOnce',
    sizes: extents(RATE, { small: 60, '1k': 80, '10k': 700 }),
  },
  churnB: {
    ...grownOpen,
    scenario: 'churn',
    death: 'silent',
    sizes: extents(RATE, { small: 60, '1k': 80 }),
    note: 'all in the first 30 s, while links to the dead of the last 60 s seem to be up',
  },
  flash: {
    ...grownOpen,
    scenario: 'flash',
    // Half of all nodes, five times, whatever is asked for.
    sizes: extents(
      { small: 500, '1k': 2_500, '10k': 25_000, '100k': 250_000 },
      { small: 60, '1k': 15, '10k': 60, '100k': 3_600 },
    ),
    note: 'the greatest of 5 crowds',
  },
  zipf: {
    ...grownOpen,
    scenario: 'zipf',
    sizes: extents(ZIPF, { small: 60, '1k': 90, '10k': 200 }, { small: 1_000, '10k': 12_500 }),
    note: 'the second half of them measured; catalogue of 20,000 keys at 1k, of 12,500 at 10k, where caches are not full',
  },
  nat: { ...grownOpen, scenario: 'nat', sizes: extents(RATE, { small: 60, '1k': 60, '10k': 120 }) },
  friends100: {
    scenario: 'friends',
    network: 'smallworld',
    nodes: 100,
    params: 'friends-small',
    sizes: extents(RATE, { '1k': 60 }),
  },
  friends1000: {
    scenario: 'friends',
    network: 'smallworld',
    nodes: 1_000,
    params: 'friends-medium',
    // An insert at HTL 80 is 10,000 events and more: as many as fetches would take half an hour.
    sizes: extents(RATE, { '1k': 120 }, { '1k': 340 }),
    note: 'each key fetched 10 times, with nothing written in between',
  },
  mixed: { ...grownOpen, scenario: 'mixed', sizes: extents(RATE, { '1k': 60, '10k': 120 }) },
} as const satisfies Record<string, Run>;

export type RunName = keyof typeof RUNS;

/** - `rate`: fraction of fetches; the upper end of its interval is judged. - `mean`: over seeds. - `most`: the worst seed is judged. */
type Kind = 'rate' | 'mean' | 'most';

export interface Goal {
  readonly row: string;
  readonly run: RunName;
  /** Of the scenario's report, or of what owners were seen to ask (test/sim/compare). */
  readonly metric: string;
  readonly kind: Kind;
  /** The metric that says of how many fetches this is, when not of all. */
  readonly counted?: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  /** null: reported only. A size that is not here has no such row. */
  readonly goals: Readonly<Partial<Record<Size, number | null>>>;
  /** The row that it should come close to, and how close. */
  readonly near?: { readonly row: string; readonly by: number };
}

type Wanted = readonly [oneK: number | null, tenK?: number | null, hundredK?: number | null];

function goalsOf([oneK, tenK, hundredK]: Wanted): Goal['goals'] {
  return {
    small: null,
    '1k': oneK,
    ...(tenK === undefined ? {} : { '10k': tenK }),
    ...(hundredK === undefined ? {} : { '100k': hundredK }),
  };
}

function rate(row: string, run: RunName, ...wanted: Wanted): Goal {
  return { row, run, metric: row, kind: 'rate', unit: 'fraction', better: 'higher', goals: goalsOf(wanted) };
}

function price(
  what: { row: string; run: RunName; metric?: string; kind?: Kind; counted?: string; unit: string },
  ...wanted: Wanted
): Goal {
  const { row, metric = row, kind = 'mean' } = what;
  return { ...what, metric, kind, better: 'lower', goals: goalsOf(wanted) };
}

function nearly(row: string, run: RunName, ...wanted: Wanted): Goal {
  return { ...rate(row, run, ...wanted), row: `${row}.B`, near: { row, by: 0.03 } };
}

const measured = [null, null, null] as const;

function compared(metric: string, unit: string): Goal {
  const counted = metric.includes('missing') ? 'missing.compared' : 'first.fetches';
  return price({ row: `compare.${metric}`, metric, run: 'healthy', counted, unit }, ...measured);
}

/** The table of the issue, in its order; then row set B; then what others cost. */
export const GOALS: readonly Goal[] = [
  price(
    { row: 'hops.mean', metric: 'first.hops.mean', run: 'healthy', counted: 'first.fetches', unit: 'hops' },
    2.6,
    3.9,
    5.6,
  ),
  price(
    { row: 'hops.p95', metric: 'first.hops.p95', run: 'healthy', counted: 'first.fetches', unit: 'hops' },
    3,
    5,
    7,
  ),
  price(
    {
      row: 'messages.mean',
      metric: 'first.messages.mean',
      run: 'healthy',
      counted: 'first.fetches',
      unit: 'messages',
    },
    5.3,
    8.2,
    11.7,
  ),
  rate('healthy.found', 'healthy', 1, 1, 1),
  rate('vanish30.found', 'vanish30', 0.99, 0.99, 0.99),
  rate('vanish50.found', 'vanish50', 0.93, 0.93, 0.93),
  rate('blackhole10.found', 'blackhole10', 0.999, 0.999, null),
  rate('blackhole20.found', 'blackhole20', 0.997, 0.997, null),
  rate('blackhole30.found', 'blackhole30', 0.99, 0.99, null),
  rate('byzantine10.found', 'byzantine', 0.98, null),
  rate('churn.found', 'churn', 0.99, 0.99),
  price({ row: 'flash.maxServed', run: 'flash', kind: 'most', unit: 'blocks' }, 60, 60, 60),
  price({ row: 'zipf.hops', run: 'zipf', unit: 'hops' }, 1.9, 2.9),
  price(
    { row: 'missing.messages', run: 'healthy', counted: 'missing.fetches', unit: 'messages' },
    26,
    29,
    33,
  ),
  price({ row: 'load.maxOverMean', run: 'healthy', unit: 'ratio' }, 3, 3.2, 3.5),
  rate('nat60.found', 'nat', 0.999, null),
  price({ row: 'nat60.hops', run: 'nat', unit: 'hops' }, null, null),
  rate('friends100.found', 'friends100', 0.997),
  rate('friends1000.found', 'friends1000', 0.997),
  rate('mixed10.found', 'mixed', 0.997, 0.997),

  nearly('vanish30.found', 'vanish30B', null, null),
  nearly('vanish50.found', 'vanish50B', null, null),
  nearly('churn.found', 'churnB', null),

  price({ row: 'again.hops.mean', metric: 'hops.mean', run: 'healthy', unit: 'hops' }, ...measured),
  compared('first.hops.mean', 'hops'),
  compared('first.messages.mean', 'messages'),
  compared('first.blocks.mean', 'blocks'),
  ...['kademlia20', 'kademlia1'].flatMap((name) => [
    compared(`${name}.rounds`, 'rounds'),
    compared(`${name}.messages`, 'messages'),
    compared(`${name}.blocks`, 'blocks'),
    compared(`${name}.direct.messages`, 'messages'),
    compared(`${name}.direct.blocks`, 'blocks'),
  ]),
  compared('kademlia.missing.messages', 'messages'),
  ...['chord1', 'chord16'].flatMap((name) => [
    compared(`${name}.hops`, 'hops'),
    compared(`${name}.messages`, 'messages'),
    compared(`${name}.blocks`, 'blocks'),
  ]),
];
