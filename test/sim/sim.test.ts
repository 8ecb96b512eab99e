/**
 * The scenarios on small worlds with fixed seeds: what must hold in each, and that a run repeats. Numbers that are measured
 * rather than promised are in docs/spec/simulator.md; here are the bounds that a change must not break.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { type Block, type RoutingKey, assert, equalBytes, verifyBlock } from '../../keys/index.ts';
import { networks } from '../../routing/index.ts';
import { edition } from '../routing/content.ts';
import { SeededRandom } from './random.ts';
import { type Report, runScenario, scenarios } from './run.ts';
import { smallWorld } from './topology.ts';
import { type Result, World, shortBlock } from './world.ts';

/** 1, 2 …; ten times as many in the long run. */
function seeds(count: number): readonly number[] {
  const long = process.env['MIMEO_TEST_FULL'] !== undefined;
  return Array.from({ length: long ? 10 * count : count }, (_, index) => index + 1);
}

function run(scenario: string, nodes: number, seed: number): Report {
  const report = runScenario(scenario, { nodes, seed });
  assert(report !== undefined, `there is a scenario ${scenario}`);
  return report;
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

  void t.test(`${scenario}: everybody is answered, and in the end nothing is in work`, async (t) => {
    for (const seed of seeds(3)) {
      const report = run(scenario, 90, seed);
      t.equal(metric(report, 'unanswered'), 0);
      t.equal(metric(report, 'pending'), 0);
    }
  });
}

void t.test(
  'smallworld: what was inserted is found, what was not is not, and at a bounded price',
  async (t) => {
    for (const seed of seeds(2)) {
      const report = run('smallworld', 150, seed);
      t.equal(metric(report, 'insert.stored'), 1);
      t.equal(metric(report, 'fetch.found'), 1);
      t.equal(metric(report, 'missing.found'), 0);
      t.ok(metric(report, 'insert.copies') >= networks.open.storeRank);
      t.ok(metric(report, 'fetch.hops.p95') <= 6);
      t.ok(metric(report, 'fetch.messages') < 8);
      t.ok(metric(report, 'missing.messages') < 80, 'the search for nothing ends');
    }
  },
);

void t.test('crossing: a crowd is served, and nobody waits for somebody who waits', async (t) => {
  for (const seed of seeds(3)) {
    const report = run('crossing', 120, seed);
    t.equal(metric(report, 'fetch.found'), 1);
    t.equal(metric(report, 'fetch.answered'), 1);
    t.ok(metric(report, 'fetch.latencyMs.max') < networks.open.coalesceWaitMs, 'no patience ran out');
  }
});

void t.test('silent: a fifth of black holes is gone round', async (t) => {
  for (const seed of seeds(2)) {
    const report = run('silent', 150, seed);
    t.ok(metric(report, 'insert.stored') > 0.98);
    t.ok(metric(report, 'fetch.found') > 0.98);
  }
});

void t.test('refusals: a third of nodes that refuse everything is gone round', async (t) => {
  for (const seed of seeds(2)) {
    const report = run('refusals', 150, seed);
    t.ok(metric(report, 'insert.stored') > 0.98);
    t.ok(metric(report, 'fetch.found') > 0.98);
  }
});

void t.test('liars: a tenth of nodes that lie does not end most searches', async (t) => {
  for (const seed of seeds(2)) t.ok(metric(run('liars', 150, seed), 'fetch.found') > 0.5);
});

interface WorldOfOurs {
  readonly nodes: number;
  readonly seed: number;
  readonly verify?: (key: RoutingKey, block: Block) => 'chk' | 'ssk' | undefined;
}

function worldOf({ nodes, seed, verify }: WorldOfOurs): World {
  return new World({
    topology: smallWorld({ nodes, degree: 8, random: new SeededRandom(seed) }),
    params: networks.open,
    seed,
    latencyMs: { min: 10, max: 100 },
    storeBlocks: 100,
    cacheBlocks: 100,
    ...(verify === undefined ? {} : { verify }),
  });
}

const [old, young] = [edition('old'), edition('young')];

/** Lets time pass in small steps and checks at each that no node exchanges the block it holds. */
function runWithoutOverwriting(t: Test, world: World): void {
  const held = new Map<number, Block>();
  for (let idle = 0; idle < 200; idle += 1) {
    world.schedule.run(world.now + 20);
    for (let node = 0; node < world.size; node += 1) {
      const block = world.blockAt(node, old.key);
      const before = held.get(node);
      if (block === undefined) continue;
      if (before === undefined) held.set(node, block);
      else if (!equalBytes(before, block)) t.fail(`node ${node} has exchanged its block`);
    }
  }
  world.schedule.run();
}

function holders(world: World, block: Block): number {
  let count = 0;
  for (let node = 0; node < world.size; node += 1) {
    const held = world.blockAt(node, old.key);
    if (held !== undefined && equalBytes(held, block)) count += 1;
  }
  return count;
}

void t.test(
  'collision: who inserts another version later gets the one that is there, and nothing is overwritten',
  async (t) => {
    for (const seed of seeds(4)) {
      const world = worldOf({ nodes: 60, seed, verify: verifyBlock });
      const results: Result[] = [];
      world.insert(0, { ...old, salt: 0 }, (result) => results.push(result));
      runWithoutOverwriting(t, world);
      world.insert(30, { ...young, salt: 0 }, (result) => results.push(result));
      runWithoutOverwriting(t, world);
      t.strictSame(results, [{ type: 'stored' }, { type: 'collision', block: old.block }]);
      t.equal(holders(world, young.block), 0);
      t.ok(holders(world, old.block) >= networks.open.storeRank);
      world.insert(45, { ...old, salt: 0 }, (result) => results.push(result));
      world.schedule.run();
      t.strictSame(results.at(-1), { type: 'stored' }, 'the same bytes again are a success');
      t.equal(world.unanswered + world.pending, 0);
    }
  },
);

