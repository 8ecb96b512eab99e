/**
 * The process around a node: data directory, lock, log, master key, node, web interface, socket, in this order, and back again. It
 * wires and decides when to stop; what a node does is in node/. With a key that is locked the node comes last, once somebody has
 * given the passphrase to the socket (gate.ts).
 *
 * Invariant: what was started is closed in reverse order, whether the start failed half-way or somebody asked to stop; the lock
 * is released last, even by an exit in between. A bug ends the process: nothing goes on with a state that nobody understands.
 */
import { randomBytes } from 'node:crypto';
import { pino, type Logger } from 'pino';
import { startFproxy } from '../fproxy/index.ts';
import { passphraseCredential, readPassphraseFile } from './cli/passphrase.ts';
import { onStopSignal } from './cli/signals.ts';
import { readDaemonFile, removeDaemonFile, writeDaemonFile } from './config/daemon-file.ts';
import { prepareDataDir } from './config/data-dir.ts';
import { processLimits } from './config/limits.ts';
import type { Config } from './config/load.ts';
import { lockDataDir } from './config/lock.ts';
import { formatEndpoint } from './config/units.ts';
import { packageVersion } from './config/version.ts';
import { Gate } from './gate.ts';
import { type RunningNode, startNode } from './node/node.ts';
import { destroyMaster, openVault } from './node/vault.ts';
import { createDispatch } from './rpc/dispatch.ts';
import { ProcessApi } from './rpc/process-api.ts';
import { startRpcServer } from './rpc/server.ts';
import { chooseSocketPath, removeSocketAndFolder } from './rpc/socket-path.ts';
import { WebApi } from './rpc/web-api.ts';

/**
 * Resolves with the exit status once everything is closed. `stem`: for benches, which call this themselves; the command line gives none.
 * @throws UserError where the daemon can't start
 */
export async function runDaemon(config: Config, { stem }: { stem?: 'off' } = {}): Promise<number> {
  const { dataDir, settings } = config;
  const log = pino({ level: settings['log.level'], base: null }, pino.destination({ dest: 2, sync: true }));
  const crash = (error: unknown) => {
    log.fatal({ err: error }, 'a bug: the daemon ends');
    process.exit(1);
  };
  process.on('uncaughtException', crash);
  const stop = Promise.withResolvers<void>();
  const releaseSignals = onStopSignal(() => stop.resolve());

  // What is made from here on is for this user alone, whoever makes it.
  process.umask(0o077);
  prepareDataDir(dataDir);
  await using opened = new AsyncDisposableStack();
  opened.defer(releaseSignals);
  const lock = lockDataDir(dataDir);
  process.on('exit', lock.release);
  opened.defer(lock.release);
  removeLeftovers(dataDir);

  const random = { bytes: (count: number) => randomBytes(count) };
  const passphrase = await givenPassphrase(config);
  const vault = await openVault(dataDir, { passphrase, random });
  if (passphrase !== undefined && vault.state === 'open' && vault.passphrase === 'none')
    say('The passphrase is not used: the key of this directory has none. `mimeo key passphrase` sets one.');
  const ended = Promise.withResolvers<void>();
  // Nobody may be waiting for it yet.
  ended.promise.catch(() => undefined);
  const gate = await Gate.from(vault, {
    dataDir,
    random,
    start: (master) =>
      startNode({ ...nodeOptions(config, log), master, ...(stem === undefined ? {} : { stem }) }),
    opened: (node) => announce(node),
    failed: ended.reject,
  });
  opened.defer(() => gate.stop());
  const version = packageVersion();
  const rpcSocket = chooseSocketPath(dataDir, process.env);
  const api = new ProcessApi(gate, {
    version,
    place: { dataDir, network: settings.network, storeSizeBytes: settings['store.size'] },
    stop: stop.resolve,
    destroy: () => destroyMaster(dataDir),
    end: () => endAtOnce({ dataDir, rpcSocket, wipe: () => gate.wipe(), release: lock.release }),
  });
  const web = new WebApi(api, { assertOpen: () => void gate.node });
  const fproxy = settings.donor
    ? undefined
    : await startFproxy({ ...settings['fproxy.listen'], api: web, content: gate });
  opened.defer(async () => fproxy?.close());
  api.fproxy = fproxy?.origin;
  const rpc = await startRpcServer({ path: rpcSocket, dispatch: createDispatch({ api, onBug: crash }) });
  opened.defer(() => rpc.close());
  const writeAddress = (listen: string): void => {
    const webOrigin = fproxy === undefined ? {} : { fproxy: fproxy.origin };
    writeDaemonFile(dataDir, { pid: process.pid, rpcSocket, ...webOrigin, listen, version });
  };
  const announce = (node: RunningNode): void => {
    say(`listening on  ${node.listening}`);
    writeAddress(node.listening);
  };
  opened.defer(() => removeDaemonFile(dataDir));
  const { sentence } = await api.call('node.status', {});
  if (vault.state === 'open') say(`listening on  ${gate.node.listening}`);
  say(`web address   ${fproxy === undefined ? 'none: this is a donor' : fproxy.origin}`);
  say(`data dir      ${dataDir}`);
  say(sentence);
  // Last: who finds the address takes the daemon for ready, and shows what it has said. While it is locked it is the one that was chosen.
  writeAddress(vault.state === 'open' ? gate.node.listening : formatEndpoint(settings.listen));

  try {
    await Promise.race([stop.promise, ended.promise]);
    return 0;
  } finally {
    say('stopping');
    api.refuse();
    endWithin(processLimits.stopMs.value, log);
  }
}

