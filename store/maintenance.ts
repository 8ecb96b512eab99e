/**
 * What is done to a whole store, piece by piece between the batches of puts: saving the order of use, checking every slot, and
 * changing the size (docs/spec/store.md, 10).
 *
 * Invariant: a put waits for one piece at most.
 */
import { assert } from '../keys/index.ts';
import type { Block } from '../keys/index.ts';
import type { VerifyProgress, VerifyReport } from './block-store.ts';
import type { DiskClient } from './disk-client.ts';
import { storeLimits } from './limits.ts';
import type { Retention } from './retention.ts';
import { ID_BYTES, SEGMENT } from './slot.ts';
import type { SlotWriter } from './slot-writer.ts';

export interface Workings {
  readonly disk: DiskClient;
  readonly retention: Retention;
  readonly writer: SlotWriter;
  /** The block in a slot; undefined when it is not there any more or damaged (and then dropped). */
  readonly readBlock: (slot: number, id: Uint8Array) => Promise<Block | undefined>;
}

/** @throws StoreError */
export function saveRecency({ disk, retention, writer }: Workings): Promise<void> {
  return writer.chore(async () => {
    const { newer, oldest } = retention.lists.snapshot();
    const marks = retention.marksSnapshot();
    const changedSlots = retention.takeChanged();
    const changed = {
      slots: Uint32Array.from(changedSlots),
      ids: idsOf(retention, changedSlots),
      segments: Uint8Array.from(changedSlots, (slot) => retention.lists.segmentOf(slot)),
    };
    const recency = { changed, newer, oldest, marks };
    await disk.request<'recency'>({ type: 'recency', recency }, [newer.buffer, marks.buffer]);
  });
}

/** @throws StoreError */
export async function verifySlots(
  { disk, retention, writer }: Workings,
  onProgress: (progress: VerifyProgress) => void,
): Promise<VerifyReport> {
  const total = { slots: 0, blocks: 0, damaged: 0, free: 0 };
  while (total.slots < retention.filled) {
    const wiped = await writer.chore(async () => {
      const first = total.slots;
      const count = Math.min(storeLimits.verifyChunkSlots.value, retention.filled - first);
      if (count <= 0) return undefined;
      const slots = Array.from({ length: count }, (_, item) => first + item);
      const segments = Uint8Array.from(slots, (slot) => retention.lists.segmentOf(slot));
      const ids = idsOf(retention, slots);
      const { report, damaged } = await disk.request<'verify'>({ type: 'verify', first, ids, segments });
      for (const what of ['slots', 'blocks', 'damaged', 'free'] as const) total[what] += report[what];
      return dropDamaged(damaged);
    });
    if (wiped === undefined) break;
    onProgress({ slots: total.slots, totalSlots: retention.filled });
  }
  return total;

  /** Not waited for within the chore, which the batch that wipes them comes after. */
  function dropDamaged(damaged: readonly number[]): number {
    const free = damaged.filter((slot) => retention.lists.segmentOf(slot) === SEGMENT.free);
    for (const slot of damaged) if (!free.includes(slot)) void writer.drop(slot);
    if (free.length > 0) void writer.wipeFree(free.filter((slot) => !writer.isStale(slot)));
    return damaged.length;
  }
}

/** More slots from now on; they are filled in the background. @throws StoreError */
export async function grow({ disk, retention, writer }: Workings, capacitySlots: number): Promise<void> {
  await writer.chore(async () => {
    await disk.request<'capacity'>({ type: 'capacity', capacitySlots });
    retention.setCapacity(capacitySlots);
    writer.filler.start();
  });
}

/** @throws StoreError; then the store has its old capacity again, and has lost the oldest blocks */
export async function shrink(workings: Workings, end: number): Promise<void> {
  const { disk, retention, writer } = workings;
  const before = retention.capacitySlots;
  await writer.chore(async () => {
    writer.filler.pause();
    retention.setCapacity(end);
    retention.free.retain((slot) => slot < end);
  });
  try {
    for (let slot = retention.surplus(); slot !== undefined; slot = retention.surplus())
      void writer.drop(slot);
    // A batch that took its slots before has written them when this chore runs; later ones take none behind the end.
    await writer.chore(async () => undefined);
    await moveOut(workings, end);
    await writer.chore(() => cutOff(workings, end));
    await writer.chore(async () => {
      await disk.request<'capacity'>({ type: 'capacity', capacitySlots: end });
      await disk.request<'compact'>({ type: 'compact' });
      writer.filler.start();
    });
  } catch (error) {
    await writer.chore(async () => {
      retention.setCapacity(before);
      writer.reclaim(end);
      writer.filler.start();
    });
    throw error;
  }
}

async function cutOff({ disk, retention, writer }: Workings, end: number): Promise<void> {
  const behind = Array.from({ length: Math.max(0, retention.filled - end) }, (_, item) => end + item);
  for (const slot of behind) assert(retention.lists.segmentOf(slot) === SEGMENT.free, 'no block is cut off');
  const rowIds = idsOf(retention, behind);
  const kept = Math.min(end, retention.filled);
  await disk.request<'truncate'>({ type: 'truncate', end: kept, rowIds });
  writer.forgetStale(end);
  retention.setFilled(kept);
}

/** Until no block lies behind `end`. Each is durable in its new slot before the old one counts no more. */
async function moveOut({ retention, writer, readBlock }: Workings, end: number): Promise<void> {
  const move = async (slot: number) => {
    const id = retention.ids.idOf(slot).slice();
    const block = await readBlock(slot, id);
    if (block) await writer.write({ type: 'relocate', id, block, slot });
  };
  // A block that was being written while it was read is met again in the next round.
  for (let isLeft = true; isLeft;) {
    isLeft = false;
    let moves: Promise<void>[] = [];
    for (let slot = end; slot < retention.filled; slot++) {
      if (retention.lists.segmentOf(slot) === SEGMENT.free) continue;
      isLeft = true;
      moves.push(move(slot));
      if (moves.length < storeLimits.relocationsAtOnce.value) continue;
      await Promise.all(moves);
      moves = [];
    }
    await Promise.all(moves);
  }
}

function idsOf(retention: Retention, slots: readonly number[]): Uint8Array {
  const ids = new Uint8Array(slots.length * ID_BYTES);
  for (const [item, slot] of slots.entries()) ids.set(retention.ids.idOf(slot), item * ID_BYTES);
  return ids;
}
