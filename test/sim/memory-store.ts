/**
 * The block store of a simulated node: the outcomes and the eviction of the slot store, in memory, without waiting.
 *
 * It survives nothing and never refuses for want of disk. Blocks are kept by reference, so that a thousand nodes can hold one
 * block in the room of one.
 *
 * Invariant: equal calls in an equal order give equal answers to those of the slot store (test/compliance/block-store.ts).
 */
import { BLOCK_BYTES, assert, equalBytes, toText } from '../../keys/index.ts';
import type { Block, RoutingKey } from '../../keys/index.ts';
import { StoreError } from '../../store/index.ts';
import type { BlockStore, PutOutcome, StorePart, StoreStats } from '../../store/index.ts';

export class MemoryStore implements BlockStore {
  readonly #capacityBlocks: Readonly<Record<StorePart, number>>;
  /** Least recently used first: a Map keeps the order of insertion, and renewing inserts again. */
  readonly #parts: Readonly<Record<StorePart, Map<string, Block>>> = { store: new Map(), cache: new Map() };
  #closed = false;

  constructor(capacityBlocks: Readonly<Record<StorePart, number>>) {
    assert(
      capacityBlocks.store >= 1 && capacityBlocks.cache >= 1,
      'each part of a store has room for one block',
    );
    this.#capacityBlocks = capacityBlocks;
  }

  /** `get` for the simulator, whose nodes do not wait. */
  getNow(key: RoutingKey): Block | undefined {
    const text = toText(key);
    for (const blocks of [this.#parts.store, this.#parts.cache]) {
      const found = blocks.get(text);
      if (found) {
        renew(blocks, text, found);
        return found;
      }
    }
    return undefined;
  }

  /** `put` for the simulator. */
  putNow(key: RoutingKey, block: Block, part: StorePart): PutOutcome {
    const text = toText(key);
    const { store, cache } = this.#parts;
    const found = store.get(text) ?? cache.get(text);
    if (found) {
      if (!equalBytes(found, block)) return 'collision';
      const holder = store.has(text) ? store : cache;
      if (part === 'cache' || holder === store) {
        renew(holder, text, found);
        return 'present';
      }
      cache.delete(text);
    }
    const blocks = this.#parts[part];
    if (blocks.size >= this.#capacityBlocks[part]) evictOldest(blocks);
    blocks.set(text, block);
    return 'written';
  }

  async get(key: RoutingKey): Promise<Block | undefined> {
    this.#assertOpen();
    return this.getNow(key);
  }

  async put(key: RoutingKey, block: Block, part: StorePart): Promise<PutOutcome> {
    this.#assertOpen();
    return this.putNow(key, block, part);
  }

  stats(): StoreStats {
    const { store, cache } = this.#parts;
    const capacity = this.#capacityBlocks;
    return {
      parts: {
        store: { blocks: store.size, capacityBlocks: capacity.store },
        cache: { blocks: cache.size, capacityBlocks: capacity.cache },
      },
      usedBytes: (store.size + cache.size) * BLOCK_BYTES,
      limitBytes: (capacity.store + capacity.cache) * BLOCK_BYTES,
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError('store_closed', 'the store is closed');
  }
}

function renew(blocks: Map<string, Block>, text: string, block: Block): void {
  blocks.delete(text);
  blocks.set(text, block);
}

function evictOldest(blocks: Map<string, Block>): void {
  for (const text of blocks.keys()) {
    blocks.delete(text);
    return;
  }
}
