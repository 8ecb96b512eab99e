/**
 * The store on disk: two files of slots, one for each part (docs/spec/store.md). Here are the outcomes of a put, the order of calls
 * for one key, and the bounds on what is pending; batches and slots are slot-part.ts.
 *
 * It does not encrypt yet, keeps no recency across a restart, and does not lock its directory: the daemon opens it once.
 *
 * Invariants: those of block-store.ts. For one key at most one write is under way; all files together never pass `sizeBytes`.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { equalBytes, toText } from '../keys/index.ts';
import type { Block, RoutingKey } from '../keys/index.ts';
import { StoreError } from './block-store.ts';
import type { BlockStore, PutOutcome, StorePart, StoreStats } from './block-store.ts';
import { diskError } from './disk-error.ts';
import { storeLimits } from './limits.ts';
import { SLOT_BYTES } from './slot.ts';
import { FILE_HEAD_BYTES } from './slot-file.ts';
import { openSlotPart } from './slot-part.ts';
import type { Entry, SlotPart } from './slot-part.ts';

interface SlotStoreOptions {
  /** Made if it is missing, for this user alone. Nothing else belongs into it. */
  readonly directory: string;
  /** Bound of all files together; each part gets the whole slots that fit its share and needs at least one. */
  readonly sizeBytes: number;
  /** Share of *store* in `sizeBytes`, between 0 and 1; the rest is *cache*. Half unless given. */
  readonly storeShare?: number;
}

/**
 * A smaller `sizeBytes` than last time, or another share, cuts off the slots that no longer fit.
 * @throws StoreError store_format, disk_full, disk_failed
 */
export async function openSlotStore(options: SlotStoreOptions): Promise<BlockStore> {
  const { directory, sizeBytes, storeShare = 0.5 } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw diskError(`making ${directory}`, error);
  });
  const storeBytes = Math.floor(sizeBytes * storeShare);
  const partBytes = { store: storeBytes, cache: sizeBytes - storeBytes };
  const openPart = (part: StorePart) =>
    openSlotPart({
      path: join(directory, `${part}.slots`),
      capacityBlocks: Math.floor((partBytes[part] - FILE_HEAD_BYTES) / SLOT_BYTES),
    });
  const store = await openPart('store');
  try {
    return new SlotStore({ store, cache: await openPart('cache') }, sizeBytes);
  } catch (error) {
    await store.close();
    throw error;
  }
}

const ABSENT: Promise<undefined> = Promise.resolve(undefined);

/** Calls of one kind that have begun and not ended. */
interface Calls {
  readonly pending: Set<Promise<unknown>>;
  readonly limit: number;
}

class SlotStore implements BlockStore {
  readonly #parts: Readonly<Record<StorePart, SlotPart>>;
  readonly #limitBytes: number;
  /** Blocks on their way to the disk: a get is answered from here, a put of the same key waits for `settled`. */
  readonly #writing = new Map<string, { readonly block: Block; readonly settled: Promise<void> }>();
  readonly #gets: Calls = { pending: new Set(), limit: storeLimits.getsPending.value };
  readonly #puts: Calls = { pending: new Set(), limit: storeLimits.putsPending.value };
  #closing: Promise<void> | undefined;

  constructor(parts: Readonly<Record<StorePart, SlotPart>>, limitBytes: number) {
    this.#parts = parts;
    this.#limitBytes = limitBytes;
  }

  get(key: RoutingKey): Promise<Block | undefined> {
    // Most of what a node is asked for is not here, and that needs no disk.
    if (this.#closing === undefined && this.#isAbsent(toText(key))) return ABSENT;
    return this.#admit(this.#gets, () => this.#get(key));
  }

  put(key: RoutingKey, block: Block, part: StorePart): Promise<PutOutcome> {
    return this.#admit(this.#puts, () => this.#put(key, block, part));
  }

  stats(): StoreStats {
    const { store, cache } = this.#parts;
    return {
      parts: {
        store: { blocks: store.blocks, capacityBlocks: store.capacityBlocks },
        cache: { blocks: cache.blocks, capacityBlocks: cache.capacityBlocks },
      },
      usedBytes: 2 * FILE_HEAD_BYTES + (store.extent + cache.extent) * SLOT_BYTES,
      limitBytes: this.#limitBytes,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.allSettled([...this.#gets.pending, ...this.#puts.pending]);
    await Promise.all([this.#parts.store.close(), this.#parts.cache.close()]);
  }

  async #admit<T>({ pending, limit }: Calls, begin: () => Promise<T>): Promise<T> {
    if (this.#closing) throw new StoreError('store_closed', 'the store is closed');
    if (pending.size >= limit) throw new StoreError('store_busy', `${limit} calls wait for the disk already`);
    const call = begin();
    pending.add(call);
    try {
      return await call;
    } finally {
      pending.delete(call);
    }
  }

  async #get(key: RoutingKey): Promise<Block | undefined> {
    const text = toText(key);
    for (;;) {
      const writing = this.#writing.get(text);
      if (writing) return writing.block;
      const place = this.#find(text);
      if (!place) return undefined;
      const found = await place.part.read(place.entry, key);
      if (found) {
        place.part.renew(place.entry);
        return found;
      }
      // Damaged and dropped, or overwritten while it was read: it may lie elsewhere.
    }
  }

  async #put(key: RoutingKey, block: Block, part: StorePart): Promise<PutOutcome> {
    const text = toText(key);
    for (;;) {
      const writing = this.#writing.get(text);
      if (writing) {
        await writing.settled;
        continue;
      }
      const place = this.#find(text);
      if (!place) return this.#write(key, block, part);
      const found = await place.part.read(place.entry, key);
      if (!found || this.#writing.has(text) || place.part.find(text) !== place.entry) continue;
      if (!equalBytes(found, block)) return 'collision';
      if (part === 'store' && place.part !== this.#parts.store) return this.#write(key, block, part);
      place.part.renew(place.entry);
      return 'present';
    }
  }

  /** Called in the same turn of the event loop in which the caller saw that nobody writes this key. */
  async #write(key: RoutingKey, block: Block, part: StorePart): Promise<PutOutcome> {
    const text = toText(key);
    const { promise: settled, resolve } = Promise.withResolvers<void>();
    this.#writing.set(text, { block, settled });
    try {
      await this.#parts[part].write(key, block);
      // A move. The cache forgets after the store has it for certain, and before anybody can write other bytes under this key.
      const moved = part === 'store' ? this.#parts.cache.find(text) : undefined;
      if (moved) await this.#parts.cache.drop(moved);
      return 'written';
    } finally {
      this.#writing.delete(text);
      resolve();
    }
  }

  #isAbsent(text: string): boolean {
    return !this.#writing.has(text) && this.#find(text) === undefined;
  }

  #find(text: string): { readonly part: SlotPart; readonly entry: Entry } | undefined {
    for (const part of [this.#parts.store, this.#parts.cache]) {
      const entry = part.find(text);
      if (entry) return { part, entry };
    }
    return undefined;
  }
}
