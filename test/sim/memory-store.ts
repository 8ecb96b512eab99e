/**
 * The block store of a simulated node: the outcomes and the eviction of the slot store, in memory, without waiting.
 *
 * It survives nothing and never refuses for want of disk. Blocks are kept by reference, so that a thousand nodes can hold one
 * block in the room of one.
 *
 * Invariant: equal calls in an equal order give equal answers to those of the slot store (test/compliance/block-store.ts).
 */
import { BLOCK_BYTES, assert, equalBytes, toText as encode } from '../../keys/index.ts';
import type { Block, RoutingKey } from '../../keys/index.ts';
import { StoreError } from '../../store/index.ts';
import type { BlockStore, PutOptions, PutOutcome, StorePart, StoreStats } from '../../store/index.ts';

const DAY_MS = 86_400_000;
const PROTECTED_SHARE = 0.8;
const DISPLACED_SHARE_PER_DAY = 0.01;
/** Of probation, by all links together. */
const DISPLACED_BY_ALL_PER_DAY = 0.1;
const KEPT_DAYS = 10;

/** Keys travel as values through thousands of nodes, and nobody changes them: their text is made once. */
const texts = new WeakMap<RoutingKey, string>();

function toText(key: RoutingKey): string {
  let text = texts.get(key);
  if (text === undefined) {
    text = encode(key);
    texts.set(key, text);
  }
  return text;
}

type Segment = 'probation' | 'protected' | 'cache';

interface Kept {
  readonly block: Block;
  /** The day on which it came, or was first fetched; undefined when it was protected before. */
  readonly day?: number;
  /** The first fetch over a link, while the block is in probation. */
  readonly first?: { readonly from: string; readonly day: number };
}

