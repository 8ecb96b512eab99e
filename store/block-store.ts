/**
 * What every store of blocks promises. The slot store on disk and the simulator's memory store both pass
 * test/compliance/block-store.ts.
 *
 * A store keeps two parts: *store* (blocks that this node answers for, by the store rule) and *cache* (blocks that passed by).
 * They never take room from each other: with one list, fetch traffic would push out what was inserted (measured: after half a
 * turnover 1 % of the inserted blocks were left, against 99 % with two).
 *
 * *store* has two segments. Blocks begin in probation; one that is fetched over two links on different days becomes protected, and
 * what one inserter floods the store with pushes out probation alone. And one link displaces a hundredth of the store a day.
 *
 * It does not decide what to keep, does not verify signatures, and knows of peers no more than a text that tells them apart.
 *
 * Invariants: what `put` has acknowledged survives kill -9 until eviction; `get` returns the bytes that were put, or nothing,
 * never other bytes; `usedBytes` never passes `limitBytes`.
 */
import type { Block, RoutingKey } from '../keys/index.ts';

/** *store*: this node answers for the block. *cache*: the block passed by. */
export type StorePart = 'store' | 'cache';

/**
 * - `written`: durable now.
 * - `present`: byte for byte there already (in this part), its recency renewed.
 * - `collision`: another block lies under this key in either part; nothing was changed. Which of two valid versions lives is
 *   not the store's choice: the first one does.
 * - `refused`: the link that the block came over has displaced its share of *store* today; nothing was changed.
 */
export type PutOutcome = 'written' | 'present' | 'collision' | 'refused';

export interface PutOptions {
  readonly part: StorePart;
  /** Identity of the peer over whose link the block came; left out when it came from nobody. */
  readonly from?: string | undefined;
}

/** Blocks are not copied on the way out, and not before they are written on the way in: whoever has one does not write into it. */
export interface BlockStore {
  /**
   * The block under `key` from either part; undefined when there is none or it was damaged on disk. `from` is the identity of the
   * peer over whose link the question came: the block's recency is renewed, and it may earn protection. A question of nobody's
   * leaves no trace.
   * @throws StoreError when the disk does not read, the store is closed or has too much to do
   */
  get(key: RoutingKey, from?: string): Promise<Block | undefined>;
  /**
   * Resolves when the block is durable. Makes room by dropping the least recently used block of the same part, unprotected first.
   * A block in *cache* that is put into *store* moves there (`written`); the other way it is `present`.
   * @throws StoreError when the disk refuses (full, read-only, closed); the store stays usable and nothing acknowledged is lost.
   */
  put(key: RoutingKey, block: Block, options: PutOptions): Promise<PutOutcome>;
  stats(): StoreStats;
  /** Waits for what was begun, then lets go of the disk. Later calls reject with `store_closed`. */
  close(): Promise<void>;
}

/** A store whose size can be changed and whose blocks can be checked while it runs. */
export interface DiskStore extends BlockStore {
  /**
   * Reads every slot, between the batches of puts; what is damaged is dropped. `onProgress` hears how many slots are done.
   * @throws StoreError disk_failed, store_closed
   */
  verify(onProgress?: (progress: VerifyProgress) => void): Promise<VerifyReport>;
  /**
   * Growing takes effect at once and the new room fills in the background. Shrinking drops the oldest blocks of each part first,
   * moves the others out of the end of the file, and resolves when the files are within `sizeBytes`.
   * @throws StoreError disk_full, disk_failed, store_closed, store_busy (another resize is on)
   */
  resize(sizeBytes: number): Promise<void>;
}

export interface VerifyProgress {
  readonly slots: number;
  readonly totalSlots: number;
}

/** `slots` = `blocks` + `damaged` + `free`. */
export interface VerifyReport {
  readonly slots: number;
  readonly blocks: number;
  readonly damaged: number;
  readonly free: number;
}

export interface StoreStats {
  readonly parts: {
    readonly store: PartStats & { readonly protectedBlocks: number };
    readonly cache: PartStats;
  };
  /** All files of the directory as they are now. */
  readonly usedBytes: number;
  readonly limitBytes: number;
  /** Whether every slot has been filled: until then the size of the files tells how much was ever stored. */
  readonly silent: boolean;
  /** Whether the disk gave the room that was asked for last; if not it is asked again, and the store does with what it has. */
  readonly hasRoom: boolean;
  readonly slots: { readonly filled: number; readonly total: number };
  /** Number of the format on disk. */
  readonly format: number;
}

interface PartStats {
  readonly blocks: number;
  readonly capacityBlocks: number;
}

/** What the disk or the directory refuses. The codes stand in the error table (docs/ERRORS.md). */
export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
    this.code = code;
  }
}

/** `data_dir_locked`: another process has this store open. */
export type StoreErrorCode =
  'disk_full' | 'disk_failed' | 'store_format' | 'store_closed' | 'store_busy' | 'data_dir_locked';
