/**
 * A network of real daemons on this machine: each its own process with its own data directory, linked over TCP on loopback,
 * started and wired through the same command line and socket that people use.
 *
 * Invariant: `stop` leaves no process and, unless the directory was given, no file behind.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { assert } from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import { readDaemonFile } from '../config/daemon-file.ts';
import { type ApiConnection, connectApi } from '../rpc/client.ts';
import { type Draw, ringWithLongLinks } from './topology.ts';

export interface NetworkOptions {
  readonly nodes: number;
  /** Of each node. */
  readonly storeSizeBytes: number;
  /** Draws the long links. */
  readonly draw: Draw;
  /** Port of the first node's web address; any free one if it is not given. */
  readonly firstPort?: number;
  readonly say?: (line: string) => void;
  /** Arguments of Node up to the script, which then gets those of `mimeo`; the command itself if it is not given. */
  readonly command?: readonly string[];
}

export interface TestNode {
  readonly number: number;
  readonly dataDir: string;
  readonly api: ApiConnection;
  /** Origin of its proxy. */
  readonly origin: string;
  readonly identity: string;
  readonly location: number;
  readonly pid: number;
  readonly traceFile: string;
  alive: boolean;
}

const START_MS = 60_000;
const POLL_MS = 50;
/** Of a log, in an error. */
const LOG_CHARS = 2_000;
/** Processes that start at the same time: starting is all CPU. */
const STARTING_AT_ONCE = 4;

export class TestNetwork {
  readonly nodes: readonly TestNode[];
  readonly #children: readonly ChildProcess[];
  readonly #directory: string;
  #stopping = false;

  private constructor(parts: { nodes: TestNode[]; children: ChildProcess[]; directory: string }) {
    this.nodes = parts.nodes;
    this.#children = parts.children;
    this.#directory = parts.directory;
  }

  /** @throws UserError with what the daemon that failed has said */
  static async start(options: NetworkOptions): Promise<TestNetwork> {
    const directory = mkdtempSync(join(tmpdir(), 'mimeo-testnet-'));
    const children: ChildProcess[] = [];
    const nodes: TestNode[] = [];
    try {
      for (let from = 0; from < options.nodes; from += STARTING_AT_ONCE) {
        const numbers = Array.from(
          { length: Math.min(STARTING_AT_ONCE, options.nodes - from) },
          (_, i) => from + i,
        );
        nodes.push(
          ...(await Promise.all(
            numbers.map((number) => startNode({ number, directory, children, options })),
          )),
        );
      }
      const links = ringWithLongLinks(
        nodes.map(({ location }) => location),
        options.draw,
      );
      options.say?.(`${nodes.length} nodes, ${links.length} links`);
      await linkUp(nodes, links);
    } catch (error) {
      await end(children, directory);
      throw error;
    }
    return new TestNetwork({ nodes, children, directory });
  }

  node(number: number): TestNode {
    const node = this.nodes[number];
    assert(node !== undefined, `there is a node ${number}`);
    return node;
  }

  /** kill -9. */
  async kill(number: number): Promise<void> {
    const node = this.node(number);
    const child = this.#children[number];
    assert(child !== undefined, 'a node has a process');
    node.alive = false;
    node.api.close();
    child.kill('SIGKILL');
    if (!hasEnded(child)) await once(child, 'exit');
  }

  /** Throws when a daemon ends that was not told to, with the last words of its log. */
  async watch(): Promise<never> {
    return Promise.race(
      this.#children.map(async (child, number): Promise<never> => {
        await once(child, 'exit');
        // One that was killed on purpose is no news; the promise stays open.
        if (this.#stopping || !this.node(number).alive) return new Promise<never>(() => {});
        const log = readFileSync(join(this.#directory, `node${number}.log`), 'utf8');
        throw new UserError('failed', `node ${number} has ended by itself:\n${log.slice(-LOG_CHARS).trim()}`);
      }),
    );
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { api } of this.nodes) api.close();
    await end(this.#children, this.#directory);
  }
}

async function startNode(start: {
  number: number;
  directory: string;
  children: ChildProcess[];
  options: NetworkOptions;
}): Promise<TestNode> {
  const { number, directory, children, options } = start;
  const dataDir = join(directory, `node${number}`);
  const traceFile = join(directory, `node${number}.trace`);
  const logPath = join(directory, `node${number}.log`);
  mkdirSync(dataDir, { mode: 0o700 });
  const env: NodeJS.ProcessEnv = { ...process.env, MIMEO_TRACE_FILE: traceFile };
  // Meant for this process: a test runner's loader would be taken by every daemon.
  delete env['NODE_OPTIONS'];
  const port = number === 0 ? (options.firstPort ?? 0) : 0;
  const settings = [
    ['--data-dir', dataDir],
    ['--listen', '127.0.0.1:0'],
    ['--fproxy-listen', `127.0.0.1:${port}`],
    ['--network', 'testnet'],
    // Its links are drawn here, so that there is something to see; who comes with a reference of one of them is let in.
    ['--strangers', 'accept'],
    ['--store-size', String(options.storeSizeBytes)],
  ].flat();
  const log = openSync(logPath, 'a', 0o600);
  const command = options.command ?? [fileURLToPath(new URL('../mimeo.js', import.meta.url))];
  const child = spawn(process.execPath, [...command, 'daemon', ...settings], {
    stdio: ['ignore', log, log],
    env,
    cwd: dataDir,
  });
  closeSync(log);
  // At its number: nodes start side by side.
  children[number] = child;
  const deadline = performance.now() + START_MS;
  while (readDaemonFile(dataDir)?.pid !== child.pid) {
    if (hasEnded(child) || performance.now() > deadline) {
      throw new UserError('failed', `node ${number} did not start: ${readFileSync(logPath, 'utf8').trim()}`);
    }
    await sleep(POLL_MS);
  }
  const origin = readDaemonFile(dataDir)?.fproxy;
  assert(origin !== undefined && child.pid !== undefined, 'a ready daemon has a process and a web address');
  const api = await connectApi(dataDir);
  const { identity, location } = await api.call('node.info', {});
  return { number, dataDir, api, origin, identity, location, pid: child.pid, traceFile, alive: true };
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** Both ends add each other; resolves when every link is up. */
async function linkUp(nodes: readonly TestNode[], links: readonly [number, number][]): Promise<void> {
  const references = await Promise.all(nodes.map(({ api }) => api.call('peer.reference', {})));
  const wanted = nodes.map(() => 0);
  for (const [a, b] of links) {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const reference = references[to]?.reference ?? '';
      await nodes[from]?.api.call('peer.add', { reference });
      wanted[from] = (wanted[from] ?? 0) + 1;
    }
  }
  const deadline = performance.now() + START_MS;
  for (const { api, number } of nodes) {
    while ((await api.call('node.status', {})).peers.connected < (wanted[number] ?? 0)) {
      if (performance.now() > deadline)
        throw new UserError('timed_out', `the links of node ${number} did not come up`);
      await sleep(POLL_MS);
    }
  }
}

async function end(children: readonly ChildProcess[], directory: string): Promise<void> {
  await Promise.all(
    children.map(async (child) => {
      if (hasEnded(child)) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    }),
  );
  rmSync(directory, { recursive: true, force: true });
}
