/**
 * The process around a node: data directory, lock, log, node, web interface, socket, in this order, and back again. It wires and
 * decides when to stop; what a node does is in node/.
 *
 * Invariant: what was started is closed in reverse order, whether the start failed half-way or somebody asked to stop; the lock
 * is released last, even by an exit in between. A bug ends the process: nothing goes on with a state that nobody understands.
 */
import { pino, type Logger } from 'pino';
import { startFproxy } from '../fproxy/index.ts';
import { onStopSignal } from './cli/signals.ts';
import { readDaemonFile, removeDaemonFile, writeDaemonFile } from './config/daemon-file.ts';
import { prepareDataDir } from './config/data-dir.ts';
import { processLimits } from './config/limits.ts';
import type { Config } from './config/load.ts';
import { lockDataDir } from './config/lock.ts';
import { isLoopback } from './config/units.ts';
import { packageVersion } from './config/version.ts';
import { startNode } from './node/node.ts';
import { createDispatch } from './rpc/dispatch.ts';
import { ProcessApi } from './rpc/process-api.ts';
import { startRpcServer } from './rpc/server.ts';
import { chooseSocketPath, removeSocketAndFolder } from './rpc/socket-path.ts';

/** Resolves with the exit status once everything is closed. @throws UserError where the daemon can't start */
export async function runDaemon(config: Config): Promise<number> {
  const { dataDir, settings } = config;
  const log = pino({ level: settings['log.level'], base: null }, pino.destination({ dest: 2, sync: true }));
  const crash = (error: unknown) => {
    log.fatal({ err: error }, 'a bug: the daemon ends');
    process.exit(1);
  };
  process.on('uncaughtException', crash);
  const stop = Promise.withResolvers<void>();
  const releaseSignals = onStopSignal(() => stop.resolve());

  prepareDataDir(dataDir);
  await using opened = new AsyncDisposableStack();
  opened.defer(releaseSignals);
  const lock = lockDataDir(dataDir);
  process.on('exit', lock.release);
  opened.defer(lock.release);
  removeLeftovers(dataDir);

  const node = await startNode({
    dataDir,
    listen: settings.listen,
    network: settings.network,
    storeSizeBytes: settings['store.size'],
    peers: settings.peers,
    log,
    ...(settings['trace.file'] === '' ? {} : { traceFile: settings['trace.file'] }),
  });
  opened.defer(() => node.stop());
  const version = packageVersion();
  const api = new ProcessApi(node.api, { version, stop: stop.resolve });
  const fproxy = settings.donor
    ? undefined
    : await startFproxy({ ...settings['fproxy.listen'], api, content: node.content });
  opened.defer(async () => fproxy?.close());
  api.fproxy = fproxy?.origin;
  const rpcSocket = chooseSocketPath(dataDir, process.env);
  const rpc = await startRpcServer({ path: rpcSocket, dispatch: createDispatch({ api, onBug: crash }) });
  opened.defer(() => rpc.close());
  const listen = node.listening;
  const web = fproxy === undefined ? {} : { fproxy: fproxy.origin };
  writeDaemonFile(dataDir, { pid: process.pid, rpcSocket, ...web, listen, version });
  opened.defer(() => removeDaemonFile(dataDir));

  const { sentence } = await api.call('node.status', {});
  say(`listening on  ${listen}`);
  say(`web address   ${fproxy === undefined ? 'none: this is a donor' : fproxy.origin}`);
  say(`data dir      ${dataDir}`);
  say(sentence);
  if (!isLoopback(settings.listen))
    say('Links are not encrypted yet: who sees the wire sees what this node asks for.');

  await stop.promise;
  say('stopping');
  api.refuse();
  endWithin(processLimits.stopMs.value, log);
  return 0;
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
