/**
 * Uploads that have no path (a browser's, a pipe's) on their way into the network: written to a file first, because a file is
 * read twice, and encrypted under a key that lives in memory alone, so that a thief of the disk finds noise and a crash leaves
 * nothing to recover. The room that they take together is bounded and belongs to the limit of the store.
 *
 * Confidentiality only: what reads it back checks the hash.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Readable, Transform, type TransformCallback, pipeline } from 'node:stream';
import { pipeline as pipelineEnd } from 'node:stream/promises';
import { UserError } from '../../client/index.ts';
import { nodeLimits } from './limits.ts';
import type { OpenContent } from './source.ts';

export interface Spooled {
  readonly open: OpenContent;
  /** Removes the file. */
  discard(): void;
}

export class Spool {
  readonly #directory: string;
  /** All files together. What is over it already stays until it is done. */
  limitBytes: number;
  #usedBytes = 0;

  /** Removes what an earlier run left behind: without its keys it is noise. */
  constructor(directory: string, limitBytes: number) {
    this.#directory = directory;
    this.limitBytes = limitBytes;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(directory)) unlinkSync(join(directory, name));
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /**
   * Takes the whole body. What it throws itself goes through.
   * @throws UserError disk_quota, disk_full, disk_failed
   */
  async take(body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<Spooled> {
    const path = join(this.#directory, randomBytes(8).toString('hex'));
    const key = randomBytes(32);
    // Each file has a key of its own, so the nonce may be constant.
    const cipher = createCipheriv('chacha20', key, Buffer.alloc(16));
    let sizeBytes = 0;
    const discard = (): void => {
      this.#usedBytes -= sizeBytes;
      sizeBytes = 0;
      try {
        unlinkSync(path);
      } catch {
        // It was never made, or somebody else has removed it: gone is what was wanted.
      }
    };
    const counter = new Transform({
      transform: (chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback) => {
        if (this.#usedBytes + chunk.length > this.limitBytes) {
          done(new UserError('disk_quota', `uploads may take ${this.limitBytes} bytes of the disk together`));
          return;
        }
        this.#usedBytes += chunk.length;
        sizeBytes += chunk.length;
        done(null, chunk);
      },
    });
    try {
      await pipelineEnd(
        Readable.from(body, { objectMode: false }),
        counter,
        cipher,
        createWriteStream(path, { flags: 'wx', mode: 0o600 }),
        { signal },
      );
    } catch (error) {
      discard();
      throw diskRefusal(error);
    }
    const open = (): Readable => {
      const file = createReadStream(path, { highWaterMark: nodeLimits.sourceChunkBytes.value });
      return pipeline(file, createDecipheriv('chacha20', key, Buffer.alloc(16)), () => {});
    };
    return { open, discard };
  }
}

function diskRefusal(error: unknown): unknown {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return error;
  const full = error.code === 'ENOSPC' || error.code === 'EDQUOT';
  return new UserError(
    full ? 'disk_full' : 'disk_failed',
    `an upload could not be kept on disk: ${String(error.code)}`,
  );
}
