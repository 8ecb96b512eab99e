/** The command as `npm run sim` starts it. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { assert } from '../../keys/index.ts';
import { type Report, runScenario, scenarios } from './run.ts';
import type { Sighting, Truth } from './trace.ts';

function run(options: { nodes: number; seed: number }): Report {
  const ran = runScenario('smallworld', { ...options, fetches: 60, check: 'checked' });
  assert(ran !== undefined, 'there is such a scenario');
  return ran.report;
}

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
    '--fetches',
    '60',
    '--check',
    '--json',
  );
  t.equal(code, 0);
  t.equal(stdout.indexOf('\n'), stdout.length - 1, 'one line');
  const printed = JSON.parse(stdout) as Report;
  const here = run({ nodes: 60, seed: 3 });
  t.strictSame(Object.keys(printed), Object.keys(here));
  const { scenario, nodes, seed, digest, events, metrics } = here;
  t.strictSame(
    { ...printed, wallSeconds: 0, cpuSeconds: 0, peakRssMiB: 0 },
    { scenario, nodes, seed, digest, events, wallSeconds: 0, cpuSeconds: 0, peakRssMiB: 0, metrics },
    'another process repeats the run',
  );
  t.ok(printed.peakRssMiB > 10 && printed.wallSeconds >= 0);
});

void t.test('without --json the command prints a line for each number', async (t) => {
  const { code, stdout } = await command('--nodes', '30', '--seed', '3', '--fetches', '60', '--check');
  t.equal(code, 0);
  const { metrics, ...report } = run({ nodes: 30, seed: 3 });
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
    [['--fetches', '0'], '--fetches'],
    [['--network', 'star'], '--network'],
    [['--death', 'slow'], '--death'],
    [['--trace', '/nowhere/trace'], '--spies'],
    [['--trace', '/nowhere/trace', '--spies', 'f=2'], '--spies'],
    [['--nodes', '60', '--trace', '/nowhere/trace', '--spies', 'n60'], '--spies'],
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

function linesOf<Line>(file: string): Line[] {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

void t.test(
  'a trace has what the spies saw, in the order of time, and the truth lies beside it',
  async (t) => {
    const file = join(t.testdir({}), 'trace');
    const args = ['--scenario', 'download', '--nodes', '40', '--seed', '2', '--fetches', '60'];
    const { code } = await command(...args, '--trace', file, '--spies', 'n3,7');
    t.equal(code, 0);
    const seen = linesOf<Sighting>(file);
    t.ok(seen.length > 100);
    t.ok(seen.every(({ node }) => node === 3 || node === 7));
    t.ok(seen.every(({ t: at }, index) => at >= (seen[index - 1]?.t ?? 0)));
    const fields = ['t', 'node', 'peer', 'dir', 'type', 'phase', 'id', 'key', 'salt', 'htl', 'bytes', 'uid'];
    for (const sighting of seen) if (Object.keys(sighting).join() !== fields.join()) t.fail('other fields');
    const requests = seen.filter(({ type }) => type === 'dataRequest');
    t.ok(requests.length > 0 && requests.every(({ phase, key, htl }) => phase === 'greedy' && key && htl));
    t.ok(seen.some(({ dir, type }) => dir === 'in' && type === 'dataFound'));
    const truth = linesOf<Truth>(`${file}.truth`);
    const jobs = new Set(truth.map(({ job }) => job));
    t.ok(jobs.has('background') && [...jobs].filter((job) => job.startsWith('file')).length === 10);
    const asked = new Set(truth.map(({ key }) => key));
    t.ok(requests.some(({ key }) => key !== null && asked.has(key)));
  },
);
