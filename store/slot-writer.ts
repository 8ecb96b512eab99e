/**
 * Everything that changes the disk, in an order: batches of puts, chores between them, and the fill (docs/spec/store.md, 7).
 *
 * Puts that arrive while a batch is at the disk form the next one: one sync and one commit cover them all. It trusts its caller not
 * to write one key twice at the same time, and does not decide outcomes.
 *
 * Invariants:
 * - A block enters memory's index after it is durable and leaves it before its slot is given to another.
 * - A slot that may still hold a block that was dropped is *stale*. It is overwritten before, or in the batch in which, anything
 *   is acknowledged under its key: otherwise an older block could come back in place of a newer one.
 */
import { BLOCK_BYTES, assert } from '../keys/index.ts';
import type { Block } from '../keys/index.ts';
import { StoreError } from './block-store.ts';
import type { StorePart } from './block-store.ts';
import type { DiskClient } from './disk-client.ts';
import { Filler } from './filler.ts';
import { storeLimits } from './limits.ts';
import type { BatchDone, BatchWrites, FoundSlots } from './messages.ts';
import { NO_ID } from './retention.ts';
import type { Retention } from './retention.ts';
import { ID_BYTES, SEGMENT } from './slot.ts';
import type { UsedSegment } from './slot.ts';

/** A new block, or one that moves out of a slot that will be cut off. */
export type Write =
  | {
      readonly type: 'put';
      readonly id: Uint8Array;
      readonly block: Block;
      readonly part: StorePart;
      readonly from: string | undefined;
    }
  | { readonly type: 'relocate'; readonly id: Uint8Array; readonly block: Block; readonly slot: number };

type Written =
  | { readonly type: 'written'; readonly movedFrom: number | undefined }
  | { readonly type: 'refused' }
  | { readonly type: 'gone' };

interface Waiting {
  readonly write: Write;
  readonly done: PromiseWithResolvers<Written>;
}

interface Placed extends Waiting {
  readonly slot: number;
  readonly segment: UsedSegment;
}

export class SlotWriter {
  readonly #disk: DiskClient;
  readonly #retention: Retention;
  readonly #filler: Filler;
  readonly #queue: Waiting[] = [];
  readonly #chores: (() => Promise<void>)[] = [];
  readonly #stale = new Set<number>();
  #wiping: PromiseWithResolvers<void>[] = [];
  /** Slots that the batch at the disk writes or wipes. */
  #inFlight = new Set<number>();
  #working: Promise<void> | undefined;
  #batches = 0;

  constructor(disk: DiskClient, retention: Retention) {
    this.#disk = disk;
    this.#retention = retention;
    this.#filler = new Filler(disk, retention, () => this.#wake());
  }

  get filler(): Filler {
    return this.#filler;
  }

  /** Changes with every batch: a read that fails while it changed may have met a slot that was being written. */
  get epoch(): number {
    return this.#batches + (this.#inFlight.size > 0 ? 0.5 : 0);
  }

  /** Resolves when the block is durable; 'gone' when a block that was to move has been dropped meanwhile. @throws StoreError */
  async write(write: Write): Promise<Written['type']> {
    const done = Promise.withResolvers<Written>();
    this.#queue.push({ write, done });
    this.#wake();
    const written = await done.promise;
    // A block that moved into *store*: the cache's copy is gone before anybody can write other bytes under this key.
    if (written.type === 'written' && written.movedFrom !== undefined) await this.#wiped();
    return written.type;
  }

  /** Forgets the block in `slot` at once, and resolves when the disk has forgotten it too or has failed to: then the next batch tries. */
  drop(slot: number): Promise<void> {
    this.#retention.drop(slot);
    this.#stale.add(slot);
    return this.#wiped();
  }

