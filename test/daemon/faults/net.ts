/**
 * A network of real daemons in the hands of a test: each a process of `mimeo daemon` on loopback, strangers that have found each other
 * through one seed, linked through a relay that can break every single link. They can be killed with -9, started again and stopped in
 * their tracks.
 *
 * What takes its time is waited for, and the wait says what it is for when it is given up. Invariant: no process outlives its test.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { assert } from '../../../keys/index.ts';
import type { Job, MethodName, Params, Result } from '../../../client/index.ts';
import { readDaemonFile } from '../../../daemon/config/daemon-file.ts';
import { StemFile } from '../../../daemon/node/stem-file.ts';
import { openVault } from '../../../daemon/node/vault.ts';
import { type ApiConnection, connectApi } from '../../../daemon/rpc/client.ts';
import { hashOfFile, noise, scratch, sha256 } from '../node/content.ts';
import { Guard } from './guard.ts';
import { Relay } from './relay.ts';

export const isFull = process.env['MIMEO_TEST_FULL'] !== undefined;

/** Far beyond what a busy machine needs: a wait that is longer is for something that does not come. */
const WAIT_MS = isFull ? 1_200_000 : 400_000;
/** For the files of these tests. */
export const TEST_MS = 2 * WAIT_MS;
const POLL_MS = 100;
/** Starting is all CPU. */
const STARTING_AT_ONCE = 3;
/** A node with fewer peers announces itself again (docs/spec/peers.md, 8): with as many it has joined. */
export const JOINED = 5;
/** Of one file: a job that fails is begun anew, as its owner would. */
const MOST_TRIES = 10;
const TRY_AGAIN_MS = 1_000;

const launcher = join(import.meta.dirname, '..', '..', '..', 'daemon', 'mimeo.js');

/** What was inserted, and how it is known again. */
export interface Item {
  readonly uri: string;
  readonly hash: string;
}

/** A process that is on. */
interface Running {
  readonly child: ChildProcess;
  readonly api: ApiConnection;
  readonly port: number;
}

export class FaultNode {
  readonly number: number;
  readonly dataDir: string;
  readonly traceFile: string;
  /** What it announces: a door of the relay. */
  readonly address: string;
  /** Known from its first start on. */
  identity = '';
  /** Jobs that were begun, and those of them that failed. */
  readonly jobs = { begun: 0, failed: 0 };
  readonly #guard: Guard;
  #child: ChildProcess | undefined;
  #running: Running | undefined;
  #files = 0;

  constructor({
    number,
    directory,
    address,
    guard,
  }: {
    number: number;
    directory: string;
    address: string;
    guard: Guard;
  }) {
    this.#guard = guard;
    this.number = number;
    this.address = address;
    this.dataDir = join(directory, `node${number}`);
    this.traceFile = join(directory, `node${number}.trace`);
    mkdirSync(this.dataDir, { mode: 0o700 });
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Where it listens itself. */
  get port(): number | undefined {
    return this.#running?.port;
  }

  /** With the data directory as it is. */
  async start({ seeds }: { seeds: readonly string[] }): Promise<void> {
    assert(this.#child === undefined, 'it does not run');
    const settings = [
      ['--data-dir', this.dataDir],
      ['--listen', '127.0.0.1:0'],
      ['--link-addresses', this.address],
      ['--network', 'testnet'],
      ['--strangers', 'seek'],
      ['--store-size', '32MiB'],
      ...(seeds.length > 0 ? [['--seeds', seeds.join(',')]] : []),
    ].flat();
    const logPath = `${this.dataDir}.log`;
    const log = openSync(logPath, 'a', 0o600);
    const child = spawn(process.execPath, [launcher, 'daemon', '--donor', ...settings], {
      stdio: ['ignore', log, log],
      env: { PATH: process.env['PATH'], HOME: this.dataDir, MIMEO_TRACE_FILE: this.traceFile },
      cwd: this.dataDir,
    });
    closeSync(log);
    this.#child = child;
    const { pid } = child;
    assert(pid !== undefined, 'this Node can be run');
    this.#guard.started(pid);
    child.once('exit', () => this.#guard.ended(pid));
    const said = () => readFileSync(logPath, 'utf8').trim();
    await until(`node ${this.number} is ready`, () => {
      if (child.exitCode !== null) throw new Error(`node ${this.number} did not start: ${said()}`);
      return readDaemonFile(this.dataDir)?.pid === child.pid;
    });
    const port = Number(readDaemonFile(this.dataDir)?.listen.split(':').at(-1));
    const api = await connectApi(this.dataDir);
    this.#running = { child, api, port };
    this.identity = (await this.call('node.info', {})).identity;
  }

  /** kill -9, unless it is dead. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#running?.api.close();
    this.#running = undefined;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    assert(this.#child?.kill(name) === true, 'it runs');
  }

  async call<M extends MethodName>(name: M, params: Params<M>): Promise<Result<M>> {
    assert(this.#running !== undefined, `node ${this.number} runs`);
    return this.#running.api.call(name, params);
  }

  /** Peers that want it as it wants them. */
  async confirmed(): Promise<number> {
    return (await this.call('node.status', {})).joining?.confirmed ?? 0;
  }

  /** Identities of all to whom it has a link. */
  async linked(): Promise<string[]> {
    const { peers } = await this.call('peer.list', {});
    return peers.filter(({ state }) => state === 'connected').map(({ identity }) => identity);
  }

  /** Inserts a file of noise with this name; begun anew while it fails. */
  async put(name: string, sizeBytes = 20_000): Promise<Item> {
    const content = noise(sizeBytes, name);
    const path = this.#file();
    writeFileSync(path, content);
    const { uri = '' } = await this.#done(`inserting ${name}`, () => this.call('request.put', { path }));
    return { uri, hash: sha256(content).toString('hex') };
  }

  /** Fetches it, begun anew while that fails, and compares. @returns how often it was begun */
  async get({ uri, hash }: Item): Promise<number> {
    const path = this.#file();
    const before = this.jobs.begun;
    await this.#done(`fetching ${uri.slice(0, 12)}…`, () => this.call('request.get', { uri, path }));
    if (hashOfFile(path) !== hash) throw new Error(`node ${this.number} gave other bytes for ${uri}`);
    return this.jobs.begun - before;
  }

  async #done(what: string, begin: () => Promise<Job>): Promise<Job> {
    let last = '';
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      this.jobs.begun += 1;
      const { id } = await begin();
      const job = await this.call('request.wait', { id, timeoutMs: WAIT_MS });
      if (job.state === 'finished') return job;
      this.jobs.failed += 1;
      last = `${job.state} ${job.error?.code ?? ''} ${job.error?.message ?? ''}`;
      await sleep(TRY_AGAIN_MS);
    }
    throw new Error(`node ${this.number}, ${what}: ${MOST_TRIES} tries, the last one ${last}`);
  }

  #file(): string {
    this.#files += 1;
    return `${this.dataDir}-file${this.#files}`;
  }
}

