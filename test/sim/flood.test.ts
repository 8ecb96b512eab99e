/** Full stores under attack and in quiet times: what nobody reads stays long enough for somebody to come (docs/spec/store.md, 7). */
import t from 'tap';
import { assert } from '../../keys/index.ts';
import { runScenario } from './run.ts';
import { runFlood } from './scenarios/flood.ts';

/** A metric that must be there. */
function metric(metrics: Readonly<Record<string, number>>, name: string): number {
  const value = metrics[name];
  assert(value !== undefined, `it measures ${name}`);
  return value;
}

void t.test(
  'a week of flooding pushes out no block that was new when it began, however much comes; it does push out older ones',
  async (t) => {
    const old: number[] = [];
    for (const share of [0.1, 0.3]) {
      const { metrics } = runFlood({ nodes: 80, seed: 1, fetches: 60 }, { share });
      t.equal(metric(metrics, 'flood.survived'), 1);
      t.equal(
        metric(metrics, 'flood.copies.after'),
        metric(metrics, 'flood.copies.before'),
        'not one copy of any',
      );
      t.ok(metric(metrics, 'flood.offered') > 20 * share, 'more comes than may push out');
      old.push(metric(metrics, 'flood.old.survived'));
    }
    t.ok(
      old.every((share) => share < 0.6),
      `the stores are under attack: ${old.join()}`,
    );
  },
);

void t.test(
  'what is read now and then outlives what is not, and nothing goes in half a turnover',
  async (t) => {
    const ran = runScenario('retention', { nodes: 150, seed: 1, fetches: 100 });
    assert(ran !== undefined, 'there is such a scenario');
    const { metrics } = ran.report;
    t.ok(metric(metrics, 'retention.unread.half') > 0.94);
    t.ok(metric(metrics, 'retention.unread.oneAndHalf') < 0.6);
    t.ok(metric(metrics, 'retention.readHalf.one.found') > 0.9);
    t.ok(metric(metrics, 'retention.readTwice.one') > metric(metrics, 'retention.unread.one'));
    t.ok(metric(metrics, 'retention.stored') > 0.98, 'no share of a day is used up');
  },
);
