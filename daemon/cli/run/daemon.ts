/** `mimeo daemon`, `start`, `stop`, `restart`: the life of the process. What it does in between is process.ts. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { assert } from '../../../keys/index.ts';
import { UserError } from '../../../client/index.ts';
import { readDaemonFile } from '../../config/daemon-file.ts';
import { prepareDataDir } from '../../config/data-dir.ts';
import { processLimits } from '../../config/limits.ts';
import { lockHolder } from '../../config/lock.ts';
import { optionName, settingNames } from '../../config/settings.ts';
import type { Config } from '../../config/load.ts';
import type { Invocation } from '../invocation.ts';
import { say } from '../io.ts';

const POLL_MS = 50;

export async function daemon(call: Invocation): Promise<number> {
  const config = call.config();
  const { runDaemon } = await import('../../process.ts');
  return runDaemon(config);
}

export async function start(call: Invocation): Promise<number> {
  const config = call.config();
  prepareDataDir(config.dataDir);
  const log = openLog(config.dataDir);
  const child = spawnDaemon(call, config, log.descriptor);
  closeSync(log.descriptor);
  const deadline = performance.now() + processLimits.startMs.value;
  const ended = Promise.withResolvers<number>();
  child.on('exit', (status) => ended.resolve(status ?? 1));
  child.on('error', (error) => {
    say(call.io, `mimeo: can't start a process: ${error.message}`);
    ended.resolve(1);
  });
  while (readDaemonFile(config.dataDir)?.pid !== child.pid) {
    const status = await Promise.race([ended.promise, sleep(POLL_MS)]);
    if (status !== undefined) {
      say(call.io, whatItSaid(log));
      return status;
    }
    if (performance.now() > deadline)
      throw new UserError('timed_out', `the daemon is not ready yet; its log is ${log.path}`);
  }
  child.unref();
  say(call.io, whatItSaid(log));
  return 0;
}

interface LogPart {
  readonly path: string;
  readonly descriptor: number;
  /** Where this start begins. */
  readonly fromByte: number;
}

function openLog(dataDir: string): LogPart {
  const path = join(dataDir, 'daemon.log');
  const oldBytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const isFull = oldBytes > processLimits.logBytes.value;
  if (isFull) renameSync(path, `${path}.1`);
  return { path, descriptor: openSync(path, 'a', 0o600), fromByte: isFull ? 0 : oldBytes };
}

function whatItSaid({ path, fromByte }: LogPart): string {
  return readFileSync(path).subarray(fromByte).toString('utf8').trimEnd();
}

function spawnDaemon(call: Invocation, config: Config, log: number): ChildProcess {
  // Absolute, because the child works in its data directory; unnamed where it was not named, because that decides which
  // mimeo.toml is read.
  const named =
    config.configFile === join(config.dataDir, 'mimeo.toml') ? ['--data-dir', config.dataDir] : [];
  const args = ['daemon', ...named, ...settingArguments(call)];
  const env = { ...call.io.env };
  // Meant for this process: a debugger's port or a test runner's loader would be taken twice.
  delete env['NODE_OPTIONS'];
  const launcher = fileURLToPath(new URL('../../mimeo.js', import.meta.url));
  return spawn(process.execPath, [launcher, ...args], {
    detached: true,
    stdio: ['ignore', log, log],
    env,
    cwd: config.dataDir,
  });
}

function settingArguments(call: Invocation): string[] {
  return settingNames.flatMap((name) => {
    const option = optionName(name);
    if (name === 'donor') return call.flag(option) ? [`--${option}`] : [];
    const value = call.text(option);
    if (value === undefined) return [];
    // The child works in another directory and has no stdin.
    return [`--${option}`, name === 'passphrase.file' ? passphrasePath(call, value) : value];
  });
}

/** @throws UserError usage */
function passphrasePath(call: Invocation, value: string): string {
  if (value === '-')
    throw new UserError(
      'usage',
      '--passphrase-file - is for `mimeo daemon`: name a file, or use `mimeo unlock`',
    );
  return value === '' ? value : resolve(call.io.cwd, value);
}

export async function stop(call: Invocation): Promise<number> {
  const { dataDir } = call.places;
  const pid = lockHolder(dataDir);
  await call.withApi((api) => api.call('node.stop', {}));
  if (pid === undefined) return 0;
  const deadline = performance.now() + processLimits.stopMs.value + POLL_MS;
  while (lockHolder(dataDir) === pid) {
    if (performance.now() > deadline) throw new UserError('timed_out', `process ${pid} is still stopping`);
    await sleep(POLL_MS);
  }
  return 0;
}

export async function restart(call: Invocation): Promise<number> {
  try {
    const status = await stop(call);
    assert(status === 0, 'stopping fails by an error');
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'daemon_not_running') throw error;
  }
  return start(call);
}
