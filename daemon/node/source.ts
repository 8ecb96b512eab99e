/**
 * Where the bytes of an upload come from: anything that can be opened more than once and gives the same bytes, read from its
 * start in pieces of any size, plain or compressed. Performs the source effects of a `Putter` (client/effect.ts).
 *
 * It keeps no more than one chunk in memory. It does not notice that a file changed: it says what it has read, and the machine
 * compares.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable, pipeline } from 'node:stream';
import { createZstdCompress } from 'node:zlib';
import type { ContentEnd, ContentFailure, Form, SourceBytes, SourceMeasure } from '../../client/index.ts';
import { nodeLimits } from './limits.ts';

/** Opens the content from its start. */
export type OpenContent = () => Readable;

export function fileContent(path: string): OpenContent {
  return () => createReadStream(path, { highWaterMark: nodeLimits.sourceChunkBytes.value });
}

export class Source {
  readonly #open: OpenContent;
  /** What was opened: once to measure, once to read. */
  readonly #streams: Readable[] = [];
  #reading: { readonly pieces: Pieces; readonly tally: Tally } | undefined;

  constructor(open: OpenContent) {
    this.#open = open;
  }

  measure(): Promise<SourceMeasure | ContentFailure> {
    return orFailure(async () => {
      const tally = new Tally();
      let compressedBytes = 0;
      for await (const chunk of this.#stream('zstd', tally)) compressedBytes += (chunk as Buffer).length;
      const { sizeBytes, hash } = tally.end();
      return { type: 'measured', sizeBytes, hash, compressedBytes };
    });
  }

  read(form: Form, sizeBytes: number): Promise<SourceBytes | ContentFailure> {
    return orFailure(async () => {
      if (this.#reading === undefined) {
        const tally = new Tally();
        this.#reading = { tally, pieces: new Pieces(this.#stream(form, tally)) };
      }
      return { type: 'bytes', bytes: await this.#reading.pieces.take(sizeBytes) };
    });
  }

  /** Reads to the end, so that a file that has grown is noticed. */
  end(): Promise<ContentEnd | ContentFailure> {
    return orFailure(async () => {
      await this.read('plain', 0);
      await this.#reading?.pieces.skipRest();
      return { type: 'ended', ...(this.#reading?.tally ?? new Tally()).end() };
    });
  }

  /** What is being read ends as a failure. */
  close(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  #stream(form: Form, tally: Tally): Readable {
    const counted = Readable.from(tally.count(this.#open()), { objectMode: false });
    // The callback is where a pipeline reports; the same error comes out of the stream that is read.
    const stream = form === 'plain' ? counted : pipeline(counted, createZstdCompress(), () => {});
    this.#streams.push(stream);
    return stream;
  }
}

/** Length and hash of what passes. */
class Tally {
  readonly #hash = createHash('sha256');
  #sizeBytes = 0;

  async *count(content: Readable): AsyncGenerator<Buffer> {
    for await (const chunk of content) {
      const bytes = chunk as Buffer;
      this.#hash.update(bytes);
      this.#sizeBytes += bytes.length;
      yield bytes;
    }
  }

  end(): { sizeBytes: number; hash: Uint8Array } {
    return { sizeBytes: this.#sizeBytes, hash: this.#hash.digest() };
  }
}

/** A stream in pieces of the size that is asked for. */
class Pieces {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** `sizeBytes`, or fewer when the stream ends. */
  async take(sizeBytes: number): Promise<Uint8Array> {
    const parts: Buffer[] = [];
    let missing = sizeBytes;
    while (missing > 0) {
      if (this.#rest.length === 0) {
        const next = await this.#chunks.next();
        if (next.done === true) break;
        this.#rest = next.value;
      }
      const part = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(part.length);
      missing -= part.length;
      parts.push(part);
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  async skipRest(): Promise<void> {
    for (let next = await this.#chunks.next(); next.done !== true; next = await this.#chunks.next());
  }
}

/** What the disk refuses becomes a value: a file may vanish at any moment, and that is no bug. */
async function orFailure<T>(read: () => Promise<T>): Promise<T | ContentFailure> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    // Closed here while it was read.
    if (error.code === 'ERR_STREAM_PREMATURE_CLOSE')
      return { type: 'failure', code: 'cancelled', message: 'reading was cancelled' };
    if (!('syscall' in error)) throw error;
    const gone = error.code === 'ENOENT';
    return {
      type: 'failure',
      code: gone ? 'source_changed' : 'source_unreadable',
      message: `reading failed: ${String(error.code)}`,
    };
  }
}
