/**
 * One running node: the router, its links, its store and the jobs of its owner, wired together. It holds no logic of theirs.
 * The process around it (data directory, lock, socket, proxy, signals) is daemon/process.ts.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { type Random, locationOfIdentity, verifyBlock } from '../../keys/index.ts';
import { type Api, type ContentApi, UserError } from '../../client/index.ts';
import { Router, isNetworkName, networkId, networks } from '../../routing/index.ts';
import { type BlockStore, StoreError, openSlotStore } from '../../store/index.ts';
import { Jobs } from './jobs.ts';
import { Keyring } from './keyring.ts';
import { nodeLimits } from './limits.ts';
import { Links } from './links.ts';
import { NodeApi } from './node-api.ts';
import { PeerBook } from './peer-book.ts';
import { RouterHost } from './router-host.ts';
import { Spool } from './spool.ts';
import { openTrace } from './trace-file.ts';
import { VirtualPeer } from './virtual-peer.ts';

export interface NodeOptions {
  /** Exists, is locked and belongs to this process. */
  readonly dataDir: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** Name of the network class (routing/network.ts). */
  readonly network: string;
  readonly storeSizeBytes: number;
  /** References of peers from the configuration, beside those that `peer.add` has saved. */
  readonly peers: readonly string[];
  readonly log: Logger;
  /** Where to write what passes, for measuring: refused outside test networks. */
  readonly traceFile?: string;
}

export interface RunningNode {
  /** Every method of the table but `rpc.discover` and `node.stop`, which belong to the process. */
  readonly api: Api;
  readonly content: ContentApi;
  /** host:port */
  readonly listening: string;
  /** Finishes or refuses what is in flight within a bound, then closes links and store. */
  stop(): Promise<void>;
}

/** @throws UserError (`port_in_use`, `store_format`, `disk_failed`, `config_invalid`) or ParseError (`bad_reference`) */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const { dataDir, log } = options;
  const params = networkParams(options);
  const random: Random = { bytes: (count) => randomBytes(count) };
  const keyring = new Keyring(join(dataDir, 'keys'), random);
  const network = networkId(params);
  const book = new PeerBook({ path: join(dataDir, 'peers'), network, configured: options.peers });
  const spoolBytes = Math.floor((options.storeSizeBytes * nodeLimits.spoolShare.value) / 100);
  const spool = new Spool(join(dataDir, 'spool'), spoolBytes);
  const trace = openTrace(options.traceFile);
  const store = await openStore(join(dataDir, 'store'), options.storeSizeBytes - spoolBytes);

  const router = new Router({
    params,
    location: locationOfIdentity(keyring.identity.publicKey),
    random,
    verify: verifyBlock,
    traced: trace === undefined ? 'untraced' : 'traced',
  });
  const host: RouterHost = new RouterHost({
    router,
    store,
    log,
    sendToPeer: (link, message) => links.send(link, message),
    sendToOwner: (message) => owner.receive(message),
    verdict: (link, verdict) => links.verdict(link, verdict),
    trace: (event) => trace?.write({ type: 'answered', ...event }),
    kept: (key) => trace?.write({ type: 'kept', key }),
  });
  const owner = new VirtualPeer({ deadlineMs: params.deadlineMs, dispatch: (event) => host.dispatch(event) });
  const links = new Links({
    identity: keyring.identity,
    network,
    book,
    random,
    log,
    dispatch: (event) => host.dispatch(event),
  });
  const jobs = new Jobs({ network: owner, keyring, random, spool, knowsPeers: () => book.list().length > 0 });

  let listening: string;
  try {
    listening = await links.start(options.listen);
  } catch (error) {
    await store.close();
    trace?.close();
    throw error;
  }
  const api = new NodeApi({ dataDir, network: params.name, listening, keyring, store, host, links, jobs });
  return {
    api,
    content: jobs,
    listening,
    stop: async () => {
      await jobs.stop();
      await host.drain(nodeLimits.drainMs.value);
      await links.close();
      host.close();
      await store.close();
      trace?.close();
    },
  };
}

function networkParams({ network, traceFile }: NodeOptions): (typeof networks)[keyof typeof networks] {
  if (!isNetworkName(network)) {
    throw new UserError(
      'config_invalid',
      `there is no network class ${network}: choose one of ${Object.keys(networks).join(', ')}`,
    );
  }
  const params = networks[network];
  if (traceFile !== undefined && !params.traceable) {
    throw new UserError(
      'config_invalid',
      `the network class ${network} can't be traced: a trace names what people ask for`,
    );
  }
  return params;
}

async function openStore(directory: string, sizeBytes: number): Promise<BlockStore> {
  try {
    return await openSlotStore({ directory, sizeBytes });
  } catch (error) {
    if (error instanceof StoreError) throw new UserError(error.code, error.message, { cause: error });
    throw error;
  }
}
