/**
 * The machine that inserts one file (docs/spec/files.md, 5 and 6.1): measures the source, decides how it is stored, reads it
 * once more in order, inserts its blocks as they fill, and last of all the top block, at its three places.
 *
 * It does not touch the disk, compress, or know the network; those are effects. It does not resume: an interrupted upload is
 * begun again, and blocks that lie in the network already are found to be there.
 *
 * Invariant: the top block is inserted only after every block below it was stored, and only if the bytes that were read are the
 * bytes that were measured; so whoever finds the top block of a finished upload has a whole file.
 */
import {
  assert,
  assertNever,
  contentKey,
  type CryptoKey,
  cryptoKey,
  equalBytes,
  KEY_BYTES,
} from '../keys/index.ts';
import { ParseError, type Random, routingKey, SALTS } from '../keys/index.ts';
import { Tokens } from './attempts.ts';
import type { ClientEffect, Form, Token } from './effect.ts';
import type { ErrorCode } from './errors.ts';
import type {
  ClientEvent,
  ContentEnd,
  ContentFailure,
  InsertResult,
  SourceBytes,
  SourceMeasure,
} from './event.ts';
import { Inserts } from './inserts.ts';
import { checkLayout, fileLayout, type Layout } from './layout.ts';
import { clientLimits } from './limits.ts';
import { type Body, encodeMetadata, isMimeType } from './metadata.ts';
import type { Outcome } from './outcome.ts';
import { type Plan, planFile } from './plan.ts';
import { ProgressReport } from './progress.ts';
import { type EncodedBlock, Splitter } from './splitter.ts';
import { encodeTop, type PutTarget, putUri } from './target.ts';

export interface PutOptions {
  readonly target: PutTarget;
  readonly mimeType: string;
  readonly key: FileKeyPolicy;
  /** `keyOnly` computes the URI and inserts nothing. */
  readonly mode: 'insert' | 'keyOnly';
  readonly random: Random;
  /** Inserts in flight at most. */
  readonly window?: number;
  readonly layout?: Layout;
}

/** `convergent`: equal files of those who share the secret have equal keys. `random`: never equal. */
export type FileKeyPolicy =
  { readonly type: 'convergent'; readonly secret: Uint8Array } | { readonly type: 'random' };

type State =
  | { readonly state: 'new' }
  | { readonly state: 'measuring'; readonly token: Token }
  /** Without a token it waits for room. */
  | { readonly state: 'reading'; readonly token: Token | undefined; readonly upload: Upload }
  | { readonly state: 'ending'; readonly token: Token; readonly upload: Upload }
  /** The top block is made and waits for the blocks below it. */
  | { readonly state: 'draining'; readonly top: EncodedBlock; readonly uri: string; readonly upload: Upload }
  | { readonly state: 'insertingTop'; readonly uri: string; readonly upload: Upload }
  | { readonly state: 'over' };

interface Upload {
  readonly measure: SourceMeasure;
  readonly plan: Plan;
  readonly fileKey: CryptoKey;
  readonly content: Content;
  /** Stored bytes read so far, and all of them. */
  readonly readBytes: number;
  readonly storedBytes: number;
}

type Content =
  | { readonly type: 'inline'; readonly data: Uint8Array }
  | { readonly type: 'split'; readonly splitter: Splitter };

export class Putter {
  readonly #options: PutOptions;
  readonly #layout: Layout;
  readonly #tokens = new Tokens();
  readonly #inserts: Inserts;
  readonly #progress = new ProgressReport();
  #state: State = { state: 'new' };
  #succeeded = 0;

  constructor(options: PutOptions) {
    const { random, window = clientLimits.insertWindow.value, layout = fileLayout } = options;
    assert(window >= 1, 'something can be in flight');
    checkLayout(layout);
    this.#options = options;
    this.#layout = layout;
    this.#inserts = new Inserts({ window, tokens: this.#tokens, random });
  }

  /**
   * Encoded blocks held: at most the window and one for each level of the file. Beside them a machine holds the list being
   * filled of each level, and the content if it goes into the top block.
   */
  get heldBlocks(): number {
    const { state } = this.#state;
    // The top block goes out three times, once to each place, but it is one block.
    return state === 'insertingTop' ? 1 : this.#inserts.size + (state === 'draining' ? 1 : 0);
  }

