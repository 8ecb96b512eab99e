/**
 * `mimeo panic`: destroys the master key and ends the daemon. It asks nothing and waits for nobody: the file goes first, by this
 * process, so that a daemon that hangs can't be in the way; then the daemon gets `panicMs` to wipe its memory and is killed.
 *
 * Invariant: when it says that the key is destroyed, no file of it and no daemon that knows it is left.
 */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../../client/index.ts';
import { readDaemonFile } from '../../config/daemon-file.ts';
import { lockHolder } from '../../config/lock.ts';
import { destroyMaster, masterPath } from '../../node/vault.ts';
import { connectApi } from '../../rpc/client.ts';
import { rpcLimits } from '../../rpc/limits.ts';
import type { Invocation } from '../invocation.ts';
import { printLine, say } from '../io.ts';

const POLL_MS = 5;

const NOT_COVERED = [
  'What is gone: the key, and with it everything that was sealed in this data directory. Not covered:',
  '- SSDs and file systems that copy on write (btrfs, ZFS, snapshots) keep old pages. There only a passphrase set before helps.',
  '- Backups of keys/. Who has one reads this disk again.',
  '- Files that you saved elsewhere, and what your browser keeps.',
  '- Memory and swap, until the power has been off for some minutes.',
  '- That mimeo is installed and was used here: the data directory, its size and times, mimeo.toml, the log.',
];

export async function panic(call: Invocation): Promise<number> {
  const { dataDir } = call.places;
  const first = tryToDestroy(dataDir);
  const holder = await endHolder(dataDir);
  // It may have been writing the file at that moment: a first start, or another passphrase.
  const second = tryToDestroy(dataDir);
  const failure = second.failure ?? (second.found ? undefined : first.failure);
  if (failure !== undefined) throw failure;
  if (holder === 'lives')
    throw new UserError(
      'data_dir_locked',
      `the key is destroyed, but the process that holds ${dataDir} can't be ended: it may know the key`,
    );
  if (!first.found && !second.found && holder === 'none')
    throw new UserError('keys_missing', `there is no key in ${dataDir}: nothing was destroyed`);
  printLine(call.io, `destroyed ${masterPath(dataDir)}`);
  for (const line of NOT_COVERED) say(call.io, line);
  return 0;
}

/** A failure must not keep the daemon alive. */
function tryToDestroy(dataDir: string): { readonly found: boolean; readonly failure?: UserError } {
  try {
    return { found: destroyMaster(dataDir) === 'destroyed' };
  } catch (failure) {
    if (!(failure instanceof UserError)) throw failure;
    return { found: true, failure };
  }
}

/** The daemon, or a command that works on the directory without one. */
async function endHolder(dataDir: string): Promise<'none' | 'ended' | 'lives'> {
  const pid = lockHolder(dataDir);
  if (pid === undefined) return 'none';
  const isDaemon = readDaemonFile(dataDir)?.pid === pid;
  if (isDaemon) {
    const deadline = performance.now() + rpcLimits.panicMs.value;
    await Promise.race([tell(dataDir), sleep(rpcLimits.panicMs.value)]);
    if (await isGone(dataDir, { pid, deadline })) return 'ended';
  }
  // Where the system tells when a process was born, the lock has named this very one; elsewhere its pid may be another's by now.
  if (isDaemon || existsSync(`/proc/${pid}/stat`)) kill(pid);
  const deadline = performance.now() + rpcLimits.panicMs.value;
  return (await isGone(dataDir, { pid, deadline })) ? 'ended' : 'lives';
}

async function isGone(
  dataDir: string,
  { pid, deadline }: { pid: number; deadline: number },
): Promise<boolean> {
  while (lockHolder(dataDir) === pid) {
    if (performance.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // Gone meanwhile, or another user's: whether it lives is looked at next.
    if (!(error instanceof Error) || !('code' in error)) throw error;
  }
}

async function tell(dataDir: string): Promise<void> {
  try {
    const api = await connectApi(dataDir);
    await api.call('node.panic', {});
  } catch (error) {
    // It has ended, or it will be killed.
    if (!(error instanceof UserError)) throw error;
  }
}
