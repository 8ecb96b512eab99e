/**
 * Performs the effects of one machine against memory, synchronously, on a virtual clock and in an order drawn from a seed: what
 * the daemon does with sockets and disk, without either. It also holds the machines to their contract: one answer a token, one
 * piece at a time, nothing after `complete`.
 */
import { createHash } from 'node:crypto';
import zlib from 'node:zlib';
import type { ClientEffect, Form, OpenedContent, Token } from '../../client/effect.ts';
import type { ByteRange, ClientEvent, ContentEnd, ContentFailure } from '../../client/event.ts';
import type {
  FetchResult,
  InsertResult,
  SinkCredit,
  SourceBytes,
  SourceMeasure,
} from '../../client/event.ts';
import type { Progress } from '../../client/job.ts';
import type { Outcome } from '../../client/outcome.ts';
import { assert, assertNever, type Block, equalBytes, type Random } from '../../keys/index.ts';
import { type RoutingKey, type Salt, toText } from '../../keys/index.ts';

export interface Machine {
  readonly heldBlocks: number;
  handle(now: number, event: ClientEvent, effects: ClientEffect[]): void;
}

/** SHA-256 of a seed and a counter. */
export class SeededRandom implements Random {
  readonly #seed: string;
  #count = 0;

  constructor(seed: number | string) {
    this.#seed = String(seed);
  }

  bytes(count: number): Uint8Array {
    const parts: Buffer[] = [];
    for (let have = 0; have < count; have += 32) {
      parts.push(createHash('sha256').update(`${this.#seed}/${this.#count++}`).digest());
    }
    return Uint8Array.from(Buffer.concat(parts).subarray(0, count));
  }

  below(limit: number): number {
    return Buffer.from(this.bytes(4)).readUInt32BE() % limit;
  }
}

/** Where blocks lie: at a key and a salt, as in the network a block can be found at one place and missing at another. */
export class MemoryNetwork {
  readonly blocks = new Map<string, Block>();
  inserts = 0;
  fetches = 0;
  /** An answer in place of the true one. */
  fetchFault: (place: { key: RoutingKey; salt: Salt }) => FetchResult | undefined = () => undefined;
  insertFault: (place: { key: RoutingKey; salt: Salt }) => InsertResult | undefined = () => undefined;

  fetch(key: RoutingKey, salt: Salt): FetchResult {
    this.fetches++;
    const fault = this.fetchFault({ key, salt });
    if (fault !== undefined) return fault;
    const block = this.blocks.get(placeName(key, salt));
    return block === undefined ? { type: 'notFound' } : { type: 'found', block };
  }

  insert(key: RoutingKey, salt: Salt, block: Block): InsertResult {
    this.inserts++;
    const fault = this.insertFault({ key, salt });
    if (fault !== undefined) return fault;
    const there = this.blocks.get(placeName(key, salt));
    if (there !== undefined && !equalBytes(there, block)) return { type: 'collision', block: there };
    this.blocks.set(placeName(key, salt), block);
    return { type: 'stored' };
  }
}

export function placeName(key: RoutingKey, salt: Salt): string {
  return `${toText(key)}/${salt}`;
}

export interface Source {
  measure(): SourceMeasure | ContentFailure;
  read(form: Form, sizeBytes: number): SourceBytes | ContentFailure;
  end(): ContentEnd | ContentFailure;
}

/** `later` is what the source has become when it is read for the second time. */
export class MemorySource implements Source {
  readonly #measured: Uint8Array;
  readonly #content: Uint8Array;
  #offset = 0;

  constructor(content: Uint8Array, later = content) {
    this.#measured = content;
    this.#content = later;
  }

  measure(): SourceMeasure {
    const content = this.#measured;
    const compressedBytes = zlib.zstdCompressSync(content).length;
    return { type: 'measured', sizeBytes: content.length, hash: sha256(content), compressedBytes };
  }