  /** Call with `start` first and once, then with the answer to each effect, and at any time with `cancel`. */
  handle(now: number, event: ClientEvent, effects: ClientEffect[]): void {
    if (this.#state.state === 'over') return;
    switch (event.type) {
      case 'start':
        this.#start(effects);
        break;
      case 'sourceMeasured':
        this.#measured(event, effects);
        break;
      case 'sourceRead':
        this.#read(event, effects);
        break;
      case 'sourceEnded':
        this.#ended(event, effects);
        break;
      case 'blockInserted':
        this.#inserted(now, event, effects);
        break;
      case 'timer':
        this.#inserts.retry(event.token, effects);
        break;
      case 'cancel':
        this.#complete({ type: 'cancelled' }, effects);
        break;
      case 'blockFetched':
      case 'read':
      case 'sinkWritten':
      case 'sinkEnded':
        assert(false, 'an upload asks for nothing that this answers');
        break;
      default:
        assertNever(event);
    }
    this.#continue(effects);
    this.#report(effects);
  }

  #start(effects: ClientEffect[]): void {
    assert(this.#state.state === 'new', 'a machine is started once');
    const { target, mimeType } = this.#options;
    if (!isMimeType(mimeType))
      return this.#fail('bad_request', `${JSON.stringify(mimeType)} is no MIME type`, effects);
    const zero = new Uint8Array(KEY_BYTES);
    try {
      // A file name or a name that no URI can hold is refused now and not after an hour of inserting.
      putUri(target, { routingKey: routingKey(zero), fileKey: cryptoKey(zero) });
    } catch (error) {
      if (error instanceof ParseError) return this.#fail('bad_key', error.message, effects);
      throw error;
    }
    const token = this.#tokens.next();
    effects.push({ type: 'measureSource', token });
    this.#state = { state: 'measuring', token };
  }

  #measured(
    { token, result }: { token: Token; result: SourceMeasure | ContentFailure },
    effects: ClientEffect[],
  ): void {
    assert(this.#state.state === 'measuring' && this.#state.token === token, 'the source was to be measured');
    if (result.type === 'failure') return this.#fail(result.code, result.message, effects);
    const { target, mimeType } = this.#options;
    const fileKey = this.#fileKey(result.hash);
    const key = target.type === 'chk' ? undefined : fileKey;
    const plan = planFile({ measure: result, mimeType, key }, this.#layout);
    if (plan === undefined) return this.#fail('too_large', `a file of ${result.sizeBytes} bytes`, effects);
    const { levels, metadata } = plan;
    const storedBytes = metadata.packedBytes ?? metadata.sizeBytes;
    const content: Content =
      levels.length === 0
        ? { type: 'inline', data: new Uint8Array(0) }
        : { type: 'split', splitter: new Splitter({ cryptoKey: fileKey, levels, layout: this.#layout }) };
    const upload: Upload = { measure: result, plan, fileKey, content, readBytes: 0, storedBytes };
    this.#state = { state: 'reading', token: undefined, upload };
  }

  #fileKey(contentHash: Uint8Array): CryptoKey {
    const { key, random } = this.#options;
    if (key.type === 'random') return cryptoKey(random.bytes(KEY_BYTES));
    return contentKey({ convergenceSecret: key.secret, contentHash });
  }

  /** What can go on without an answer: the next piece when there is room, the top block when all others are stored. */
  #continue(effects: ClientEffect[]): void {
    const current = this.#state;
    if (current.state === 'reading' && current.token === undefined && this.#inserts.hasRoom) {
      this.#readOn(current.upload, effects);
    } else if (current.state === 'draining' && this.#inserts.size === 0) {
      const { top, uri, upload } = current;
      this.#state = { state: 'insertingTop', uri, upload };
      for (const salt of SALTS) this.#inserts.add({ ...top, salt }, effects);
    } else if (current.state === 'insertingTop' && this.#inserts.size === 0) {
      this.#done(current, effects);
    }
  }

  #readOn(upload: Upload, effects: ClientEffect[]): void {
    const token = this.#tokens.next();
    const sizeBytes = nextPieceBytes(upload);
    if (sizeBytes === 0) {
      effects.push({ type: 'endSource', token });
      this.#state = { state: 'ending', token, upload };
    } else {
      const form: Form = upload.plan.metadata.packedBytes === undefined ? 'plain' : 'zstd';
      effects.push({ type: 'readSource', token, form, sizeBytes });
      this.#state = { state: 'reading', token, upload };
    }
  }

  #read(
    { token, result }: { token: Token; result: SourceBytes | ContentFailure },
    effects: ClientEffect[],
  ): void {
    assert(
      this.#state.state === 'reading' && this.#state.token === token,
      'a piece of the source was to be read',
    );
    if (result.type === 'failure') return this.#fail(result.code, result.message, effects);
    const { upload } = this.#state;
    const wanted = nextPieceBytes(upload);
    const { bytes } = result;
    assert(bytes.length <= wanted, 'a source gives at most what it was asked for');
    if (bytes.length < wanted) return this.#fail('source_changed', 'the source has become shorter', effects);
    let { content } = upload;
    if (content.type === 'inline') content = { type: 'inline', data: bytes.slice() };
    else for (const made of content.splitter.push(bytes)) this.#insert(made, effects);
    this.#state = {
      state: 'reading',
      token: undefined,
      upload: { ...upload, content, readBytes: upload.readBytes + bytes.length },
    };
  }

