/**
 * A disk that refuses chosen calls with an error of the system: a module for the seam (store/disk-io.ts). Each name in `fail` is a kind
 * of call, with the numbers of the calls that fail.
 */
import type { DiskIo } from '../../store/disk-io.ts';

export interface Failures {
  readonly code: 'EIO' | 'ENOSPC' | 'EROFS';
  readonly fail: Partial<Record<'write' | 'sync' | 'commit' | 'truncate' | 'saveRecency', readonly number[]>>;
}

export function wrapDisk(disk: DiskIo, _directory: string, options: unknown): DiskIo {
  const { code, fail } = options as Failures;
  const calls = { write: 0, sync: 0, commit: 0, truncate: 0, saveRecency: 0 };
  const check = (kind: keyof typeof calls) => {
    if (fail[kind]?.includes(++calls[kind]))
      throw Object.assign(new Error(`${code}: the disk said no`), { code, syscall: kind });
  };
  return {
    ...disk,
    write: (bytes, position) => {
      check('write');
      disk.write(bytes, position);
    },
    sync: () => {
      check('sync');
      disk.sync();
    },
    commit: (run) => {
      check('commit');
      disk.commit(run);
    },
    truncate: (sizeBytes) => {
      check('truncate');
      disk.truncate(sizeBytes);
    },
    saveRecency: (run) => {
      check('saveRecency');
      disk.saveRecency(run);
    },
  };
}
