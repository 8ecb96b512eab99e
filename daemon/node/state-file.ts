/**
 * Small files that must not be lost: identity, keys, peers. Written beside, made durable, and put in place in one step, so that
 * a crash leaves the old file or the new one. Readable by this user alone.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { UserError } from '../../client/index.ts';

/** @throws UserError disk_full, disk_failed */
export function writeStateFile(path: string, content: string | Uint8Array): void {
  const draft = `${path}.new`;
  try {
    // Unlike `writeSync`, which stops half-way on a disk that is almost full and says only how far it came.
    durably(draft, 'w', (file) => writeFileSync(file, content));
    renameSync(draft, path);
    durably(dirname(path), 'r', () => {});
  } catch (error) {
    throw refusal(path, error);
  }
}

/** Undefined when there is none. @throws UserError disk_failed */
export function readStateFile(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw refusal(path, error);
  }
}

function durably(path: string, flags: 'r' | 'w', write: (file: number) => void): void {
  const file = openSync(path, flags, 0o600);
  try {
    write(file);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function refusal(path: string, error: unknown): UserError {
  const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return new UserError(reason === 'ENOSPC' ? 'disk_full' : 'disk_failed', `${path}: ${reason}`, {
    cause: error,
  });
}
