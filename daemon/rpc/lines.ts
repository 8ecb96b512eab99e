/**
 * Newline-delimited text out of a byte stream. It knows nothing of JSON; empty lines are skipped, a carriage return before the
 * newline belongs to it.
 *
 * Invariant: holds at most `maxBytes` of an unfinished line, and costs time linear in what arrives, however it is cut.
 */
export class LineSplitter {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #pendingBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether a line has begun and not ended. */
  get isInsideLine(): boolean {
    return this.#pendingBytes > 0;
  }

  /** The lines that the chunk completes; then `too long` once, if the cap is passed: the stream can't be understood any more. */
  *push(chunk: Buffer): Generator<{ type: 'line'; text: string } | { type: 'too long' }> {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      if (this.#pendingBytes + end - start > this.#maxBytes) {
        yield { type: 'too long' };
        return;
      }
      const text = this.#take(chunk.subarray(start, end));
      start = end + 1;
      if (text !== '') yield { type: 'line', text };
    }
    this.#pendingBytes += chunk.length - start;
    if (this.#pendingBytes > this.#maxBytes) yield { type: 'too long' };
    else if (start < chunk.length) this.#pieces.push(chunk.subarray(start));
  }

  #take(last: Buffer): string {
    const line = this.#pieces.length === 0 ? last : Buffer.concat([...this.#pieces, last]);
    this.#pieces = [];
    this.#pendingBytes = 0;
    return line.toString('utf8').trim();
  }
}

const NEWLINE = 0x0a;