  /** A slot that is free in memory and not what it was on the disk. */
  #wiped(): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#wiping.push(done);
    this.#wake();
    return done.promise;
  }

  /** Makes the random bytes of a free slot and its row agree again. */
  wipeFree(slots: readonly number[]): Promise<void> {
    const wanted = new Set(slots);
    this.#retention.free.retain((slot) => !wanted.has(slot));
    for (const slot of slots) this.#stale.add(slot);
    return this.#wiped();
  }

  isStale(slot: number): boolean {
    return this.#stale.has(slot);
  }

  /** Runs between two batches, alone. */
  chore<T>(run: () => Promise<T>): Promise<T> {
    const done = Promise.withResolvers<T>();
    this.#chores.push(() => run().then(done.resolve, done.reject));
    this.#wake();
    return done.promise;
  }

  /** Forgets stale slots from `end` on, which are cut off. Within a chore. */
  forgetStale(end: number): void {
    for (const slot of this.#stale) if (slot >= end) this.#stale.delete(slot);
  }

  /** Slots from `end` on, which were to be cut off, are used again. Within a chore. */
  reclaim(end: number): void {
    const { ids, lists, free, filled } = this.#retention;
    for (let slot = end; slot < filled; slot++) {
      if (lists.segmentOf(slot) !== SEGMENT.free || this.#stale.has(slot)) continue;
      // A block moved out, and left its bytes there.
      if (Buffer.compare(ids.idOf(slot), NO_ID) === 0) this.#stale.add(slot);
      else free.add(slot);
    }
  }

  /** Waits for what was begun. */
  async settled(): Promise<void> {
    while (this.#working) await this.#working;
  }

  #wake(): void {
    this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    // What is put in the same turn of the event loop joins the first batch.
    await Promise.resolve();
    for (let isBusy = true; isBusy;) {
      isBusy = false;
      if (this.#queue.length > 0 || this.#wiping.length > 0) {
        await this.#batch();
        isBusy = true;
      }
      const chore = this.#chores.shift();
      if (chore) {
        await chore();
        isBusy = true;
      }
      if (this.#filler.isDue()) {
        await this.#filler.fill();
        isBusy = true;
      }
    }
    this.#working = undefined;
  }

  /** Never throws: a failure goes to those who wait. */
  async #batch(): Promise<void> {
    const wiping = this.#wiping;
    this.#wiping = [];
    const wipes = [...this.#stale].slice(0, storeLimits.batchWipes.value);
    // With more stale slots than one batch takes, they come first.
    const placed = wipes.length < this.#stale.size ? [] : this.#place();
    if (placed.length === 0 && wipes.length === 0) {
      if (this.#queue.length > 0) await this.#makeRoom();
    } else {
      await this.#commit(placed, wipes);
    }
    for (const done of wiping) done.resolve();
  }

  /** Gives as many writes a slot as one batch takes, in their order. */
  #place(): Placed[] {
    const placed: Placed[] = [];
    while (placed.length < storeLimits.batchBlocks.value) {
      const waiting = this.#queue[0];
      if (!waiting) break;
      const { write, done } = waiting;
      if (write.type === 'relocate') {
        const segment = this.#retention.lists.segmentOf(write.slot);
        const slot = segment === SEGMENT.free ? undefined : this.#retention.free.take();
        if (segment === SEGMENT.free) done.resolve({ type: 'gone' });
        else if (slot === undefined) break;
        else placed.push({ ...waiting, slot, segment });
      } else {
        const room = this.#retention.take(
          write.part,
          write.from,
          this.#filler.state === 'filling' ? 'can-fill' : 'cannot-fill',
        );
        if (room.type === 'unfilled' || room.type === 'wait') break;
        if (room.type === 'refused') done.resolve({ type: 'refused' });
        else
          placed.push({
            ...waiting,
            slot: room.slot,
            segment: write.part === 'cache' ? SEGMENT.cache : SEGMENT.probation,
          });
      }
      this.#queue.shift();
    }
    return placed;
  }

  /** Nothing could be placed and nothing waits to be wiped: either more is filled, or the disk has no room for the first one. */
  async #makeRoom(): Promise<void> {
    if (this.#filler.state === 'filling') await this.#filler.fill();
    else this.#rejectFirst(new StoreError('disk_full', 'the disk has no room for one more block'));
  }

  #rejectFirst(error: StoreError): void {
    this.#queue.shift()?.done.reject(error);
  }

  async #commit(placed: readonly Placed[], wipes: readonly number[]): Promise<void> {
    this.#inFlight = new Set([...placed.map(({ slot }) => slot), ...wipes]);
    try {
      const writes = this.#writesOf(placed);
      const request = { type: 'batch', writes, wipes: this.#named(wipes) } as const;
      const done = await this.#disk.request<'batch'>(request, [writes.blocks.buffer]);
      for (const item of placed) this.#settle(item);
      if (this.#release(wipes, done) === 0 && placed.length === 0)
        this.#rejectFirst(
          new StoreError('disk_failed', 'the disk does not overwrite the slots that are left'),
        );
    } catch (error) {
      assert(error instanceof StoreError, 'the disk fails with an error of the store');
      // Nobody knows what lies in these slots now.
      for (const { slot, write, done } of placed) {
        if (write.type === 'put') this.#retention.settle(write.part);
        this.#stale.add(slot);
        done.reject(error);
      }
      if (placed.length === 0) this.#rejectFirst(error);
    }
    this.#inFlight = new Set();
    this.#batches++;
  }

  #settle({ write, slot, segment, done }: Placed): void {
    const retention = this.#retention;
    const existing = retention.find(write.id);
    if (write.type === 'relocate') {
      if (existing === write.slot) {
        retention.relocate(write.id, { from: existing, to: slot });
        retention.ids.setId(existing, NO_ID);
        done.resolve({ type: 'written', movedFrom: undefined });
      } else {
        // It was dropped while it was moved.
        retention.ids.setId(slot, write.id);
        this.#stale.add(slot);
        done.resolve({ type: 'gone' });
      }
      return;
    }
    retention.settle(write.part);
    if (existing !== undefined) {
      retention.drop(existing);
      // Its row names the new slot now.
      retention.ids.setId(existing, NO_ID);
      this.#stale.add(existing);
    }
    retention.keep(slot, write.id, segment);
    done.resolve({ type: 'written', movedFrom: existing });
  }

  /** How many of the slots are free now. */
  #release(wipes: readonly number[], { wipedIds }: BatchDone): number {
    let released = 0;
    for (const [item, slot] of wipes.entries()) {
      const id = wipedIds.subarray(item * ID_BYTES, (item + 1) * ID_BYTES);
      this.#retention.ids.setId(slot, id);
      if (Buffer.compare(id, NO_ID) === 0) continue;
      this.#stale.delete(slot);
      if (slot < this.#retention.capacitySlots) this.#retention.free.add(slot);
      released++;
    }
    return released;
  }

  #writesOf(placed: readonly Placed[]): BatchWrites & { readonly blocks: Uint8Array<ArrayBuffer> } {
    const ids = new Uint8Array(placed.length * ID_BYTES);
    // All of it is written before anybody reads it.
    const blocks = new Uint8Array(Buffer.allocUnsafeSlow(placed.length * BLOCK_BYTES).buffer);
    for (const [item, { write }] of placed.entries()) {
      ids.set(write.id, item * ID_BYTES);
      blocks.set(write.block, item * BLOCK_BYTES);
    }
    const segments = Uint8Array.from(placed, ({ segment }) => segment);
    return { ...this.#named(placed.map(({ slot }) => slot)), ids, segments, blocks };
  }

  #named(slots: readonly number[]): { slots: Uint32Array; rowIds: Uint8Array } {
    const rowIds = new Uint8Array(slots.length * ID_BYTES);
    for (const [item, slot] of slots.entries()) rowIds.set(this.#retention.ids.idOf(slot), item * ID_BYTES);
    return { slots: Uint32Array.from(slots), rowIds };
  }

  /** The index on disk was made again from the slots: what is not there is not in memory either, and row ids are those. */
  reconcile({ ids, segments }: FoundSlots): void {
    const retention = this.#retention;
    const suspects = new Set<number>();
    for (let slot = 0; slot < segments.length; slot++) {
      const id = ids.subarray(slot * ID_BYTES, (slot + 1) * ID_BYTES);
      const isFree = segments[slot] === SEGMENT.free;
      const isKept = slot < retention.filled && retention.lists.segmentOf(slot) !== SEGMENT.free;
      if (isKept) {
        if (!isFree && Buffer.compare(retention.ids.idOf(slot), id) === 0) continue;
        retention.drop(slot);
        this.#stale.add(slot);
      } else if (slot >= retention.filled) {
        if (slot >= retention.ids.slots) continue;
        this.#stale.add(slot);
      } else if (!isFree && !this.#inFlight.has(slot)) {
        suspects.add(slot);
        this.#stale.add(slot);
      }
      retention.ids.setId(slot, id);
    }
    if (suspects.size > 0) retention.free.retain((slot) => !suspects.has(slot));
    if (segments.length > retention.filled)
      retention.setFilled(Math.min(segments.length, retention.ids.slots));
  }
}
