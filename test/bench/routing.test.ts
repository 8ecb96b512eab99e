/** What the routing bench makes of numbers: intervals, verdicts, and rows without a measurement. The numbers themselves are the simulator's. */
import t from 'tap';
import { assert } from '../../keys/index.ts';
import { scenarios } from '../sim/run.ts';
import { GOALS, type Goal, RUNS, type Run, type Size } from './routing-plan.ts';
import { runJobs } from './routing-pool.ts';
import { type Outcome, rowOf, toTable, wilson } from './routing-verdict.ts';

function goal(row: string): Goal {
  const found = GOALS.find((one) => one.row === row);
  assert(found !== undefined, `there is a row ${row}`);
  return found;
}

/** The same of every run, or by seed. */
function measured(metrics: Record<string, number>): Outcome {
  return { type: 'measured', metrics, seconds: 1 };
}

function near(actual: number, wanted: number): boolean {
  return Math.abs(actual - wanted) < 5e-5;
}

void t.test('a Wilson interval is that of the textbook, and exact where all or none are found', async (t) => {
  // Newcombe, 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
  const known = [
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ] as const;
  for (const [hits, of, low, high] of known) {
    const interval = wilson({ hits, of });
    t.ok(
      near(interval.low, low) && near(interval.high, high),
      `${hits} of ${of}: ${interval.low} ${interval.high}`,
    );
  }
  t.equal(wilson({ hits: 10_000, of: 10_000 }).high, 1);
});

void t.test(
  'a rate meets its goal when the upper end of its interval does, and 1 only when all are found',
  async (t) => {
    const of = 3 * 3_400;
    const state = (row: string, run: Goal, lost: number): string => {
      const shareLost = lost / of;
      return rowOf(run, '1k', { of: () => measured({ [row]: 1 - shareLost }) }).state;
    };
    // 119 of 10,200 lost are 1.17 %, and the upper end is .9902; with 126 it is .9896.
    t.equal(state('vanish30.found', goal('vanish30.found'), 3 * 39), 'met');
    t.equal(state('vanish30.found', goal('vanish30.found'), 3 * 42), 'missed');
    const healthy = (lost: number): string =>
      rowOf(goal('healthy.found'), '1k', { of: () => measured({ 'healthy.found': 1 - lost / 10_000 }) })
        .state;
    t.equal(healthy(0), 'met');
    t.equal(healthy(1), 'missed');
  },
);

void t.test('a mean is judged over seeds, a maximum by its worst seed, and each seed is told', async (t) => {
  const of = (metric: string, values: readonly number[]) => (_run: unknown, _size: unknown, seed: number) =>
    measured({ [metric]: values[seed - 1] ?? Number.NaN });
  const flash = rowOf(goal('flash.maxServed'), '1k', { of: of('flash.maxServed', [20, 30, 61]) });
  t.match(flash, { value: 37, state: 'missed', each: [{ seed: 1 }, { seed: 2 }, { seed: 3, value: 61 }] });
  const zipf = rowOf(goal('zipf.hops'), '1k', { of: of('zipf.hops', [1.8, 1.8, 2]) });
  t.equal(zipf.state, 'met');
});

void t.test(
  'what was not measured has no number: no scenario, a seed that failed, a metric that nobody says',
  async (t) => {
    const rows = [
      rowOf(goal('mixed10.found'), '1k', { of: () => undefined }),
      rowOf(goal('zipf.hops'), '1k', { of: () => measured({}) }),
      rowOf(goal('zipf.hops'), '1k', { of: () => measured({ 'zipf.hops': Number.NaN }) }),
      rowOf(goal('zipf.hops'), '1k', {
        of: (_run, _size, seed) =>
          seed === 2 ? { type: 'not measured', why: 'late' } : measured({ 'zipf.hops': 1 }),
      }),
      // Of 3,400 fetches nobody can find this share.
      rowOf(goal('vanish30.found'), '1k', { of: () => measured({ 'vanish30.found': 0.12345 }) }),
    ];
    for (const row of rows) {
      t.match(row, { value: null, state: 'not measured', each: [] });
      t.ok(row.note.length > 0 && toTable([row]).includes(row.note));
    }
  },
);

void t.test('a row of set B comes within three points of A, or is not judged', async (t) => {
  const of = () => measured({ 'churn.found': 0.9 });
  const A = rowOf(goal('churn.found'), '1k', { of: () => measured({ 'churn.found': 0.99 }) });
  const far = rowOf(goal('churn.found.B'), '1k', { of, near: A });
  t.equal(far.state, 'missed');
  t.ok(near(far.goal ?? 0, 0.96));
  t.match(rowOf(goal('churn.found.B'), '1k', { of, near: { ...A, value: 0.92 } }), { state: 'met' });
  t.match(rowOf(goal('churn.found.B'), '1k', { of, near: { ...A, value: null } }), {
    goal: null,
    state: 'reported',
  });
});

void t.test('the plan is whole: no row twice, and every scenario and cell is there', async (t) => {
  t.equal(new Set(GOALS.map(({ row }) => row)).size, GOALS.length);
  for (const { scenario, cell } of Object.values<Run>(RUNS)) {
    t.ok(Object.hasOwn(scenarios, scenario), scenario);
    if (cell !== undefined) t.ok(scenarios[scenario]?.cells?.includes(cell), cell);
  }
});

void t.test('no goal of .99 and above is judged by fewer than 10,000 fetches', async (t) => {
  for (const wanted of GOALS.filter(({ kind }) => kind === 'rate'))
    for (const [size, aim] of Object.entries(wanted.goals) as [Size, number | null][]) {
      const { state, interval } = rowOf(wanted, size, { of: () => measured({ [wanted.metric]: 1 }) });
      if (aim === null || aim < 0.99 || state === 'not measured') continue;
      t.equal(state, (interval?.fetches ?? 0) >= 10_000 ? 'met' : 'reported', `${size}.${wanted.row}`);
    }
  // 10k has one seed and 3,000 fetches.
  const few: Goal = { ...goal('byzantine10.found'), goals: { '10k': 0.99 } };
  t.match(rowOf(few, '10k', { of: () => measured({ 'byzantine10.found': 1 }) }), {
    state: 'reported',
    note: /not judged/u,
  });
});

void t.test(
  'a job that is done says what it measured; one that is late or has no scenario says why not',
  async (t) => {
    const options = { nodes: 30, seed: 1, fetches: 20 };
    const job = (scenario: string, budgetSeconds: number) => ({
      name: `${scenario} ${budgetSeconds}`,
      task: { type: 'scenario', scenario, options, compare: 'compared' } as const,
      budgetSeconds,
      heapMiB: 500,
    });
    const outcomes = new Map<string, Outcome>();
    const onDone = ({ name }: { name: string }, outcome: Outcome): void => void outcomes.set(name, outcome);
    await runJobs([job('smallworld', 100), job('nonesuch', 100), job('smallworld', 0)], {
      lanes: 2,
      untilMs: Infinity,
      onDone,
    });
    await runJobs([job('smallworld', 1)], { lanes: 1, untilMs: 0, onDone });
    const done = outcomes.get('smallworld 100');
    t.match(done, {
      type: 'measured',
      metrics: { 'healthy.found': 1, 'first.found': 1, 'first.fetches': 4 },
    });
    t.match(outcomes.get('nonesuch 100'), { type: 'not measured', why: /nonesuch/u });
    t.match(outcomes.get('smallworld 0'), { type: 'not measured', why: /not done in 0 s/u });
    t.match(outcomes.get('smallworld 1'), { type: 'not measured', why: /time of the whole/u });
  },
);
