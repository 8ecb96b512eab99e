/**
 * The cover of the two handshake messages (docs/spec/links.md, 5): nonce ‖ sealed length ‖ sealed content and padding, under a key that
 * only those can compute who know the responder's reference. To all others it is random bytes of random number.
 *
 * It does not know what is inside, and authenticates nobody: that is the Noise message within.
 *
 * Invariants: until 42 bytes have come nothing is computed, and then one HKDF and one opening of 18 bytes; no more than
 * `bytesMost` are held; after a failure nothing is computed any more. Foreign bytes never make it throw.
 */
import { TAG_BYTES, assert, equalBytes, primitives } from '../keys/index.ts';
import type { Random } from '../keys/index.ts';
import { Gatherer } from './gather.ts';
import type { Chunk } from './gather.ts';
import { transportLimits } from './limits.ts';
import { derive } from './link-keys.ts';

export const ENVELOPE_NONCE_BYTES = 24;
const LENGTH_BYTES = 2;
const HEAD_BYTES = ENVELOPE_NONCE_BYTES + LENGTH_BYTES + TAG_BYTES;
const EMPTY = new Uint8Array(0);

/** The least and the greatest number of bytes on the wire, between which the number is drawn. */
interface Sizes {
  readonly leastBytes: number;
  readonly mostBytes: number;
}

/** Of which envelope: what goes into its key beside its own nonce. */
export type EnvelopeKind =
  | { readonly type: 'opening'; readonly probeKey: Uint8Array }
  | { readonly type: 'reply'; readonly probeKey: Uint8Array; readonly openingNonce: Uint8Array };

export interface Envelope {
  readonly nonce: Uint8Array;
  /** With the padding. */
  readonly content: Uint8Array;
}

/** @throws AssertionError when the content is too long to hide its length: its makers keep to their limits. */
export function sealEnvelope(
  kind: EnvelopeKind,
  { nonce, content, random }: { nonce: Uint8Array; content: Uint8Array; random: Random },
): Uint8Array {
  const { leastBytes, mostBytes } = sizesOf(kind);
  const size = draw(random, { least: leastBytes, most: mostBytes });
  const padded = new Uint8Array(size - HEAD_BYTES - TAG_BYTES);
  assert(HEAD_BYTES + content.length + TAG_BYTES <= leastBytes, 'every size that is drawn holds the content');
  padded.set(content);
  const length = size - HEAD_BYTES;
  const aead = primitives.chachaPoly(envelopeKey(kind, nonce));
  const head = aead.seal({ nonce: counter(0), ad: EMPTY, data: Uint8Array.of(length >>> 8, length & 0xff) });
  const body = aead.seal({ nonce: counter(1), ad: EMPTY, data: padded });
  return new Uint8Array(Buffer.concat([nonce, head, body]));
}

export type Unsealed = Envelope | 'bad_prefix' | 'bad_envelope';

/** Reads one envelope, behind a prefix that has to be there to the letter. */
export class EnvelopeReader {
  readonly #kind: EnvelopeKind;
  readonly #prefix: Uint8Array;
  readonly #gatherer = new Gatherer();
  #state:
    | { readonly state: 'prefix' }
    | { readonly state: 'head' }
    | {
        readonly state: 'body';
        readonly nonce: Uint8Array;
        readonly bytes: number;
        readonly aead: ReturnType<typeof primitives.chachaPoly>;
      };

  constructor(kind: EnvelopeKind, prefix: Uint8Array = EMPTY) {
    this.#kind = kind;
    this.#prefix = prefix;
    this.#state = { state: prefix.length > 0 ? 'prefix' : 'head' };
  }

  /** Undefined while more is needed. After any other answer it is not called again. */
  next(chunk: Chunk): Unsealed | undefined {
    if (this.#state.state === 'prefix') {
      const prefix = this.#gatherer.next(chunk, this.#prefix.length);
      if (!prefix) return undefined;
      if (!equalBytes(prefix, this.#prefix)) return 'bad_prefix';
      this.#state = { state: 'head' };
    }
    if (this.#state.state === 'head') {
      const head = this.#gatherer.next(chunk, HEAD_BYTES);
      if (!head) return undefined;
      if (!this.#readHead(head)) return 'bad_envelope';
    }
    if (this.#state.state !== 'body') return undefined;
    const { nonce, bytes, aead } = this.#state;
    const body = this.#gatherer.next(chunk, bytes);
    if (!body) return undefined;
    const content = aead.open({ nonce: counter(1), ad: EMPTY, data: body });
    return content ? { nonce, content } : 'bad_envelope';
  }

  #readHead(head: Uint8Array): boolean {
    const nonce = head.slice(0, ENVELOPE_NONCE_BYTES);
    const aead = primitives.chachaPoly(envelopeKey(this.#kind, nonce));
    const sealed = head.subarray(ENVELOPE_NONCE_BYTES);
    const length = aead.open({ nonce: counter(0), ad: EMPTY, data: sealed });
    if (!length) return false;
    const [high = 0, low = 0] = length;
    const bytes = high * 256 + low;
    const { leastBytes, mostBytes } = sizesOf(this.#kind);
    if (HEAD_BYTES + bytes < leastBytes || HEAD_BYTES + bytes > mostBytes) return false;
    this.#state = { state: 'body', nonce, bytes, aead };
    return true;
  }
}

/** A whole number between the two, both included. 2^32 is so much larger than the range that the remainder shows nothing. */
export function draw(random: Random, { least, most }: { least: number; most: number }): number {
  const bytes = random.bytes(4);
  const word = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
  return least + (word % (most - least + 1));
}

function sizesOf({ type }: EnvelopeKind): Sizes {
  const limits = transportLimits;
  return type === 'opening'
    ? { leastBytes: limits.openingBytesLeast.value, mostBytes: limits.openingBytesMost.value }
    : { leastBytes: limits.replyBytesLeast.value, mostBytes: limits.replyBytesMost.value };
}

/** Of this envelope alone: the nonce is drawn at random and long enough never to come twice. */
function envelopeKey(kind: EnvelopeKind, nonce: Uint8Array): Uint8Array {
  const { probeKey: from } = kind;
  return kind.type === 'opening'
    ? derive({ from, salt: nonce, info: 'mimeo/link/opening' })
    : derive({ from, salt: Buffer.concat([kind.openingNonce, nonce]), info: 'mimeo/link/reply' });
}

function counter(n: 0 | 1): Uint8Array {
  const nonce = new Uint8Array(12);
  nonce[4] = n;
  return nonce;
}
