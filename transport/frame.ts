/**
 * Frames: messages and what else passes over an established link, sealed and padded to one of four sizes (docs/spec/links.md, 7).
 * A frame is two transport messages of Noise, its length and its content, so that the stream is uniform from the first byte on.
 *
 * It does not queue, and does not know what a message means or when keys are old; it counts for whoever does.
 *
 * Invariants: each byte of a block is copied once on the way out, sealed into its frame, and on the way in only if its frame straddles chunks;
 * what comes out of a frame is memory of its own. Nothing is read after a frame that did not open.
 */
import { TAG_BYTES, assert } from '../keys/index.ts';
import { Gatherer } from './gather.ts';
import type { Chunk } from './gather.ts';
import { transportLimits } from './limits.ts';
import type { CipherState } from './noise.ts';

/** Closed: another size on the wire would be a class of traffic. The last holds a message with a block. */
export const FRAME_SIZES: readonly number[] = [256, 1_024, 4_096, 33_536];

export type FrameType = keyof typeof TYPE_CODES;

const TYPE_CODES = { padding: 0, message: 1, rekey: 2, rekeyReply: 3, switch: 4 } as const;
const TYPES: readonly FrameType[] = ['padding', 'message', 'rekey', 'rekeyReply', 'switch'];

export interface Frame {
  readonly type: FrameType;
  readonly payload: Uint8Array;
}

const LENGTH_BYTES = 2;
const HEAD_BYTES = LENGTH_BYTES + TAG_BYTES;
/** Type and length of the payload. */
const FIELD_BYTES = 3;
/** What is in a frame beside payload and padding. */
const FRAME_OVERHEAD_BYTES = HEAD_BYTES + FIELD_BYTES + TAG_BYTES;
const EMPTY = new Uint8Array(0);
const ZEROS = new Uint8Array(Math.max(...FRAME_SIZES));

export class FrameSealer {
  #cipher: CipherState;
  #sealedBytes = 0;

  constructor(cipher: CipherState) {
    this.#cipher = cipher;
  }

  /** On the wire, under the present key. */
  get sealedBytes(): number {
    return this.#sealedBytes;
  }

  /** Seals what comes next with another key. */
  replaceKey(cipher: CipherState): void {
    this.#cipher = cipher;
    this.#sealedBytes = 0;
  }

  /** The bytes for the carrier. @throws AssertionError when the payload is longer than `frameBytes`: callers know their limits. */
  seal({ type, payload }: Frame): Uint8Array {
    const size = frameSize(payload.length);
    // All of it is written here. Zeroing it first would take as long as copying a block.
    const frame = new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
    const length = Uint8Array.of(0, FRAME_SIZES.indexOf(size));
    this.#cipher.encryptInto(frame.subarray(0, HEAD_BYTES), [length]);
    const fields = Uint8Array.of(TYPE_CODES[type], payload.length >>> 8, payload.length & 0xff);
    const padding = ZEROS.subarray(0, size - FRAME_OVERHEAD_BYTES - payload.length);
    this.#cipher.encryptInto(frame.subarray(HEAD_BYTES), [fields, payload, padding]);
    this.#sealedBytes += size;
    return frame;
  }
}

export class FrameOpener {
  readonly #gatherer = new Gatherer();
  #cipher: CipherState;
  #openedBytes = 0;
  /** Of the frame whose head has been read. */
  #bodyBytes: number | undefined;

  constructor(cipher: CipherState) {
    this.#cipher = cipher;
  }

  /** On the wire, under the present key. */
  get openedBytes(): number {
    return this.#openedBytes;
  }

  /** Opens what comes next with another key. Between two frames: the other side has changed after the last one. */
  replaceKey(cipher: CipherState): void {
    assert(this.#bodyBytes === undefined, 'keys change between frames');
    this.#cipher = cipher;
    this.#openedBytes = 0;
  }

  /**
   * Reads on in `chunk`: the next frame, or undefined when the chunk is used up, or `bad_frame` when the stream is not what the
   * other side sealed: then nothing may be read any more.
   */
  next(chunk: Chunk): Frame | 'bad_frame' | undefined {
    if (this.#bodyBytes === undefined) {
      const head = this.#gatherer.next(chunk, HEAD_BYTES);
      if (!head) return undefined;
      const size = this.#readHead(head);
      if (size === undefined) return 'bad_frame';
      this.#bodyBytes = size - HEAD_BYTES;
    }
    const body = this.#gatherer.next(chunk, this.#bodyBytes);
    if (!body) return undefined;
    this.#openedBytes += HEAD_BYTES + this.#bodyBytes;
    this.#bodyBytes = undefined;
    const content = this.#cipher.decryptWithAd(EMPTY, body);
    return (content && readContent(content)) ?? 'bad_frame';
  }

  #readHead(head: Uint8Array): number | undefined {
    const length = this.#cipher.decryptWithAd(EMPTY, head);
    return length && length[0] === 0 ? FRAME_SIZES[length[1] ?? 0] : undefined;
  }
}

function frameSize(payloadBytes: number): number {
  const size = FRAME_SIZES.find((size) => size - FRAME_OVERHEAD_BYTES >= payloadBytes);
  assert(size !== undefined, `a frame has at most ${transportLimits.frameBytes.value} bytes`);
  return size;
}

/** Undefined for what nobody makes who keeps to the format. */
function readContent(content: Uint8Array): Frame | undefined {
  const [code = 0, high = 0, low = 0] = content;
  const type = TYPES[code];
  const length = high * 256 + low;
  if (type === undefined || FIELD_BYTES + length > content.length) return undefined;
  return { type, payload: content.subarray(FIELD_BYTES, FIELD_BYTES + length) };
}
