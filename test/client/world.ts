/**
 * A network, sources and sinks in memory, which can be made to fail, and seeded randomness. What drives machines with them is
 * driver.ts.
 */
import { createHash } from 'node:crypto';
import zlib from 'node:zlib';
import type { Form, OpenedContent } from '../../client/effect.ts';
import type { ByteRange, ContentEnd, ContentFailure, FetchResult, InsertResult } from '../../client/event.ts';
import type { SinkCredit, SourceBytes, SourceMeasure } from '../../client/event.ts';
import { assert, type Block, equalBytes, type Random } from '../../keys/index.ts';
import { type RoutingKey, type Salt, toText } from '../../keys/index.ts';

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
  /** Compressed bytes up to the end of the frame, or all of them. */
  #consumedBytes = 0;

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
    const isWhole = this.#range.sizeBytes === this.#file?.sizeBytes;
    if (this.#file?.form === 'zstd' && isWhole && this.#consumedBytes < this.#received.length) {
      return { type: 'failure', code: 'bad_metadata', message: 'bytes behind the frame' };
    }
    return { type: 'ended', sizeBytes: this.#plain.length, hash: sha256(this.#plain) };
  }

  #decompress(limitBytes: number): Uint8Array {
    // maxOutputLength can't be 0. The types do not know that `info` changes the result.
    const { buffer: plain, engine } = zlib.zstdDecompressSync(this.#received, {
      finishFlush: zlib.constants.ZSTD_e_flush,
      maxOutputLength: limitBytes + 1,
      info: true,
    }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
    this.#consumedBytes = engine.bytesWritten;
    if (plain.length > limitBytes) throw new RangeError('more than declared');
    return plain;
  }
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(bytes).digest());
}
