/**
 * `npm run bench -- routing [--json] [--only ROW] [--huge | --small]`: the real routers on networks that grew by joining, healthy, hurt and under
 * attack, against the goals of the table in routing-plan.ts, and beside Kademlia and Chord.
 *
 * Greedy part only: a request enters greedily at the node whose owner asks. Messages are counted without `accepted` and `working`.
 * Row set A, where neighbours know at once who is gone, has plain names; row set B, with real time-outs, ends in `.B`.
 *
 * A network grows before what happens in it, once for a state of the code (test/sim/grow.ts). All of it has 15 minutes, in two processes at
 * a time; what has not ended by then is not measured, and says so.
 */
import { parseArgs } from 'node:util';
import { machine } from './harness.ts';
import {
  GOALS,
  type Goal,
  RUNS,
  type Run,
  type RunName,
  SIZES,
  type Size,
  networkOf,
} from './routing-plan.ts';
import { type Job, runJobs } from './routing-pool.ts';
import { type Outcome, type RoutingRow, rowOf, toTable } from './routing-verdict.ts';

const USAGE = 'usage: npm run bench -- routing [--json] [--only ROW] [--huge | --small]';

/** Less than 15 minutes, with what starting and printing takes. */
const ALL_SECONDS = 880;
const HUGE_SECONDS = 24 * 3_600;
/** A network of a thousand grows in ten seconds. */
const GROWING_SECONDS: Readonly<Record<Size, number>> = { small: 30, '1k': 40, '10k': 400, '100k': 0 };
/** Two networks of a hundred thousand nodes don't fit into memory. */
const LANES: Readonly<Record<Size, number>> = { small: 2, '1k': 2, '10k': 2, '100k': 1 };
const HEAP_MIB: Readonly<Record<Size, number>> = { small: 2_000, '1k': 4_000, '10k': 6_000, '100k': 20_000 };
/** As the scenario `nat` has it: what it runs in can grow before. */
const UNDIALABLE = 0.6;

interface Wish {
  readonly json: boolean;
  readonly only: string | undefined;
  readonly sizes: readonly Size[];
}

