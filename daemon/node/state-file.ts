/**
 * Small files that must not be lost: keys, peers. Written beside, made durable, and put in place in one step, so that a crash
 * leaves the old file or the new one. Readable by this user alone. What is in them is for sealed-file.ts and master-file.ts.
 *
 * Overwriting is best effort: it reaches the blocks that the file has now. A disk that moves blocks (SSD) and a file system that
 * copies on write keep the old ones.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
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

/** The same without holding up the event loop. @throws UserError disk_full, disk_failed */
export async function writeStateFileAside(path: string, content: Uint8Array): Promise<void> {
  const draft = `${path}.new`;
  try {
    await durablyAside(draft, 'w', (file) => file.writeFile(content));
    await rename(draft, path);
    await durablyAside(dirname(path), 'r', async () => {});
  } catch (error) {
    throw refusal(path, error);
  }
}

/** The same for a file whose old content must go: once the new one stands, the old blocks are overwritten. @throws UserError */
export function replaceSecretFile(path: string, content: Uint8Array): void {
  const old = openIfThere(path);
  try {
    writeStateFile(path, content);
    // Through the old descriptor: the name leads to the new file by now.
    if (old !== undefined) overwrite(old);
  } catch (error) {
    throw refusal(path, error);
  } finally {
    if (old !== undefined) closeSync(old);
  }
}

/** Overwrites and removes; says whether there was one. Synchronous, so that nothing comes in between. @throws UserError disk_failed */
export function destroySecretFile(path: string): boolean {
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return false;
    try {
      const file = openSync(path, 'r+');
      try {
        overwrite(file);
      } finally {
        closeSync(file);
      }
    } finally {
      // What can't be overwritten may still be removed.
      unlinkSync(path);
    }
    durably(dirname(path), 'r', () => {});
    return true;
  } catch (error) {
    throw refusal(path, error);
  }
}

/** Undefined when there is none. @throws UserError disk_failed */
export function readStateFile(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw refusal(path, error);
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r+');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw refusal(path, error);
  }
}

/** Whole blocks, because the rest of the last one may hold what the file held before. */
const BLOCK_BYTES = 4_096;

function overwrite(file: number): void {
  const { size } = fstatSync(file);
  const noise = randomBytes(Math.max(1, Math.ceil(size / BLOCK_BYTES)) * BLOCK_BYTES);
  for (let at = 0; at < noise.length;) at += writeSync(file, noise, at, noise.length - at, at);
  fsyncSync(file);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
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

async function durablyAside(
  path: string,
  flags: 'r' | 'w',
  write: (file: FileHandle) => Promise<void>,
): Promise<void> {
  await using file = await open(path, flags, 0o600);
  await write(file);
  await file.sync();
}

function refusal(path: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return new UserError(reason === 'ENOSPC' ? 'disk_full' : 'disk_failed', `${path}: ${reason}`, {
    cause: error,
  });
}
