/**
 * From what the scenarios have measured to rows with a verdict. A rate has a Wilson interval of 95 %; it meets its goal when the upper end reaches
 * it, so a goal is missed only when chance does not explain it. A row without a measurement has no number.
 *
 * The interval takes fetches for independent. Those of one key, and of one network, are not: it is too narrow where keys are fetched
 * more than once, and says nothing about other networks than the seeds'.
 */
import { networks } from '../../routing/index.ts';
import {
  FETCHES_LEAST,
  type Goal,
  RARE,
  RUNS,
  type Run,
  type RunName,
  SIZES,
  type Size,
  networkOf,
} from './routing-plan.ts';

/** What became of one scenario with one seed. */
export type Outcome =
  | {
      readonly type: 'measured';
      readonly metrics: Readonly<Record<string, number>>;
      readonly seconds: number;
    }
  | { readonly type: 'not measured'; readonly why: string };

export interface RoutingRow {
  readonly name: string;
  /** null: not measured. */
  readonly value: number | null;
  readonly unit: string;
  /** null: reported only. */
  readonly goal: number | null;
  readonly better: 'higher' | 'lower';
  readonly state: 'met' | 'missed' | 'reported' | 'not measured';
  readonly each: readonly { readonly seed: number; readonly value: number }[];
  /** Of a rate, with 95 %. */
  readonly interval?: { readonly low: number; readonly high: number; readonly fetches: number };
  /** HTL, stall limit, tries and fetches; what else must be known; or why there is no number. */
  readonly note: string;
}

/** For 95 %. */
const Z = 1.959_964;

/** Wilson, 1927. */
export function wilson(what: { hits: number; of: number }): { low: number; high: number } {
  const { hits, of } = what;
  const share = hits / of;
  const spread = Z * Math.sqrt((share * (1 - share)) / of + Z ** 2 / (4 * of ** 2));
  const middle = share + Z ** 2 / (2 * of);
  const scale = 1 + Z ** 2 / of;
  return {
    // Exact at the ends, where rounding would miss a goal of 1.
    low: hits === 0 ? 0 : (middle - spread) / scale,
    high: hits === of ? 1 : (middle + spread) / scale,
  };
}

export type OutcomeOf = (run: RunName, size: Size, seed: number) => Outcome | undefined;

/** `near`: the row that this one should come close to, when it has been measured. */
export function rowOf(
  goal: Goal,
  size: Size,
  outcomes: { readonly of: OutcomeOf; readonly near?: RoutingRow | undefined },
): RoutingRow {
  const run: Run = RUNS[goal.run];
  const seeds = SIZES[size].seeds;
  const extent = run.sizes[size];
  const base = { name: `${size}.${goal.row}`, unit: goal.unit, better: goal.better };
  const missing = (why: string): RoutingRow => ({
    ...base,
    value: null,
    goal: goal.goals[size] ?? null,
    state: 'not measured',
    each: [],
    note: why,
  });
  if (extent === undefined) return missing('not planned at this size');
  const each: { seed: number; value: number }[] = [];
  const counts: number[] = [];
  let tries = 0;
  for (const seed of seeds) {
    const outcome = outcomes.of(goal.run, size, seed) ?? { type: 'not measured', why: 'not run' };
    if (outcome.type === 'not measured') return missing(`seed ${seed}: ${outcome.why}`);
    const value = outcome.metrics[goal.metric];
    if (value === undefined) return missing(`the scenario does not say ${goal.metric}`);
    if (!Number.isFinite(value)) return missing(`seed ${seed}: ${goal.metric} is no number`);
    if (goal.kind === 'rate' && !isShareOf(value, extent.fetches))
      return missing(`seed ${seed}: ${value} is no share of ${extent.fetches} fetches`);
    counts.push(goal.counted === undefined ? extent.fetches : (outcome.metrics[goal.counted] ?? 0));
    each.push({ seed, value });
    tries = triesOf(run, outcome.metrics);
  }
  const value = each.reduce((sum, one) => sum + one.value, 0) / each.length;
  const of = extent.fetches * seeds.length;
  // All seeds have as many fetches, so the mean of the rates is the rate of all.
  const interval =
    goal.kind === 'rate' ? { ...wilson({ hits: Math.round(value * of), of }), fetches: of } : undefined;
  const near = goal.near === undefined || size === 'small' ? null : closeTo(goal.near.by, outcomes.near);
  const wanted = near ?? goal.goals[size] ?? null;
  const worst = Math.max(...each.map((one) => one.value));
  const isTooFew = goal.kind === 'rate' && wanted !== null && wanted >= RARE && of < FETCHES_LEAST;
  const judged = interval?.high ?? (goal.kind === 'most' ? worst : value);
  return {
    ...base,
    value,
    goal: wanted,
    state: wanted === null || isTooFew ? 'reported' : isMet(goal, { judged, wanted }) ? 'met' : 'missed',
    each,
    ...(interval === undefined ? {} : { interval }),
    note: [
      ...conditions(goal, run, { counts, tries }),
      ...(networkOf(run, size) === run.network ? [] : ['drawn, not grown']),
      ...(isTooFew ? [`not judged: under ${FETCHES_LEAST} fetches`] : []),
      ...(run.note === undefined || goal.counted !== undefined ? [] : [run.note]),
    ].join('; '),
  };
}

