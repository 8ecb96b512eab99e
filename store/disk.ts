/**
 * One open store as the disk's thread sees it: slots file, index, recency file, and the order in which they are written
 * (docs/spec/store.md, 7). Blocks. What is kept, and where, is decided on the main thread; opening is disk-open.ts.
 *
 * Invariants: a batch is acknowledged after its slots and its anchor are synced and then its rows committed. An index that turns
 * out damaged is made again from the slots, once, and the request tried again.
 */
import { createCipheriv, randomBytes, randomFillSync } from 'node:crypto';
import { statfsSync } from 'node:fs';
import { BLOCK_BYTES, assert } from '../keys/index.ts';
import { writeAnchor } from './anchor.ts';
import { diskError, isCorrupt, isDiskFull } from './disk-error.ts';
import { deleteIndex } from './disk-index.ts';
import type { DiskIndex } from './disk-index.ts';
import type { DiskIo } from './disk-io.ts';
import { overheadBytes, slotPosition } from './layout.ts';
import { storeLimits } from './limits.ts';
import type { BatchDone, DiskRequest, FillDone, FoundSlots, RecencyInput, VerifyDone } from './messages.ts';
import { loadRecency, saveRecency } from './recency-file.ts';
import { recover } from './recover.ts';
import type { Recovered } from './recover.ts';
import type { StoreSecrets } from './secrets.ts';
import { ID_BYTES, SEGMENT, SLOT_BYTES, SLOT_USED_BYTES, openSlot, sealSlot } from './slot.ts';
import type { Segment, UsedSegment } from './slot.ts';
import type { SlotMap } from './slot-map.ts';

/** A crash may have used counters that no row and no whole slot shows. */
const COUNTER_SKIP = 65_536;

type Of<Type extends DiskRequest['type']> = Extract<DiskRequest, { readonly type: Type }>;

export interface DiskOptions {
  readonly directory: string;
  readonly secrets: StoreSecrets;
  readonly capacitySlots: number;
  readonly wrap: (disk: DiskIo) => DiskIo;
}

export class Disk {
  readonly #directory: string;
  readonly #secrets: StoreSecrets;
  readonly #disk: DiskIo;
  /** A slot on its way to the disk: written before the next one is sealed. */
  readonly #sealed = new Uint8Array(SLOT_USED_BYTES);
  #capacitySlots: number;
  #index: DiskIndex | undefined;
  /** What the opening found, until it is taken. */
  #map: SlotMap | undefined;
  #filled = 0;
  #batch = 0;
  #counter = 0;
  /** Made again while this request is answered: its rows are these, not those that the request names. */
  #rebuilt: FoundSlots | undefined;

  constructor({ directory, secrets, capacitySlots }: DiskOptions, disk: DiskIo, recovered: Recovered) {
    this.#directory = directory;
    this.#secrets = secrets;
    this.#disk = disk;
    this.#capacitySlots = capacitySlots;
    this.#adopt(recovered);
  }

  get filled(): number {
    return this.#filled;
  }

  /** What the index had to be made again as, since the last call. */
  takeRebuilt(): FoundSlots | undefined {
    const rebuilt = this.#rebuilt;
    this.#rebuilt = undefined;
    return rebuilt;
  }

