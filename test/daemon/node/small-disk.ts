/** A disk that gets really full: a tmpfs mounted for one file of tests. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/** The mount point; undefined where this user may not mount. `size` as mount(8) takes it. */
export function smallDisk(t: Test, size: string): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'mimeo-disk-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const mounted = spawnSync('/bin/mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory]);
  if (mounted.status !== 0) return undefined;
  // Lazily, because a test that failed may have left a file open.
  t.teardown(() => spawnSync('/bin/umount', ['--lazy', directory]));
  return directory;
}
