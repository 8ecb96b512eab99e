/**
 * The store on disk (docs/spec/store.md). Here are the outcomes of a put, the order of calls for one key, and the bounds on what is
 * pending; what is kept is retention.ts, what is written when is slot-writer.ts, and the disk is another thread's.
 *
 * Invariants: those of block-store.ts. For one key at most one write is under way. Nothing on the disk can be read, or tested against
 * a list of keys, without the store's key.
 */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { assert, equalBytes } from '../keys/index.ts';
import type { Block, RoutingKey } from '../keys/index.ts';
import { StoreError } from './block-store.ts';
import type {
  DiskStore,
  PutOptions,
  PutOutcome,
  StorePart,
  StoreStats,
  VerifyProgress,
  VerifyReport,
} from './block-store.ts';
import { DiskClient } from './disk-client.ts';
import { diskError } from './disk-error.ts';
import { FORMAT, SLOTS_FILE, capacitySlots } from './layout.ts';
import { storeLimits } from './limits.ts';
import { grow, saveRecency, shrink, verifySlots } from './maintenance.ts';
import type { Workings } from './maintenance.ts';
import type { OpenedDisk } from './messages.ts';
import type { SlotStoreOptions } from './options.ts';
import { Retention } from './retention.ts';
import { storeSecrets } from './secrets.ts';
import type { StoreSecrets } from './secrets.ts';
import { ID_BYTES, SEGMENT } from './slot.ts';
import type { UsedSegment } from './slot.ts';
import { SlotReader } from './slot-reader.ts';
import { SlotWriter } from './slot-writer.ts';

/** A smaller `sizeBytes` than last time is a `resize`. @throws StoreError store_format, data_dir_locked, disk_full, disk_failed */
export async function openSlotStore(options: SlotStoreOptions): Promise<DiskStore> {
  const { directory, sizeBytes, storeShare = 0.5, key, clock = Date.now, io } = options;
  const slots = slotsFor(sizeBytes, storeShare);
  const secrets = storeSecrets(key);
  let writer: SlotWriter | undefined;
  const disk = new DiskClient({ directory, key, io }, (found) => writer?.reconcile(found));
  let reader: SlotReader | undefined;
  try {
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw diskError(`making ${directory}`, error);
    }
    const opened = await disk.request<'open'>({ type: 'open', capacitySlots: slots });
    const capacity = Math.max(slots, opened.segments.length);
    const retention = new Retention({
      capacitySlots: capacity,
      storeShare,
      clock,
      linkMark: secrets.linkMark,
    });
    writer = new SlotWriter(disk, retention);
    adopt(retention, opened);
    const least = Math.min(storeLimits.fillAtOpenSlots.value, slots);
    if (retention.filled < least) await writer.filler.fillOrThrow(least - retention.filled);
    if (retention.filled === 0)
      throw new StoreError('disk_full', `${directory}: there is no room for one block`);
    reader = openReader(join(directory, SLOTS_FILE), secrets);
    const store = new SlotStore(
      { directory, storeShare, secrets, disk, retention, writer, reader },
      sizeBytes,
    );
    if (capacity > slots) await store.fit(slots);
    else writer.filler.start();
    return store;
  } catch (error) {
    await disk.stop();
    await reader?.close();
    throw error;
  }
}

function slotsFor(sizeBytes: number, storeShare: number): number {
  const slots = capacitySlots(sizeBytes);
  assert(slots >= (storeShare > 0 && storeShare < 1 ? 2 : 1), 'each part of a store has room for one block');
  return slots;
}

function openReader(path: string, secrets: StoreSecrets): SlotReader {
  try {
    return new SlotReader(path, secrets.block);
  } catch (error) {
    throw diskError(`opening ${path}`, error);
  }
}

