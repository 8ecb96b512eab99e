/** The methods of client/api.ts as this node answers them, but for those that belong to the process around it. */
import { explainUri, locationOfIdentity, toText } from '../../keys/index.ts';
import { type Api, type MethodName, type Params, type Result, UserError } from '../../client/index.ts';
import { packageVersion } from '../config/version.ts';
import type { Disk } from './disk.ts';
import type { Jobs } from './jobs.ts';
import type { Keyring } from './keyring.ts';
import type { Links } from './links.ts';
import type { RouterHost } from './router-host.ts';

/** Answered by daemon/rpc/process-api.ts. */
const processMethods = ['rpc.discover', 'node.stop', 'node.unlock', 'node.panic', 'key.passphrase'] as const;
type ProcessMethod = (typeof processMethods)[number];
type Handlers = {
  readonly [M in Exclude<MethodName, ProcessMethod>]: (params: Params<M>) => Result<M> | Promise<Result<M>>;
};

export interface NodeParts {
  readonly dataDir: string;
  readonly network: string;
  readonly listening: string;
  readonly keyring: Keyring;
  readonly disk: Disk;
  readonly host: RouterHost;
  readonly links: Links;
  readonly jobs: Jobs;
}

export class NodeApi implements Api {
  readonly #handlers: Handlers;

  constructor(parts: NodeParts) {
    this.#handlers = handlers(parts);
  }

  async call<M extends MethodName>(name: M, params: Params<M>): Promise<Result<M>> {
    const others: readonly MethodName[] = processMethods;
    if (others.includes(name)) throw new UserError('method_unknown', `${name} belongs to the process`);
    const handler = this.#handlers[name as Exclude<M, ProcessMethod>] as (
      params: Params<M>,
    ) => Result<M> | Promise<Result<M>>;
    return handler(params);
  }
}

function handlers({ keyring, links, jobs, disk, ...parts }: NodeParts): Handlers {
  const startedAt = performance.now();
  const { publicKey } = keyring.identity;
  return {
    'node.info': () => ({
      version: packageVersion(),
      pid: process.pid,
      dataDir: parts.dataDir,
      network: parts.network,
      identity: toText(publicKey),
      location: locationOfIdentity(publicKey),
      listen: [parts.listening],
    }),
    'node.status': () => status({ ...parts, disk, links, jobs, startedAt }),
    'request.get': (params) => jobs.get(params),
    'request.put': (params) => jobs.put(params),
    'request.list': () => ({ jobs: jobs.list() }),
    'request.status': ({ id }) => jobs.status(id),
    'request.wait': ({ id, timeoutMs }) => jobs.wait(id, timeoutMs),
    'request.cancel': ({ id }) => jobs.cancel(id),
    'key.create': ({ name }) => keyring.create(name),
    'key.list': () => ({ keys: keyring.list() }),
    'key.export': ({ name }) => keyring.export(name),
    'key.import': ({ name, insertUri }) => keyring.import(name, insertUri),
    'key.remove': ({ name }) => keyring.remove(name),
    'key.parse': ({ uri }) => ({ ...explainUri(uri) }),
    'peer.list': () => ({ peers: links.list() }),
    'peer.reference': () => ({ reference: links.reference() }),
    'peer.add': ({ reference }) => links.add(reference),
    'peer.invite': () => links.invite(),
    'peer.join': ({ invite }) => links.join(invite),
    'store.stats': () => storeInfo(disk),
    'store.verify': () => disk.verify(),
    'store.resize': async ({ sizeBytes }) => {
      await disk.resize(sizeBytes);
      return storeInfo(disk);
    },
    'peer.remove': ({ identity }) => links.remove(identity),
  };
}

function status(
  parts: Pick<NodeParts, 'links' | 'jobs' | 'host' | 'disk'> & { startedAt: number },
): Result<'node.status'> {
  const peers = parts.links.list();
  const connected = peers.filter(({ state }) => state === 'connected').length;
  const { parts: kept } = parts.disk.store.stats();
  const storeBlocks = kept.store.blocks;
  const cacheBlocks = kept.cache.blocks;
  const pending = parts.host.pending;
  const running = parts.jobs.running;
  return {
    sentence: sentence({
      connected,
      known: peers.length,
      pending,
      running,
      blocks: storeBlocks + cacheBlocks,
    }),
    warnings: warnings(parts, { connected, known: peers.length }),
    uptimeSeconds: Math.round((performance.now() - parts.startedAt) / 1_000),
    peers: { connected, known: peers.length },
    requests: { pending },
    jobs: { running },
    store: { storeBlocks, cacheBlocks, usedBytes: parts.disk.usedBytes, limitBytes: parts.disk.limitBytes },
  };
}

function storeInfo(disk: Disk): Result<'store.stats'> {
  const { parts, format } = disk.store.stats();
  const slots = [disk.store.stats().slots, disk.clientCache.stats().slots];
  const { spool, usedBytes, limitBytes, silent } = disk;
  return {
    format,
    ...parts,
    clientCache: disk.clientCache.stats().parts.cache,
    usedBytes,
    spoolBytes: spool.usedBytes,
    limitBytes,
    silent,
    slots: { filled: sum(slots.map(({ filled }) => filled)), total: sum(slots.map(({ total }) => total)) },
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function sentence(now: {
  connected: number;
  known: number;
  pending: number;
  running: number;
  blocks: number;
}): string {
  const jobs = now.running === 0 ? '' : `, ${count(now.running, 'job')} of yours`;
  if (now.connected === 0) {
    const why = now.known === 0 ? 'No peers yet' : `None of ${count(now.known, 'peer')} is connected`;
    return `${why}; ${count(now.blocks, 'block')} kept${jobs}.`;
  }
  return `Connected to ${count(now.connected, 'peer')} of ${now.known}; ${count(now.pending, 'request')} in work${jobs}; ${count(now.blocks, 'block')} kept.`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function warnings(
  { host, disk }: Pick<NodeParts, 'host' | 'disk'>,
  peers: { connected: number; known: number },
): string[] {
  const found: string[] = [];
  if (peers.known === 0)
    found.push('This node knows nobody: exchange references with `mimeo peer ref` and `mimeo peer add`.');
  else if (peers.connected === 0) found.push('No peer can be reached: `mimeo peer list` says why.');
  if (host.storeTrouble !== undefined) found.push(`The disk refuses: ${host.storeTrouble.message}.`);
  if (!disk.hasRoom)
    found.push(
      'The disk has less room than store.size: the store does with what it got, and asks again each minute.',
    );
  if (!disk.silent)
    found.push('Disk not yet silent: until it is filled, the size of its files tells how much was kept.');
  found.push('Reduced anonymity: peers can tell what this node asks for.');
  return found;
}
