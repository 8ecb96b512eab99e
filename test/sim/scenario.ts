/** A scenario builds a world, lets it live, and says what it measured. It draws everything from its seed. */
import type { Observer } from './host.ts';
import type { Death, World } from './world.ts';

/** - `smallworld`: Kleinberg's, drawn. - `grown`: by joining, with the real rules; slow the first time, then from the disk. */
type NetworkShape = 'smallworld' | 'grown';

export interface ScenarioOptions {
  readonly nodes: number;
  readonly seed: number;
  /** How the network came to be; `smallworld` unless given. Scenarios of friends have their own. */
  readonly network?: NetworkShape;
  /** How those who vanish or go offline do it; `knownAtOnce` unless given. */
  readonly death?: Death;
  /** Fetches for each cell that is measured; the scenario's own number unless given. */
  readonly fetches?: number;
  /** Keys that are inserted for them, where that is a number of its own: else each is fetched once. */
  readonly keys?: number;
  /** Of a scenario that has several cells this one alone: the first part of its metrics' names. */
  readonly cell?: string;
  readonly check?: 'checked' | 'unchecked';
  readonly observers?: readonly Observer[];
  /** Told of every request of an owner, as it is made. */
  readonly onTruth?: (line: string) => void;
}

export interface ScenarioResult {
  /** The worlds that were run, in order. */
  readonly worlds: readonly World[];
  /** Numbers by name; fractions are 0 … 1. */
  readonly metrics: Readonly<Record<string, number>>;
}

export interface Scenario {
  readonly summary: string;
  /** Its cells, where it has several that can be run alone; each has a world of its own. */
  readonly cells?: readonly string[];
  readonly run: (options: ScenarioOptions) => ScenarioResult;
}

/** Of a list that may be empty. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Runs the cells that are wanted. */
export function runCells(
  options: ScenarioOptions,
  cells: Readonly<Record<string, () => { world: World; metrics: Readonly<Record<string, number>> }>>,
): ScenarioResult {
  const { cell } = options;
  const ran = Object.entries(cells)
    .filter(([name]) => cell === undefined || name === cell)
    .map(([, run]) => run());
  const metrics = Object.assign({}, ...ran.map((one) => one.metrics)) as Record<string, number>;
  return { worlds: ran.map(({ world }) => world), metrics };
}
