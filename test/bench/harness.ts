/**
 * What every bench shares: the form of its result, how two things are compared in one run, and how it is printed.
 *
 * A bench reports, it does not judge: a missed goal is `ok: false` in the output and still exit status 0, because a figure
 * depends on the machine. Ratios of things measured alternately in one run depend on it least, so goals are set on those.
 */
import { cpus } from 'node:os';

export interface Row {
  readonly name: string;
  readonly value: number;
  /** 'ratio', 'µs', 'MB/s' … */
  readonly unit: string;
  /** null: reported only. */
  readonly goal: number | null;
  readonly better: 'higher' | 'lower';
  readonly ok: boolean;
}

/** Options of the command line, for benches that have something to vary. */
export interface BenchOptions {
  readonly nodes: number | undefined;
}

export interface Bench {
  run(options: BenchOptions): Promise<Row[]>;
}

export function row({ goal = null, ...measured }: Omit<Row, 'ok' | 'goal'> & { goal?: number | null }): Row {
  const { value, better } = measured;
  const ok = goal === null || (better === 'higher' ? value >= goal : value <= goal);
  return { ...measured, goal, ok };
}

/**
 * How long one call of each takes, in microseconds. The two run alternately in short rounds, so that a busy neighbour or a
 * changing clock rate meets both; `ratio` is the median of base / subject over the rounds: the subject's throughput relative to the base's.
 */
export function compare(
  { subject, base }: { subject: () => unknown; base: () => unknown },
  { rounds = 61, callsPerRound = 60 }: { rounds?: number; callsPerRound?: number } = {},
): { subjectMicros: number; baseMicros: number; ratio: number } {
  const subjects: number[] = [];
  const bases: number[] = [];
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    // Who comes first changes, because garbage of the one is collected during the other.
    const baseFirst = round % 2 === 0;
    const early = time(baseFirst ? base : subject, callsPerRound);
    const late = time(baseFirst ? subject : base, callsPerRound);
    if (round < 0) continue;
    bases.push(baseFirst ? early : late);
    subjects.push(baseFirst ? late : early);
  }
  const ratios = subjects.map((micros, i) => (bases[i] ?? Number.NaN) / micros);
  return { subjectMicros: median(subjects), baseMicros: median(bases), ratio: median(ratios) };
}

const WARM_UP_ROUNDS = 20;

function time(call: () => unknown, calls: number): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) call();
  return Number(process.hrtime.bigint() - start) / 1_000 / calls;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

export function machine(): string {
  const all = cpus();
  return `${all.length} × ${all[0]?.model.trim() ?? 'unknown CPU'}, Node ${process.version}`;
}

export function toTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.name,
    toFigure(row.value),
    row.unit,
    row.goal === null ? '' : `${row.better === 'higher' ? '≥' : '≤'} ${toFigure(row.goal)}`,
    row.goal === null ? '' : row.ok ? 'ok' : 'MISSED',
  ]);
  const table = [['name', 'value', 'unit', 'goal', ''], ...cells];
  const widths = [0, 1, 2, 3, 4].map((i) => Math.max(...table.map((line) => line[i]?.length ?? 0)));
  const isNumber = (column: number) => column === 1;
  return table
    .map((line) =>
      line
        .map((cell, i) => (isNumber(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function toFigure(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
