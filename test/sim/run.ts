/** Runs one scenario and says what came of it, in the form that `npm run sim -- --json` prints. */
import type { Scenario, ScenarioOptions } from './scenario.ts';
import { crossing } from './scenarios/crossing.ts';
import { liars, refusals, silent } from './scenarios/misbehaving.ts';
import { smallworld } from './scenarios/smallworld.ts';

export const scenarios: Readonly<Record<string, Scenario>> = {
  smallworld,
  crossing,
  silent,
  refusals,
  liars,
};

export interface Report {
  readonly scenario: string;
  readonly nodes: number;
  readonly seed: number;
  /** Fingerprint of every event in order. */
  readonly digest: string;
  readonly events: number;
  readonly wallSeconds: number;
  readonly peakRssMiB: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** @returns undefined for a name that is none */
export function runScenario(name: string, options: ScenarioOptions): Report | undefined {
  const scenario = Object.hasOwn(scenarios, name) ? scenarios[name] : undefined;
  if (scenario === undefined) return undefined;
  const began = performance.now();
  const { world, metrics } = scenario.run(options);
  return {
    scenario: name,
    ...options,
    digest: world.digest.finish(),
    events: world.digest.events,
    wallSeconds: Math.round(performance.now() - began) / 1_000,
    // maxRSS is in KiB on Linux.
    peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1_024),
    metrics,
  };
}