  #insert(made: EncodedBlock, effects: ClientEffect[]): void {
    if (this.#options.mode === 'keyOnly') this.#succeeded++;
    else this.#inserts.add({ ...made, salt: 0 }, effects);
  }

  #ended(
    { token, result }: { token: Token; result: ContentEnd | ContentFailure },
    effects: ClientEffect[],
  ): void {
    assert(this.#state.state === 'ending' && this.#state.token === token, 'the source was to be closed');
    if (result.type === 'failure') return this.#fail(result.code, result.message, effects);
    const { upload } = this.#state;
    const { measure, plan, content, fileKey } = upload;
    if (!equalBytes(result.hash, measure.hash)) {
      return this.#fail('source_changed', 'the source changed while it was read', effects);
    }
    const { target, mode } = this.#options;
    const body: Body =
      content.type === 'inline'
        ? content
        : {
            type: 'splitfile',
            key: target.type === 'chk' ? undefined : fileKey,
            levels: plan.levels,
            keys: content.splitter.topKeys,
          };
    const top = encodeTop(target, { fileKey, payload: encodeMetadata({ ...plan.metadata, body }) });
    const uri = putUri(target, { routingKey: top.key, fileKey });
    effects.push({ type: 'uriKnown', uri });
    if (mode === 'keyOnly') {
      this.#succeeded += SALTS.length;
      return this.#done({ uri, upload }, effects);
    }
    this.#state = { state: 'draining', top, uri, upload };
  }

  #inserted(now: number, event: { token: Token; result: InsertResult }, effects: ClientEffect[]): void {
    const outcome = this.#inserts.answered(now, event, effects);
    switch (outcome) {
      case 'stored':
        this.#succeeded++;
        return;
      case 'postponed':
        return;
      case 'collision':
        return this.#fail('collision', 'other data lies under this key', effects);
      case 'noRoute':
        return this.#fail('no_route', 'no node could be asked to take a block', effects);
      default:
        return assertNever(outcome);
    }
  }

  #done({ uri, upload }: { uri: string; upload: Upload }, effects: ClientEffect[]): void {
    const { mimeType, sizeBytes } = upload.plan.metadata;
    this.#complete({ type: 'done', uri, mimeType, sizeBytes }, effects);
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
    if (!('upload' in this.#state)) return;
    const { plan, readBytes, storedBytes } = this.#state.upload;
    const { sizeBytes } = plan.metadata;
    const total = plan.blocks + SALTS.length;
    this.#progress.tell(
      {
        total,
        required: total,
        succeeded: this.#succeeded,
        failed: this.#inserts.failedTries,
        fatallyFailed: 0,
        finalizedTotal: true,
        sizeBytes,
        // Of compressed content only the share is known.
        doneBytes: storedBytes === 0 ? 0 : Math.floor((sizeBytes * readBytes) / storedBytes),
      },
      effects,
    );
  }
}

function nextPieceBytes({ content, readBytes, storedBytes }: Upload): number {
  return content.type === 'inline' ? storedBytes - readBytes : content.splitter.nextPieceBytes;
}
