/**
 * The machine that fetches one file, or a range of it (docs/spec/files.md, 6.2): finds the top block, says what it is, waits to be
 * told which bytes are wanted, and writes them in order, as fast as they are taken.
 *
 * It does not touch the disk, decompress, or know the network; those are effects. It does not resume: what was fetched before
 * lies in the node's caches. Check blocks are not used.
 *
 * Invariant: bytes are written in order, each once, and a download that ends with `done` has written the whole range; for a
 * whole file these are the bytes whose length and hash the metadata declares.
 */
import {
  assert,
  assertNever,
  type Block,
  type CryptoKey,
  decodeChk,
  equalBytes,
  ParseError,
} from '../keys/index.ts';
import type { Random, RoutingKey, Salt } from '../keys/index.ts';
import { Tokens } from './attempts.ts';
import type { ClientEffect, Form, Token } from './effect.ts';
import type { ErrorCode } from './errors.ts';
import type { ByteRange, ClientEvent, ContentEnd, ContentFailure, FetchResult, SinkCredit } from './event.ts';
import { Fetches, type FetchOutcome } from './fetches.ts';
import { type StoredContent, storedContent } from './content.ts';
import { checkLayout, fileLayout, type Layout } from './layout.ts';
import { clientLimits } from './limits.ts';
import { decodeMetadata, type Metadata } from './metadata.ts';
import type { Outcome } from './outcome.ts';
import { ProgressReport } from './progress.ts';
import type { Place } from './reader.ts';
import { decodeTop, type GetTarget, topRoutingKey } from './target.ts';
import { TopSearch } from './top.ts';

export interface GetOptions {
  /** What was asked for, as text; comes back in the outcome. */
  readonly uri: string;
  readonly target: GetTarget;
  readonly random: Random;
  /** Content blocks in flight or waiting to be written at most. */
  readonly window?: number;
  readonly layout?: Layout;
}

type State =
  | { readonly state: 'new' }
  | { readonly state: 'searching'; readonly search: TopSearch; readonly key: RoutingKey }
  | { readonly state: 'opened'; readonly token: Token; readonly metadata: Metadata }
  | ({ readonly state: 'reading'; readonly token: Token | undefined } & Reading)
  | ({ readonly state: 'ending'; readonly token: Token } & Reading)
  | { readonly state: 'over' };

interface Reading {
  readonly metadata: Metadata;
  readonly range: ByteRange;
  readonly content: StoredContent;
}

/** What a fetched block is for. */
type Purpose =
  { readonly type: 'top'; readonly salt: Salt } | { readonly type: 'content'; readonly place: Place };

type LostBlock = Exclude<FetchOutcome, { type: 'payload' }>;

export class Getter {
  readonly #options: GetOptions;
  readonly #layout: Layout;
  readonly #window: number;
  readonly #tokens = new Tokens();
  readonly #fetches: Fetches<Purpose>;
  readonly #progress = new ProgressReport();
  /** Blocks that are given up; with the first one nothing new is begun. */
  readonly #lost: LostBlock[] = [];
  #state: State = { state: 'new' };
  #succeeded = 0;
  #doneBytes = 0;

  constructor(options: GetOptions) {
    const { random, window = clientLimits.fetchWindow.value, layout = fileLayout } = options;
    assert(window >= 1, 'something can be in flight');
    checkLayout(layout);
    this.#options = options;
    this.#layout = layout;
    this.#window = window;
    this.#fetches = new Fetches({ tokens: this.#tokens, random });
  }

  /** Opened blocks held beside the top one: at most the window, and `listWindow` for each level of lists. */
  get heldBlocks(): number {
    return 'content' in this.#state ? this.#state.content.heldBlocks : 0;
  }