export class MemoryStore implements BlockStore {
  readonly #capacityBlocks: Readonly<Record<StorePart, number>>;
  readonly #clock: () => number;
  /** Least recently used first: a Map keeps the order of insertion, and renewing inserts again. */
  readonly #segments: Readonly<Record<Segment, Map<string, Kept>>> = {
    probation: new Map(),
    protected: new Map(),
    cache: new Map(),
  };
  #displaced = { day: 0, byAll: 0, counts: new Map<string, number>() };
  #closed = false;
  #frozen = false;

  /** `clock` gives milliseconds, for the day; it stands still unless given. */
  constructor(capacityBlocks: Readonly<Record<StorePart, number>>, clock: () => number = () => 0) {
    assert(
      capacityBlocks.store >= 1 && capacityBlocks.cache >= 1,
      'each part of a store has room for one block',
    );
    this.#capacityBlocks = capacityBlocks;
    this.#clock = clock;
  }

  /** `get` for the simulator, whose nodes do not wait. */
  getNow(key: RoutingKey, from?: string): Block | undefined {
    const text = toText(key);
    const segment = this.#segmentOf(text);
    if (!segment) return undefined;
    if (from === undefined) return this.#segments[segment].get(text)?.block;
    const kept = this.#renew(segment, text);
    if (segment === 'probation') this.#fetched(text, kept, from);
    return kept.block;
  }

  /** Refuses what is new from now on. */
  freeze(): void {
    this.#frozen = true;
  }

  /** `put` for the simulator. */
  putNow(key: RoutingKey, block: Block, { part, from }: PutOptions): PutOutcome {
    const text = toText(key);
    const segment = this.#segmentOf(text);
    if (segment) {
      const kept = this.#segments[segment].get(text);
      if (kept && !equalBytes(kept.block, block)) return 'collision';
      if (part === 'cache' || segment !== 'cache') {
        this.#renew(segment, text);
        return 'present';
      }
    }
    if (this.#frozen) return 'refused';
    if (this.#count(part) >= this.#capacityBlocks[part] && !this.#evict(part, from)) return 'refused';
    if (segment) this.#segments[segment].delete(text);
    if (part === 'cache') this.#segments.cache.set(text, { block });
    else this.#segments.probation.set(text, { block, day: this.#day() });
    return 'written';
  }

  /** Where a block lies; a look that leaves no trace. */
  partOf(key: RoutingKey): StorePart | undefined {
    const segment = this.#segmentOf(toText(key));
    return segment === undefined || segment === 'cache' ? segment : 'store';
  }

  async get(key: RoutingKey, from?: string): Promise<Block | undefined> {
    this.#assertOpen();
    return this.getNow(key, from);
  }

  async put(key: RoutingKey, block: Block, options: PutOptions): Promise<PutOutcome> {
    this.#assertOpen();
    return this.putNow(key, block, options);
  }

  stats(): StoreStats {
    const capacity = this.#capacityBlocks;
    const total = capacity.store + capacity.cache;
    return {
      parts: {
        store: {
          blocks: this.#count('store'),
          capacityBlocks: capacity.store,
          protectedBlocks: this.#segments.protected.size,
        },
        cache: { blocks: this.#count('cache'), capacityBlocks: capacity.cache },
      },
      usedBytes: (this.#count('store') + this.#count('cache')) * BLOCK_BYTES,
      limitBytes: total * BLOCK_BYTES,
      silent: true,
      hasRoom: true,
      slots: { filled: total, total },
      format: 0,
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #segmentOf(text: string): Segment | undefined {
    const { probation, protected: kept, cache } = this.#segments;
    if (kept.has(text)) return 'protected';
    if (probation.has(text)) return 'probation';
    return cache.has(text) ? 'cache' : undefined;
  }

  #count(part: StorePart): number {
    const { probation, protected: kept, cache } = this.#segments;
    return part === 'cache' ? cache.size : probation.size + kept.size;
  }

  #renew(segment: Segment, text: string): Kept {
    const blocks = this.#segments[segment];
    const kept = blocks.get(text);
    assert(kept, 'what is renewed is there');
    blocks.delete(text);
    blocks.set(text, kept);
    return kept;
  }

  /** The second link on another day than the first protects the block. */
  #fetched(text: string, { block, first }: Kept, from: string): void {
    const { probation, protected: kept } = this.#segments;
    const day = this.#day();
    if (!first) probation.set(text, { block, day, first: { from, day } });
    if (!first || first.from === from || first.day === day) return;
    const most = Math.floor(this.#capacityBlocks.store * PROTECTED_SHARE);
    if (most === 0) return;
    probation.delete(text);
    kept.set(text, { block });
    while (kept.size > most) {
      const [oldest, demoted] = kept.entries().next().value ?? [];
      if (oldest === undefined || !demoted) return;
      kept.delete(oldest);
      probation.set(oldest, demoted);
    }
  }

  /** False when `from` may not displace what would have to go. */
  #evict(part: StorePart, from: string | undefined): boolean {
    const { probation, protected: kept, cache } = this.#segments;
    const blocks = part === 'cache' ? cache : probation.size > 0 ? probation : kept;
    for (const [text, { day }] of blocks) {
      if (part === 'store' && from !== undefined && (this.#isYoung(day) || !this.#mayDisplace(from)))
        return false;
      blocks.delete(text);
      return true;
    }
    return true;
  }

  #mayDisplace(from: string): boolean {
    const day = this.#day();
    if (this.#displaced.day !== day) this.#displaced = { day, byAll: 0, counts: new Map() };
    const { byAll, counts } = this.#displaced;
    const count = counts.get(from) ?? 0;
    if (byAll >= Math.max(2, Math.floor(this.#segments.probation.size * DISPLACED_BY_ALL_PER_DAY)))
      return false;
    if (count >= Math.max(1, Math.floor(this.#capacityBlocks.store * DISPLACED_SHARE_PER_DAY))) return false;
    this.#displaced.byAll += 1;
    counts.set(from, count + 1);
    return true;
  }

  #isYoung(since: number | undefined): boolean {
    const day = this.#day();
    return since !== undefined && since <= day && day - since < KEPT_DAYS;
  }

  #day(): number {
    return Math.floor(this.#clock() / DAY_MS);
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError('store_closed', 'the store is closed');
  }
}
