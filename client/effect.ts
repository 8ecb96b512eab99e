/**
 * The seam of the room: what a `Getter` or a `Putter` wants done, and (event.ts) what it is told. The machines are synchronous,
 * `handle(now, event, effects)`; they never wait, never throw on foreign bytes and hold no clock, socket or file. Whoever runs
 * them performs the effects in order and answers each effect that has a token with exactly one event with that token, once;
 * after `complete` nothing is answered any more, and pending requests and timers may be dropped.
 *
 * Blocks leave through the node's virtual peer, as requests like any other peer's (docs/spec/routing.md, 1).
 */
import type { Block, Brand, RoutingKey, Salt } from '../keys/index.ts';
import type { Progress } from './job.ts';
import type { Outcome } from './outcome.ts';

/** Names one asynchronous effect of one machine. */
export type Token = Brand<number, 'ClientToken'>;

export type ClientEffect =
  /** → `blockFetched`. */
  | { readonly type: 'fetchBlock'; readonly token: Token; readonly key: RoutingKey; readonly salt: Salt }
  /** → `blockInserted`. */
  | {
      readonly type: 'insertBlock';
      readonly token: Token;
      readonly key: RoutingKey;
      readonly salt: Salt;
      readonly block: Block;
    }
  /** Reads the whole source once: its length, its hash, and its length after compression. → `sourceMeasured`. */
  | { readonly type: 'measureSource'; readonly token: Token }
  /**
   * The next bytes in order from the start of the source, compressed or plain: exactly `sizeBytes` of them unless the source ends
   * before. A machine reads in one form only and asks for one piece at a time. → `sourceRead`.
   */
  | { readonly type: 'readSource'; readonly token: Token; readonly form: Form; readonly sizeBytes: number }
  /** Closes the source and says what the content was that `readSource` gave, compressed or not. → `sourceEnded`. */
  | { readonly type: 'endSource'; readonly token: Token }
  /** The key of what is being inserted is known; the content is not there yet. */
  | { readonly type: 'uriKnown'; readonly uri: string }
  /** The metadata of what is being fetched. The machine waits until it is told which bytes are wanted. → `read`. */
  | { readonly type: 'opened'; readonly token: Token; readonly file: OpenedContent }
  /**
   * Bytes of the content in order; at most one is pending, so the answer is the credit for more. `plain` bytes are those of the
   * wanted range. `zstd` bytes are the compressed content from its start: whoever performs this decompresses, drops what lies
   * outside the range, and refuses with `bad_metadata` as soon as more than `file.sizeBytes` come out. → `sinkWritten`.
   */
  | { readonly type: 'writeSink'; readonly token: Token; readonly form: Form; readonly bytes: Uint8Array }
  /**
   * No more bytes: flushes, and says what the content was. When a whole file was wanted and its compressed form is not exactly
   * one frame, it refuses with `bad_metadata`: Node's decompressor ignores what follows a frame. → `sinkEnded`.
   */
  | { readonly type: 'endSink'; readonly token: Token }
  /** `at` is on the clock of `handle`'s `now`. → `timer`. */
  | { readonly type: 'setTimer'; readonly token: Token; readonly at: number }
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'complete'; readonly outcome: Outcome };

/** How bytes travel between a machine and a source or a sink. */
export type Form = 'plain' | 'zstd';

export interface OpenedContent {
  readonly mimeType: string;
  /** Of the plain content, as declared: a limit for whoever decompresses. */
  readonly sizeBytes: number;
  /** SHA-256 of the plain content, as declared. */
  readonly hash: Uint8Array;
  /** The form in which `writeSink` will come. */
  readonly form: Form;
}
