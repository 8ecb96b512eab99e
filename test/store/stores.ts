/** What the tests of the slot store share: directories, stores of exact capacities, and looks at the files. */
import {
  closeSync,
  mkdtempSync,
  openSync,
  readSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { equalBytes } from '../../keys/index.ts';
import type { Block } from '../../keys/index.ts';
import { openSlotStore } from '../../store/index.ts';
import type { BlockStore, DiskStore, SlotStoreOptions, StorePart } from '../../store/index.ts';
import { sizeForSlots, slotPosition } from '../../store/layout.ts';
import { blockOf, keyOf } from '../compliance/block-store.ts';

export const KEY = new Uint8Array(32).fill(7);
export const MIB = 1024 * 1024;
export const FULL = Boolean(process.env['MIMEO_TEST_FULL']);

export function scratch(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'mimeo-store-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A store with exactly these capacities, and not a byte more. */
export function openWith(
  directory: string,
  capacityBlocks: Readonly<Record<StorePart, number>>,
  more: Partial<SlotStoreOptions> = {},
): Promise<DiskStore> {
  const slots = capacityBlocks.store + capacityBlocks.cache;
  return openSlotStore({
    directory,
    sizeBytes: sizeForSlots(slots),
    storeShare: capacityBlocks.store / slots,
    key: KEY,
    ...more,
  });
}

export function bytesIn(directory: string): number {
  return readdirSync(directory).reduce((sum, name) => {
    const found = statSync(join(directory, name), { throwIfNoEntry: false });
    return sum + (found?.size ?? 0);
  }, 0);
}

export function isBlock(found: Block | undefined, number: number, version = 0): boolean {
  return found !== undefined && equalBytes(found, blockOf(number, version));
}

/** How many of `numbers` are not there, and how many have other bytes. */
export async function check(
  store: BlockStore,
  numbers: Iterable<number>,
): Promise<{ lost: number; wrong: number }> {
  let lost = 0;
  let wrong = 0;
  for (const number of numbers) {
    const found = await store.get(keyOf(number));
    if (!found) lost++;
    else if (!isBlock(found, number)) wrong++;
  }
  return { lost, wrong };
}

export async function putAll(store: BlockStore, numbers: Iterable<number>, part: StorePart): Promise<void> {
  await Promise.all(Array.from(numbers, (number) => store.put(keyOf(number), blockOf(number), { part })));
}

/** Every slot is filled. */
export async function silent(store: BlockStore): Promise<void> {
  while (!store.stats().silent) await sleep(1);
}

export function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

/** Changes bytes of a file as a failing disk would. */
export function flip(path: string, { at, mask }: { at: number; mask: number }): void {
  const file = openSync(path, 'r+');
  const byte = new Uint8Array(1);
  readSync(file, byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ mask;
  writeSync(file, byte, 0, 1, at);
  closeSync(file);
}

export function slotsPath(directory: string): string {
  return join(directory, 'store.slots');
}

export function flipSlot(directory: string, slot: number, at: number): void {
  flip(slotsPath(directory), { at: slotPosition(slot) + at, mask: 1 });
}
