/** What only a process can show: signals, kill -9, locks, ports, sockets. Two daemons, linked, for the whole file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import t from 'tap';
import type { Job } from '../../../client/index.ts';
import { readDaemonFile } from '../../../daemon/config/daemon-file.ts';
import { processLimits } from '../../../daemon/config/limits.ts';
import { type ApiConnection, connectApi } from '../../../daemon/rpc/client.ts';
import { until } from './cluster.ts';
import { hashOfFile, noise, scratch, sha256 } from './content.ts';

const MIB = 1024 * 1024;
const launcher = join(import.meta.dirname, '..', '..', '..', 'daemon', 'mimeo.js');

function spawnDaemon(dataDir: string, args: readonly string[]): ChildProcess {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const settings = ['--data-dir', dataDir, '--network', 'testnet', '--store-size', '256MiB', ...args];
  // A runner's loader in NODE_OPTIONS, or a runtime directory, has no business in the daemon.
  const env = { PATH: process.env['PATH'], HOME: dataDir };
  return spawn(process.execPath, [launcher, 'daemon', ...settings], {
    env,
    cwd: dataDir,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

/** A daemon that has to fail at once: its exit status and what it said. */
async function fails(dataDir: string, args: readonly string[]) {
  const child = spawnDaemon(dataDir, args);
  const [said, [status]] = await Promise.all([text(child.stderr ?? Readable.from('')), once(child, 'exit')]);
  return { status: Number(status), said };
}

/** A daemon that is ready. */
class Daemon {
  readonly dataDir: string;
  readonly #child: ChildProcess;
  readonly api: ApiConnection;
  /** Host and port for other nodes. */
  readonly listen: string;

