/**
 * `mimeo panic`: destroys the master key and ends the daemon. It asks nothing and waits for nobody: the file goes first, by this
 * process, so that a daemon that hangs can't be in the way; then the daemon gets `panicMs` to wipe its memory and is killed.
 *
 * Invariant: when it says that the key is destroyed, no file of it and no daemon that knows it is left.
 */
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
  const daemon = await endDaemon(dataDir);
  // A daemon may have been writing it at that moment, or has just been asked for another passphrase.
  const second = tryToDestroy(dataDir);
  if (second.failure !== undefined) throw second.failure;
  if (!first.found && !second.found && daemon === 'none')
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

async function endDaemon(dataDir: string): Promise<'none' | 'ended'> {
  const pid = lockHolder(dataDir);
  if (pid === undefined) return 'none';
  const deadline = performance.now() + rpcLimits.panicMs.value;
  const isGone = async (): Promise<boolean> => {
    while (lockHolder(dataDir) === pid) {
      if (performance.now() > deadline) return false;
      await sleep(POLL_MS);
    }
    return true;
  };
  await Promise.race([tell(dataDir), sleep(rpcLimits.panicMs.value)]);
  // Only what says by both files that it is the daemon of this directory.
  if (!(await isGone()) && readDaemonFile(dataDir)?.pid === pid) process.kill(pid, 'SIGKILL');
  while (lockHolder(dataDir) === pid) await sleep(POLL_MS);
  return 'ended';
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