  /** Does it, and once more after the index was made again. */
  withIndex<T>(doing: string, run: (index: DiskIndex) => T): T {
    try {
      const index = this.#index ?? this.#rebuild();
      try {
        return run(index);
      } catch (error) {
        if (!isCorrupt(error) || this.#rebuilt) throw error;
        return run(this.#rebuild());
      }
    } catch (error) {
      throw diskError(doing, error);
    }
  }

  batch({ writes, wipes }: Of<'batch'>): BatchDone {
    return this.withIndex('writing a block', (index) => {
      const ids = Array.from(writes.slots, (_, item) => idAt(writes.ids, item));
      const firstCounter = this.#counter;
      for (const [item, slot] of writes.slots.entries()) {
        const block = writes.blocks.subarray(item * BLOCK_BYTES, (item + 1) * BLOCK_BYTES);
        const segment = (writes.segments[item] ?? SEGMENT.probation) as UsedSegment;
        const id = ids[item];
        assert(id, 'every write has an id');
        const counter = this.#counter++;
        sealSlot(this.#sealed, this.#secrets.block, { id, segment, counter, block });
        this.#disk.write(this.#sealed, slotPosition(slot));
      }
      const wipedIds = this.#wipe(wipes.slots);
      const batch = this.#batch + 1;
      writeAnchor(this.#disk, this.#secrets.state, { batch, slots: [...writes.slots, ...wipes.slots] });
      this.#disk.sync();
      index.commit(this.#disk, () => {
        for (const named of [writes, wipes])
          for (const [item, slot] of named.slots.entries())
            this.#removeRow(index, slot, idAt(named.rowIds, item));
        for (const [item, slot] of writes.slots.entries()) {
          const segment = (writes.segments[item] ?? SEGMENT.probation) as Segment;
          index.put({ slot, id: idAt(writes.ids, item), segment, counter: firstCounter + item });
        }
        for (const [item, slot] of wipes.slots.entries())
          if (!isZero(idAt(wipedIds, item)))
            index.put({ slot, id: idAt(wipedIds, item), segment: SEGMENT.free, counter: 0 });
        index.setLastBatch(batch);
      });
      this.#batch = batch;
      return { wipedIds };
    });
  }

  /** Overwrites slots, and gives the new id of each; a slot that can't be overwritten hinders nobody and keeps zeros. */
  #wipe(slots: Uint32Array): Uint8Array {
    const ids = new Uint8Array(slots.length * ID_BYTES);
    for (const [item, slot] of slots.entries()) {
      const bytes = randomFillSync(new Uint8Array(SLOT_BYTES));
      try {
        this.#disk.write(bytes, slotPosition(slot));
        ids.set(bytes.subarray(0, ID_BYTES), item * ID_BYTES);
      } catch (error) {
        // It stays stale. What is no error of the disk is a bug, and goes on from here.
        diskError('overwriting a slot', error);
      }
    }
    return ids;
  }

  #removeRow(index: DiskIndex, slot: number, rowId: Uint8Array): void {
    const id = this.#rebuilt ? idAt(this.#rebuilt.ids, slot) : rowId;
    if (!isZero(id)) index.remove(id);
  }

  /** More slots at the end of the file, with random bytes. */
  fill(wanted: number): FillDone {
    return this.withIndex('filling the store', (index) => {
      const first = this.#filled;
      const roomBytes = this.#freeBytes() - overheadBytes(this.#capacitySlots);
      const fitting = Math.min(wanted, Math.floor(roomBytes / SLOT_BYTES));
      const slots = Math.min(fitting, this.#capacitySlots - first);
      const isShort = fitting < wanted;
      if (slots <= 0) return { ids: new Uint8Array(0), isDiskFull: isShort };
      const bytes = randomStream(slots * SLOT_BYTES);
      const ids = new Uint8Array(slots * ID_BYTES);
      for (let item = 0; item < slots; item++)
        ids.set(bytes.subarray(item * SLOT_BYTES, item * SLOT_BYTES + ID_BYTES), item * ID_BYTES);
      try {
        this.#disk.write(bytes, slotPosition(first));
        this.#disk.sync();
        index.commit(this.#disk, () => {
          for (let item = 0; item < slots; item++)
            index.put({ slot: first + item, id: idAt(ids, item), segment: SEGMENT.free, counter: 0 });
        });
      } catch (error) {
        if (!isDiskFull(error)) throw error;
        this.#disk.truncate(slotPosition(first));
        return { ids: new Uint8Array(0), isDiskFull: true };
      }
      this.#filled += slots;
      return { ids, isDiskFull: isShort };
    });
  }

  #freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#directory);
    return bavail * bsize;
  }