/** @returns the exit status */
export async function main(args: string[]): Promise<number> {
  const wish = parse(args);
  const wanted = wish === undefined ? [] : wantedRows(wish);
  if (wish === undefined || wanted.length === 0) {
    if (wish !== undefined) process.stderr.write(`no row has "${wish.only ?? ''}" in its name\n`);
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const outcomes = new Map<string, Outcome>();
  const began = performance.now();
  await measure(wanted, outcomes);
  const seconds = Math.round((performance.now() - began) / 1_000);
  const rows = judgeAll(wanted, outcomes);
  const result = { bench: 'routing', machine: machine(), seconds, rows };
  if (wish.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else process.stdout.write(`${result.machine}\n${toTable(rows)}\n${tally(rows)}\n`);
  return 0;
}

interface Wanted {
  readonly goal: Goal;
  readonly size: Size;
}

function parse(args: string[]): Wish | undefined {
  try {
    const { values } = parseArgs({
      args,
      options: {
        json: { type: 'boolean', default: false },
        only: { type: 'string' },
        huge: { type: 'boolean', default: false },
        small: { type: 'boolean', default: false },
      },
    });
    if (values.huge && values.small) return undefined;
    const sizes: Size[] = values.huge ? ['100k'] : values.small ? ['small'] : ['1k', '10k'];
    return { json: values.json, only: values.only, sizes };
  } catch {
    return undefined;
  }
}

function wantedRows({ only, sizes }: Wish): Wanted[] {
  return sizes
    .flatMap((size) => GOALS.filter(({ goals }) => size in goals).map((goal) => ({ goal, size })))
    .filter(({ goal, size }) => only === undefined || `${size}.${goal.row}`.includes(only));
}

async function measure(wanted: readonly Wanted[], outcomes: Map<string, Outcome>): Promise<void> {
  const cells = new Map<string, Cell>();
  for (const { run, size } of wanted.flatMap(withNear))
    for (const seed of SIZES[size].seeds)
      if (isRunnable(RUNS[run], size)) cells.set(keyOf(run, size, seed), { run, size, seed });
  const isHuge = wanted.some(({ size }) => size === '100k');
  const onDone = (job: Job, outcome: Outcome): void => {
    const said =
      outcome.type === 'measured' ? `${outcome.seconds.toFixed(0)} s` : `not measured: ${outcome.why}`;
    process.stderr.write(`${job.name}: ${said}\n`);
    outcomes.set(job.name, outcome);
  };
  // What takes longest first, so that at the end nobody waits for one. What has no goal last, in case that time runs out.
  const ranked = (['judged', 'reported'] as const).flatMap((rank) =>
    [...cells.values()].filter((cell) => rankOf(cell) === rank).sort((a, b) => budgetOf(b) - budgetOf(a)),
  );
  await runJobs([...growJobs(ranked), ...ranked.map(cellJob)], {
    lanes: Math.min(...wanted.map(({ size }) => LANES[size])),
    untilMs: performance.now() + (isHuge ? HUGE_SECONDS : ALL_SECONDS) * 1_000,
    onDone,
  });
}

interface Cell {
  readonly run: RunName;
  readonly size: Size;
  readonly seed: number;
}

/** Whether any of its rows has a goal of its own. */
function rankOf({ run, size }: Cell): 'judged' | 'reported' {
  return GOALS.some((goal) => goal.run === run && typeof goal.goals[size] === 'number')
    ? 'judged'
    : 'reported';
}

function budgetOf({ run, size }: Cell): number {
  const { sizes }: Run = RUNS[run];
  return sizes[size]?.budgetSeconds ?? 0;
}

/** A row that is judged by another one needs that one too. */
function withNear({ goal, size }: Wanted): { run: RunName; size: Size }[] {
  const near = GOALS.find(({ row }) => row === goal.near?.row);
  const isMeasured = isRunnable(RUNS[goal.run], size);
  return [goal, ...(near === undefined || !isMeasured ? [] : [near])].map(({ run }) => ({ run, size }));
}

function isRunnable(run: Run, size: Size): boolean {
  return run.sizes[size] !== undefined;
}

function keyOf(run: RunName, size: Size, seed: number): string {
  return `${size}.${run}.seed${seed}`;
}

/** The network that it runs in, if that is to grow. */
function growthOf({ run, size, seed }: Cell): Job | undefined {
  if (networkOf(RUNS[run], size) !== 'grown') return undefined;
  const isNat = RUNS[run].scenario === 'nat';
  const { nodes } = SIZES[size];
  return {
    name: `${size}.grow.seed${seed}${isNat ? '.nat' : ''}`,
    task: { type: 'grow', nodes, seed, ...(isNat ? { undialable: UNDIALABLE } : {}) },
    budgetSeconds: GROWING_SECONDS[size],
    heapMiB: HEAP_MIB[size],
  };
}

/** Each once, the one that takes longest first. */
function growJobs(cells: readonly Cell[]): Job[] {
  const jobs = new Map(cells.flatMap((cell) => growthOf(cell) ?? []).map((job) => [job.name, job]));
  return [...jobs.values()].sort((a, b) => b.budgetSeconds - a.budgetSeconds);
}

function cellJob(cell: Cell): Job {
  const { run, size, seed } = cell;
  const growth = growthOf(cell);
  const what: Run = RUNS[run];
  const extent = what.sizes[size];
  if (extent === undefined) throw new Error(`${run} is not planned at ${size}`);
  return {
    name: keyOf(run, size, seed),
    task: {
      type: 'scenario',
      scenario: what.scenario,
      options: {
        nodes: what.nodes ?? SIZES[size].nodes,
        seed,
        network: networkOf(what, size),
        fetches: extent.fetches,
        ...(extent.keys === undefined ? {} : { keys: extent.keys }),
        ...(what.cell === undefined ? {} : { cell: what.cell }),
        ...(what.death === undefined ? {} : { death: what.death }),
      },
      compare: run === 'healthy' ? 'compared' : 'alone',
    },
    budgetSeconds: extent.budgetSeconds,
    heapMiB: HEAP_MIB[size],
    ...(growth === undefined ? {} : { needs: growth.name }),
  };
}

function judgeAll(wanted: readonly Wanted[], outcomes: ReadonlyMap<string, Outcome>): RoutingRow[] {
  const of = (run: RunName, size: Size, seed: number): Outcome | undefined =>
    outcomes.get(keyOf(run, size, seed));
  return wanted.map(({ goal, size }) => {
    const near = GOALS.find(({ row }) => row === goal.near?.row);
    return rowOf(goal, size, { of, near: near && rowOf(near, size, { of }) });
  });
}

function tally(rows: readonly RoutingRow[]): string {
  const states = ['met', 'missed', 'reported', 'not measured'] as const;
  return states.map((state) => `${rows.filter((row) => row.state === state).length} ${state}`).join(', ');
}
