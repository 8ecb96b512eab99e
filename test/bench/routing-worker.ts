/**
 * One scenario in a process of its own, so that its memory ends with it and it can be stopped. Told by a message what to run; says in one
 * message what it measured.
 */
import { assert } from '../../keys/index.ts';
import { beside } from '../sim/compare/beside.ts';
import { Owners } from '../sim/compare/owners.ts';
import { topologyOf } from '../sim/networks.ts';
import { runScenario, scenarios } from '../sim/run.ts';
import type { ScenarioOptions } from '../sim/scenario.ts';

export type Task =
  | { readonly type: 'grow'; readonly nodes: number; readonly seed: number; readonly undialable?: number }
  | {
      readonly type: 'scenario';
      readonly scenario: string;
      readonly options: ScenarioOptions;
      readonly compare: 'compared' | 'alone';
    };

export type Answer =
  | { readonly type: 'measured'; readonly metrics: Readonly<Record<string, number>> }
  | { readonly type: 'not measured'; readonly why: string };

process.once('message', (task: Task) => {
  process.send?.(perform(task), () => process.disconnect());
});

function perform(task: Task): Answer {
  if (task.type === 'grow') {
    const { nodes, seed, undialable } = task;
    topologyOf({ nodes, seed, network: 'grown' }, undialable === undefined ? {} : { undialable });
    return { type: 'measured', metrics: {} };
  }
  const { scenario, options } = task;
  if (!Object.hasOwn(scenarios, scenario))
    return { type: 'not measured', why: `the simulator has no scenario ${scenario}` };
  if (task.compare === 'alone') {
    const metrics = runScenario(scenario, options)?.report.metrics ?? {};
    return judge(metrics);
  }
  const owners = new Owners();
  const ran = runScenario(scenario, { ...options, observers: [owners] });
  assert(ran !== undefined, 'there is such a scenario');
  // The locations of the very network that it ran in: drawn or from the disk, the same each time.
  const { locations } = topologyOf(options);
  const others = beside({ locations, fetches: owners.fetches, seed: options.seed });
  return judge({ ...ran.report.metrics, ...others });
}

/** A run that left something in work has gone wrong: none of its numbers is worth anything. */
function judge(metrics: Readonly<Record<string, number>>): Answer {
  for (const [name, value] of Object.entries(metrics))
    if (/(?:^|\.)(?:unanswered|pending|missing\.found)$/u.test(name) && value !== 0)
      return { type: 'not measured', why: `${name} was ${value} and must be 0` };
  return { type: 'measured', metrics };
}
