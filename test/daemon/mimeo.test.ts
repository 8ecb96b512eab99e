/** The launcher: on the system's Node, whatever its age, from anywhere, with streams, signals and exit status passed through. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import { packageVersion } from '../../daemon/config/version.ts';

const launcher = join(import.meta.dirname, '..', '..', 'daemon', 'mimeo.js');
const { NODE_OPTIONS: _ours, ...env } = process.env;

/** A Node that can't read TypeScript, where this machine has one. */
const oldNode = ['/usr/bin/node', '/usr/local/bin/node'].find(
  (path) => existsSync(path) && Number(versionOf(path).split('.')[0]) < 24,
);
const skip = oldNode === undefined ? 'no Node below 24 on this machine' : false;

function versionOf(node: string): string {
  return spawnSync(node, ['-p', 'process.versions.node'], { env, encoding: 'utf8' }).stdout.trim();
}

function mimeo(node: string, args: readonly string[], given: { script?: string; cwd?: string } = {}) {
  const { status, stdout, stderr } = spawnSync(node, [given.script ?? launcher, ...args], {
    env,
    encoding: 'utf8',
    cwd: given.cwd ?? '/',
  });
  return { status, stdout, stderr };
}

void t.test('on a Node that is new enough it runs the program', async (t) => {
  t.strictSame(mimeo(process.execPath, ['--version']), {
    status: 0,
    stdout: `${packageVersion()}\n`,
    stderr: '',
  });
  t.match(mimeo(process.execPath, ['nonsense']), { status: 2, stdout: '' });
});

void t.test('on an old Node it runs itself on the one of the package', { skip }, async (t) => {
  const node = oldNode ?? '';
  t.strictSame(mimeo(node, ['--version']), { status: 0, stdout: `${packageVersion()}\n`, stderr: '' });
  t.match(mimeo(node, ['nonsense']), { status: 2, stdout: '', stderr: /unknown command/ });
});

void t.test('it runs through a symbolic link, from another directory', async (t) => {
  const cwd = t.testdir({ bin: {} });
  const script = join(cwd, 'bin', 'mimeo');
  symlinkSync(launcher, script);
  for (const node of [process.execPath, ...(oldNode === undefined ? [] : [oldNode])]) {
    t.match(
      mimeo(node, ['--version'], { script, cwd }),
      { status: 0, stdout: `${packageVersion()}\n` },
      node,
    );
  }
});

/** The launcher in a package of its own, beside a compiled program of one file. */
function packageWith(t: Test, main: string): string {
  const dir = t.testdir({ 'package.json': '{"type":"module"}', 'main.js': main });
  cpSync(launcher, join(dir, 'mimeo.js'));
  return join(dir, 'mimeo.js');
}

void t.test('in the published package it runs the compiled program', async (t) => {
  const script = packageWith(t, 'process.stdout.write(process.argv.slice(2).join()); process.exitCode = 7;');
  t.strictSame(mimeo(process.execPath, ['a', '--b'], { script }), { status: 7, stdout: 'a,--b', stderr: '' });
});

void t.test('where no new Node is found it says so', { skip }, async (t) => {
  // A package `node` beside it hides the repository's.
  const dir = t.testdir();
  const script = packageWith(t, '');
  mkdirSync(join(dir, 'node_modules', 'node', 'bin'), { recursive: true });
  const outcomes = [{}, { version: '20.1.0' }].map((manifest) => {
    writeFileSync(
      join(dir, 'node_modules', 'node', 'package.json'),
      JSON.stringify({ name: 'node', ...manifest }),
    );
    return mimeo(oldNode ?? '', ['--version'], { script });
  });
  for (const outcome of outcomes)
    t.match(outcome, { status: 1, stdout: '', stderr: /^mimeo: needs Node 24 or newer, this is / });
});

/** Under the launcher: says its pid, and ends with status 5 at a SIGTERM. */
const patient = `
  process.on('SIGTERM', () => process.exit(5));
  process.stdin.on('data', (data) => process.stdout.write(data));
  console.log(process.pid);`;

function linkPackageNode(script: string): void {
  const ours = join(import.meta.dirname, '..', '..', 'node_modules', 'node');
  mkdirSync(join(script, '..', 'node_modules'), { recursive: true });
  symlinkSync(ours, join(script, '..', 'node_modules', 'node'));
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('stdout is a pipe');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return line;
}

void t.test(
  'streams, signals and the exit status of the second process are those of the first',
  { skip },
  async (t) => {
    const script = packageWith(t, patient);
    linkPackageNode(script);
    const child = spawn(oldNode ?? '', [script], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    const pid = await firstLine(child);
    t.not(Number(pid), child.pid);
    child.stdin?.write('through\n');
    t.equal(await firstLine(child), 'through');
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    t.strictSame(await exit, [5, null]);
  },
);

void t.test(
  'when a signal ends the second process, the first ends by the same signal',
  { skip },
  async (t) => {
    const script = packageWith(t, patient);
    linkPackageNode(script);
    const child = spawn(oldNode ?? '', [script], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    const pid = Number(await firstLine(child));
    const exit = once(child, 'exit');
    process.kill(pid, 'SIGINT');
    t.strictSame(await exit, [null, 'SIGINT']);
  },
);
