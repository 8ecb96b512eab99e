/** The life of a real daemon: started, asked, stopped, interrupted, killed, started again. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { readDaemonFile } from '../../daemon/config/daemon-file.ts';
import { lockHolder } from '../../daemon/config/lock.ts';
import { connectApi } from '../../daemon/rpc/client.ts';
import { freshDir, serve } from './rpc-served.ts';

const launcher = join(import.meta.dirname, '..', '..', 'daemon', 'mimeo.js');
const settings = ['--listen', '127.0.0.1:0', '--fproxy-listen', '127.0.0.1:0', '--store-size', '64MiB'];

function spawnMimeo(home: string, args: readonly string[]): ChildProcessByStdio<null, Readable, Readable> {
  const env = { PATH: process.env['PATH'], HOME: home };
  return spawn(process.execPath, [launcher, ...args], { env, cwd: home, stdio: ['ignore', 'pipe', 'pipe'] });
}

async function mimeo(home: string, ...args: string[]) {
  const child = spawnMimeo(home, args);
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { status, stdout, stderr };
}

/** A home whose daemon, if one is left, ends with the test. */
function home(t: Test): { dir: string; dataDir: string } {
  const dir = freshDir(t);
  const dataDir = join(dir, '.local/share/mimeo');
  t.teardown(async () => {
    const pid = lockHolder(dataDir);
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    while (lockHolder(dataDir) !== undefined) await sleep(10);
  });
  return { dir, dataDir };
}

void t.test('in the foreground: four lines on stderr, and a signal ends it cleanly with 0', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const { dir, dataDir } = home(t);
    const child = spawnMimeo(dir, ['daemon', ...settings]);
    const lines = createInterface(child.stderr)[Symbol.asyncIterator]();
    const next = async () => String((await lines.next()).value);
    const found = readDaemonFile;
    t.match(await next(), /^listening on {2}127\.0\.0\.1:\d+$/);
    const web = await next();
    t.equal(await next(), `data dir      ${dataDir}`);
    t.match(await next(), /\.$/, 'what it is doing');
    // Written when all is said.
    while (found(dataDir) === undefined) await sleep(10);
    t.equal(web, `web address   ${found(dataDir)?.fproxy}`);
    t.match(await (await fetch(found(dataDir)?.fproxy ?? '')).text(), 'mimeo');

    const api = await connectApi(dataDir);
    t.match(await api.call('node.info', {}), { pid: child.pid, dataDir, fproxy: found(dataDir)?.fproxy });
    t.match(await api.call('rpc.discover', {}), { openrpc: '1.3.2' });
    api.close();

    const exit = once(child, 'exit');
    child.kill(signal);
    t.strictSame(await exit, [0, null], signal);
    t.strictSame(
      readdirSync(dataDir).filter((name) => ['lock', 'daemon.json', 'rpc.sock'].includes(name)),
      [],
    );
  }
});

void t.test('start, status, stop; a second daemon is refused by the name of the first', async (t) => {
  const { dir, dataDir } = home(t);
  const started = await mimeo(dir, 'start', ...settings);
  t.match(started, { status: 0, stdout: '', stderr: /^listening on .*\nweb address .*\ndata dir .*\n.+\n$/ });
  const pid = lockHolder(dataDir);
  t.match(await mimeo(dir, 'status', '--wait', '1s'), { status: 0, stderr: '' });
  for (const command of ['start', 'daemon']) {
    t.match(await mimeo(dir, command, ...settings), {
      status: 18,
      stdout: '',
      stderr: new RegExp(`^mimeo: process ${pid} holds .* \\(data_dir_locked\\)\\. `),
    });
  }
  t.equal(lockHolder(dataDir), pid);

  t.match(await mimeo(dir, 'restart', ...settings), { status: 0 });
  t.not(lockHolder(dataDir), pid);
  t.match(await mimeo(dir, 'stop'), { status: 0, stdout: '', stderr: '' });
  t.equal(lockHolder(dataDir), undefined);
  t.match(await mimeo(dir, 'stop'), { status: 3 });
  t.match(await mimeo(dir, 'status'), {
    status: 3,
    stderr: /\(daemon_not_running\)\. Start it: mimeo start\n$/,
  });
});

