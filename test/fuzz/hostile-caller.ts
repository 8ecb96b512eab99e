/**
 * A caller that knows a node's reference and keeps to nothing else: envelopes around any content, of any size (docs/spec/links.md, 5).
 * Written from the specification, so that a mistake in transport/envelope.ts is not made here too.
 */
import { primitives, type Aead } from '../../keys/index.ts';

const NONCE_BYTES = 24;
export const HEAD_BYTES = NONCE_BYTES + 2 + 16;
const EMPTY = new Uint8Array(0);
const NONCES = [0, 1].map((n) => Uint8Array.of(0, 0, 0, 0, n, 0, 0, 0, 0, 0, 0, 0));

export interface OpenedEnvelope {
  readonly nonce: Uint8Array;
  readonly content: Uint8Array;
  /** On the wire; what follows does not belong to it. */
  readonly sizeBytes: number;
}

/** As long as `content` needs, or `sizeBytes` if that is more. */
export function sealEnvelope(
  probeKey: Uint8Array,
  { nonce, content, sizeBytes }: OpenedEnvelope,
  openingNonce?: Uint8Array,
): Uint8Array {
  const padded = new Uint8Array(Math.max(content.length, sizeBytes - HEAD_BYTES - 16));
  padded.set(content);
  const length = padded.length + 16;
  const aead = envelopeAead(probeKey, nonce, openingNonce);
  const seal = (index: 0 | 1, data: Uint8Array) =>
    aead.seal({ nonce: NONCES[index] ?? EMPTY, ad: EMPTY, data });
  return Buffer.concat([nonce, seal(0, Uint8Array.of(length >>> 8, length)), seal(1, padded)]);
}

/** Of an opening. Undefined unless the stream begins with a whole one; sizes are not judged. */
export function openEnvelope(probeKey: Uint8Array, stream: Uint8Array): OpenedEnvelope | undefined {
  if (stream.length < HEAD_BYTES) return undefined;
  const nonce = stream.slice(0, NONCE_BYTES);
  const aead = envelopeAead(probeKey, nonce);
  const open = (index: 0 | 1, data: Uint8Array) =>
    aead.open({ nonce: NONCES[index] ?? EMPTY, ad: EMPTY, data });
  const head = open(0, stream.subarray(NONCE_BYTES, HEAD_BYTES));
  if (head === undefined) return undefined;
  const sizeBytes = HEAD_BYTES + (head[0] ?? 0) * 256 + (head[1] ?? 0);
  const content = stream.length < sizeBytes ? undefined : open(1, stream.subarray(HEAD_BYTES, sizeBytes));
  return content && { nonce, content, sizeBytes };
}

/** Targets use few nonces again and again, and HKDF is dearer than all else here. */
const aeads = new Map<string, Aead>();
const AEADS_KEPT = 256;

function envelopeAead(probeKey: Uint8Array, nonce: Uint8Array, openingNonce?: Uint8Array): Aead {
  const salt = openingNonce ? Buffer.concat([openingNonce, nonce]) : nonce;
  const info = openingNonce ? 'mimeo/link/reply' : 'mimeo/link/opening';
  const name = Buffer.concat([probeKey, salt]).toString('latin1') + info;
  const known = aeads.get(name);
  if (known !== undefined) return known;
  if (aeads.size >= AEADS_KEPT) aeads.clear();
  const key = primitives.hkdfSha256({ ikm: probeKey, salt, info: Buffer.from(info), length: 32 });
  const aead = primitives.chachaPoly(key);
  aeads.set(name, aead);
  return aead;
}
