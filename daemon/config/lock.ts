/**
 * One daemon per data directory. The lock is the file `lock` with the holder's pid and birth; it does not protect against
 * processes of another machine or container that share the directory, whose pids mean nothing here.
 *
 * Invariant: whoever holds the lock is alive, and nobody else holds it. A lock file appears with its content in one step
 * (`link`), so nobody reads half of one. The lock of a dead process may be replaced only by the holder of the claim file
 * beside it, which is taken by these same rules, and only after looking again: of two that find a dead lock, one replaces it.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import { processLimits } from './limits.ts';

export interface DataDirLock {
  /** Idempotent and synchronous, so that it can run while the process exits. */
  readonly release: () => void;
}

interface Holder {
  readonly pid: number;
  /** Tells a process from a later one with its pid; empty where the system does not say. */
  readonly birth: string;
}

/** @throws UserError data_dir_locked */
export function lockDataDir(dataDir: string): DataDirLock {
  const path = join(dataDir, 'lock');
  const own = formatHolder({ pid: process.pid, birth: birthOf(process.pid) ?? '' });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, own, { mode: 0o600 });
  try {
    take(path, draft);
  } finally {
    rmSync(draft, { force: true });
  }
  let isHeld = true;
  return {
    release() {
      if (isHeld && readIfThere(path) === own) rmSync(path, { force: true });
      isHeld = false;
    },
  };
}

/** The pid of the living holder, if there is one. */
export function lockHolder(dataDir: string): number | undefined {
  const content = readIfThere(join(dataDir, 'lock'));
  if (content === undefined) return undefined;
  const holder = parseHolder(content);
  return isAlive(holder) ? holder.pid : undefined;
}

function take(path: string, draft: string): void {
  for (let attempt = 0; attempt < processLimits.lockAttempts.value; attempt++) {
    if (linkIfFree(draft, path)) return;
    const content = readIfThere(path);
    if (content === undefined) continue;
    const holder = parseHolder(content);
    if (isAlive(holder)) {
      throw new UserError('data_dir_locked', `process ${holder.pid} holds ${path}`);
    }
    const claim = `${path}.claim`;
    take(claim, draft);
    if (readIfThere(path) === content) {
      renameSync(claim, path);
      return;
    }
    rmSync(claim);
  }
  throw new UserError('data_dir_locked', `${path} changes hands all the time`);
}

function linkIfFree(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return false;
    throw error;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function isSystemError(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function formatHolder({ pid, birth }: Holder): string {
  assert(Number.isSafeInteger(pid) && pid > 0, 'a pid is a positive integer');
  return `${pid} ${birth}\n`;
}

/** A file that we did not write, or that a crash of the disk left empty, is held by nobody. */
function parseHolder(content: string): Holder {
  const match = /^(\d{1,10}) (\S*)\n$/.exec(content);
  return { pid: Number(match?.[1] ?? 0), birth: match?.[2] ?? '' };
}

function isAlive({ pid, birth }: Holder): boolean {
  if (pid === 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    if (isSystemError(error, 'ESRCH')) return false;
  }
  const now = birthOf(pid);
  return now === undefined || birth === '' || now === birth;
}

/**
 * Boot and start time of a process where /proc tells them (proc_pid_stat(5), field 22), undefined elsewhere. A zombie is born
 * never: it holds nothing any more, though its pid still answers.
 */
function birthOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in field 2 may hold spaces and brackets: fields are counted from its last bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, startTicks] = [fields[0], fields[19]];
    if (state === 'Z' || state === 'X') return 'never';
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${startTicks}`;
  } catch {
    return undefined;
  }
}
