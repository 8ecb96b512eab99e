/**
 * `npm run bench -- anonymity [--json] [--rows GROUP,…]`: attackers on networks of real routers, against the goals of anonymity-goals.ts. Who they are and how each row is
 * meant: docs/spec/attack.md.
 *
 * Two processes at a time, all of it in less than 20 minutes on two quiet cores; what has not ended by then is not measured, and says so.
 */
import { parseArgs } from 'node:util';
import { DETAILS, GOALS, type Goal, type Sums } from './anonymity-goals.ts';
import { CELLS, type Cell, type Group } from './anonymity-plan.ts';
import { machine } from './harness.ts';
import { runJobs } from './routing-pool.ts';
import type { Outcome } from './routing-verdict.ts';

const GROUPS = [...new Set(GOALS.map(({ group }) => group))];
const USAGE = `usage: npm run bench -- anonymity [--json] [--rows GROUP,…], with GROUP one of: ${GROUPS.join(', ')}`;

const WORKER = new URL('./anonymity-worker.ts', import.meta.url);
const ALL_SECONDS = 1_170;
const LANES = 2;
const HEAP_MIB = 3_000;

export interface AnonymityRow {
  readonly name: string;
  readonly value: number | null;
  readonly unit: string;
  readonly goal: number | null;
  readonly better: Goal['better'];
  readonly state: 'met' | 'missed' | 'reported' | 'not measured';
  readonly note: string;
}

/** @returns the exit status */
export async function main(args: string[]): Promise<number> {
  const wish = parse(args);
  if (wish === undefined) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const began = performance.now();
  const cells = CELLS.filter(({ group }) => wish.groups.includes(group));
  const outcomes = await measure(cells);
  const seconds = Math.round((performance.now() - began) / 1_000);
  const sums = sumsOf(cells, outcomes);
  const rows = GOALS.filter(({ group }) => wish.groups.includes(group)).map((goal) => rowOf(goal, sums));
  const details = Object.entries(DETAILS).flatMap(([name, { group, measure }]) => {
    const measured = wish.groups.includes(group) ? measure(sums) : undefined;
    return measured === undefined ? [] : [{ name, ...measured }];
  });
  const result = { bench: 'anonymity', machine: machine(), seconds, rows, details };
  process.stdout.write(
    wish.json ? `${JSON.stringify(result)}\n` : `${result.machine}\n${toText(rows, details)}\n`,
  );
  return 0;
}

function parse(args: string[]): { json: boolean; groups: readonly Group[] } | undefined {
  try {
    const { values } = parseArgs({
      args,
      options: { json: { type: 'boolean', default: false }, rows: { type: 'string' } },
    });
    const groups = values.rows === undefined ? GROUPS : values.rows.split(',');
    const known = GROUPS.filter((group) => groups.includes(group));
    return known.length === groups.length ? { json: values.json, groups: known } : undefined;
  } catch {
    return undefined;
  }
}

async function measure(cells: readonly Cell[]): Promise<ReadonlyMap<Cell, Outcome>> {
  const outcomes = new Map<Cell, Outcome>();
  const jobs = cells.map((cell, index) => ({
    name: `${index} ${cell.name}`,
    task: cell.task,
    budgetSeconds: cell.budgetSeconds,
    heapMiB: HEAP_MIB,
    cell,
  }));
  await runJobs(jobs, {
    lanes: LANES,
    untilMs: performance.now() + ALL_SECONDS * 1_000,
    worker: WORKER,
    onDone: (job, outcome) => {
      const said =
        outcome.type === 'measured' ? `${outcome.seconds.toFixed(0)} s` : `not measured: ${outcome.why}`;
      process.stderr.write(`${job.name}: ${said}\n`);
      const cell = jobs.find(({ name }) => name === job.name)?.cell;
      if (cell !== undefined) outcomes.set(cell, outcome);
    },
  });
  return outcomes;
}

/** A number of which one run is missing is none. */
export function sumsOf(cells: readonly Cell[], outcomes: ReadonlyMap<Cell, Outcome>): Sums {
  return (name) => {
    const its = cells.filter((cell) => cell.name === name).map((cell) => outcomes.get(cell));
    const measured = its.flatMap((outcome) => (outcome?.type === 'measured' ? [outcome.metrics] : []));
    if (measured.length === 0 || measured.length < its.length) return undefined;
    const of = (metric: string): number => measured.reduce((sum, metrics) => sum + (metrics[metric] ?? 0), 0);
    return { of, runs: measured.length };
  };
}

export function rowOf({ name, goal, better, unit, measure }: Goal, sums: Sums): AnonymityRow {
  const measured = measure(sums);
  const base = { name, unit, goal, better };
  if (measured === undefined || !Number.isFinite(measured.value))
    return { ...base, value: null, state: 'not measured', note: '' };
  const isMet = goal !== null && (better === 'higher' ? measured.value >= goal : measured.value <= goal);
  return { ...base, ...measured, state: goal === null ? 'reported' : isMet ? 'met' : 'missed' };
}

export function toText(
  rows: readonly AnonymityRow[],
  details: readonly { name: string; value: number; note: string }[],
): string {
  const lines = [
    ['row', 'value', 'goal', '', 'how'],
    ...rows.map(({ name, value, unit, goal, better, state, note }) => [
      name,
      value === null ? '-' : `${toFigure(value)} ${unit}`,
      goal === null ? '' : `${better === 'higher' ? '≥' : '≤'} ${toFigure(goal)}`,
      state,
      note,
    ]),
    ...details.map(({ name, value, note }) => [`  ${name}`, toFigure(value), '', '', note]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function toFigure(value: number): string {
  return Math.abs(value) >= 100
    ? value.toFixed(0)
    : Math.abs(value) >= 1
      ? value.toPrecision(3)
      : value.toFixed(3);
}
