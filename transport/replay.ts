/**
 * What keeps a recorded opening from being played again: one guard for all sessions of a node (docs/spec/links.md, 6).
 *
 * Of each static key that was let in it knows the greatest timestamp, and takes only a greater one; that survives a restart if the
 * owner keeps `save` on disk. Beside it the nonces of recent openings, in memory alone: a replay that they stop would otherwise be
 * stopped by the timestamp or refused like its original, at the price of a Noise message. It does not judge the clock: the session
 * compares timestamps with it, and an opening that is older than the nonces are kept is too old for any session.
 *
 * Invariant: `accept` says true at most once for a key and a timestamp.
 */
import { ParseError, encodeCbor, toText } from '../keys/index.ts';
import { decodeFields, field } from './fields.ts';
import { transportLimits } from './limits.ts';
import { KEY_BYTES } from './link-keys.ts';

/** One caller's claim. */
export interface Call {
  /** X25519, 32 bytes. */
  readonly agreementKey: Uint8Array;
  /** Unix time in ms. */
  readonly timestampMs: number;
}

const FORMAT = 1;
const TIME_BYTES = 8;
const RECORD_BYTES = KEY_BYTES + TIME_BYTES;

export class ReplayGuard {
  /** Greatest timestamps; the key that was heard of last stands last. */
  readonly #greatest = new Map<string, number>();
  /** When each nonce came, oldest first. */
  readonly #nonces = new Map<string, number>();

  /** @throws ParseError bad_cbor unless `saved` is what `save` gave. */
  static restore(saved: Uint8Array): ReplayGuard {
    const guard = new ReplayGuard();
    guard.#read(saved);
    return guard;
  }

  /** Whether this opening's nonce is new; it is not from then on. `now` is monotonic. */
  enter({ nonce, now }: { readonly nonce: Uint8Array; readonly now: number }): boolean {
    const { noncesKept, noncesKeptMs } = transportLimits;
    for (const [oldest, cameAt] of this.#nonces) {
      if (this.#nonces.size < noncesKept.value && now - cameAt < noncesKeptMs.value) break;
      this.#nonces.delete(oldest);
    }
    const name = toText(nonce);
    if (this.#nonces.has(name)) return false;
    this.#nonces.set(name, now);
    return true;
  }

  /** Whether `accept` would say true. */
  isFresh({ agreementKey, timestampMs }: Call): boolean {
    return timestampMs > (this.#greatest.get(toText(agreementKey)) ?? -1);
  }

  /** The owner's, for a caller whom it lets in: after true it makes `save()` durable and only then answers `admitted`. */
  accept(call: Call): boolean {
    if (!this.isFresh(call)) return false;
    const name = toText(call.agreementKey);
    this.#greatest.delete(name);
    this.#greatest.set(name, call.timestampMs);
    if (this.#greatest.size > transportLimits.callersKept.value) {
      // The one that has not been heard of for longest: for others to be let in so often takes longer than its opening is good for.
      for (const [oldest] of this.#greatest) {
        this.#greatest.delete(oldest);
        break;
      }
    }
    return true;
  }

  /** Whether `accept` has said true for this call or a later one of the same key. */
  hasAccepted(call: Call): boolean {
    return !this.isFresh(call);
  }

  /** All that a later run has to know: a list of who has called and when, so it is for an encrypted or private file. */
  save(): Uint8Array {
    const seen = new Uint8Array(this.#greatest.size * RECORD_BYTES);
    const view = new DataView(seen.buffer);
    let at = 0;
    for (const [name, timestampMs] of this.#greatest) {
      seen.set(Buffer.from(name, 'base64url'), at);
      view.setBigUint64(at + KEY_BYTES, BigInt(timestampMs));
      at += RECORD_BYTES;
    }
    return encodeCbor({ v: FORMAT, seen });
  }

  #read(saved: Uint8Array): void {
    const code = 'bad_cbor';
    const fields = decodeFields(saved, code, {
      stringBytes: transportLimits.callersKept.value * RECORD_BYTES,
    });
    const seen = field(fields, 'seen');
    if (field(fields, 'v') !== FORMAT || !(seen instanceof Uint8Array) || seen.length % RECORD_BYTES !== 0) {
      throw new ParseError(code, 'not the state of a replay guard');
    }
    for (let at = 0; at < seen.length; at += RECORD_BYTES) {
      const timestampMs = readTime(seen.subarray(at + KEY_BYTES, at + RECORD_BYTES));
      if (timestampMs === undefined) throw new ParseError(code, 'a timestamp is out of range');
      this.#greatest.set(toText(seen.subarray(at, at + KEY_BYTES)), timestampMs);
    }
  }
}

/** Unix time in ms as uint64; undefined above 2^53, where no clock will be. */
export function readTime(bytes: Uint8Array): number | undefined {
  const time = Number(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0));
  return Number.isSafeInteger(time) ? time : undefined;
}
