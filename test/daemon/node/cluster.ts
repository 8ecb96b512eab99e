/**
 * Real nodes in this process: real sockets on loopback, real stores on disk. What only a process can show (signals, locks, kill)
 * is process.test.ts.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Logger, pino } from 'pino';
import type { Test } from 'tap';
import { assert } from '../../../keys/index.ts';
import { networkId, networks } from '../../../routing/index.ts';
import type { Job, MethodName, Params, Result } from '../../../client/index.ts';
import { type RunningNode, startNode } from '../../../daemon/node/node.ts';
import type { NodeOptions } from '../../../daemon/node/node-options.ts';
import { openVault } from '../../../daemon/node/vault.ts';
import { noise, scratch } from './content.ts';

export const TESTNET = networkId(networks.testnet);
const MIB = 1024 * 1024;

type Settings = Partial<Omit<NodeOptions, 'dataDir' | 'master'>> & { readonly dataDir?: string };

export class TestNode {
  readonly dataDir: string;
  readonly #settings: Settings;
  #running: RunningNode;

  private constructor(dataDir: string, settings: Settings, running: RunningNode) {
    this.dataDir = dataDir;
    this.#settings = settings;
    this.#running = running;
  }

  /** Stops with the test. */
  static async start(t: Test, settings: Settings = {}): Promise<TestNode> {
    const dataDir = settings.dataDir ?? join(scratch(t), 'node');
    mkdirSync(dataDir, { recursive: true });
    const node = new TestNode(dataDir, settings, await startNode(await options(dataDir, settings)));
    t.teardown(() => node.stop());
    return node;
  }

  get content(): RunningNode['content'] {
    return this.#running.content;
  }

  get listening(): { host: string; port: number } {
    const [host = '', port] = this.#running.listening.split(':');
    return { host, port: Number(port) };
  }

  call<M extends MethodName>(name: M, params: Params<M>): Promise<Result<M>> {
    return this.#running.api.call(name, params);
  }

  /** May be called again. */
  stop(): Promise<void> {
    return this.#running.stop();
  }

  /** At the same address, so that peers find it. */
  async startAgain(): Promise<void> {
    const listen = this.listening;
    this.#running = await startNode({ ...(await options(this.dataDir, this.#settings)), listen });
  }

  async addPeer(reference: string): Promise<Result<'peer.add'>> {
    return this.call('peer.add', { reference });
  }

  async reference(): Promise<string> {
    return (await this.call('peer.reference', {})).reference;
  }

  async identity(): Promise<string> {
    return (await this.call('node.info', {})).identity;
  }

  async connected(): Promise<number> {
    return (await this.call('node.status', {})).peers.connected;
  }

  /** As it ended. */
  async ended({ id }: Job): Promise<Job> {
    return this.call('request.wait', { id, timeoutMs: 100_000 });
  }

  async put(content: Uint8Array, params: Omit<Params<'request.put'>, 'path'> = {}): Promise<Job> {
    return this.ended(await this.call('request.put', { ...params, path: this.file(content) }));
  }

  async get(uri: string, path: string): Promise<Job> {
    return this.ended(await this.call('request.get', { uri, path }));
  }

  /** A file with this content, outside of what the node keeps. */
  file(content: Uint8Array): string {
    const path = `${this.dataDir}-source-${noise(8, String(performance.now())).toString('hex')}`;
    writeFileSync(path, content);
    return path;
  }
}

async function options(dataDir: string, settings: Settings): Promise<NodeOptions> {
  const vault = await openVault(dataDir, { random: { bytes: randomBytes } });
  assert(vault.state === 'open', 'these nodes have no passphrase');
  return {
    master: vault.master,
    listen: { host: '127.0.0.1', port: 0 },
    network: 'testnet',
    addresses: [],
    prefix: new Uint8Array(0),
    proxy: undefined,
    storeSizeBytes: 32 * MIB,
    peers: [],
    seeds: [],
    // Links that the test has made, and no others.
    strangers: 'none',
    bandwidth: {},
    log: silent,
    ...settings,
    dataDir,
  };
}

const silent: Logger = pino({ level: 'silent' });

/** Both add each other; resolves when both see the link. */
export async function link(a: TestNode, b: TestNode): Promise<void> {
  const [identityA, identityB] = [await a.identity(), await b.identity()];
  await Promise.all([a.addPeer(await b.reference()), b.addPeer(await a.reference())]);
  await until(async () => (await isLinked(a, identityB)) && isLinked(b, identityA));
}

export async function isLinked(node: TestNode, identity: string): Promise<boolean> {
  const { peers } = await node.call('peer.list', {});
  return peers.some((peer) => peer.identity === identity && peer.state === 'connected');
}

/** Each linked with each. */
export async function startLinked(t: Test, count: number, settings: Settings = {}): Promise<TestNode[]> {
  const nodes: TestNode[] = [];
  for (let number = 0; number < count; number += 1) {
    const node = await TestNode.start(t, settings);
    for (const other of nodes) await link(node, other);
    nodes.push(node);
  }
  return nodes;
}

/** Polls; that it takes for ever is for the runner to say. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(10);
}