void t.test(
  'collision: of two versions inserted at one moment each node keeps the one it met first',
  async (t) => {
    for (const seed of seeds(4)) {
      const world = worldOf({ nodes: 60, seed, verify: verifyBlock });
      const results: Result[] = [];
      world.insert(0, { ...old, salt: 0 }, (result) => results.push(result));
      world.insert(30, { ...young, salt: 0 }, (result) => results.push(result));
      runWithoutOverwriting(t, world);
      t.equal(results.length, 2);
      for (const { type } of results) t.match(type, /^(?:stored|collision)$/u);
      t.ok(holders(world, old.block) + holders(world, young.block) >= networks.open.storeRank);
      let found = 0;
      for (let node = 0; node < 60; node += 1) {
        world.fetch(node, old.key, 0, (result) => {
          if (result.type === 'found' && verifyBlock(old.key, result.block) === 'ssk') found += 1;
        });
        world.schedule.run();
      }
      t.equal(found, 60, 'one of them is found from everywhere');
      t.equal(world.unanswered + world.pending, 0);
    }
  },
);

void t.test(
  'links that are cut and nodes that die in the middle of it: all the living are answered',
  async (t) => {
    for (const seed of seeds(5)) {
      const nodes = 80;
      const world = worldOf({ nodes, seed });
      const content = Array.from({ length: 20 }, () => shortBlock(world.random.bytes(32)));
      for (const one of content) world.insert(world.random.below(nodes), { ...one, salt: 0 }, () => {});
      world.schedule.run();

      const asked: number[] = [];
      const answered: number[] = [];
      let found = 0;
      for (let round = 0; round < 40; round += 1) {
        for (let i = 0; i < 5; i += 1) {
          const asker = world.random.below(nodes);
          const one = content[world.random.below(content.length)];
          if (!world.isAlive(asker) || one === undefined) continue;
          asked.push(asker);
          const done = (result: Result): void => {
            answered.push(asker);
            if (result.type === 'found') found += 1;
          };
          if (i === 0) world.insert(asker, { ...shortBlock(world.random.bytes(32)), salt: 0 }, done);
          else world.fetch(asker, one.key, 0, done);
        }
        // Less than a hop takes, so that everything is on its way.
        world.schedule.run(world.now + 40);
        if (round % 4 === 0) world.kill(world.random.below(nodes));
        const [a, b] = [world.random.below(nodes), world.random.below(nodes)];
        world.cut(a, b);
        world.cut(a, (a + 1) % nodes);
      }
      world.schedule.run();
      const living = (askers: readonly number[]): number[] =>
        askers.filter((node) => world.isAlive(node)).sort((a, b) => a - b);
      t.strictSame(living(answered), living(asked), 'each once');
      t.equal(world.unanswered, 0);
      t.equal(world.pending, 0);
      t.ok(found > asked.length / 2, `${found} of ${asked.length} were found in spite of it`);
    }
  },
);

const exec = promisify(execFile);

/** What the command says, as `npm run sim` starts it. */
async function command(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const main = new URL('./main.ts', import.meta.url).pathname;
  // tap's own options must not reach the child.
  const { NODE_OPTIONS: _, ...env } = process.env;
  try {
    return { code: 0, ...(await exec(process.execPath, [main, ...args], { env })) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

void t.test('the command prints one JSON object with all that a report has', async (t) => {
  const { code, stdout } = await command(
    '--scenario',
    'smallworld',
    '--nodes',
    '60',
    '--seed',
    '3',
    '--json',
  );
  t.equal(code, 0);
  t.equal(stdout.indexOf('\n'), stdout.length - 1, 'one line');
  const printed = JSON.parse(stdout) as Report;
  const here = run('smallworld', 60, 3);
  t.strictSame(Object.keys(printed), Object.keys(here));
  const { scenario, nodes, seed, digest, events, metrics } = here;
  t.strictSame(
    { ...printed, wallSeconds: 0, peakRssMiB: 0 },
    { scenario, nodes, seed, digest, events, wallSeconds: 0, peakRssMiB: 0, metrics },
    'another process repeats the run',
  );
  t.ok(printed.peakRssMiB > 10 && printed.wallSeconds >= 0);
});

void t.test('without --json the command prints a line for each number', async (t) => {
  const { code, stdout } = await command('--nodes', '30', '--seed', '3');
  t.equal(code, 0);
  const { metrics, ...report } = run('smallworld', 30, 3);
  const names = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/\s+/u)[0]);
  t.strictSame(names, [...Object.keys(report), ...Object.keys(metrics)]);
});

void t.test('bad arguments are refused with exit status 2, the reason and the usage', async (t) => {
  const bad: readonly (readonly [string[], string])[] = [
    [['--scenario', 'nonesuch'], 'nonesuch'],
    [['--scenario', 'constructor'], 'constructor'],
    [['--nodes', '5'], '--nodes'],
    [['--nodes', 'many'], '--nodes'],
    [['--nodes', '60.5'], '--nodes'],
    [['--seed', '-1'], '--seed'],
    [['--seed', '4294967296'], '--seed'],
    [['--colour'], '--colour'],
    [['60'], '60'],
  ];
  for (const [args, says] of bad) {
    const { code, stdout, stderr } = await command(...args);
    t.equal(code, 2, args.join(' '));
    t.equal(stdout, '');
    const [reason = ''] = stderr.split('\n');
    t.ok(reason.includes(says), reason);
    t.match(stderr, /usage: npm run sim/u);
    for (const name of Object.keys(scenarios)) t.ok(stderr.includes(name));
  }
});
