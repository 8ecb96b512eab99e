/**
 * Where the bytes of a download go. `Sink` performs the sink effects of a `Getter` (client/effect.ts): it decompresses, cuts out
 * the wanted range, counts and hashes; a `Taker` below it writes to a file or hands to a reader.
 *
 * Invariant: never more than the declared size comes out of the decompressor, and never more than a chunk is held: the source of
 * a bomb is paid for by whoever made it.
 */
import { createHash } from 'node:crypto';
import { createZstdDecompress } from 'node:zlib';
import {
  type ByteRange,
  type ContentEnd,
  type ContentFailure,
  type Form,
  type OpenedContent,
  type SinkCredit,
  UserError,
} from '../../client/index.ts';

export interface Taker {
  /** Resolves when there is room for more. @throws UserError */
  take(bytes: Uint8Array): Promise<void>;
}

/** The stream is longer than its metadata says, or is none. */
class BadStream extends Error {}

export class Sink {
  readonly #taker: Taker;
  readonly #file: OpenedContent;
  readonly #range: ByteRange;
  readonly #hash = createHash('sha256');
  #passedBytes = 0;
  #writtenBytes = 0;
  #inflater: Inflater | undefined;

  constructor(taker: Taker, file: OpenedContent, range: ByteRange) {
    this.#taker = taker;
    this.#file = file;
    this.#range = range;
    if (file.form === 'zstd') this.#inflater = new Inflater((bytes) => this.#passCompressed(bytes));
  }

  write(form: Form, bytes: Uint8Array): Promise<SinkCredit | ContentFailure> {
    return orFailure(async () => {
      const before = this.#writtenBytes;
      if (form === 'plain') await this.#pass(bytes);
      else await this.#inflater?.write(bytes);
      const type =
        this.#writtenBytes >= this.#range.sizeBytes && this.#file.form === 'zstd' && !this.#isWhole
          ? 'enough'
          : 'more';
      return { type, writtenBytes: this.#writtenBytes - before };
    });
  }

  end(): Promise<ContentEnd | ContentFailure> {
    return orFailure(async () => {
      if (this.#isWhole) await this.#inflater?.end();
      else this.#inflater?.close();
      return { type: 'ended', sizeBytes: this.#passedBytes, hash: this.#hash.digest() };
    });
  }

  close(): void {
    this.#inflater?.close();
  }

  get #isWhole(): boolean {
    return this.#range.sizeBytes === this.#file.sizeBytes;
  }

  /** Plain bytes of the range. */
  async #pass(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    this.#passedBytes += bytes.length;
    await this.#give(bytes);
  }

  /** Plain bytes from the start of the content. */
  async #passCompressed(bytes: Uint8Array): Promise<void> {
    if (this.#passedBytes + bytes.length > this.#file.sizeBytes)
      throw new BadStream('the file is longer than it says');
    const { offsetBytes, sizeBytes } = this.#range;
    const from = Math.max(0, offsetBytes - this.#passedBytes);
    const to = Math.max(from, offsetBytes + sizeBytes - this.#passedBytes);
    this.#hash.update(bytes);
    this.#passedBytes += bytes.length;
    const wanted = bytes.subarray(from, to);
    if (wanted.length > 0) await this.#give(wanted);
  }

  async #give(bytes: Uint8Array): Promise<void> {
    await this.#taker.take(bytes);
    this.#writtenBytes += bytes.length;
  }
}

/** A decompressor whose output is taken before more goes in. */
class Inflater {
  readonly #stream = createZstdDecompress();
  readonly #take: (bytes: Uint8Array) => Promise<void>;
  #givenBytes = 0;
  /** Something has happened to the stream. */
  #wake = (): void => {};

  constructor(take: (bytes: Uint8Array) => Promise<void>) {
    this.#take = take;
    for (const event of ['readable', 'end', 'close']) this.#stream.on(event, () => this.#wake());
    // `close` follows.
    this.#stream.on('error', () => {});
  }

  /** Resolves when the input is consumed and all that came out of it has been taken. */
  async write(bytes: Uint8Array): Promise<void> {
    let consumed = false;
    this.#givenBytes += bytes.length;
    this.#stream.write(bytes, (error) => {
      consumed = !error;
      this.#wake();
    });
    await this.#takeUntil(() => consumed && this.#stream.readableLength === 0);
  }

  async end(): Promise<void> {
    this.#stream.end();
    await this.#takeUntil(() => this.#stream.readableEnded);
    // What follows a frame is not even looked at.
    if (this.#stream.bytesWritten !== this.#givenBytes)
      throw new BadStream('the compressed file is followed by other bytes');
  }

  close(): void {
    this.#stream.destroy();
  }

  async #takeUntil(isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      const chunk = this.#stream.read() as Buffer | null;
      if (chunk !== null) {
        await this.#take(chunk);
      } else if (this.#stream.destroyed && !this.#stream.readableEnded) {
        throw new BadStream('the file can not be decompressed');
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

async function orFailure<T>(write: () => Promise<T>): Promise<T | ContentFailure> {
  try {
    return await write();
  } catch (error) {
    if (error instanceof BadStream) return { type: 'failure', code: 'bad_metadata', message: error.message };
    if (error instanceof UserError) return { type: 'failure', code: error.code, message: error.message };
    throw error;
  }
}
