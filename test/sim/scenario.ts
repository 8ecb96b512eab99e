/** A scenario builds a world, lets it live, and says what it measured. It draws everything from its seed. */
import type { World } from './world.ts';

export interface ScenarioOptions {
  readonly nodes: number;
  readonly seed: number;
}

export interface ScenarioResult {
  readonly world: World;
  /** Numbers by name; fractions are 0 … 1. */
  readonly metrics: Readonly<Record<string, number>>;
}

export interface Scenario {
  readonly summary: string;
  readonly run: (options: ScenarioOptions) => ScenarioResult;
}

/** Mean and quantiles of a list that may be empty. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
