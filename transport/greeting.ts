/**
 * What two nodes say within the handshake (docs/spec/links.md, 5): the contents of the two envelopes, the payloads of the two Noise
 * messages, and the prologue. Bytes and back; who may be let in is not decided here.
 */
import { ParseError, encodeCbor } from '../keys/index.ts';
import { bytesField, decodeFields, field } from './fields.ts';
import type { Fields } from './fields.ts';
import { INVITE_ID_BYTES } from './invite.ts';
import { decodeReference, referenceBytes, referenceLine } from './reference.ts';
import type { NodeReference } from './reference.ts';
import { readTime } from './replay.ts';
import { isVersionRange } from './version.ts';
import type { VersionRange } from './version.ts';

/** Payload 1. */
export interface Greeting {
  readonly reference: NodeReference;
  readonly versions: VersionRange;
  readonly inviteId?: Uint8Array;
}

const PROLOGUE = Buffer.from('mimeo/link/1');
const TIME_BYTES = 8;
const LENGTH_BYTES = 2;
const CODE = 'bad_message';

/**
 * Binds the handshake to protocol, network and opening: somebody who knows the probe key can put an old Noise message into a new
 * envelope, but not with another nonce or timestamp.
 */
export function prologue(input: {
  readonly network: Uint8Array;
  readonly nonce: Uint8Array;
  readonly timestampMs: number;
}): Uint8Array {
  return Buffer.concat([PROLOGUE, input.network, input.nonce, timeBytes(input.timestampMs)]);
}

/** The content of an opening, without its padding. */
export function encodeOpening({
  timestampMs,
  noise,
}: {
  timestampMs: number;
  noise: Uint8Array;
}): Uint8Array {
  return Buffer.concat([timeBytes(timestampMs), encodeReply(noise)]);
}

/** Undefined when its lengths contradict each other. */
export function decodeOpening(
  content: Uint8Array,
): { readonly timestampMs: number; readonly noise: Uint8Array } | undefined {
  if (content.length < TIME_BYTES) return undefined;
  const timestampMs = readTime(content.subarray(0, TIME_BYTES));
  const noise = decodeReply(content.subarray(TIME_BYTES));
  return timestampMs === undefined || !noise ? undefined : { timestampMs, noise };
}

/** The content of a reply, without its padding: length and Noise message. */
export function encodeReply(noise: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(noise.length >>> 8, noise.length & 0xff), noise]);
}

export function decodeReply(content: Uint8Array): Uint8Array | undefined {
  const [high = 0, low = 0] = content;
  const end = LENGTH_BYTES + high * 256 + low;
  return end <= content.length ? content.subarray(LENGTH_BYTES, end) : undefined;
}

export function encodeGreeting({ reference, versions, inviteId }: Greeting): Uint8Array {
  return encodeCbor({
    ref: referenceBytes(reference.line),
    ver: [versions.min, versions.max],
    ...(inviteId ? { inv: inviteId } : {}),
  });
}

/** Undefined for what is none. */
export function decodeGreeting(payload: Uint8Array): Greeting | undefined {
  return parsed(() => {
    const fields = decodeFields(payload, CODE);
    const reference = field(fields, 'ref');
    if (!(reference instanceof Uint8Array)) throw new ParseError(CODE, 'field ref is not bytes');
    const greeting = { reference: decodeReference(referenceLine(reference)), versions: versionsOf(fields) };
    if (field(fields, 'inv') === undefined) return greeting;
    return {
      ...greeting,
      inviteId: bytesField(fields, { name: 'inv', length: INVITE_ID_BYTES, code: CODE }),
    };
  });
}

/** Payload 2. */
export function encodeWelcome(versions: VersionRange): Uint8Array {
  return encodeCbor({ ver: [versions.min, versions.max] });
}

/** Undefined for what is none. */
export function decodeWelcome(payload: Uint8Array): VersionRange | undefined {
  return parsed(() => versionsOf(decodeFields(payload, CODE)));
}

function versionsOf(fields: Fields): VersionRange {
  const versions = field(fields, 'ver');
  const [min, max, ...more] = Array.isArray(versions) ? (versions as readonly unknown[]) : [];
  const isRange =
    typeof min === 'number' && typeof max === 'number' && more.length === 0 && isVersionRange({ min, max });
  if (!isRange) throw new ParseError(CODE, 'field ver is not a range');
  return { min, max };
}

function timeBytes(timestampMs: number): Uint8Array {
  const bytes = new Uint8Array(TIME_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(timestampMs));
  return bytes;
}

function parsed<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ParseError) return undefined;
    throw error;
  }
}
