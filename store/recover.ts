/**
 * From what is on the disk to a row for every slot (docs/spec/store.md, 9): the one mechanism against a crash between two writes, a
 * torn or rotten index, and none at all. Slots that no valid row speaks for are read; what opens gets its row again, what does
 * not is overwritten. Blocks; runs in the disk's thread.
 *
 * Invariants: a directory of another key is not written to. A slot is overwritten only when it does not open, or when a newer one
 * holds its block. Afterwards every slot has one row. An intact index is read, and no slot.
 */
import { randomFillSync } from 'node:crypto';
import { readAnchor } from './anchor.ts';
import type { Anchor } from './anchor.ts';
import { StoreError } from './block-store.ts';
import { isCorrupt } from './disk-error.ts';
import { DiskIndex, deleteIndex } from './disk-index.ts';
import type { NamedRow } from './disk-index.ts';
import type { DiskIo } from './disk-io.ts';
import { slotPosition, slotsInFile } from './layout.ts';
import { storeLimits } from './limits.ts';
import type { StoreSecrets } from './secrets.ts';
import { SEGMENT, SLOT_BYTES, SLOT_USED_BYTES, ID_BYTES, openSlot } from './slot.ts';
import { SlotMap } from './slot-map.ts';

export interface Ground {
  readonly directory: string;
  readonly secrets: StoreSecrets;
  readonly disk: DiskIo;
  readonly capacitySlots: number;
}

export interface Recovered {
  readonly index: DiskIndex;
  readonly map: SlotMap;
  /** The last batch that both slots and index know, or one that nobody needs any more. */
  readonly batch: number;
}

/** What an index told. */
interface Told {
  readonly map: SlotMap;
  readonly lastBatch: number | undefined;
  /** Ids of rows that speak for no slot or for one that another row speaks for. */
  readonly strays: readonly Uint8Array[];
  readonly rows: number;
  readonly validRows: number;
}

/** `opened` is undefined when there is no index that could be opened. @throws StoreError store_format for another key */
export function recover(ground: Ground, opened: DiskIndex | undefined): Recovered {
  const { disk, secrets, directory, capacitySlots } = ground;
  const slots = slotsInFile(disk.sizeBytes());
  const anchor = readAnchor(disk, secrets.state);
  let index = opened;
  try {
    let told = index && tell(index, slots);
    if (index && !told) {
      index.close();
      index = undefined;
    }
    checkKey(ground, { anchor, told, slots });
    if (disk.sizeBytes() > slotPosition(0)) disk.truncate(slotPosition(slots));

    const { lastBatch } = told ?? {};
    const isOld = lastBatch === undefined || (anchor !== undefined && lastBatch < anchor.batch - 1);
    const isWhole = told !== undefined && told.validRows === told.rows && !isOld;
    const map = isOld || !told ? new SlotMap(slots) : told.map;
    const removed: Uint8Array[] = isWhole && told ? [...told.strays] : [];
    if (anchor && lastBatch === anchor.batch - 1) {
      for (const slot of anchor.slots) {
        if (slot >= slots || !map.isKnown(slot)) continue;
        removed.push(map.idOf(slot).slice());
        map.unlearn(slot);
      }
    }
    if (!isWhole) {
      index?.close();
      index = undefined;
      deleteIndex(directory);
    }
    told = undefined;
    const learned = examine(ground, map);
    const target = index ?? new DiskIndex(directory, secrets);
    index = target;
    target.setCapacity(Math.max(capacitySlots, slots));
    const written = isWhole ? learned : allOf(slots);
    writeRows(target, disk, { map, removed, written });
    const batch = Math.max(lastBatch ?? 0, anchor?.batch ?? 0);
    // Last: until then an index that is being made again counts as none.
    if (batch !== lastBatch || !isWhole) target.commit(disk, () => target.setLastBatch(batch));
    return { index: target, map, batch };
  } catch (error) {
    index?.close();
    throw error;
  }
}