export class FaultNet {
  readonly nodes: readonly FaultNode[];
  readonly relay: Relay;

  private constructor(nodes: readonly FaultNode[], relay: Relay) {
    this.nodes = nodes;
    this.relay = relay;
  }

  /** All know node 0, and nobody else; resolves when all of them have joined. */
  static async start(t: Test, count: number): Promise<FaultNet> {
    const directory = scratch(t);
    const nodes: FaultNode[] = [];
    const relay = new Relay(t, { end: (number) => nodes[number], count: () => nodes.length });
    // Torn down after the nodes: of two teardowns the later one goes first.
    const guard = new Guard(t);
    t.teardown(async () => void (await Promise.all(nodes.map((node) => node.kill()))));
    for (let number = 0; number < count; number += 1)
      nodes.push(new FaultNode({ number, directory, address: await relay.door(number), guard }));
    const net = new FaultNet(nodes, relay);
    await net.node(0).start({ seeds: [] });
    const { reference } = await net.node(0).call('peer.reference', {});
    const others = nodes.slice(1);
    while (others.length > 0)
      await Promise.all(others.splice(0, STARTING_AT_ONCE).map((node) => node.start({ seeds: [reference] })));
    return net;
  }

  node(number: number): FaultNode {
    const node = this.nodes[number];
    assert(node !== undefined, `there is a node ${number}`);
    return node;
  }

  /** Until each of these has so many confirmed peers; all of a small network know each other in the end. */
  async joined(least: number, nodes: readonly FaultNode[] = this.nodes): Promise<void> {
    const counts = () => Promise.all(nodes.map((node) => node.confirmed()));
    await until(`${nodes.length} nodes have ${least} peers`, async () =>
      (await counts()).every((count) => count >= least),
    ).catch(async (error: unknown) => {
      throw new Error(`they have ${(await counts()).join(' ')}`, { cause: error });
    });
  }

  /** Through whom all goes that its owner asks for: the first one that can be used (docs/spec/stem.md, 2). As its disk has them, when there are two. */
  async guardsOf({ number, dataDir }: FaultNode): Promise<FaultNode[]> {
    const random = { bytes: (count: number) => randomBytes(count) };
    const vault = await openVault(dataDir, { random });
    assert(vault.state === 'open', 'these nodes have no passphrase');
    const key = vault.master.diskKey('stem');
    const kept = () => new StemFile({ path: join(dataDir, 'stem'), key, random }).kept?.guards ?? [];
    await until(`node ${number} has two guards`, () => kept().length >= 2);
    return kept().flatMap(({ identity }) => this.nodes.find((node) => node.identity === identity) ?? []);
  }

  /** With how many of `others` each of these nodes has a link. */
  async links(nodes: readonly FaultNode[], others: readonly FaultNode[]): Promise<number[]> {
    const wanted = new Set(others.map(({ identity }) => identity));
    const linked = await Promise.all(nodes.map((node) => node.linked()));
    return linked.map((identities) => identities.filter((one) => wanted.has(one)).length);
  }

  /** Which nodes keep each block, in store or cache, as far as their traces say. */
  holders(): Map<string, Set<number>> {
    const holders = new Map<string, Set<number>>();
    for (const { number, traceFile } of this.nodes)
      for (const { type, key } of tracesOf(traceFile))
        if (type === 'kept') holders.set(key, (holders.get(key) ?? new Set()).add(number));
    return holders;
  }

  /** Keys of the blocks that the owner of a node has had stored. */
  insertedBy({ traceFile }: FaultNode): Set<string> {
    const stored = tracesOf(traceFile).filter(
      ({ kind, local, outcome }) => kind === 'insert' && local === true && outcome === 'stored',
    );
    return new Set(stored.map(({ key }) => key));
  }
}

interface TraceLine {
  readonly key: string;
  readonly type: 'answered' | 'kept';
  readonly kind?: 'fetch' | 'insert';
  readonly local?: boolean;
  readonly outcome?: string;
}

function tracesOf(path: string): TraceLine[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  // One may be half written: the daemon runs, or was killed.
  return lines.filter((line) => /^\{.*\}$/.test(line)).map((line) => JSON.parse(line) as TraceLine);
}

export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  { withinMs = WAIT_MS }: { withinMs?: number } = {},
): Promise<void> {
  const givenUpAt = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > givenUpAt) throw new Error(`waited in vain until ${what}`);
    await sleep(POLL_MS);
  }
}
