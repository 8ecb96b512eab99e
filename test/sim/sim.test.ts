/**
 * The scenarios on small worlds with fixed seeds: what must hold in each, and that a run repeats. Numbers that are measured
 * rather than promised are in docs/spec/simulator.md; here are the bounds that a change must not break.
 */
import t from 'tap';
import { assert } from '../../keys/index.ts';
import { networks } from '../../routing/index.ts';
import { type Report, runScenario, scenarios } from './run.ts';

/** 1, 2 …; ten times as many in the long run. */
function seeds(count: number): readonly number[] {
  const long = process.env['MIMEO_TEST_FULL'] !== undefined;
  return Array.from({ length: long ? 10 * count : count }, (_, index) => index + 1);
}

/** Few enough for a test; every run here is checked. */
const FETCHES = 60;

function run(scenario: string, nodes: number, seed: number): Report {
  const ran = runScenario(scenario, { nodes, seed, fetches: FETCHES, keys: FETCHES, check: 'checked' });
  assert(ran !== undefined, `there is a scenario ${scenario}`);
  return ran.report;
}

/** A metric that must be there. */
function metric(report: Report, name: string): number {
  const value = report.metrics[name];
  assert(value !== undefined, `${report.scenario} measures ${name}`);
  return value;
}

for (const scenario of Object.keys(scenarios)) {
  void t.test(
    `${scenario}: a seed repeats a run, event for event, and another seed is another run`,
    async (t) => {
      const [first, again, other] = [run(scenario, 60, 1), run(scenario, 60, 1), run(scenario, 60, 2)];
      t.equal(again.digest, first.digest);
      t.equal(again.events, first.events);
      t.strictSame(again.metrics, first.metrics);
      t.not(other.digest, first.digest);
    },
  );

  void t.test(
    `${scenario}: everybody is answered, what must hold holds, and in the end nothing is in work`,
    async (t) => {
      for (const seed of seeds(1)) {
        const report = run(scenario, 90, seed);
        for (const [name, value] of Object.entries(report.metrics))
          if (/(?:^|\.)(?:unanswered|pending|breaches)$/u.test(name)) t.equal(value, 0, name);
      }
    },
  );
}

void t.test(
  'smallworld: what was inserted is found, what was not is not, and at a bounded price',
  async (t) => {
    for (const seed of seeds(2)) {
      const report = run('smallworld', 150, seed);
      t.equal(metric(report, 'insert.stored'), 1);
      t.equal(metric(report, 'healthy.found'), 1);
      t.equal(metric(report, 'missing.found'), 0);
      t.ok(metric(report, 'insert.copies') >= networks.open.storeRank);
      t.ok(metric(report, 'hops.p95') <= 6);
      t.ok(metric(report, 'messages.mean') < 8);
      t.ok(metric(report, 'missing.messages') < 80, 'the search for nothing ends');
    }
  },
);

void t.test('crossing: a crowd is served, and nobody waits for somebody who waits', async (t) => {
  for (const seed of seeds(3)) {
    const report = run('crossing', 120, seed);
    t.equal(metric(report, 'crossing.found'), 1);
    t.equal(metric(report, 'crossing.answered'), 1);
    t.ok(metric(report, 'latencyMs.max') < networks.open.coalesceWaitMs, 'no patience ran out');
  }
});

void t.test('silent: a fifth of black holes is gone round', async (t) => {
  for (const seed of seeds(2)) {
    const report = run('silent', 150, seed);
    t.ok(metric(report, 'silent.insert.stored') > 0.98);
    t.ok(metric(report, 'silent.found') > 0.98);
  }
});

void t.test('refusals: a third of nodes that refuse everything is gone round', async (t) => {
  for (const seed of seeds(2)) {
    const report = run('refusals', 150, seed);
    t.ok(metric(report, 'refusals.insert.stored') > 0.98);
    t.ok(metric(report, 'refusals.found') > 0.98);
  }
});

void t.test('liars: a tenth of nodes that lie does not end most searches', async (t) => {
  for (const seed of seeds(2)) t.ok(metric(run('liars', 150, seed), 'liars.found') > 0.5);
});

/** Runs in which something was broken once. */
const FAILED = [
  // An audit came back to who had sent it, and was taken for new.
  { scenario: 'blackhole', cell: 'blackhole20', nodes: 100, seed: 3, fetches: 200 },
  // An audit was in work at the one moment that was looked at.
  { scenario: 'blackhole', cell: 'blackhole10', nodes: 90, seed: 5, fetches: 60, keys: 60 },
] as const;

for (const { scenario, ...options } of FAILED)
  void t.test(
    `${scenario} of ${options.nodes}, seed ${options.seed}: holds what it once broke`,
    async (t) => {
      const ran = runScenario(scenario, { ...options, check: 'checked' });
      for (const what of ['breaches', 'pending', 'unanswered'])
        t.equal(ran?.report.metrics[`${options.cell}.${what}`], 0, what);
    },
  );
