/**
 * What the operating system and SQLite say about a disk, as a `StoreError`. Nothing else in the room looks at errno or SQLite codes.
 * Errors that came from neither are bugs and go on as they are.
 */
import { StoreError } from './block-store.ts';
import type { StoreErrorCode } from './block-store.ts';

/** A code of its own only where the remedy is another one: give it room, stop the other process, or repair it. */
export function diskError(doing: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  if (cause instanceof CorruptIndex)
    return new StoreError('disk_failed', `${doing}: ${cause.message}`, { cause });
  if (isSqliteError(cause)) {
    const code = SQLITE_CODES.get(primary(cause.errcode)) ?? 'disk_failed';
    return new StoreError(code, `${doing}: the index: ${cause.message}`, { cause });
  }
  if (!isSystemError(cause)) throw cause;
  const code = NO_ROOM.has(cause.code) ? 'disk_full' : 'disk_failed';
  return new StoreError(code, `${doing}: ${cause.message}`, { cause });
}

/** The index is not what was written: its file is no database, or its pages contradict each other. */
export class CorruptIndex extends Error {}

export function isCorrupt(error: unknown): boolean {
  return error instanceof CorruptIndex || (isSqliteError(error) && CORRUPT.has(primary(error.errcode)));
}

/** No space, over quota, over the largest file that the process or the file system allows. */
export function isDiskFull(error: unknown): boolean {
  if (isSqliteError(error)) return primary(error.errcode) === SQLITE_FULL;
  return isSystemError(error) && NO_ROOM.has(error.code);
}

const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** https://www.sqlite.org/rescode.html */
const SQLITE_FULL = 13;
const SQLITE_CODES: ReadonlyMap<number, StoreErrorCode> = new Map([
  [5, 'data_dir_locked'],
  [SQLITE_FULL, 'disk_full'],
] as const);
/** CORRUPT, NOTADB; and ERROR, as which a schema without our table shows. */
const CORRUPT = new Set([11, 26, 1]);

/** Extended codes have the primary one in their lowest byte. */
function primary(errcode: number): number {
  return errcode & 0xff;
}

function isSqliteError(error: unknown): error is Error & { readonly errcode: number } {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number';
}

function isSystemError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}
