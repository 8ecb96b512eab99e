/** One attack on one network in a process of its own: told by a message what to run, says in one message what came of it, as numbers by name. */
import { runBayes } from '../attack/bayes-run.ts';
import { tellApart } from '../attack/classifier.ts';
import { runCounting } from '../attack/count-run.ts';
import { runDropping } from '../attack/drop-run.ts';
import { runEclipse } from '../attack/eclipse-run.ts';
import { runPending } from '../attack/pending-run.ts';
import { runBusy, runQuiet } from '../attack/price-run.ts';
import { runProbing } from '../attack/probe-run.ts';
import { runNewcomers, runSybilFlood } from '../attack/sybil-run.ts';
import { runTraces } from '../attack/trace-run.ts';
import { SeededRandom } from '../sim/random.ts';
import { quantile } from '../sim/scenario.ts';
import type { AnonymityTask } from './anonymity-plan.ts';
import type { Answer } from './routing-worker.ts';

type Metrics = Record<string, number>;

process.once('message', (task: AnonymityTask) => {
  const answer: Answer = { type: 'measured', metrics: perform(task) };
  process.send?.(answer, () => process.disconnect());
});

function perform(task: AnonymityTask): Metrics {
  switch (task.type) {
    case 'count':
      return Object.fromEntries(
        runCounting(task.options).flatMap(({ estimator, view, blocks, tally }) => {
          const name = `${estimator}.${view}.n${blocks}`;
          return [
            [`${name}.trials`, tally.trials],
            [`${name}.accused`, tally.accusations],
            [`${name}.right`, Math.round(tally.recall * tally.trials)],
          ];
        }),
      );
    case 'bayes': {
      const { byStrength, byPresence, guard } = runBayes(task.options);
      const metrics: Metrics = { 'guard.requests': guard.requests, 'guard.spies': guard.spies };
      for (const [name, verdicts] of Object.entries({ ...byStrength, present: byPresence })) {
        metrics[`${name}.trials`] = verdicts.length;
        metrics[`${name}.top1`] = sum(verdicts.map(({ top1 }) => top1));
        metrics[`${name}.certain`] = verdicts.filter(({ isCertain }) => isCertain).length;
        metrics[`${name}.bits`] = sum(verdicts.map(({ bits }) => bits));
      }
      return metrics;
    }
    case 'trace': {
      const runs = task.seeds.map((seed) => runTraces({ ...task.options, seed }));
      const [own, relayed] = [runs.flatMap((run) => run.own), runs.flatMap((run) => run.relayed)];
      return { auc: tellApart(own, relayed, new SeededRandom(1)), traces: own.length };
    }
    case 'pending':
      return runPending(task.options);
    case 'probe':
      return Object.fromEntries(
        Object.entries(runProbing(task.options)).flatMap(([target, { hitDifference, latencyAuc, asked }]) => [
          [`${target}.hitDifference`, hitDifference],
          [`${target}.latencyAuc`, latencyAuc],
          [`${target}.asked`, asked],
        ]),
      );
    case 'eclipse':
      return { ...runEclipse(task.options) };
    case 'flood':
      return { ...runSybilFlood(task.options) };
    case 'newcomer':
      return { ...runNewcomers(task.options) };
    case 'drop':
      return { ...runDropping(task.options) };
    case 'quiet':
      return { ...runQuiet(task.options) };
    case 'busy': {
      const each = runBusy(task.options);
      return { mean: sum(each) / each.length, p05: quantile(each, 0.05), nodes: each.length };
    }
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