  /** Call with `start` first and once, then with the answer to each effect, and at any time with `cancel`. */
  handle(now: number, event: ClientEvent, effects: ClientEffect[]): void {
    if (this.#state.state === 'over') return;
    switch (event.type) {
      case 'start':
        this.#start(effects);
        break;
      case 'blockFetched':
        this.#fetched(now, event, effects);
        break;
      case 'timer':
        this.#retry(event.token, effects);
        break;
      case 'read':
        this.#read(event);
        break;
      case 'sinkWritten':
        this.#written(event, effects);
        break;
      case 'sinkEnded':
        this.#ended(event, effects);
        break;
      case 'cancel':
        this.#complete({ type: 'cancelled' }, effects);
        break;
      case 'blockInserted':
      case 'sourceMeasured':
      case 'sourceRead':
      case 'sourceEnded':
        assert(false, 'a download asks for nothing that this answers');
        break;
      default:
        assertNever(event);
    }
    this.#continue(effects);
    this.#report(effects);
  }

  #start(effects: ClientEffect[]): void {
    assert(this.#state.state === 'new', 'a machine is started once');
    const { target, random } = this.#options;
    try {
      const key = topRoutingKey(target);
      const search = new TopSearch({ target, random });
      this.#state = { state: 'searching', search, key };
      for (const salt of search.first) this.#fetchTop({ key, salt }, effects);
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      this.#fail('bad_key', error.message, effects);
    }
  }

  #fetchTop({ key, salt }: { key: RoutingKey; salt: Salt }, effects: ClientEffect[]): void {
    const { target } = this.#options;
    const decode = (block: Block) => decodeTop(target, block);
    // One try a place: the other places are the retries.
    this.#fetches.begin({ place: { type: 'top', salt }, key, salt, tries: 1, decode }, effects);
  }

  #fetched(now: number, event: { token: Token; result: FetchResult }, effects: ClientEffect[]): void {
    // What was still in flight when the range was complete is of no use any more.
    if (this.#state.state === 'ending') return;
    const settled = this.#fetches.answered(now, event, effects);
    if (settled === undefined) return;
    const { place: purpose, outcome } = settled;
    if (purpose.type === 'top') this.#topSettled(purpose.salt, outcome, effects);
    else if (outcome.type === 'payload') this.#arrived(purpose.place, outcome.payload, effects);
    else this.#lost.push(outcome);
  }

  #retry(token: Token, effects: ClientEffect[]): void {
    if (this.#state.state !== 'ending') this.#fetches.retry(token, effects);
  }

  #topSettled(salt: Salt, outcome: FetchOutcome, effects: ClientEffect[]): void {
    assert(this.#state.state === 'searching', 'a top block was looked for');
    const { search, key } = this.#state;
    const next = search.settled(salt, outcome);
    if (next === undefined) return;
    if ('ask' in next) return this.#fetchTop({ key, salt: next.ask }, effects);
    if (next.end.type !== 'payload') {
      this.#lost.push(next.end);
      return this.#giveUp(effects);
    }
    this.#succeeded++;
    try {
      const metadata = decodeMetadata(next.end.payload, this.#layout);
      const { mimeType, sizeBytes, hash } = metadata;
      const token = this.#tokens.next();
      this.#state = { state: 'opened', token, metadata };
      effects.push({ type: 'opened', token, file: { mimeType, sizeBytes, hash, form: formOf(metadata) } });
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      this.#fail('bad_metadata', error.message, effects);
    }
  }

  #read({ token, range }: { token: Token; range: ByteRange }): void {
    assert(this.#state.state === 'opened' && this.#state.token === token, 'a range was asked for');
    const { metadata } = this.#state;
    const end = range.offsetBytes + range.sizeBytes;
    assert(
      range.offsetBytes >= 0 && range.sizeBytes >= 0 && end <= metadata.sizeBytes,
      'a range lies in the file',
    );
    const content = storedContent({ metadata, range }, { layout: this.#layout, window: this.#window });
    this.#state = { state: 'reading', token: undefined, metadata, range, content };
  }

  #arrived(place: Place, payload: Uint8Array, effects: ClientEffect[]): void {
    assert(this.#state.state === 'reading', 'content was being fetched');
    this.#succeeded++;
    try {
      this.#state.content.arrived(place, payload);
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      this.#fail('bad_metadata', error.message, effects);
    }
  }

  /** What can go on without an answer: more fetches, the next bytes for the sink, the end. */
  #continue(effects: ClientEffect[]): void {
    const current = this.#state;
    if (current.state !== 'reading') return;
    if (this.#lost.length > 0) {
      // Those in flight are waited for, so that the message can say how much is missing.
      if (this.#fetches.pending === 0) this.#giveUp(effects);
      return;
    }
    this.#fetchMore(current, effects);
    if (current.token === undefined) this.#writeMore(current, effects);
  }

  #fetchMore({ metadata, content }: Reading, effects: ClientEffect[]): void {
    for (let next = content.next(); next !== undefined; next = content.next()) {
      const { place, key } = next;
      this.#fetches.begin(
        {
          place: { type: 'content', place },
          key,
          salt: 0,
          tries: clientLimits.notFoundTries.value,
          decode: (block) => decodeChk({ routingKey: key, cryptoKey: this.#fileKey(metadata), block }),
        },
        effects,
      );
    }
  }

  #fileKey({ body }: Metadata): CryptoKey {
    const { target } = this.#options;
    return body.type === 'splitfile' && body.key !== undefined ? body.key : target.cryptoKey;
  }

  #writeMore(current: Reading, effects: ClientEffect[]): void {
    const { metadata, content } = current;
    if (content.isOver) return this.#end(current, effects);
    const bytes = content.peek();
    if (bytes === undefined) return;
    const token = this.#tokens.next();
    effects.push({ type: 'writeSink', token, form: formOf(metadata), bytes });
    this.#state = { ...current, state: 'reading', token };
  }

  #written(
    { token, result }: { token: Token; result: SinkCredit | ContentFailure },
    effects: ClientEffect[],
  ): void {
    const current = this.#state;
    assert(current.state === 'reading' && current.token === token, 'bytes were being written');
    if (result.type === 'failure') return this.#fail(result.code, result.message, effects);
    this.#doneBytes += result.writtenBytes;
    current.content.release();
    // Of a whole file the rest is decompressed too: it may hold more than was declared.
    if (result.type === 'enough' && !isWhole(current)) return this.#end(current, effects);
    this.#state = { ...current, token: undefined };
  }

