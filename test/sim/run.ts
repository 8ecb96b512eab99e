/** Runs one scenario and says what came of it, in the form that `npm run sim -- --json` prints. */
import { createHash } from 'node:crypto';
import type { Breach } from './checks.ts';
import type { Scenario, ScenarioOptions } from './scenario.ts';
import { crossing, flash } from './scenarios/crossing.ts';
import { download } from './scenarios/download.ts';
import { churn, vanish } from './scenarios/leaving.ts';
import { blackhole, byzantine, liars, refusals, silent } from './scenarios/misbehaving.ts';
import { flood } from './scenarios/flood.ts';
import { retention } from './scenarios/retention.ts';
import { friends } from './scenarios/friends.ts';
import { mixed } from './scenarios/mixed.ts';
import { nat } from './scenarios/nat.ts';
import { overload } from './scenarios/overload.ts';
import { missing, smallworld } from './scenarios/smallworld.ts';
import { stem } from './scenarios/stem.ts';
import { zipf } from './scenarios/zipf.ts';

export const scenarios: Readonly<Record<string, Scenario>> = {
  smallworld,
  missing,
  crossing,
  flash,
  zipf,
  vanish,
  churn,
  silent,
  refusals,
  liars,
  blackhole,
  byzantine,

  nat,
  friends,
  mixed,
  download,
  overload,
  flood,
  retention,
  stem,
};

export interface Report {
  readonly scenario: string;
  readonly nodes: number;
  readonly seed: number;
  /** Fingerprint of every event in order. */
  readonly digest: string;
  /** Events that routers handled. */
  readonly events: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly peakRssMiB: number;
  readonly metrics: Readonly<Record<string, number>>;
}

export interface Run {
  readonly report: Report;
  /** What should have held and did not, when it was checked. */
  readonly breaches: readonly Breach[];
}

/** @returns undefined for a name that is none */
export function runScenario(name: string, options: ScenarioOptions): Run | undefined {
  const scenario = Object.hasOwn(scenarios, name) ? scenarios[name] : undefined;
  if (scenario === undefined) return undefined;
  const began = performance.now();
  const { user, system } = process.cpuUsage();
  const { worlds, metrics } = scenario.run(options);
  const used = process.cpuUsage({ user, system });
  const digests = worlds.map(({ digest }) => digest.finish());
  const report = {
    scenario: name,
    nodes: options.nodes,
    seed: options.seed,
    digest: digests.length === 1 ? (digests[0] ?? '') : digestOf(digests),
    events: worlds.reduce((sum, { digest }) => sum + digest.events, 0),
    wallSeconds: Math.round(performance.now() - began) / 1_000,
    cpuSeconds: Math.round((used.user + used.system) / 1_000) / 1_000,
    // maxRSS is in KiB on Linux.
    peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1_024),
    metrics,
  };
  return { report, breaches: worlds.flatMap(({ checks }) => checks?.breaches ?? []) };
}

function digestOf(digests: readonly string[]): string {
  return createHash('sha256').update(digests.join()).digest('hex').slice(0, 32);
}
