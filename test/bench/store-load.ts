/**
 * What the parts of the store bench share: places on the real disk, stores that are silent already, and what is read of a list of
 * figures. A store fills itself with random slots at a bounded rate; here its own disk does that at once.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DiskIo } from '../../store/disk-io.ts';
import { openDisk } from '../../store/disk-open.ts';
import { openSlotStore } from '../../store/index.ts';
import type { DiskStore, StorePart } from '../../store/index.ts';
import { sizeForSlots } from '../../store/layout.ts';
import { storeLimits } from '../../store/limits.ts';
import { storeSecrets } from '../../store/secrets.ts';
import { SLOT_BYTES } from '../../store/slot.ts';
import { KEY } from '../store/stores.ts';
import { type MeteredDisk } from './store-disk.ts';

export const secrets = storeSecrets(KEY);

const PIECE_BYTES = storeLimits.fillChunkSlots.value * SLOT_BYTES;

export async function withScratch<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'mimeo-bench-store-'));
  try {
    return await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * Makes a store of so many slots, all of them free, as it is when it has become silent. Its slots are not synced.
 *
 * They are written in pieces as long as the store's own fill writes: after one of 17 MB the system keeps the file in pages so large that
 * every later write into one costs five times as much (ext4, Linux 6.18).
 */
export function makeSilent(directory: string, slots: number): void {
  mkdirSync(directory, { recursive: true });
  const wrap = (plain: DiskIo): DiskIo => ({
    ...plain,
    write: (bytes, position) => {
      for (let at = 0; at < bytes.length; at += PIECE_BYTES)
        plain.write(bytes.subarray(at, at + PIECE_BYTES), position + at);
    },
    sync: () => undefined,
  });
  const disk = openDisk({ directory, secrets, capacitySlots: slots, wrap });
  while (disk.filled < slots) disk.fill(Math.min(storeLimits.commitRows.value, slots - disk.filled));
  disk.close();
}

export function openMetered(
  directory: string,
  { slots, disk }: { slots: number; disk: MeteredDisk },
): Promise<DiskStore> {
  const io = { module: new URL('./store-disk.ts', import.meta.url).href, options: disk };
  return openSlotStore({ directory, sizeBytes: sizeForSlots(slots), key: KEY, io });
}

/** Every second block, so that the two parts fill alike. */
export function partOf(number: number): StorePart {
  return number % 2 === 0 ? 'cache' : 'store';
}

/** Runs `each` for every item, so many at a time. */
export async function forAll<T>(
  items: readonly T[],
  { atOnce }: { atOnce: number },
  each: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const one = async () => {
    for (const item of rest) await each(item);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
