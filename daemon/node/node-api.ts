/** The methods of client/api.ts as this node answers them, but for those that belong to the process around it. */
import { explainUri, locationOfIdentity, toText } from '../../keys/index.ts';
import { type Api, type MethodName, type Params, type Result, UserError } from '../../client/index.ts';
import { packageVersion } from '../config/version.ts';
import type { Hiding } from './anonymity.ts';
import type { Disk } from './disk.ts';
import type { Jobs } from './jobs.ts';
import type { Joining } from './joining.ts';
import type { Keyring } from './keyring.ts';
import type { Peers } from './peers.ts';
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
  readonly peers: Peers;
  readonly jobs: Jobs;
  readonly joining: () => Joining;
  readonly anonymity: () => Hiding;
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

function handlers({ keyring, peers, jobs, disk, ...parts }: NodeParts): Handlers {
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
    'node.status': () => status({ ...parts, disk, peers, jobs, startedAt }),
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
    'peer.list': () => ({ peers: peers.list() }),
    'peer.reference': () => ({ reference: peers.reference() }),
    'peer.add': ({ reference }) => peers.add(reference),
    'peer.invite': () => peers.invite(),
    'peer.join': ({ invite }) => peers.join(invite),
    'store.stats': () => storeInfo(disk),
    'store.verify': () => disk.verify(),
    'store.resize': async ({ sizeBytes }) => {
      await disk.resize(sizeBytes);
      return storeInfo(disk);
    },
    'peer.remove': ({ identity }) => peers.remove(identity),
  };
}

function status(
  parts: Pick<NodeParts, 'peers' | 'jobs' | 'host' | 'disk' | 'joining' | 'anonymity'> & {
    startedAt: number;
  },
): Result<'node.status'> {
  const peers = parts.peers.list();
  const joining = parts.joining();
  const anonymity = parts.anonymity();
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
    warnings: warnings(parts, { connected, joining, anonymity }),
    uptimeSeconds: Math.round((performance.now() - parts.startedAt) / 1_000),
    peers: { connected, known: peers.length },
    joining,
    anonymity: anonymity.info,
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
    const why =
      now.known === 0
        ? 'No peers yet'
        : `${now.known === 1 ? 'The one known peer is not' : `None of ${now.known} known peers is`} connected`;
    return `${why}; ${count(now.blocks, 'block')} kept${jobs}.`;
  }
  return `Connected to ${count(now.connected, 'peer')} of ${now.known}; ${count(now.pending, 'request')} in work${jobs}; ${count(now.blocks, 'block')} kept.`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

/** It still finds peers, but only those that can be called themselves. */
const uncallable: Partial<Record<Joining['callable'], string>> = {
  nobody: 'Nobody can call this node: it names no address. If there is one, say it in link.addresses.',
  network:
    'Only its local network can call this node. To be called by others, let the router pass on its port and say the outer address in link.addresses.',
};

function warnings(
  { host, disk }: Pick<NodeParts, 'host' | 'disk'>,
  { connected, joining, anonymity }: { connected: number; joining: Joining; anonymity: Hiding },
): string[] {
  const found: string[] = [];
  if (connected === 0) found.push(joining.sentence);
  const unseen = uncallable[joining.callable];
  if (joining.code !== 'closed' && unseen !== undefined) found.push(unseen);
  if (host.storeTrouble !== undefined) found.push(`The disk refuses: ${host.storeTrouble.message}.`);
  if (!disk.hasRoom)
    found.push(
      'The disk has less room than store.size: the store does with what it got, and asks again each minute.',
    );
  if (!disk.silent)
    found.push('Disk not yet silent: until it is filled, the size of its files tells how much was kept.');
  found.push(...anonymity.warnings);
  return found;
}