function adopt(retention: Retention, { ids, segments, order, marks }: OpenedDisk): void {
  retention.setFilled(segments.length);
  const idOf = (slot: number) => ids.subarray(slot * ID_BYTES, (slot + 1) * ID_BYTES);
  for (const [slot, segment] of segments.entries()) {
    if (segment !== SEGMENT.free) continue;
    retention.ids.setId(slot, idOf(slot));
    retention.free.add(slot);
  }
  for (const slot of order) {
    retention.keep(slot, idOf(slot), (segments[slot] ?? SEGMENT.probation) as UsedSegment);
    retention.setMark(slot, marks[slot] ?? 0);
  }
}

const ABSENT: Promise<undefined> = Promise.resolve(undefined);

/** Calls of one kind that have begun and not ended. */
interface Calls {
  readonly pending: Set<Promise<unknown>>;
  readonly limit: number;
}

interface Parts extends Omit<Workings, 'readBlock'> {
  readonly directory: string;
  readonly storeShare: number;
  readonly secrets: StoreSecrets;
  readonly reader: SlotReader;
}

class SlotStore implements DiskStore {
  readonly #parts: Parts;
  readonly #workings: Workings;
  #limitBytes: number;
  /** Blocks on their way to the disk, by their id's text: a get is answered from here, a put of the same key waits for `settled`. */
  readonly #writing = new Map<string, { readonly block: Block; readonly settled: Promise<void> }>();
  readonly #gets: Calls = { pending: new Set(), limit: storeLimits.getsPending.value };
  readonly #puts: Calls = { pending: new Set(), limit: storeLimits.putsPending.value };
  /** One resize or several verifies. */
  readonly #maintenance = new Set<Promise<unknown>>();
  #isResizing = false;
  #saving: NodeJS.Timeout;
  #closing: Promise<void> | undefined;

