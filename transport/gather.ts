/**
 * Takes pieces of known length from a stream that comes in chunks of any size. It does not know what they mean.
 *
 * Invariants: a piece that lies whole in a chunk is not copied, any other byte once; no more is held than one piece. What comes out
 * is good until the next call: it lies in the chunk, or in memory that is used again.
 */

/** A chunk being read; `at` moves on. */
export interface Chunk {
  readonly bytes: Uint8Array;
  at: number;
}

export class Gatherer {
  #room = new Uint8Array(0);
  #filled = 0;

  /** The next `count` bytes, or undefined when the chunk is used up before: then `count` stays the same at the next call. */
  next(chunk: Chunk, count: number): Uint8Array | undefined {
    const available = chunk.bytes.length - chunk.at;
    if (this.#filled === 0 && available >= count) {
      return chunk.bytes.subarray(chunk.at, (chunk.at += count));
    }
    if (available === 0) return undefined;
    // Only ever made larger, and then nothing is in it: a piece's length is known before its first byte is kept.
    if (this.#room.length < count) this.#room = new Uint8Array(count);
    const taken = Math.min(available, count - this.#filled);
    this.#room.set(chunk.bytes.subarray(chunk.at, chunk.at + taken), this.#filled);
    chunk.at += taken;
    this.#filled += taken;
    if (this.#filled < count) return undefined;
    this.#filled = 0;
    return this.#room.subarray(0, count);
  }
}
