/** Whether a guard can tell who fetches from who passes on, by what passes between the two. */
import t from 'tap';
import { SeededRandom } from '../sim/random.ts';
import { tellApart } from './classifier.ts';
import { runTraces } from './trace-run.ts';

const full = process.env['MIMEO_TEST_FULL'] !== undefined;

function aucOf(options: { stem: 'on' | 'off'; traces: number; lineOverLimit?: number }): number {
  const { own, relayed } = runTraces({ seed: 1, nodes: 80, ...options });
  return tellApart(own, relayed, new SeededRandom(1));
}

void t.test(
  'control: without the stem a peer tells who fetches a file from who passes some of it on',
  async (t) => {
    const auc = aucOf({ stem: 'off', traces: 30 });
    t.ok(auc > 0.65, `AUC ${auc}`);
  },
);

void t.test(
  'with the stem, on lines that carry more than owners let in, a guard can hardly tell',
  async (t) => {
    const traces = full ? 200 : 40;
    const auc = aucOf({ stem: 'on', traces, lineOverLimit: 20 });
    t.ok(auc < (full ? 0.58 : 0.7), `AUC ${auc}`);
  },
);
