/** `mimeo testnet` as people run it: the proof that ends, the network that runs until it is told to stop, and what they leave. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { ringWithLongLinks } from '../../daemon/testnet/topology.ts';
import { runTestnet } from '../../daemon/testnet/testnet.ts';
import { samplePage } from '../../daemon/testnet/sample.ts';
import { SeededRandom } from '../sim/random.ts';
import { until } from './node/cluster.ts';

const launcher = join(import.meta.dirname, '..', '..', 'daemon', 'mimeo.js');

/** A testnet whose temporary files, and those of nobody else, lie in `tmp`. */
function testnet(t: Test, args: readonly string[]) {
  const tmp = mkdtempSync(join(tmpdir(), 'mimeo-test-'));
  t.teardown(() => rmSync(tmp, { recursive: true, force: true }));
  const child = spawn(process.execPath, [launcher, 'testnet', ...args], {
    env: { PATH: process.env['PATH'], HOME: tmp, TMPDIR: tmp },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, as a terminal makes one.
    detached: true,
  });
  t.teardown(() => child.kill('SIGTERM'));
  return { tmp, child, stdout: child.stdout, stderr: child.stderr };
}

async function exitOf(child: ChildProcess): Promise<unknown> {
  const [status, signal] = await once(child, 'exit');
  return status ?? signal;
}

/** Processes whose command line names a path in `tmp`. */
function processesIn(tmp: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => commandLine(pid).includes(tmp))
    .map(Number);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    // It has ended meanwhile.
    return '';
  }
}

void t.test(
  'a network proves that it works, prints its table and nothing else on stdout, and is gone',
  async (t) => {
    const { tmp, child, stdout, stderr } = testnet(t, ['--once', '--nodes', '6']);
    const [status, table, said] = await Promise.all([exitOf(child), text(stdout), text(stderr)]);
    t.equal(status, 0, said);
    const [head = '', ...rows] = table.trimEnd().split('\n');
    t.match(head, /^step +key +bytes +seconds +MB\/s +nodes with a copy +hops$/);
    const steps = ['insert at', 'fetch at', 'again at', 'after kill at'];
    const cells = rows.map((row) => row.split(/ {2,}/));
    // Others fetch again until copies have spread: how many, the draw of the network decides.
    const seen = new Set(cells.map(([step = '', key]) => `${step.replace(/ \d+$/, '')} ${key}`));
    t.same(
      [...seen],
      steps.flatMap((step) => ['KSK', 'SSK', 'CHK'].map((key) => `${step} ${key}`)),
    );
    for (const cell of cells.filter(([, key]) => key === 'CHK'))
      t.equal(cell[2], (20 * 1024 * 1024).toLocaleString('en-US'));
    t.match(said, /^starting 6 nodes\n6 nodes, \d+ links\n.*killing node \d with -9.*stopping\n$/s);
    t.same(processesIn(tmp), []);
    t.same(readdirSync(tmp), []);
  },
);

void t.test(
  'a network that is not told to end runs until it gets a signal, and leaves nothing',
  async (t) => {
    const { tmp, child, stdout } = testnet(t, ['--nodes', '3']);
    stdout.setEncoding('utf8');
    const [address] = await once(stdout, 'data');
    const page = await fetch(String(address).trim());
    t.equal(page.status, 200);
    t.equal(await page.text(), samplePage);
    t.match(readdirSync(tmp), [/^mimeo-testnet-/]);
    t.equal(processesIn(tmp).length, 3);
    child.kill('SIGTERM');
    t.equal(await exitOf(child), 143);
    t.same(processesIn(tmp), []);
    t.same(readdirSync(tmp), []);
  },
);

void t.test('Ctrl-C while the nodes start reaches all of them, and ends all of it with 130', async (t) => {
  const { tmp, child, stdout } = testnet(t, ['--nodes', '2']);
  await until(() => processesIn(tmp).length === 2);
  const exit = exitOf(child);
  process.kill(-(child.pid ?? 0), 'SIGINT');
  t.equal(await exit, 130);
  t.equal(await text(stdout), '');
  t.same(processesIn(tmp), []);
  t.same(readdirSync(tmp), []);
});

void t.test('numbers of nodes that make no sense are refused before anything is started', async (t) => {
  for (const options of [
    { nodes: 1, once: false },
    { nodes: 101, once: false },
    { nodes: 4, once: true },
  ])
    await t.rejects(runTestnet(options), { code: 'usage' });
});

void t.test('every topology is a ring with long links: connected, simple, and of few links a node', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 60 }), fc.nat(), (size, seed) => {
      const random = new SeededRandom(seed);
      const draw = (): number => random.uint32() / 2 ** 32;
      const locations = Array.from({ length: size }, draw);
      const links = ringWithLongLinks(locations, draw);
      const pairs = new Set(links.map(([a, b]) => (a < b ? `${a} ${b}` : `${b} ${a}`)));
      const degrees = locations.map((_, node) => links.filter((link) => link.includes(node)).length);
      const order = locations
        .map((_, node) => node)
        .sort((a, b) => (locations[a] ?? 0) - (locations[b] ?? 0));
      const ring = order.every((node, place) => {
        const next = order[(place + 1) % size] ?? 0;
        return pairs.has(node < next ? `${node} ${next}` : `${next} ${node}`);
      });
      return (
        ring &&
        pairs.size === links.length &&
        links.every(([a, b]) => a !== b) &&
        degrees.every((degree) => degree >= Math.min(2, size - 1) && degree <= 5)
      );
    }),
  );
  t.pass('connected, simple, bounded');
  t.end();
});
