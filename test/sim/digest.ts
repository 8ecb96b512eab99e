/** A fingerprint of everything that happened, in order: two runs with one digest were the same run (docs/spec/simulator.md, 7). */
import { createHash } from 'node:crypto';

const RECORDS = 4_096;
const RECORD_BYTES = 16;
/** Of a node's number and a code in one word. */
const CODES = 64;

export class Digest {
  readonly #hash = createHash('sha256');
  readonly #buffer = new ArrayBuffer(RECORDS * RECORD_BYTES);
  readonly #times = new Float64Array(this.#buffer);
  readonly #words = new Uint32Array(this.#buffer);
  readonly #bytes = new Uint8Array(this.#buffer);
  #used = 0;
  #events = 0;

  get events(): number {
    return this.#events;
  }

  /** `node` is below 2^26, `code` below 64. */
  add(event: { at: number; node: number; code: number; number: number }): void {
    if (this.#used === RECORDS) this.#flush();
    const record = this.#used;
    this.#times[2 * record] = event.at;
    this.#words[4 * record + 2] = event.node * CODES + event.code;
    this.#words[4 * record + 3] = event.number;
    this.#used = record + 1;
    this.#events += 1;
  }

  /** The fingerprint so far; ends the record. */
  finish(): string {
    this.#flush();
    return this.#hash.digest('hex').slice(0, 32);
  }

  #flush(): void {
    this.#hash.update(this.#bytes.subarray(0, this.#used * RECORD_BYTES));
    this.#used = 0;
  }
}
