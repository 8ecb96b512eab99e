/** What the bench `anonymity` makes of numbers: its rows are those that were asked for, and what was not measured has no number. */
import t from 'tap';
import { DETAILS, GOALS, type Goal } from './anonymity-goals.ts';
import { CELLS, type Cell } from './anonymity-plan.ts';
import { main, rowOf, sumsOf, toText } from './anonymity.ts';
import type { Outcome } from './routing-verdict.ts';

const shares = ['f05', 'f10', 'f20'];
const ROWS = [
  ...shares.map((share) => `count.precision.${share}`),
  ...shares.map((share) => `count.recall.${share}`),
  'control.precision',
  'control.recall',
  'bayes.a.top1.M1',
  'bayes.a.top1.M30',
  'bayes.a.certain.M1',
  'bayes.a.certain.M30',
  'bayes.a.set.M1.always',
  'bayes.a.set.M1',
  'bayes.a.set.M30',
  'bayes.b.top1.M1',
  'bayes.b.certain.M1',
  'bayes.c.certain.M1',
  'guard.spy',
  'trace.auc',
  'pending.auc',
  'probe.hitDifference',
  'probe.latencyAuc',
  'eclipse24.found',
  'eclipse48.found',
  'sybil.slotShare',
  'sybil.newcomerEvil',
  ...[10, 20, 30].flatMap((percent) => [`drop${percent}.block`, `drop${percent}.file1MiB`]),
  'price.hops',
  'price.latencyRatio',
  'price.throughputRatio',
  'price.throughputRatio.p05',
  'price.throughputRatio.lone',
];

function goal(name: string): Goal {
  const found = GOALS.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no row ${name}`);
  return found;
}

function outcomes(metrics: Readonly<Record<string, number>>): Map<Cell, Outcome> {
  return new Map(CELLS.map((cell) => [cell, { type: 'measured', metrics, seconds: 1 }]));
}

void t.test('the rows are those that were asked for, in their order', async (t) => {
  t.same(
    GOALS.map(({ name }) => name),
    ROWS,
  );
});

void t.test('every row and detail has runs of its own group that it is made of', async (t) => {
  const asked = new Set<string>();
  for (const { name, group, measure } of [
    ...GOALS,
    ...Object.entries(DETAILS).map(([name, one]) => ({ name, ...one })),
  ]) {
    const names: string[] = [];
    measure((run) => {
      names.push(run);
      return { of: () => 1_000, runs: 1 };
    });
    t.ok(names.length > 0, name);
    for (const run of names) {
      asked.add(run);
      t.ok(
        CELLS.some((cell) => cell.name === run && cell.group === group),
        `${name} is made of ${run}`,
      );
    }
  }
  for (const { name } of CELLS) t.ok(asked.has(name), `somebody wants ${name}`);
});

void t.test('of several runs counts are added up, and the worst estimator is told', async (t) => {
  const metrics = {
    'firstSpy.stem.n1.accused': 200,
    'firstSpy.stem.n1.right': 60,
    'maxCount.all.n1.accused': 200,
    'maxCount.all.n1.right': 100,
    // All of them, but of too few.
    'counting.stem.n100.accused': 4,
    'counting.stem.n100.right': 4,
  };
  const row = rowOf(goal('count.precision.f10'), sumsOf(CELLS, outcomes(metrics)));
  t.match(row, { value: 0.5, state: 'missed', note: /maxCount, all, n 1: 1200/u });
});

void t.test(
  'what was not measured has no number: one run that is missing, or nothing to divide by',
  async (t) => {
    const some = outcomes({ found: 1, blocks: 1 });
    const [first] = CELLS.filter(({ name }) => name === 'drop10');
    if (first !== undefined) some.set(first, { type: 'not measured', why: 'late' });
    const sums = sumsOf(CELLS, some);
    t.match(rowOf(goal('drop10.block'), sums), { value: null, state: 'not measured' });
    t.match(rowOf(goal('drop20.block'), sums), { value: 1, state: 'met' });
    t.match(rowOf(goal('bayes.a.top1.M1'), sums), { value: null, state: 'not measured' });
    t.match(toText([rowOf(goal('drop10.block'), sums)], []), /drop10\.block +- +≥ 0\.970 +not measured/u);
  },
);

void t.test('a group that is none is a wrong usage', async (t) => {
  t.equal(await main(['--rows', 'nonesuch']), 2);
  t.equal(await main(['--row', 'count']), 2);
});
