/**
 * What the main thread asks of the disk's thread and what that answers. Arrays of bytes hold one entry of a fixed size for each
 * slot; buffers are transferred, not copied.
 */
import type { MessagePort } from 'node:worker_threads';
import type { StoreErrorCode, VerifyReport } from './block-store.ts';
import type { DiskWrap } from './options.ts';

/** A store joins the thread. */
export interface DiskJoin {
  /** Over which its requests come. */
  readonly port: MessagePort;
  readonly data: DiskServiceData;
}

export interface DiskServiceData {
  readonly directory: string;
  readonly key: Uint8Array;
  readonly io: DiskWrap | undefined;
}

/** Slots that one row each of the index names now, by the id at their head; zeros where no row does. */
interface NamedSlots {
  readonly slots: Uint32Array;
  readonly rowIds: Uint8Array;
}

export interface BatchWrites extends NamedSlots {
  readonly ids: Uint8Array;
  readonly segments: Uint8Array;
  /** One after the other, `BLOCK_BYTES` each. */
  readonly blocks: Uint8Array;
}

export type DiskRequest =
  | { readonly type: 'open'; readonly capacitySlots: number }
  | { readonly type: 'batch'; readonly writes: BatchWrites; readonly wipes: NamedSlots }
  | { readonly type: 'fill'; readonly slots: number }
  | {
      readonly type: 'verify';
      readonly first: number;
      readonly ids: Uint8Array;
      readonly segments: Uint8Array;
    }
  | { readonly type: 'capacity'; readonly capacitySlots: number }
  | { readonly type: 'truncate'; readonly end: number; readonly rowIds: Uint8Array }
  | { readonly type: 'compact' }
  | { readonly type: 'recency'; readonly recency: RecencyInput }
  | { readonly type: 'close' };

export interface RecencyInput {
  /** Blocks whose segment is another one than their row says. */
  readonly changed: { readonly slots: Uint32Array; readonly ids: Uint8Array; readonly segments: Uint8Array };
  readonly newer: Uint32Array;
  readonly oldest: readonly number[];
  readonly marks: Uint32Array;
}

/** What lies in each slot of the file: an id, and a segment number. */
export interface FoundSlots {
  readonly ids: Uint8Array;
  readonly segments: Uint8Array;
}

export interface OpenedDisk extends FoundSlots {
  /** Slots with blocks, the least recently used first. */
  readonly order: Uint32Array;
  readonly marks: Uint32Array;
}

export interface BatchDone {
  /** The new id of each wiped slot; zeros for one that the disk did not let us overwrite. */
  readonly wipedIds: Uint8Array;
}

export interface FillDone {
  readonly ids: Uint8Array;
  /** The disk had no room for all of them. */
  readonly isDiskFull: boolean;
}

export interface VerifyDone {
  readonly report: VerifyReport;
  readonly damaged: readonly number[];
}

/** The answer to each type of request. */
export interface DiskResults {
  open: OpenedDisk;
  batch: BatchDone;
  fill: FillDone;
  verify: VerifyDone;
  capacity: undefined;
  truncate: undefined;
  compact: undefined;
  recency: undefined;
  close: undefined;
}

export interface DiskAnswer {
  readonly result?: DiskResults[DiskRequest['type']];
  readonly error?: { readonly code: StoreErrorCode; readonly message: string };
  /** The index had to be made again: what lies in the slots, as they were read from the disk. */
  readonly rebuilt?: FoundSlots;
}