  constructor(parts: Parts, limitBytes: number) {
    this.#parts = parts;
    this.#workings = { ...parts, readBlock: (slot, id) => this.#read(slot, id) };
    this.#limitBytes = limitBytes;
    this.#saving = setInterval(() => {
      // A disk that does not take it now is asked again at the next time.
      saveRecency(this.#workings).catch(expectStoreError);
    }, storeLimits.recencySaveMs.value);
    this.#saving.unref();
  }

  /** Cuts a store that was opened with less room than it has. */
  async fit(slots: number): Promise<void> {
    await shrink(this.#workings, slots);
  }

  get(key: RoutingKey, from?: string): Promise<Block | undefined> {
    const id = this.#parts.secrets.slotId(key);
    // Most of what a node is asked for is not here, and that needs no disk.
    if (!this.#closing && !this.#writing.has(textOf(id)) && this.#parts.retention.find(id) === undefined)
      return ABSENT;
    return this.#admit(this.#gets, () => this.#get(id, from));
  }

  put(key: RoutingKey, block: Block, options: PutOptions): Promise<PutOutcome> {
    return this.#admit(this.#puts, () => this.#put(this.#parts.secrets.slotId(key), block, options));
  }

  stats(): StoreStats {
    const { retention, directory } = this.#parts;
    const part = (name: StorePart) => ({
      blocks: retention.blocks(name),
      capacityBlocks: retention.capacityBlocks(name),
    });
    return {
      parts: {
        store: { ...part('store'), protectedBlocks: retention.lists.count(SEGMENT.protected) },
        cache: part('cache'),
      },
      usedBytes: bytesIn(directory),
      limitBytes: this.#limitBytes,
      silent: retention.filled >= retention.capacitySlots,
      hasRoom: this.#parts.writer.filler.state !== 'stuck',
      slots: { filled: Math.min(retention.filled, retention.capacitySlots), total: retention.capacitySlots },
      format: FORMAT,
    };
  }

  verify(onProgress: (progress: VerifyProgress) => void = () => undefined): Promise<VerifyReport> {
    return this.#maintain(() => verifySlots(this.#workings, onProgress));
  }

  async resize(sizeBytes: number): Promise<void> {
    const { retention, storeShare } = this.#parts;
    const slots = slotsFor(sizeBytes, storeShare);
    if (this.#isResizing) throw new StoreError('store_busy', 'the store is being resized already');
    this.#isResizing = true;
    try {
      if (slots >= retention.capacitySlots) {
        this.#limitBytes = sizeBytes;
        await this.#maintain(() => grow(this.#workings, slots));
      } else {
        await this.#maintain(() => shrink(this.#workings, slots));
        this.#limitBytes = sizeBytes;
      }
    } finally {
      this.#isResizing = false;
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#saving);
    await Promise.allSettled([...this.#gets.pending, ...this.#puts.pending, ...this.#maintenance]);
    const { writer, disk, reader } = this.#parts;
    writer.filler.pause();
    await writer.settled();
    // What the disk refuses now costs the order of use at most: everything acknowledged is durable.
    await saveRecency(this.#workings).catch(expectStoreError);
    await writer.settled();
    await disk.request<'close'>({ type: 'close' }).catch(expectStoreError);
    await disk.stop();
    await reader.close();
  }

  async #maintain<T>(begin: () => Promise<T>): Promise<T> {
    if (this.#closing) throw new StoreError('store_closed', 'the store is closed');
    const work = begin();
    this.#maintenance.add(work);
    try {
      return await work;
    } finally {
      this.#maintenance.delete(work);
    }
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

  async #get(id: Uint8Array, from: string | undefined): Promise<Block | undefined> {
    const { retention } = this.#parts;
    for (;;) {
      const writing = this.#writing.get(textOf(id));
      if (writing) return writing.block;
      const slot = retention.find(id);
      if (slot === undefined) return undefined;
      const found = await this.#read(slot, id);
      if (!found) continue;
      const now = retention.find(id);
      if (now !== undefined && from !== undefined) {
        retention.touch(now);
        retention.fetched(now, from);
      }
      return found;
    }
  }

  async #put(id: Uint8Array, block: Block, options: PutOptions): Promise<PutOutcome> {
    const { retention } = this.#parts;
    // A store without a part of that name (a client cache) keeps what it gets as cache.
    const part = options.part === 'store' && retention.capacityBlocks('store') === 0 ? 'cache' : options.part;
    for (;;) {
      const writing = this.#writing.get(textOf(id));
      if (writing) {
        await writing.settled;
        continue;
      }
      const slot = retention.find(id);
      if (slot === undefined) return this.#write(id, block, { ...options, part });
      const found = await this.#read(slot, id);
      if (!found || this.#writing.has(textOf(id)) || retention.find(id) !== slot) continue;
      if (!equalBytes(found, block)) return 'collision';
      if (part === 'store' && retention.partOf(slot) === 'cache')
        return this.#write(id, block, { ...options, part });
      retention.touch(slot);
      return 'present';
    }
  }

  /** Called in the same turn of the event loop in which the caller saw that nobody writes this key. */
  async #write(id: Uint8Array, block: Block, { part, from }: PutOptions): Promise<PutOutcome> {
    const { promise: settled, resolve } = Promise.withResolvers<void>();
    this.#writing.set(textOf(id), { block, settled });
    try {
      const written = await this.#parts.writer.write({ type: 'put', id, block, part, from });
      assert(written !== 'gone', 'only a block that moves can go');
      return written;
    } finally {
      this.#writing.delete(textOf(id));
      resolve();
    }
  }

  /** Undefined when the block left while it was read, or was damaged: then it is dropped. @throws StoreError disk_failed */
  async #read(slot: number, id: Uint8Array): Promise<Block | undefined> {
    const { reader, retention, writer } = this.#parts;
    const { epoch } = writer;
    let found: Block | undefined;
    try {
      found = await reader.read(slot, id);
    } catch (error) {
      throw diskError('reading a block', error);
    }
    // While a batch was at the disk the slot may have been given to another block, and back; then the caller looks again.
    if (!found && writer.epoch === epoch && retention.find(id) === slot) void writer.drop(slot);
    return found;
  }
}

/** Two names of one slot id: bytes on the disk, text in a Map. */
function textOf(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1');
}

function bytesIn(directory: string): number {
  let sum = 0;
  for (const name of readdirSync(directory))
    sum += statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0;
  return sum;
}

function expectStoreError(error: unknown): void {
  if (!(error instanceof StoreError)) throw error;
}
