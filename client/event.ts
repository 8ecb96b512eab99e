/** What a `Getter` or a `Putter` is told; each event with a token answers the effect that carried it (effect.ts). */
import type { Block } from '../keys/index.ts';
import type { Token } from './effect.ts';
import type { ErrorCode } from './errors.ts';

export type ClientEvent =
  | { readonly type: 'start' }
  | { readonly type: 'blockFetched'; readonly token: Token; readonly result: FetchResult }
  | { readonly type: 'blockInserted'; readonly token: Token; readonly result: InsertResult }
  | {
      readonly type: 'sourceMeasured';
      readonly token: Token;
      readonly result: SourceMeasure | ContentFailure;
    }
  | { readonly type: 'sourceRead'; readonly token: Token; readonly result: SourceBytes | ContentFailure }
  | { readonly type: 'sourceEnded'; readonly token: Token; readonly result: ContentEnd | ContentFailure }
  | { readonly type: 'read'; readonly token: Token; readonly range: ByteRange }
  | { readonly type: 'sinkWritten'; readonly token: Token; readonly result: SinkCredit | ContentFailure }
  | { readonly type: 'sinkEnded'; readonly token: Token; readonly result: ContentEnd | ContentFailure }
  | { readonly type: 'timer'; readonly token: Token }
  | { readonly type: 'cancel' };

/** `notFound`: nodes were asked and have none. `noRoute`: nobody could be asked. `overloaded`: refused for now, ask later. */
export type FetchResult =
  | { readonly type: 'found'; readonly block: Block }
  | { readonly type: 'notFound' }
  | { readonly type: 'noRoute' }
  | { readonly type: 'overloaded' };

export type InsertResult =
  | { readonly type: 'stored' }
  /** Another valid block lies under this key in the network; here it is. */
  | { readonly type: 'collision'; readonly block: Block }
  | { readonly type: 'noRoute' }
  | { readonly type: 'overloaded' };

export interface SourceMeasure {
  readonly type: 'measured';
  readonly sizeBytes: number;
  /** SHA-256 of the plain content. */
  readonly hash: Uint8Array;
  /** Length after zstd, as `readSource` with the form `zstd` will give it. */
  readonly compressedBytes: number;
}

export interface SourceBytes {
  readonly type: 'bytes';
  /** Fewer than were asked for only at the end. The machine does not keep them after `handle`, nor change them. */
  readonly bytes: Uint8Array;
}

/** Bytes of the plain content: `sizeBytes` of them from `offsetBytes` on, inside the content. */
export interface ByteRange {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** `enough`: the whole range is written, although compressed bytes may be left. `writtenBytes`: of the range, by this effect. */
export interface SinkCredit {
  readonly type: 'more' | 'enough';
  readonly writtenBytes: number;
}

/** What passed through a source or a sink in all, as plain content, parts outside the range included. */
export interface ContentEnd {
  readonly type: 'ended';
  readonly sizeBytes: number;
  /** SHA-256. */
  readonly hash: Uint8Array;
}

/** The disk's or the decompressor's refusal. */
export interface ContentFailure {
  readonly type: 'failure';
  readonly code: ErrorCode;
  readonly message: string;
}
