/**
 * Where the socket lies: `$XDG_RUNTIME_DIR/mimeo/<hash of the data directory>.sock`, else `<data-dir>/rpc.sock`, else a fresh
 * folder of this user alone in the system's temporary directory. The first that is private and short enough; clients read the
 * result in daemon.json. It makes folders and no socket.
 */
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { Environment } from '../config/data-dir.ts';
import { rpcLimits } from './limits.ts';

const TEMPORARY_PREFIX = 'mimeo-rpc-';

export function chooseSocketPath(dataDir: string, env: Environment): string {
  const inRuntimeDir = runtimeSocket(dataDir, env['XDG_RUNTIME_DIR']);
  if (inRuntimeDir !== undefined) return inRuntimeDir;
  const inDataDir = join(dataDir, 'rpc.sock');
  // mkdtemp makes an unguessable name with mode 0700: nobody can have prepared it.
  return fits(inDataDir) ? inDataDir : join(mkdtempSync(join(tmpdir(), TEMPORARY_PREFIX)), 'rpc.sock');
}

function runtimeSocket(dataDir: string, runtimeDir: string | undefined): string | undefined {
  if (runtimeDir === undefined || !isAbsolute(runtimeDir)) return undefined;
  const hash = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  const path = join(runtimeDir, 'mimeo', `${hash}.sock`);
  if (!fits(path) || !isOwnFolder(runtimeDir)) return undefined;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch {
    return undefined;
  }
  return isOwnFolder(dirname(path)) ? path : undefined;
}

/** After `sudo` the variable may still name somebody else's directory; anyone else could take the socket away there. */
function isOwnFolder(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && stat.uid === process.getuid?.() && (stat.mode & 0o077) === 0;
}

function fits(path: string): boolean {
  return Buffer.byteLength(path) <= rpcLimits.socketPathBytes.value;
}

/** Removes a socket and nothing else that may lie there. Only for who holds the lock of the data directory. */
export function removeSocket(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path, { force: true });
}

/** The same, with the temporary folder if one was made for it. */
export function removeSocketAndFolder(path: string): void {
  removeSocket(path);
  const folder = dirname(path);
  if (!basename(folder).startsWith(TEMPORARY_PREFIX)) return;
  try {
    rmdirSync(folder);
  } catch {
    // Gone already, or somebody put a file into it: neither is ours to settle.
  }
}
