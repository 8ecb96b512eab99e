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
import { linkKeys } from '../../transport/index.ts';
import { Admission } from './admission.ts';
import { ClientCache } from './client-cache.ts';
import { Disk } from './disk.ts';
import { Invites } from './invites.ts';
import { Jobs } from './jobs.ts';
import { Keyring } from './keyring.ts';
import { nodeLimits } from './limits.ts';
import { Links } from './links.ts';
import type { MasterKey } from './master-key.ts';
import { NodeApi } from './node-api.ts';
import { PeerBook } from './peer-book.ts';
import { RouterHost } from './router-host.ts';
import { openTrace } from './trace-file.ts';
import { keyringPath } from './vault.ts';
import { VirtualPeer } from './virtual-peer.ts';

export interface NodeOptions {
  /** Exists, is locked and belongs to this process. */
  readonly dataDir: string;
  /** What the disk is sealed under; lies open in `dataDir` or was unlocked (vault.ts). */
  readonly master: MasterKey;
  readonly listen: { readonly host: string; readonly port: number };
  /** Name of the network class (routing/network.ts). */
  readonly network: string;
  readonly storeSizeBytes: number;
  /** Where others reach it, if not where it listens: `host` or `host:port` each. */
  readonly addresses: readonly string[];
  /** What other nodes have to send first; mostly nothing. */
  readonly prefix: Uint8Array;
  /** SOCKS5: every dial goes through it, and none past it. */
  readonly proxy: { readonly host: string; readonly port: number } | undefined;
  /** References of peers from the configuration, beside those that `peer.add` has saved. */
  readonly peers: readonly string[];
  readonly log: Logger;
  /** Where to write what passes, for measuring: refused outside test networks. */
  readonly traceFile?: string;
}

export interface RunningNode {
  /** Every method of the table but those that belong to the process. */
  readonly api: Api;
  readonly content: ContentApi;
  /** host:port */
  readonly listening: string;
  /** Finishes or refuses what is in flight within a bound, then closes links and store. */
  stop(): Promise<void>;
  /** Overwrites what it has of secrets in memory, best effort: the process ends next. */
  wipe(): void;
}

/** @throws UserError (`port_in_use`, `store_format`, `state_damaged`, `disk_failed`, `config_invalid`) or ParseError (`bad_reference`) */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const { dataDir, log, master } = options;
  const params = networkParams(options);
  const random: Random = { bytes: (count) => randomBytes(count) };
  const keyring = new Keyring({ path: keyringPath(dataDir), key: master.diskKey('keyring'), random });
  const network = networkId(params);
  const book = new PeerBook({
    path: join(dataDir, 'peers'),
    key: master.diskKey('peers'),
    random,
    network,
    configured: options.peers,
  });
  const invites = new Invites({ path: join(dataDir, 'invites'), key: master.diskKey('invites'), random });
  const admission = new Admission({
    identity: keyring.identity.publicKey,
    book,
    invites,
    path: join(dataDir, 'callers'),
    key: master.diskKey('callers'),
    random,
  });
  const trace = openTrace(options.traceFile);
  const disk = await Disk.open({ dataDir, sizeBytes: options.storeSizeBytes, master });

  const router = new Router({
    params,
    location: locationOfIdentity(keyring.identity.publicKey),
    random,
    verify: verifyBlock,
    traced: trace === undefined ? 'untraced' : 'traced',
  });
  const host: RouterHost = new RouterHost({
    router,
    store: disk.store,
    log,
    sendToPeer: (link, message) => links.send(link, message),
    sendToOwner: (message) => owner.receive(message),
    verdict: (link, verdict) => links.verdict(link, verdict),
    identityOf: (link) => links.identityOf(link),
    trace: (event) => trace?.write({ type: 'answered', ...event }),
    kept: (key) => trace?.write({ type: 'kept', key }),
  });
  const owner = new VirtualPeer({ deadlineMs: params.deadlineMs, dispatch: (event) => host.dispatch(event) });
  const links = new Links({
    identity: keyring.identity,
    keys: linkKeys(keyring.identitySeed),
    network,
    addresses: options.addresses,
    prefix: options.prefix,
    proxy: options.proxy,
    book,
    invites,
    admission,
    random,
    log,
    dispatch: (event) => host.dispatch(event),
  });
  const jobs = new Jobs({
    network: new ClientCache(owner, disk.clientCache),
    keyring,
    random,
    spool: disk.spool,
    knowsPeers: () => book.list().length > 0,
  });

  let listening: string;
  try {
    listening = await links.start(options.listen);
  } catch (error) {
    await disk.close();
    trace?.close();
    throw error;
  }
  const api = new NodeApi({ dataDir, network: params.name, listening, keyring, disk, host, links, jobs });
  return {
    api,
    content: jobs,
    listening,
    stop: async () => {
      await jobs.stop();
      await host.drain(nodeLimits.drainMs.value);
      await links.close();
      host.close();
      await disk.close();
      trace?.close();
    },
    wipe: () => {
      master.wipe();
      keyring.wipe();
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