  read(form: Form, sizeBytes: number): SourceBytes {
    const all = form === 'plain' ? this.#content : zlib.zstdCompressSync(this.#content);
    const bytes = Uint8Array.from(all.subarray(this.#offset, this.#offset + sizeBytes));
    this.#offset += bytes.length;
    return { type: 'bytes', bytes };
  }

  end(): ContentEnd {
    return { type: 'ended', sizeBytes: this.#content.length, hash: sha256(this.#content) };
  }
}

/** Gathers the range. Compressed bytes are decompressed from the start each time: slow, but synchronous and real. */
export class MemorySink {
  written: Uint8Array = new Uint8Array(0);
  #file: OpenedContent | undefined;
  #range: ByteRange = { offsetBytes: 0, sizeBytes: 0 };
  #received: Uint8Array = new Uint8Array(0);
  #plain: Uint8Array = new Uint8Array(0);

  open(file: OpenedContent, range: ByteRange): void {
    this.#file = file;
    this.#range = range;
  }

  write(form: Form, bytes: Uint8Array): SinkCredit | ContentFailure {
    assert(this.#file !== undefined && this.#file.form === form, 'bytes come in the announced form');
    const { offsetBytes, sizeBytes } = this.#range;
    this.#received = Buffer.concat([this.#received, bytes]);
    try {
      this.#plain = form === 'plain' ? this.#received : this.#decompress(this.#file.sizeBytes);
    } catch {
      return { type: 'failure', code: 'bad_metadata', message: 'does not decompress to what is declared' };
    }
    const before = this.written.length;
    assert(form === 'zstd' || this.#plain.length <= sizeBytes, 'plain bytes are those of the range');
    const offset = form === 'plain' ? 0 : offsetBytes;
    this.written = this.#plain.subarray(offset, offset + sizeBytes);
    const type = this.written.length === sizeBytes ? 'enough' : 'more';
    return { type, writtenBytes: this.written.length - before };
  }

  end(): ContentEnd | ContentFailure {
    return { type: 'ended', sizeBytes: this.#plain.length, hash: sha256(this.#plain) };
  }

  #decompress(limitBytes: number): Uint8Array {
    // maxOutputLength can't be 0.
    const plain = zlib.zstdDecompressSync(this.#received, {
      finishFlush: zlib.constants.ZSTD_e_flush,
      maxOutputLength: limitBytes + 1,
    });
    if (plain.length > limitBytes) throw new RangeError('more than declared');
    return plain;
  }
}

export interface World {
  readonly network: MemoryNetwork;
  /** Of the order of answers. */
  readonly seed: number;
  readonly source?: Source;
  readonly sink?: MemorySink;
  /** Which bytes are wanted; all when left out. */
  readonly range?: (file: OpenedContent) => ByteRange;
  /** Cancels after so many steps. */
  readonly cancelAfter?: number;
}

export interface Run {
  readonly outcome: Outcome;
  readonly progress: readonly Progress[];
  readonly opened: OpenedContent | undefined;
  readonly uriKnown: string | undefined;
  readonly steps: number;
  readonly endedAt: number;
  readonly peakHeldBlocks: number;
  /** Blocks asked for or inserted and not answered. */
  readonly peakRequests: number;
}

/** Runs a machine to its end. @throws when it breaks its contract or stops without `complete`. */
export function run(machine: Machine, world: World): Run {
  const order = new SeededRandom(`order/${world.seed}`);
  const answers: (() => ClientEvent)[] = [];
  const timers: { at: number; token: Token }[] = [];
  const seen = new Set<Token>();
  const progress: Progress[] = [];
  const end: { outcome?: Outcome } = {};
  let opened: OpenedContent | undefined;
  let uriKnown: string | undefined;
  let sinkPending = false;
  let sourcePending = false;
  let now = 1_000_000;
  let steps = 0;
  let peakHeldBlocks = 0;
  let requests = 0;
  let peakRequests = 0;

  const perform = (effect: ClientEffect): void => {
    assert(end.outcome === undefined, 'nothing comes after complete');
    if ('token' in effect) {
      assert(!seen.has(effect.token), 'a token is used once');
      seen.add(effect.token);
    }
    switch (effect.type) {
      case 'fetchBlock':
        requests++;
        answers.push(() => {
          requests--;
          const { token, key, salt } = effect;
          return { type: 'blockFetched', token, result: world.network.fetch(key, salt) };
        });
        break;
      case 'insertBlock':
        requests++;
        answers.push(() => {
          requests--;
          const { token, key, salt, block } = effect;
          return { type: 'blockInserted', token, result: world.network.insert(key, salt, block) };
        });
        break;
      case 'measureSource':
        answers.push(() => ({
          type: 'sourceMeasured',
          token: effect.token,
          result: sourceOf(world).measure(),
        }));
        break;
      case 'readSource':
        assert(!sourcePending && effect.sizeBytes > 0, 'one piece of the source at a time');
        sourcePending = true;
        answers.push(() => {
          sourcePending = false;
          const { token, form, sizeBytes } = effect;
          return { type: 'sourceRead', token, result: sourceOf(world).read(form, sizeBytes) };
        });
        break;
      case 'endSource':
        answers.push(() => ({ type: 'sourceEnded', token: effect.token, result: sourceOf(world).end() }));
        break;
      case 'uriKnown':
        uriKnown = effect.uri;
        break;
      case 'opened': {
        const { token, file } = effect;
        opened = file;
        const range = world.range?.(file) ?? { offsetBytes: 0, sizeBytes: file.sizeBytes };
        answers.push(() => {
          world.sink?.open(file, range);
          return { type: 'read', token, range };
        });
        break;
      }
      case 'writeSink':
        assert(!sinkPending && effect.bytes.length > 0, 'one piece for the sink at a time');
        sinkPending = true;
        answers.push(() => {
          sinkPending = false;
          const { token, form, bytes } = effect;
          return { type: 'sinkWritten', token, result: sinkOf(world).write(form, bytes) };
        });
        break;
      case 'endSink':
        answers.push(() => ({ type: 'sinkEnded', token: effect.token, result: sinkOf(world).end() }));
        break;
      case 'setTimer':
        assert(effect.at > now, 'a timer lies ahead');
        timers.push(effect);
        timers.sort((a, b) => a.at - b.at);
        break;
      case 'progress':
        progress.push(effect.progress);
        break;
      case 'complete':
        end.outcome = effect.outcome;
        break;
      default:
        assertNever(effect);
    }
  };

  const nextEvent = (): ClientEvent => {
    if (steps === 0) return { type: 'start' };
    if (steps === world.cancelAfter) return { type: 'cancel' };
    // Now and then a timer runs out while answers are pending.
    const isTimersTurn = answers.length === 0 || order.below(8) === 0;
    const timer = isTimersTurn ? timers.shift() : undefined;
    if (timer !== undefined) {
      now = Math.max(now, timer.at);
      return { type: 'timer', token: timer.token };
    }
    const [answer] = answers.splice(order.below(answers.length), 1);
    assert(answer !== undefined, 'a machine that is not complete waits for something');
    return answer();
  };

  while (end.outcome === undefined) {
    const event = nextEvent();
    const effects: ClientEffect[] = [];
    machine.handle(now, event, effects);
    steps++;
    peakHeldBlocks = Math.max(peakHeldBlocks, machine.heldBlocks);
    // A source may use its buffer again.
    if (event.type === 'sourceRead' && event.result.type === 'bytes') event.result.bytes.fill(0);
    for (const effect of effects) perform(effect);
    peakRequests = Math.max(peakRequests, requests);
  }

  // Whatever is answered late is ignored.
  const late: ClientEffect[] = [];
  for (const answer of answers) machine.handle(now, answer(), late);
  for (const { token } of timers) machine.handle(now, { type: 'timer', token }, late);
  machine.handle(now, { type: 'cancel' }, late);
  assert(late.length === 0, 'nothing comes after complete');
  return {
    outcome: end.outcome,
    progress,
    opened,
    uriKnown,
    steps,
    endedAt: now,
    peakHeldBlocks,
    peakRequests,
  };
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(bytes).digest());
}

function sourceOf({ source }: World): Source {
  assert(source !== undefined, 'an upload has a source');
  return source;
}

function sinkOf({ sink }: World): MemorySink {
  assert(sink !== undefined, 'a download has a sink');
  return sink;
}