function closeTo(by: number, row: RoutingRow | undefined): number | null {
  return row === undefined || row.value === null ? null : row.value - by;
}

function isMet({ better }: Goal, what: { judged: number; wanted: number }): boolean {
  return better === 'higher' ? what.judged >= what.wanted : what.judged <= what.wanted;
}

/** Under which a number was measured. What others cost has nothing to do with HTL. */
function conditions(
  goal: Goal,
  run: Run,
  { counts, tries }: { counts: readonly number[]; tries: number },
): string[] {
  const all = new Set(counts).size === 1 ? `${counts.length} × ${counts[0]}` : counts.join(' + ');
  const what = WHAT[goal.counted ?? ''] ?? 'fetches';
  if (/kademlia|chord/u.test(goal.metric)) return [`${all} ${what}, the same`];
  const { htl, stallLimit } = networks[run.params];
  const most = tries === 1 ? '1 try' : `${tries} tries`;
  return [`htl ${htl}, stall ${stallLimit ?? 'none'}, ${most}, ${all} ${what}`];
}

/** As the scenario says it; of several cells each has its own. */
function triesOf({ cell }: Run, metrics: Readonly<Record<string, number>>): number {
  return metrics[cell === undefined ? 'tries' : `${cell}.tries`] ?? metrics['tries'] ?? 1;
}

const WHAT: Readonly<Record<string, string>> = {
  'first.fetches': 'first fetches of a key',
  'missing.fetches': 'fetches of what does not exist',
  'missing.compared': 'fetches of what does not exist',
};

/** A scenario that makes another number of fetches than it was asked for would get a wrong interval. */
function isShareOf(value: number, fetches: number): boolean {
  const hits = value * fetches;
  return Math.abs(hits - Math.round(hits)) < 1e-6 * Math.max(1, fetches);
}

/** Columns for a person. */
export function toTable(rows: readonly RoutingRow[]): string {
  const lines = [
    ['row', 'value', '95 %', 'goal', '', 'seeds', 'how'],
    ...rows.map(({ name, value, unit, goal, better, state, each, interval, note }) => [
      name,
      value === null ? '-' : `${toFigure(value)} ${unit}`,
      interval === undefined ? '' : `${interval.low.toFixed(4)}–${interval.high.toFixed(4)}`,
      goal === null ? '' : `${better === 'higher' ? '≥' : '≤'} ${goal === 1 ? '1' : toFigure(goal)}`,
      state,
      each.length > 1 ? each.map((one) => toFigure(one.value)).join(' ') : '',
      note,
    ]),
  ];
  const widths = [0, 1, 2, 3, 4, 5].map((i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A rate of .9996 is not 1. */
function toFigure(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value < 1 ? value.toFixed(4) : value.toFixed(2);
}