  private constructor(parts: { dataDir: string; child: ChildProcess; api: ApiConnection; listen: string }) {
    ({ dataDir: this.dataDir, child: this.#child, api: this.api, listen: this.listen } = parts);
  }

  /** Is killed when all tests are over, if it lives then. */
  static async start(dataDir: string, listen = '127.0.0.1:0'): Promise<Daemon> {
    const child = spawnDaemon(dataDir, ['--listen', listen, '--fproxy-listen', '127.0.0.1:0']);
    t.teardown(() => child.kill('SIGKILL'));
    child.stderr?.resume();
    await until(() => readDaemonFile(dataDir)?.pid === child.pid || child.exitCode !== null);
    const api = await connectApi(dataDir);
    return new Daemon({ dataDir, child, api, listen: readDaemonFile(dataDir)?.listen ?? '' });
  }

  /** The exit status, or the signal that it ended by. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<unknown> {
    const exit = once(this.#child, 'exit');
    this.#child.kill(signal);
    const [status, by] = await exit;
    this.api.close();
    return status ?? by;
  }

  async isConnected(): Promise<boolean> {
    return (await this.api.call('node.status', {})).peers.connected > 0;
  }

  async ended({ id }: Job): Promise<Job> {
    return this.api.call('request.wait', { id, timeoutMs: 100_000 });
  }

  async progress({ id }: Job): Promise<number> {
    return (await this.api.call('request.status', { id })).progress.succeeded;
  }
}

const directory = scratch(t);
let a = await Daemon.start(join(directory, 'a'));
let b = await Daemon.start(join(directory, 'b'));
for (const [from, to] of [
  [a, b],
  [b, a],
] as const)
  await from.api.call('peer.add', await to.api.call('peer.reference', {}));
await until(async () => (await a.isConnected()) && b.isConnected());

const path = join(directory, 'large');
const content = noise(30 * MIB);
writeFileSync(path, content);

void t.test(
  'SIGTERM in the middle of an upload: 0, in time, and the next start goes on as if nothing was',
  async (t) => {
    const upload = await a.api.call('request.put', { path });
    await until(async () => (await a.progress(upload)) > 50);
    const began = performance.now();
    t.equal(await a.end('SIGTERM'), 0);
    t.ok(performance.now() - began < processLimits.stopMs.value);
    t.notOk(existsSync(join(a.dataDir, 'lock')));
    a = await Daemon.start(a.dataDir, a.listen);
    await until(() => a.isConnected());
    t.same(await a.api.call('request.list', {}), { jobs: [] });
    const again = await a.ended(await a.api.call('request.put', { path }));
    t.equal(again.state, 'finished');
    const target = join(scratch(t), 'got');
    const got = await b.ended(await b.api.call('request.get', { uri: again.uri ?? '', path: target }));
    t.equal(got.state, 'finished');
    t.equal(hashOfFile(target), sha256(content).toString('hex'));
  },
);

void t.test(
  'SIGTERM at the only peer in the middle of an upload: it goes on when the peer is back',
  async (t) => {
    const upload = await a.api.call('request.put', { path, convergence: 'random' });
    await until(async () => (await a.progress(upload)) > 50);
    t.equal(await b.end('SIGTERM'), 0);
    b = await Daemon.start(b.dataDir, b.listen);
    t.match(await a.ended(upload), { state: 'finished' });
  },
);

void t.test(
  'kill -9 in the middle of everything: store, keys, peers and identity are there again',
  async (t) => {
    const small = join(scratch(t), 'small');
    writeFileSync(small, noise(200_000));
    const { uri = '' } = await a.ended(await a.api.call('request.put', { path: small }));
    const key = await b.api.call('key.create', { name: 'news' });
    const { identity } = await b.api.call('node.info', {});
    const target = join(scratch(t), 'got');
    const [put, get] = [
      await a.api.call('request.put', { path, convergence: 'random' }),
      // What lies here came from the other side, so this is read from the own disk while that is written.
      await b.api.call('request.put', { path: small, convergence: 'random' }),
    ];
    await until(async () => (await a.progress(put)) > 20 && (await b.progress(get)) > 0);
    t.equal(await b.end('SIGKILL'), 'SIGKILL');
    b = await Daemon.start(b.dataDir, b.listen);
    t.equal((await b.api.call('node.info', {})).identity, identity);
    t.match(await b.api.call('key.list', {}), { keys: [key] });
    await until(() => b.isConnected());
    t.match(await a.ended(put), { state: 'finished' });
    const got = await a.ended(await a.api.call('request.get', { uri, path: target }));
    t.match(got, { state: 'finished' }, 'from where it was killed');
    t.equal(hashOfFile(target), sha256(noise(200_000)).toString('hex'));
  },
);

void t.test('a second daemon is refused: the directory is locked, the port is taken', async (t) => {
  const free = ['--listen', '127.0.0.1:0', '--fproxy-listen', '127.0.0.1:0'];
  const locked = await fails(b.dataDir, free);
  t.match(locked, { status: 18, said: /\(data_dir_locked\)/ });
  const taken = await fails(join(scratch(t), 'c'), ['--listen', b.listen, '--fproxy-listen', '127.0.0.1:0']);
  t.equal(taken.status, 17);
  t.match(taken.said, `${b.listen} is in use (port_in_use)`);
  t.match(await b.api.call('node.status', {}), { peers: { connected: 1 } }, 'and the first does not notice');
});

void t.test('a data directory whose path is too long for a socket is as good as any', async (t) => {
  const dataDir = join(scratch(t), 'x'.repeat(120), 'node');
  const daemon = await Daemon.start(dataDir);
  const { rpcSocket = '' } = readDaemonFile(dataDir) ?? {};
  t.ok(existsSync(rpcSocket));
  t.notOk(rpcSocket.startsWith(dataDir));
  t.match(await daemon.api.call('node.info', {}), { dataDir });
  t.equal(await daemon.end('SIGTERM'), 0);
  t.notOk(existsSync(dirname(rpcSocket)), 'nothing stays outside of the data directory');
});
