/**
 * One running node: the router, its links, its store and the jobs of its owner, wired together. It holds no logic of theirs.
 * The process around it (data directory, lock, socket, proxy, signals) is daemon/process.ts.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { type Random, locationOfIdentity, verifyBlock } from '../../keys/index.ts';
import { type Api, type ContentApi, UserError } from '../../client/index.ts';
import { type OpennetOptions, Router, type StemState, networkId } from '../../routing/index.ts';
import { linkKeys } from '../../transport/index.ts';
import { Admission } from './admission.ts';
import { anonymity, isHeldUp, waitOf } from './anonymity.ts';
import { ClientCache } from './client-cache.ts';
import { Disk } from './disk.ts';
import { Impatient } from './impatient.ts';
import { Invites } from './invites.ts';
import { Jobs } from './jobs.ts';
import { type StrangerMode, joining } from './joining.ts';
import { Keyring } from './keyring.ts';
import { nodeLimits } from './limits.ts';
import { Links } from './links.ts';
import { NodeApi } from './node-api.ts';
import { type NodeOptions, networkParams } from './node-options.ts';
import { PeerBook } from './peer-book.ts';
import { Peers } from './peers.ts';
import { isPaid } from './proof.ts';
import { RouterHost } from './router-host.ts';
import { StemFile } from './stem-file.ts';
import { StrangerBook } from './stranger-book.ts';
import { StrangerRoom } from './stranger-room.ts';
import { Strangers } from './strangers.ts';
import { openTrace } from './trace-file.ts';
import { keyringPath } from './vault.ts';
import { VirtualPeer } from './virtual-peer.ts';

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
  const mode = params.opennet === 'yes' ? options.strangers : 'none';
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
  const seeds = options.seeds.map((line) => book.read(line));
  const invites = new Invites({ path: join(dataDir, 'invites'), key: master.diskKey('invites'), random });
  const admission = new Admission({
    identity: keyring.identity.publicKey,
    book,
    invites,
    room: mode === 'none' ? undefined : new StrangerRoom(performance.now()),
    path: join(dataDir, 'callers'),
    key: master.diskKey('callers'),
    random,
  });
  const strangers = new Strangers({
    network,
    book,
    kept: new StrangerBook({ path: join(dataDir, 'strangers'), key: master.diskKey('strangers'), random }),
    seeds,
    random,
    log,
    own: () => links.own,
    hosts: () => links.hosts,
    reach: () => links.reach,
    call: (peer) => links.call(peer),
  });
  const stem = new StemFile({ path: join(dataDir, 'stem'), key: master.diskKey('stem'), random });
  const trace = openTrace(options.traceFile);
  const disk = await Disk.open({ dataDir, sizeBytes: options.storeSizeBytes, master });

  const location = locationOfIdentity(keyring.identity.publicKey);
  const router = new Router({
    params,
    location,
    random,
    verify: verifyBlock,
    traced: trace === undefined ? 'untraced' : 'traced',
    load: { ...options.bandwidth, oldestWaitMs: () => links.oldestWaitMs },
    beginsAt: performance.now(),
    stem: options.stem ?? { epochMs: Date.now() - performance.now(), ...keptBy(stem) },
    ...(mode === 'none' ? {} : { opennet: opennetOptions(strangers, mode) }),
  });
  const host: RouterHost = new RouterHost({
    router,
    store: disk.store,
    log,
    sendToPeer: (link, message, priority) => links.send(link, message, priority),
    sendToOwner: (message) => owner.receive(message),
    verdict: (link, verdict) => links.verdict(link, verdict),
    closeLink: (link) => links.closeLink(link),
    dial: (candidate) => strangers.dial(candidate),
    remember: (candidates) => strangers.remember(candidates),
    rememberStem: (state) => keepStem(stem, { state, log }),
    identityOf: (link) => links.identityOf(link),
    trace: (event) => trace?.write({ type: 'answered', ...event }),
    kept: (key) => trace?.write({ type: 'kept', key }),
  });
  const owner = new VirtualPeer({ deadlineMs: params.deadlineMs, dispatch: (event) => host.dispatch(event) });
  const links: Links = new Links({
    identity: keyring.identity,
    keys: linkKeys(keyring.identitySeed),
    network,
    addresses: options.addresses,
    prefix: options.prefix,
    proxy: options.proxy,
    book,
    seeds,
    admission,
    random,
    log,
    dispatch: (event) => host.dispatch(event),
  });
  const peers = new Peers({
    book,
    invites,
    links,
    named: () => {
      if (mode === 'seek') host.dispatch(strangers.seeds());
    },
  });
  const hiding = () => ({ standing: host.stem, uplink: host.uplink, guardAfterMs: params.guardAfterMs });
  const jobs = new Jobs({
    network: new ClientCache(owner, disk.clientCache),
    impatient: new ClientCache(new Impatient(owner, () => isHeldUp(hiding())), disk.clientCache),
    keyring,
    random,
    spool: disk.spool,
    knowsPeers: () => peers.list().length > 0 || (mode === 'seek' && !strangers.isAlone),
    waiting: (priority) => waitOf(hiding(), priority),
  });

  let listening: string;
  try {
    listening = await links.start(options.listen);
    // Before there is a link through which it would make itself known.
    if (mode === 'seek') await strangers.pay();
    links.begin();
    if (mode === 'seek') {
      host.dispatch(strangers.remembered());
      host.dispatch(strangers.seeds());
    }
  } catch (error) {
    await disk.close();
    trace?.close();
    throw error;
  }
  const api = new NodeApi({
    dataDir,
    network: params.name,
    listening,
    keyring,
    disk,
    host,
    peers,
    jobs,
    joining: () => joining({ mode, host, strangers, links, peers: peers.list() }),
    anonymity: () => anonymity(hiding()),
  });
  return {
    api,
    content: jobs,
    listening,
    stop: async () => {
      await jobs.stop();
      strangers.close();
      await host.drain(nodeLimits.drainMs.value);
      host.rememberStem();
      await links.close();
      host.close();
      await stem.settled();
      await disk.close();
      trace?.close();
    },
    wipe: () => {
      master.wipe();
      keyring.wipe();
    },
  };
}

function keptBy({ kept }: StemFile): { kept?: StemState } {
  return kept === undefined ? {} : { kept };
}

/** What can't be written costs draws of guards after a restart; until then nothing is lost, so the run goes on. */
function keepStem(file: StemFile, { state, log }: { state: StemState; log: Logger }): void {
  file.remember(state).catch((error: unknown) => {
    if (!(error instanceof UserError)) throw error;
    log.warn({ code: error.code }, 'the guards can not be written down');
  });
}

function opennetOptions(strangers: Strangers, mode: StrangerMode): OpennetOptions {
  return {
    own: () => strangers.own(),
    readReference: (reference) => strangers.readReference(reference),
    isPaid,
    upkeep: mode === 'seek' ? 'on' : 'quiet',
  };
}
