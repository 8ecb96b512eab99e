/**
 * Gets of blocks that are there. Warm and one at a time, against an asynchronous read (`FileHandle.read`) of the same bytes of the
 * same file and opening them; both in turn, block by block. Then cold, by 16 readers: the file's pages are dropped, and
 * the system's count of what it fetched from the disk for this process tells whether they really were.
 */
import { execFileSync } from 'node:child_process';
import { open } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSlotStore } from '../../store/index.ts';
import type { DiskStore } from '../../store/index.ts';
import { SLOTS_FILE, sizeForSlots, slotPosition } from '../../store/layout.ts';
import { ID_BYTES, SLOT_USED_BYTES, openSlot } from '../../store/slot.ts';
import { keyOf } from '../compliance/block-store.ts';
import { coins } from '../store/power-cut.ts';
import { KEY } from '../store/stores.ts';
import { type Row, row } from './harness.ts';
import { forAll, quantile, say, secrets } from './store-load.ts';
import { PUTS, SLOTS } from './store-put.ts';

const GOAL = 2.5;
const ROUNDS = 15;
const ROUND_GETS = 400;
const READERS = 16;
/** Less than that share of the bytes from the disk, and it was not cold. */
const COLD_SHARE = 0.9;

type FileHandle = Awaited<ReturnType<typeof open>>;

/** Of the store that `benchPuts` left in `directory`. */
export async function benchGets(directory: string): Promise<Row[]> {
  const store = await openSlotStore({ directory, sizeBytes: sizeForSlots(SLOTS), key: KEY });
  const path = join(directory, SLOTS_FILE);
  const file = await open(path, 'r');
  try {
    const warm = await warmGets(store, file);
    return [...warm, await coldGets(store, path)];
  } finally {
    await file.close();
    await store.close();
  }
}

async function warmGets(store: DiskStore, file: FileHandle): Promise<Row[]> {
  const slots = await slotsOf(file);
  const order = shuffled();
  const bytes = new Uint8Array(SLOT_USED_BYTES);
  const p50s: number[] = [];
  const ratios: number[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const gets: number[] = [];
    const reads: number[] = [];
    for (let turn = 0; turn < ROUND_GETS; turn++) {
      // Never the same block for both, or the second finds it in the processor's cache.
      const number = order[(2 * (round + 1) * ROUND_GETS + turn) % order.length] ?? 0;
      const other = order[(2 * (round + 1) * ROUND_GETS + ROUND_GETS + turn) % order.length] ?? 0;
      const key = keyOf(number);
      const position = slotPosition(slots.get(idText(secrets.slotId(keyOf(other)))) ?? Number.NaN);
      const began = performance.now();
      const found = await store.get(key);
      const middle = performance.now();
      await file.read(bytes, 0, bytes.length, position);
      const opened = openSlot(secrets.block, bytes);
      const ended = performance.now();
      if (!found || !opened) throw new Error('a block that was put is not there');
      gets.push((middle - began) * 1_000);
      reads.push((ended - middle) * 1_000);
    }
    // The first is to warm up.
    if (round < 0) continue;
    p50s.push(quantile(gets, 0.5));
    ratios.push(quantile(gets, 0.5) / quantile(reads, 0.5));
  }
  say(`gets: half of them within ${quantile(p50s, 0.5).toFixed(0)} µs`);
  return [
    row({ name: 'get.ratio', value: quantile(ratios, 0.5), unit: 'ratio', goal: GOAL, better: 'lower' }),
    row({ name: 'get.p50', value: quantile(p50s, 0.5), unit: 'µs', better: 'lower' }),
  ];
}

async function coldGets(store: DiskStore, path: string): Promise<Row> {
  // POSIX_FADV_DONTNEED for this file alone, which Node does not offer: other processes keep their pages.
  execFileSync('dd', [`of=${path}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none']);
  const numbers = shuffled();
  const before = bytesFromDisk();
  const began = performance.now();
  await forAll(numbers, { atOnce: READERS }, async (number) => {
    if (!(await store.get(keyOf(number)))) throw new Error('a block that was put is not there');
  });
  const seconds = (performance.now() - began) / 1_000;
  const share = (bytesFromDisk() - before) / (PUTS * SLOT_USED_BYTES);
  say(`cold gets: ${(100 * share).toFixed(0)} % of the bytes came from the disk`);
  const unit = share >= COLD_SHARE ? '1/s, cold' : '1/s, NOT cold';
  return row({ name: 'cold.getsPerSecond', value: PUTS / seconds, unit, better: 'higher' });
}

/** Which slot has which id. */
async function slotsOf(file: FileHandle): Promise<Map<string, number>> {
  const slots = new Map<string, number>();
  const id = new Uint8Array(ID_BYTES);
  for (let slot = 0; slot < SLOTS; slot++) {
    await file.read(id, 0, id.length, slotPosition(slot));
    slots.set(idText(id), slot);
  }
  return slots;
}

function idText(id: Uint8Array): string {
  return Buffer.from(id).toString('hex');
}

/** All blocks, in the same scattered order in every run. */
function shuffled(): number[] {
  const coin = coins(1);
  return Array.from({ length: PUTS }, (_, number) => ({ number, rank: coin() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ number }) => number);
}

/** proc_pid_io(5): what was fetched from the storage for this process, all its threads together. */
function bytesFromDisk(): number {
  const [, bytes] = /^read_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8')) ?? [];
  return Number(bytes);
}
