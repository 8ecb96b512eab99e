/**
 * What the operating system says about a disk, as a `StoreError`. Nothing else in the room looks at errno codes.
 * Errors that did not come from the operating system are bugs and go on as they are.
 */
import { StoreError } from './block-store.ts';

/** A code of its own only where the remedy is another one: give it room, or repair it. */
export function diskError(doing: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  if (!isSystemError(cause)) throw cause;
  const code = NO_ROOM.has(cause.code) ? 'disk_full' : 'disk_failed';
  return new StoreError(code, `${doing}: ${cause.message}`, { cause });
}

/** No space, over quota, over the largest file that the process or the file system allows. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

function isSystemError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}
