/** The goals of load.md under overload, in small; the scenario with its usual numbers is for the long run. */
import t from 'tap';
import { assert } from '../../keys/index.ts';
import { runScenario } from './run.ts';

const long = process.env['MIMEO_TEST_FULL'] !== undefined;

void t.test(
  'asked for three times what it carries a network delivers no less, free riders get less than others, newcomers as much',
  async (t) => {
    const ran = runScenario(
      'overload',
      long ? { nodes: 300, seed: 3 } : { nodes: 100, seed: 1, fetches: 800 },
    );
    assert(ran !== undefined, 'there is such a scenario');
    const { metrics } = ran.report;
    const least = (name: string, value: number): void =>
      void t.ok((metrics[name] ?? 0) >= value, `${name} is ${metrics[name]}, and ${value} at least`);
    least('at1.found', 0.95);
    least('overload.goodput', 0.85);
    least('overload.newcomer', 0.9);
    // A short run ends before riders have used up what is granted to newcomers.
    if (long)
      t.ok((metrics['overload.freeRider'] ?? 1) <= 0.6, `a free rider has ${metrics['overload.freeRider']}`);
    t.equal(metrics['at3.pending'], 0);
  },
);
