/**
 * One part of the slot store: a slot file, the index of what lies in it, and the group commit that writes to it.
 *
 * Puts that arrive while a batch is on its way to the disk form the next one: all are written, one `fdatasync` covers them, then
 * all are acknowledged. It does not decide outcomes and trusts its caller not to write one key twice at the same time.
 *
 * Invariants:
 * - An entry enters the index after its slot is durable and leaves it before the slot is overwritten.
 * - A slot is in the index, in the batch, `clean` (its head names no key), `stale` (its head may name a key that the index does not
 *   have there), or not yet part of the file. A stale slot is overwritten or erased by the next batch, before the acknowledgement
 *   of anything in that batch: otherwise the key could lie in two slots, and the older one be found at the next opening.
 */
import { LRUCache } from 'lru-cache';
import { assert, toText } from '../keys/index.ts';
import type { Block, RoutingKey } from '../keys/index.ts';
import { diskError } from './disk-error.ts';
import { storeLimits } from './limits.ts';
import { blockInSlot, slotHead } from './slot.ts';
import { openSlotFile } from './slot-file.ts';
import type { SlotContent, SlotFile } from './slot-file.ts';

/** One block that lies in the file. A new write of the same key makes a new entry, so identity tells whether it is still there. */
export interface Entry {
  readonly text: string;
  readonly slot: number;
}

interface Waiting extends SlotContent {
  readonly text: string;
  readonly done: PromiseWithResolvers<void>;
}

/**
 * Reads the heads of all slots; the blocks are checked when they are read. Slots beyond `capacityBlocks` are cut off.
 * @throws StoreError
 */
export async function openSlotPart(options: { path: string; capacityBlocks: number }): Promise<SlotPart> {
  assert(options.capacityBlocks >= 1, 'each part of a store has room for one block');
  try {
    const file = await openSlotFile(options.path);
    const part = new SlotPart(file, options.capacityBlocks);
    try {
      await part.load();
      return part;
    } catch (error) {
      await file.close();
      throw error;
    }
  } catch (error) {
    throw diskError(`opening ${options.path}`, error);
  }
}

export class SlotPart {
  readonly capacityBlocks: number;
  readonly #file: SlotFile;
  readonly #index: LRUCache<string, Entry>;
  /** Slots that the file has, whatever is in them. */
  #extent = 0;
  #clean: number[] = [];
  readonly #stale = new Set<number>();
  #queue: Waiting[] = [];
  #erasing: PromiseWithResolvers<void>[] = [];
  #working: Promise<void> | undefined;

  constructor(file: SlotFile, capacityBlocks: number) {
    this.#file = file;
    this.capacityBlocks = capacityBlocks;
    this.#index = new LRUCache({ max: capacityBlocks });
  }

  get blocks(): number {
    return this.#index.size;
  }

  /** Slots that take room in the file: never more than `capacityBlocks`. */
  get extent(): number {
    return this.#extent;
  }

  /** Once, before anything else. Recency is the order of the slots until blocks are asked for. */
  async load(): Promise<void> {
    this.#extent = Math.min(this.#file.slotsAtOpen, this.capacityBlocks);
    await this.#file.truncate(this.#extent);
    let slot = 0;
    for (const key of this.#file.keys(this.#extent)) {
      if (key) await this.#adopt(key, slot);
      else this.#clean.push(slot);
      slot++;
    }
  }

  /** A crash between writing a key's new slot and erasing its stale one leaves two heads with one key: the whole one counts. */
  async #adopt(key: RoutingKey, slot: number): Promise<void> {
    const text = toText(key);
    const earlier = this.#index.peek(text);
    if (earlier && (await this.#readSlot(earlier.slot, key))) {
      this.#stale.add(slot);
      return;
    }
    if (earlier) this.#stale.add(earlier.slot);
    this.#index.set(text, { text, slot });
  }

  find(text: string): Entry | undefined {
    return this.#index.peek(text);
  }

  /** `entry` becomes the most recently used, if it is still there. */
  renew(entry: Entry): void {
    if (this.find(entry.text) === entry) this.#index.get(entry.text);
  }

