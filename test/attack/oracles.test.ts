/** Spies that ask: for what a peer may have pending, for what an owner may have fetched. Each sees something where the defence is off. */
import t from 'tap';
import { runPending } from './pending-run.ts';
import { runProbing } from './probe-run.ts';

const full = process.env['MIMEO_TEST_FULL'] !== undefined;

void t.test(
  'control: that a neighbour has asked greedily for a key shows when it is asked for',
  async (t) => {
    const { 'link.greedy': seen = 0 } = runPending({ seed: 2, nodes: 120, trials: 250, stem: 'off' });
    t.ok(seen > 0.6, `AUC ${seen}`);
  },
);

void t.test(
  'nobody learns by asking that a key is pending by the stem, for the owner or for a neighbour',
  async (t) => {
    const trials = full ? 4_000 : 250;
    // Three deviations of what chance does to so many.
    const most = 0.5 + 3 * Math.sqrt(1 / (6 * trials));
    for (const [name, seen] of Object.entries(runPending({ seed: 2, nodes: 120, trials, stem: 'on' })))
      t.ok(seen < most, `${name}: AUC ${seen}, at most ${most}`);
  },
);

const PROBED = { seed: 1, nodes: 200, owners: 15, keys: full ? 60 : 20 };

void t.test(
  'control: without the stem and with caches everywhere what an owner has fetched comes sooner by his node',
  async (t) => {
    const { owner } = runProbing({ ...PROBED, stem: 'off', quietHops: 0 });
    t.ok(owner.latencyAuc > 0.6, `AUC ${owner.latencyAuc}`);
  },
);

void t.test('control: a diffuser that caches can be asked for what has been fetched by it', async (t) => {
  const { diffuser } = runProbing({ ...PROBED, stem: 'on', quietHops: 0 });
  t.ok(diffuser.hitDifference > 0.5, `${diffuser.hitDifference}`);
});

void t.test('what an owner has fetched is not in his node, in his peers or his guard', async (t) => {
  const results = runProbing({ ...PROBED, stem: 'on', quietHops: 2 });
  for (const [target, { hitDifference, latencyAuc }] of Object.entries(results)) {
    t.ok(hitDifference < 0.06, `${target}: ${hitDifference}`);
    t.ok(latencyAuc < 0.62, `${target}: AUC ${latencyAuc}`);
  }
});
