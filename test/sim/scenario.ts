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