  /** Reads slots that follow one another and compares them with what memory says of them. */
  verify({ first, ids, segments }: Of<'verify'>): VerifyDone {
    const slots = segments.length;
    const damaged: number[] = [];
    let blocks = 0;
    let free = 0;
    const bytes = new Uint8Array(SLOT_USED_BYTES);
    for (let item = 0; item < slots; item++) {
      const count = this.#disk.read(bytes, slotPosition(first + item));
      const isSame = Buffer.compare(bytes.subarray(0, ID_BYTES), idAt(ids, item)) === 0;
      const isFree = segments[item] === SEGMENT.free;
      if (!isSame || (!isFree && !openSlot(this.#secrets.block, bytes.subarray(0, count))))
        damaged.push(first + item);
      else if (isFree) free++;
      else blocks++;
    }
    return { report: { slots, blocks, damaged: damaged.length, free }, damaged };
  }

  setCapacity(capacitySlots: number): void {
    this.#capacitySlots = capacitySlots;
    this.withIndex('resizing the store', (index) => index.setCapacity(Math.max(capacitySlots, this.#filled)));
  }

  /** Cuts the file to `end` slots; `rowIds` are those of the slots behind.
   * Rows first: a crash leaves slots without rows, which the opening examines. */
  truncate({ end, rowIds }: Of<'truncate'>): void {
    this.withIndex('resizing the store', (index) => {
      const most = storeLimits.commitRows.value;
      for (let first = 0; first < rowIds.length / ID_BYTES; first += most)
        index.commit(this.#disk, () => {
          for (let item = first; item < Math.min(first + most, rowIds.length / ID_BYTES); item++)
            if (!isZero(idAt(rowIds, item))) index.removeIfThere(idAt(rowIds, item));
        });
      this.#disk.truncate(slotPosition(end));
      this.#disk.sync();
      this.#filled = end;
    });
  }

  /** Brings the index within the bounds of the capacity. */
  compact(): void {
    this.withIndex('resizing the store', (index) => {
      index.setCapacity(Math.max(this.#capacitySlots, this.#filled));
      index.compact(this.#disk, this.#capacitySlots);
    });
  }

  saveRecency({ changed, newer, oldest, marks }: RecencyInput): void {
    this.withIndex('saving the order of use', (index) => {
      this.#updateRows(index, changed);
      const lists = { counter: this.#counter, capacitySlots: this.#capacitySlots, newer, oldest, marks };
      this.#disk.saveRecency(() => saveRecency(this.#directory, this.#secrets.state, lists));
    });
  }

  /** Rows say which blocks are protected, in case that the recency file is lost. */
  #updateRows(index: DiskIndex, { slots, ids, segments }: RecencyInput['changed']): void {
    const most = storeLimits.commitRows.value;
    for (let first = 0; first < slots.length; first += most)
      index.commit(this.#disk, () => {
        for (let item = first; item < Math.min(first + most, slots.length); item++) {
          const id = idAt(ids, item);
          const row = index.row(id);
          if (row && row.slot === slots[item])
            index.put({ ...row, id, segment: (segments[item] ?? row.segment) as Segment });
        }
      });
  }

  loadRecency(): ReturnType<typeof loadRecency> {
    return loadRecency(this.#directory, this.#secrets.state);
  }

  close(): void {
    try {
      this.#index?.checkpoint(this.#disk);
    } finally {
      this.#index?.close();
      this.#disk.close();
    }
  }

  #rebuild(): DiskIndex {
    this.#index?.close();
    this.#index = undefined;
    deleteIndex(this.#directory);
    const ground = {
      directory: this.#directory,
      secrets: this.#secrets,
      disk: this.#disk,
      capacitySlots: this.#capacitySlots,
    };
    const recovered = recover(ground, undefined);
    this.#adopt(recovered);
    this.#map = undefined;
    const { ids, segments } = recovered.map;
    this.#rebuilt = { ids, segments };
    return recovered.index;
  }

  /** Once: the map of an opening. */
  takeMap(): SlotMap {
    const map = this.#map;
    assert(map, 'the map is taken once');
    this.#map = undefined;
    return map;
  }

  #adopt({ index, map, batch }: Recovered): void {
    this.#index = index;
    this.#map = map;
    this.#filled = map.slots;
    this.#batch = Math.max(batch, this.#batch);
    this.#counter = Math.max(this.#counter, map.newestCounter() + COUNTER_SKIP);
  }
}

/** ChaCha20 under a key that nobody keeps: as random as the system's source, and three times as fast. */
function randomStream(sizeBytes: number): Uint8Array {
  return createCipheriv('chacha20', randomBytes(32), randomBytes(16)).update(new Uint8Array(sizeBytes));
}

function idAt(ids: Uint8Array, item: number): Uint8Array {
  return ids.subarray(item * ID_BYTES, (item + 1) * ID_BYTES);
}

function isZero(id: Uint8Array): boolean {
  return id.every((byte) => byte === 0);
}