/** Undefined when the index is damaged beyond reading. */
function tell(index: DiskIndex, slots: number): Told | undefined {
  const map = new SlotMap(slots);
  const conflicts = new Set<number>();
  const strays: Uint8Array[] = [];
  let rows = 0;
  let validRows = 0;
  try {
    for (const row of index.rows()) {
      rows++;
      if (!row) continue;
      validRows++;
      if (row.slot >= slots) strays.push(row.id.slice());
      else if (map.isKnown(row.slot) || conflicts.has(row.slot)) {
        conflicts.add(row.slot);
        strays.push(row.id.slice());
        if (map.isKnown(row.slot)) strays.push(map.idOf(row.slot).slice());
        map.unlearn(row.slot);
      } else map.learn(row);
    }
    return { map, lastBatch: index.lastBatch(), strays, rows, validRows };
  } catch (error) {
    if (isCorrupt(error)) return undefined;
    throw error;
  }
}

/** Something on the disk must open with our key before anything is written, unless there is nothing on the disk. */
function checkKey(
  { disk, secrets, directory }: Ground,
  seen: { readonly anchor: Anchor | undefined; readonly told: Told | undefined; readonly slots: number },
): void {
  const { anchor, told, slots } = seen;
  if (anchor || told?.lastBatch !== undefined || (told && told.validRows > 0)) return;
  const isEmpty = slots === 0 && (!told || told.rows === 0);
  if (isEmpty) return;
  // An index that can be read and has no row for our key is not a damaged one.
  if (!told || told.rows === 0)
    for (let slot = 0; slot < slots; slot++) if (openSlot(secrets.block, readSlot(disk, slot))) return;
  throw new StoreError('store_format', `${directory} was written with another key`);
}

/** Reads the slots that are not known. What does not open is filled with random bytes. Gives the slots that it learned. */
function examine({ disk, secrets }: Ground, map: SlotMap): number[] {
  const learned: number[] = [];
  for (let slot = 0; slot < map.slots; slot++) {
    if (map.isKnown(slot)) continue;
    learned.push(slot);
    const bytes = readSlot(disk, slot);
    const content = openSlot(secrets.block, bytes);
    if (content) map.learn({ slot, id: bytes.slice(0, ID_BYTES), ...content });
  }
  // A slot that was known has become unknown when a newer one with its id was found.
  let isChanged = false;
  const free: number[] = [];
  for (let slot = 0; slot < map.slots; slot++) {
    if (map.isKnown(slot)) continue;
    free.push(slot);
    const bytes = randomFillSync(new Uint8Array(SLOT_BYTES));
    disk.write(bytes, slotPosition(slot));
    map.learn({ slot, id: bytes.subarray(0, ID_BYTES), segment: SEGMENT.free, counter: 0 });
    isChanged = true;
  }
  if (isChanged) disk.sync();
  return [...new Set([...learned, ...free])];
}

/** A partial one when the file ends in it. */
function readSlot(disk: DiskIo, slot: number): Uint8Array {
  const bytes = new Uint8Array(SLOT_USED_BYTES);
  return bytes.subarray(0, disk.read(bytes, slotPosition(slot)));
}

interface RowChanges {
  readonly map: SlotMap;
  readonly removed: readonly Uint8Array[];
  readonly written: Iterable<number>;
}

function writeRows(index: DiskIndex, disk: DiskIo, { map, removed, written }: RowChanges): void {
  // A row whose id lies in another slot now is overwritten below.
  const gone = removed.filter((id) => !map.has(id));
  const most = storeLimits.commitRows.value;
  for (const ids of chunksOf(gone, most))
    index.commit(disk, () => {
      for (const id of ids) index.removeIfThere(id);
    });
  for (const slots of chunksOf(written, most))
    index.commit(disk, () => {
      for (const slot of slots) index.put(rowOf(map, slot));
    });
}

function rowOf(map: SlotMap, slot: number): NamedRow {
  const segment = map.segments[slot] ?? SEGMENT.free;
  return {
    slot,
    id: map.idOf(slot),
    segment: segment as NamedRow['segment'],
    counter: map.counters[slot] ?? 0,
  };
}

function* allOf(slots: number): Generator<number> {
  for (let slot = 0; slot < slots; slot++) yield slot;
}

function* chunksOf<T>(items: Iterable<T>, most: number): Generator<readonly T[]> {
  let chunk: T[] = [];
  for (const item of items) {
    chunk.push(item);
    if (chunk.length === most) {
      yield chunk;
      chunk = [];
    }
  }
  if (chunk.length > 0) yield chunk;
}
