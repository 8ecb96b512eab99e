/**
 * Frames on an ordered byte stream: uint32 BE length, then as many bytes (docs/spec/links.md, 1). It does not know what is in them.
 *
 * Invariants: at most one frame is held; room for a frame is made once its length is known to be allowed; every byte is copied once,
 * so chunks of any size take time in proportion to their bytes. The frames that come out belong to whoever gets them.
 */
import { assert } from '../keys/index.ts';

const FRAME_HEAD_BYTES = 4;
/** Below this V8 keeps the bytes on its own heap, which is cheaper than room outside of it. */
const ZEROED_BYTES = 4_096;

/** A chunk being read; `at` moves on. */
export interface Chunk {
  readonly bytes: Uint8Array;
  at: number;
}

export class FrameReader {
  readonly #head = new Uint8Array(FRAME_HEAD_BYTES);
  #headFilled = 0;
  #payload: Uint8Array | undefined;
  #payloadFilled = 0;

  /**
   * Reads on in `chunk`: the next frame's payload, or undefined when the chunk is used up, or `too_long` when the head
   * announces more than `maxBytes`: then the stream is lost and nothing may be read any more.
   */
  next(chunk: Chunk, maxBytes: number): Uint8Array | 'too_long' | undefined {
    if (!this.#payload) {
      this.#headFilled += take(chunk, this.#head, this.#headFilled);
      if (this.#headFilled < FRAME_HEAD_BYTES) return undefined;
      const length = asView(this.#head).getUint32(0);
      if (length > maxBytes) return 'too_long';
      this.#payload = room(length);
      this.#payloadFilled = 0;
    }
    const payload = this.#payload;
    this.#payloadFilled += take(chunk, payload, this.#payloadFilled);
    if (this.#payloadFilled < payload.length) return undefined;
    this.#payload = undefined;
    this.#headFilled = 0;
    return payload;
  }
}

/** @throws AssertionError when it is longer than any frame may be: callers know their limits. */
export function encodeFrame(payload: Uint8Array, maxBytes: number): Uint8Array {
  assert(payload.length <= maxBytes, `a frame has at most ${maxBytes} bytes`);
  const frame = room(FRAME_HEAD_BYTES + payload.length);
  asView(frame).setUint32(0, payload.length);
  frame.set(payload, FRAME_HEAD_BYTES);
  return frame;
}

/** Bytes that are all written before anybody reads them. Zeroing those of a block first would take as long as copying it. */
function room(bytes: number): Uint8Array {
  return bytes < ZEROED_BYTES ? new Uint8Array(bytes) : new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
}

/** Copies as much as there is and as fits, and says how much that was. */
function take(chunk: Chunk, target: Uint8Array, filled: number): number {
  const count = Math.min(chunk.bytes.length - chunk.at, target.length - filled);
  target.set(chunk.bytes.subarray(chunk.at, chunk.at + count), filled);
  chunk.at += count;
  return count;
}

function asView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