  #end(current: Reading, effects: ClientEffect[]): void {
    const token = this.#tokens.next();
    effects.push({ type: 'endSink', token });
    this.#state = { ...current, state: 'ending', token };
  }

  #ended(
    { token, result }: { token: Token; result: ContentEnd | ContentFailure },
    effects: ClientEffect[],
  ): void {
    const current = this.#state;
    assert(current.state === 'ending' && current.token === token, 'the sink was to be closed');
    if (result.type === 'failure') return this.#fail(result.code, result.message, effects);
    const { mimeType, sizeBytes, hash } = current.metadata;
    if (isWhole(current) && (result.sizeBytes !== sizeBytes || !equalBytes(result.hash, hash))) {
      return this.#fail('bad_metadata', 'the content is not what its metadata declares', effects);
    }
    this.#complete({ type: 'done', uri: this.#options.uri, mimeType, sizeBytes }, effects);
  }

  #giveUp(effects: ClientEffect[]): void {
    const bad = this.#lost.find((lost) => lost.type === 'bad');
    if (bad !== undefined) return this.#fail('bad_block', bad.message, effects);
    if (this.#lost.some((lost) => lost.type === 'noRoute')) {
      return this.#fail('no_route', 'no node could be asked for a block', effects);
    }
    const { total } = this.#counts();
    this.#fail('data_not_found', `${this.#lost.length} of ${total} blocks were not found`, effects);
  }

  #fail(code: ErrorCode, message: string, effects: ClientEffect[]): void {
    this.#complete({ type: 'failed', code, message }, effects);
  }

  #complete(outcome: Outcome, effects: ClientEffect[]): void {
    this.#report(effects);
    effects.push({ type: 'complete', outcome });
    this.#state = { state: 'over' };
  }

  #report(effects: ClientEffect[]): void {
    if (this.#state.state === 'new' || this.#state.state === 'over') return;
    this.#progress.tell(
      {
        ...this.#counts(),
        succeeded: this.#succeeded,
        failed: this.#fetches.failedTries,
        fatallyFailed: this.#lost.length,
        doneBytes: this.#doneBytes,
      },
      effects,
    );
  }

  /** What is known of the size: one block until the range is, then the blocks that hold it. `sizeBytes` is the range's. */
  #counts(): { total: number; required: number; finalizedTotal: boolean; sizeBytes?: number } {
    const current = this.#state;
    if (!('content' in current)) {
      const known = current.state === 'opened' ? { sizeBytes: current.metadata.sizeBytes } : {};
      return { total: 1, required: 1, finalizedTotal: false, ...known };
    }
    const total = 1 + current.content.blocks;
    return { total, required: total, finalizedTotal: true, sizeBytes: current.range.sizeBytes };
  }
}

function formOf({ packedBytes }: Metadata): Form {
  return packedBytes === undefined ? 'plain' : 'zstd';
}

function isWhole({ metadata, range }: Reading): boolean {
  return range.sizeBytes === metadata.sizeBytes;
}
