/**
 * A disk whose index is found damaged at a chosen commit: a module for the seam (store/disk-io.ts). The file is really overwritten,
 * and the error is that which SQLite gives when it meets such a page; by itself it may not look at it for hours.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DiskIo } from '../../store/disk-io.ts';

export function wrapDisk(disk: DiskIo, directory: string, options: unknown): DiskIo {
  const { corruptAt } = options as { corruptAt: number };
  let commits = 0;
  return {
    ...disk,
    commit: (run) => {
      if (++commits === corruptAt) {
        const path = join(directory, 'index.sqlite');
        writeFileSync(path, readFileSync(path).fill(0xa5, 100));
        throw Object.assign(new Error('database disk image is malformed'), { errcode: 11 });
      }
      disk.commit(run);
    },
  };
}