  /**
   * The block of `entry`; undefined when it left while it was read, or was damaged: then it is dropped.
   * @throws StoreError disk_failed when the disk does not read
   */
  async read(entry: Entry, key: RoutingKey): Promise<Block | undefined> {
    let found: Block | undefined;
    try {
      found = await this.#readSlot(entry.slot, key);
    } catch (error) {
      throw diskError('reading a block', error);
    }
    if (!found) void this.drop(entry);
    return found;
  }

  async #readSlot(slot: number, key: RoutingKey): Promise<Block | undefined> {
    return blockInSlot({ key, slot: await this.#file.read(slot) });
  }

  /** Resolves when the block is durable. @throws StoreError disk_full, disk_failed */
  write(key: RoutingKey, block: Block): Promise<void> {
    const done = Promise.withResolvers<void>();
    // The check costs 17 µs: here, one at a time, and not for a whole batch in one turn.
    this.#queue.push({ text: toText(key), head: slotHead({ key, block }), block, done });
    this.#wake();
    return done.promise;
  }

  /** Forgets `entry` at once and resolves when the disk has forgotten it too, or has failed to (the next batch tries again). */
  drop(entry: Entry): Promise<void> {
    if (this.find(entry.text) !== entry) return Promise.resolve();
    this.#index.delete(entry.text);
    this.#stale.add(entry.slot);
    const done = Promise.withResolvers<void>();
    this.#erasing.push(done);
    this.#wake();
    return done.promise;
  }

  /** Waits for what was begun. */
  async close(): Promise<void> {
    while (this.#working) await this.#working;
    await this.#file.close();
  }

  #wake(): void {
    this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    // What is put in the same turn of the event loop joins the first batch.
    await Promise.resolve();
    while (this.#queue.length > 0 || this.#erasing.length > 0) {
      await this.#commit(this.#queue.splice(0, Math.min(storeLimits.batchBlocks.value, this.capacityBlocks)));
    }
    this.#working = undefined;
  }

  /** Never throws: a failure goes to those who wait. */
  async #commit(batch: readonly Waiting[]): Promise<void> {
    const erasing = this.#erasing.splice(0);
    // In order, so that neighbours on the disk are written in one call.
    const slots = batch.map(() => this.#takeSlot()).sort((a, b) => a - b);
    const filled = batch.map((waiting, index) => ({ ...waiting, slot: at(slots, index) }));
    try {
      const erased = await this.#eraseStale();
      await allSettledOrThrow(runs(filled).map((run) => this.#file.write(at(run, 0).slot, run)));
      await this.#file.sync();
      for (const slot of erased) if (this.#stale.delete(slot)) this.#clean.push(slot);
      for (const { text, slot, done } of filled) {
        this.#index.set(text, { text, slot });
        done.resolve();
      }
    } catch (error) {
      // Nobody knows what lies in these slots now.
      for (const slot of slots) this.#stale.add(slot);
      for (const { done } of filled) done.reject(diskError('writing a block', error));
    }
    for (const done of erasing) done.resolve();
  }

  #takeSlot(): number {
    for (const slot of this.#stale) {
      this.#stale.delete(slot);
      return slot;
    }
    const clean = this.#clean.pop();
    if (clean !== undefined) return clean;
    if (this.#extent < this.capacityBlocks) return this.#extent++;
    const evicted = this.#index.pop();
    assert(evicted, 'a part has as many slots as a batch may take');
    return evicted.slot;
  }

  /** The slots that were erased. One that can't be erased stays stale and hinders no put: it is a duplicate at worst. */
  async #eraseStale(): Promise<number[]> {
    const slots = [...this.#stale];
    const results = await Promise.allSettled(slots.map((slot) => this.#file.erase(slot)));
    return slots.filter((_, index) => results[index]?.status === 'fulfilled');
  }
}

/** Waits for all even if one fails: the next batch must not meet a write of this one. */
async function allSettledOrThrow(writes: Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(writes))
    if (result.status === 'rejected') throw result.reason;
}

/** Cuts an ascending list where slots don't follow one another. */
function runs<T extends { readonly slot: number }>(filled: readonly T[]): T[][] {
  const result: T[][] = [];
  let previous: number | undefined;
  for (const item of filled) {
    if (previous !== undefined && item.slot === previous + 1) result.at(-1)?.push(item);
    else result.push([item]);
    previous = item.slot;
  }
  return result;
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  assert(item !== undefined, 'the index is within the list');
  return item;
}