/** A node behind a proxy is reached through it or not at all, unless its owner says otherwise. */
function listenAt({ settings, origins }: Config): Config['settings']['listen'] {
  const isHidden = settings['socks.proxy'] !== '' && origins.listen === 'default';
  return isHidden ? { ...settings.listen, host: '127.0.0.1' } : settings.listen;
}

function nodeOptions(config: Config, log: Logger): Omit<Parameters<typeof startNode>[0], 'master'> {
  const { dataDir, settings } = config;
  return {
    dataDir,
    listen: listenAt(config),
    network: settings.network,
    addresses: settings['link.addresses'],
    prefix: Buffer.from(settings['link.prefix']),
    proxy: settings['socks.proxy'] === '' ? undefined : settings['socks.proxy'],
    storeSizeBytes: settings['store.size'],
    peers: settings.peers,
    seeds: settings.seeds,
    strangers: settings.strangers,
    bandwidth: {
      ...(settings['bandwidth.up'] === '' ? {} : { upBytesPerSecond: settings['bandwidth.up'] }),
      ...(settings['bandwidth.down'] === '' ? {} : { downBytesPerSecond: settings['bandwidth.down'] }),
    },
    log,
    ...(settings['trace.file'] === '' ? {} : { traceFile: settings['trace.file'] }),
  };
}

/** @throws UserError source_unreadable, bad_passphrase */
async function givenPassphrase({ settings }: Config): Promise<string | undefined> {
  const named = settings['passphrase.file'];
  const path = named === '' ? passphraseCredential(process.env) : named;
  return path === undefined ? undefined : readPassphraseFile(path, process.stdin);
}

/**
 * Without draining, and by the one signal that nothing delays: an ordinary exit waits for the thread pool, in which a disk or a
 * scrypt may hang. What others would find of this process is removed first, as far as that goes.
 */
function endAtOnce(parts: {
  dataDir: string;
  rpcSocket: string;
  wipe: () => void;
  release: () => void;
}): void {
  try {
    parts.wipe();
    removeDaemonFile(parts.dataDir);
    removeSocketAndFolder(parts.rpcSocket);
    parts.release();
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }
}

/** A daemon that was killed left its address behind. Only for who holds the lock. */
function removeLeftovers(dataDir: string): void {
  const old = readDaemonFile(dataDir);
  if (old !== undefined) removeSocketAndFolder(old.rpcSocket);
  removeDaemonFile(dataDir);
}

function endWithin(stopMs: number, log: Logger): void {
  setTimeout(() => {
    log.error({ stopMs }, 'stopping took too long: the process ends with work unfinished');
    process.exit(1);
  }, stopMs).unref();
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
