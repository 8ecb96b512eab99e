/**
 * Opens or makes a store's files (docs/spec/store.md, 1 and 9). Blocks; runs in the disk's thread.
 *
 * Invariant: a directory of another format or key is refused, and not written to.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, constants, existsSync, fsyncSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { writeAnchor } from './anchor.ts';
import { StoreError } from './block-store.ts';
import { Disk } from './disk.ts';
import type { DiskOptions } from './disk.ts';
import { isCorrupt } from './disk-error.ts';
import { DiskIndex, INDEX_FILE } from './disk-index.ts';
import { plainDisk } from './disk-io.ts';
import { ANCHORS, ANCHOR_BYTES, FORMAT, SLOTS_FILE, slotPosition } from './layout.ts';
import { recover } from './recover.ts';
import type { StoreSecrets } from './secrets.ts';

const FORMAT_1_CACHE = 'cache.slots';
const FORMAT_1_MAGIC = Buffer.from('mimeo/store/slots');
/** @throws StoreError store_format, data_dir_locked, disk_full, disk_failed */
export function openDisk(options: DiskOptions): Disk {
  const { directory, secrets, wrap } = options;
  checkFormat(directory);
  // The index first, because its lock is the store's.
  const index = openIndex(directory, secrets);
  let file: number;
  try {
    file = openSync(join(directory, SLOTS_FILE), constants.O_RDWR | constants.O_CREAT, 0o600);
  } catch (error) {
    index?.close();
    throw error;
  }
  const disk = wrap(plainDisk(file));
  try {
    const recovered = recover({ ...options, disk }, index);
    if (disk.sizeBytes() < slotPosition(0)) {
      disk.write(randomBytes(ANCHORS * ANCHOR_BYTES), 0);
      writeAnchor(disk, secrets.state, { batch: recovered.batch, slots: [] });
      disk.sync();
      syncDirectory(directory);
    }
    return new Disk(options, disk, recovered);
  } catch (error) {
    disk.close();
    throw error;
  }
}

/** Undefined when it must be made again. */
function openIndex(directory: string, secrets: StoreSecrets): DiskIndex | undefined {
  try {
    return new DiskIndex(directory, secrets);
  } catch (error) {
    if (isCorrupt(error)) return undefined;
    throw error;
  }
}

/** Looks without SQLite, which writes to what it opens. @throws StoreError store_format */
function checkFormat(directory: string): void {
  if (
    existsSync(join(directory, FORMAT_1_CACHE)) ||
    headOf(join(directory, SLOTS_FILE), FORMAT_1_MAGIC.length)?.equals(FORMAT_1_MAGIC)
  )
    throw new StoreError(
      'store_format',
      `${directory} has a store of format 1; this version has format ${FORMAT}`,
    );
  const head = headOf(join(directory, INDEX_FILE), 64);
  if (!head?.subarray(0, 15).equals(Buffer.from('SQLite format 3'))) return;
  const format = head.readUInt32BE(60);
  if (format > FORMAT)
    throw new StoreError(
      'store_format',
      `${directory} has a store of format ${format}; this version has format ${FORMAT}`,
    );
}

function headOf(path: string, bytes: number): Buffer | undefined {
  if (!existsSync(path)) return undefined;
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(bytes);
    return readSync(file, head, 0, bytes, 0) === bytes ? head : undefined;
  } finally {
    closeSync(file);
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
