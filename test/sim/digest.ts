/** A fingerprint of everything that happened, in order: two runs with one digest were the same run. */
import { createHash } from 'node:crypto';

const BUFFER_BYTES = 64 * 1024;
const RECORD_BYTES = 32;

export class Digest {
  readonly #hash = createHash('sha256');
  readonly #buffer = Buffer.alloc(BUFFER_BYTES);
  #used = 0;
  #events = 0;

  get events(): number {
    return this.#events;
  }

  add(event: { at: number; node: number; what: string; number: number }): void {
    if (this.#used + RECORD_BYTES > BUFFER_BYTES) this.#flush();
    const offset = this.#used;
    this.#buffer.writeDoubleLE(event.at, offset);
    this.#buffer.writeUInt32LE(event.node, offset + 8);
    this.#buffer.writeUInt32LE(event.number >>> 0, offset + 12);
    this.#buffer.fill(0, offset + 16, offset + RECORD_BYTES);
    this.#buffer.write(event.what.slice(0, 16), offset + 16, 'latin1');
    this.#used += RECORD_BYTES;
    this.#events += 1;
  }

  /** The fingerprint so far; ends the record. */
  finish(): string {
    this.#flush();
    return this.#hash.digest('hex').slice(0, 32);
  }

  #flush(): void {
    this.#hash.update(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}
