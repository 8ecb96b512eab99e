/**
 * Reads blocks for gets: asynchronously on the thread pool, opened on the main thread (20 µs). A file descriptor of its own, so that
 * it never waits for the disk's thread.
 */
import { close, openSync, read } from 'node:fs';
import { SLOT_USED_BYTES, openSlot } from './slot.ts';
import { slotPosition } from './layout.ts';
import type { Aead, Block } from '../keys/index.ts';

export class SlotReader {
  readonly #file: number;
  readonly #aead: Aead;

  constructor(path: string, aead: Aead) {
    this.#file = openSync(path, 'r');
    this.#aead = aead;
  }

  /** The block in `slot` if it is whole and `id`'s. @throws errors of the system as they come */
  async read(slot: number, id: Uint8Array): Promise<Block | undefined> {
    const bytes = new Uint8Array(SLOT_USED_BYTES);
    const count = await this.#fill(bytes, slotPosition(slot));
    if (Buffer.compare(bytes.subarray(0, id.length), id) !== 0) return undefined;
    return openSlot(this.#aead, bytes.subarray(0, count))?.block;
  }

  /** With a callback: a promise of `FileHandle.read` costs 50 µs more. */
  #fill(into: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const from = (done: number): void => {
        read(this.#file, into, done, into.length - done, position + done, (error, count) => {
          if (error) reject(error);
          else if (count === 0 || done + count === into.length) resolve(done + count);
          else from(done + count);
        });
      };
      from(0);
    });
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      close(this.#file, (error) => (error ? reject(error) : resolve()));
    });
  }
}