void t.test('a daemon that was killed with -9 leaves nothing that hinders the next', async (t) => {
  const { dir, dataDir } = home(t);
  t.match(await mimeo(dir, 'start', ...settings), { status: 0 });
  const pid = lockHolder(dataDir);
  t.ok(pid);
  process.kill(pid ?? 0, 'SIGKILL');
  while (lockHolder(dataDir) !== undefined) await sleep(10);
  t.ok(existsSync(join(dataDir, 'daemon.json')), 'its address is still there');
  t.match(await mimeo(dir, 'status'), { status: 3 });
  t.match(await mimeo(dir, 'start', ...settings), { status: 0 });
  t.match(await mimeo(dir, 'status'), { status: 0 });
  t.match(await mimeo(dir, 'stop'), { status: 0 });
});

void t.test(
  'a start that fails says why, with the exit status of the daemon, and holds nothing',
  async (t) => {
    const { dir, dataDir } = home(t);
    const taken = createServer().listen(0, '127.0.0.1');
    t.teardown(() => taken.close());
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    for (const [option, value] of [
      ['--listen', `127.0.0.1:${port}`],
      ['--fproxy-listen', `127.0.0.1:${port}`],
    ] as const) {
      const outcome = await mimeo(dir, 'start', ...settings, option, value);
      t.match(
        outcome,
        { status: 17, stdout: '', stderr: /^mimeo: .*\(port_in_use\)\. Choose another port/ },
        option,
      );
      t.equal(lockHolder(dataDir), undefined);
    }
    t.match(await mimeo(dir, 'start', ...settings, '--network', 'nowhere'), {
      status: 17,
      stderr: /\(config_invalid\)/,
    });
  },
);

void t.test('a donor has no web interface', async (t) => {
  const { dir, dataDir } = home(t);
  t.match(await mimeo(dir, 'start', ...settings, '--donor'), {
    status: 0,
    stderr: /web address {3}none: this is a donor/,
  });
  t.notHas(readDaemonFile(dataDir), { fproxy: String });
  t.match(await mimeo(dir, 'get', 'KSK@word', '-o', '-'), { status: 2, stderr: /donor/ });
  t.match(await mimeo(dir, 'stop'), { status: 0 });
  t.match(readFileSync(join(dataDir, 'daemon.log'), 'utf8'), /stopping\n$/);
});

void t.test('a bug ends the daemon with 1 and a line in the log, and its lock is released', async (t) => {
  const { dir, dataDir } = home(t);
  const url = (path: string) => JSON.stringify(new URL(`../../daemon/${path}`, import.meta.url).href);
  const script = `
    import { existsSync } from 'node:fs';
    import { loadConfig } from ${url('config/load.ts')};
    import { runDaemon } from ${url('process.ts')};
    const flags = { listen: '127.0.0.1:0', 'fproxy.listen': '127.0.0.1:0', 'store.size': '64MiB' };
    setInterval(() => { if (existsSync(${JSON.stringify(join(dataDir, 'daemon.json'))})) throw new Error('a bug'); }, 20);
    await runDaemon(loadConfig({ dataDir: ${JSON.stringify(dataDir)}, flags, env: {}, cwd: ${JSON.stringify(dir)} }));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [said, exit] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  t.strictSame(exit, [1, null]);
  t.match(said, /"level":60.*a bug/);
  t.notOk(existsSync(join(dataDir, 'lock')));
});

void t.test('Ctrl-C during a get cancels the job and ends with 130', async (t) => {
  const { dataDir } = await serve(t);
  const child = spawnMimeo(dataDir, ['get', 'KSK@slow', '--data-dir', dataDir]);
  const exit = once(child, 'exit');
  const said = text(child.stderr);
  const api = await connectApi(dataDir);
  t.teardown(() => api.close());
  while ((await api.call('request.list', {})).jobs.length === 0) await sleep(10);
  child.kill('SIGINT');
  t.strictSame(await exit, [130, null]);
  t.match(await api.call('request.status', { id: '1' }), { state: 'cancelled' });
  t.match(await said, 'job 1 is cancelled');
});

void t.test('a second signal ends a process at once, and the echo of the first does not', async (t) => {
  const signals = new URL('../../daemon/cli/signals.ts', import.meta.url).href;
  const script = `
    import { onStopSignal } from ${JSON.stringify(signals)};
    onStopSignal((status) => console.log('first', status));
    process.on('exit', () => console.log('exit'));
    setInterval(() => {}, 1000);
    console.log('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  t.equal((await lines.next()).value, 'ready');
  const exit = once(child, 'exit');
  child.kill('SIGINT');
  t.equal((await lines.next()).value, 'first 130');
  // However slow this machine is, one of these comes after the echo's time.
  while (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGTERM');
    await Promise.race([exit, sleep(50)]);
  }
  t.strictSame(await exit, [143, null]);
  t.equal((await lines.next()).value, 'exit', 'what runs at exit has run');
});
