/**
 * The strict reader that walks foreign CBOR before anything is built from it (docs/spec/keys.md, 8).
 *
 * It accepts the deterministic encoding of our subset and refuses the rest, with the offset. It makes no values: cbor-x does,
 * afterwards, from bytes that are known to be harmless.
 *
 * Invariant: returns only for exactly one value that fills the bytes, within the limits; every count is checked against the
 * limits and every length against what is left before it is used.
 */
import { equalBytes } from './bytes.ts';
import { ParseError } from './errors.ts';

export interface CborLimits {
  /** Arrays and maps inside each other. */
  readonly depth: number;
  /** Values of the whole, keys and containers included. */
  readonly items: number;
  /** Of the longest text or byte string. */
  readonly stringBytes: number;
}

interface Scan {
  readonly bytes: Uint8Array;
  readonly limits: CborLimits;
  offset: number;
  depth: number;
  items: number;
  sawWideInteger: boolean;
}

/**
 * @returns whether an integer of more than 32 bits was seen: cbor-x makes a BigInt of it.
 * @throws ParseError bad_cbor
 */
export function scanCbor(bytes: Uint8Array, limits: CborLimits): { sawWideInteger: boolean } {
  const scan: Scan = { bytes, limits, offset: 0, depth: 0, items: 0, sawWideInteger: false };
  scanItem(scan);
  if (scan.offset !== bytes.length) fail(scan.offset, 'more bytes after the value');
  return { sawWideInteger: scan.sawWideInteger };
}

/** RFC 8949, 3.1: the upper three bits of an initial byte. */
const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;

const FALSE = 0xf4;
const TRUE = 0xf5;
const NULL = 0xf6;

function scanItem(scan: Scan): void {
  const start = scan.offset;
  scan.items++;
  if (scan.items > scan.limits.items) fail(start, `more than ${scan.limits.items} items`);
  const initial = takeNumber(scan, 1);
  if (initial === FALSE || initial === TRUE || initial === NULL) return;
  const major = initial >> 5;
  if (major > MAP) fail(start, 'a tag, a float or an unknown simple value');
  const argument = takeArgument(scan, initial & 0x1f);
  if (major === UNSIGNED || major === NEGATIVE) {
    // A negative integer is −1 − argument, so the greatest argument is one too far.
    if (major === NEGATIVE && argument === Number.MAX_SAFE_INTEGER)
      fail(start, 'an integer beyond ±(2^53 − 1)');
    if (argument > 0xffff_ffff) scan.sawWideInteger = true;
  } else if (major === BYTES || major === TEXT) {
    if (argument > scan.limits.stringBytes)
      fail(start, `a string of more than ${scan.limits.stringBytes} bytes`);
    const string = take(scan, argument);
    if (major === TEXT) checkText(string, start);
  } else {
    if (scan.depth >= scan.limits.depth) fail(start, `nested more than ${scan.limits.depth} deep`);
    if (argument > scan.limits.items) fail(start, `more than ${scan.limits.items} items`);
    scan.depth++;
    if (major === ARRAY) for (let i = 0; i < argument; i++) scanItem(scan);
    else scanEntries(scan, argument);
    scan.depth--;
  }
}

/** cbor-x renames this key, to keep prototypes clean; a name that changes on the way is worse than none. */
const PROTO = Buffer.from('\x69__proto__');

function scanEntries(scan: Scan, count: number): void {
  let previous: Uint8Array | undefined;
  for (let i = 0; i < count; i++) {
    const start = scan.offset;
    const initial = scan.bytes[start];
    if (initial !== undefined && initial >> 5 !== TEXT) fail(start, 'a key that is not text');
    scanItem(scan);
    const key = scan.bytes.subarray(start, scan.offset);
    // The order of the encoded bytes, length included (RFC 8949, 4.2.1); an equal key is out of order too.
    if (previous && Buffer.compare(previous, key) >= 0) fail(start, 'a key out of order or twice');
    if (equalBytes(key, PROTO)) fail(start, 'the key __proto__');
    previous = key;
    scanItem(scan);
  }
}

/** RFC 8949, 4.2.1: the shortest form that holds the number, and no indefinite length. */
function takeArgument(scan: Scan, info: number): number {
  const start = scan.offset - 1;
  if (info < 24) return info;
  if (info > 27) fail(start, info === 31 ? 'an indefinite length' : 'a reserved head');
  const size = 1 << (info - 24);
  if (size < 8) {
    const value = takeNumber(scan, size);
    if (value < (size === 1 ? 24 : 256 ** (size / 2))) fail(start, 'a number in more bytes than it needs');
    return value;
  }
  const high = takeNumber(scan, 4);
  const low = takeNumber(scan, 4);
  if (high === 0) fail(start, 'a number in more bytes than it needs');
  if (high > 0x1f_ffff) fail(start, 'an integer beyond ±(2^53 − 1)');
  return high * 2 ** 32 + low;
}

/** Big-endian, of 1, 2 or 4 bytes. */
function takeNumber(scan: Scan, size: number): number {
  let value = 0;
  for (const byte of take(scan, size)) value = value * 256 + byte;
  return value;
}

function take(scan: Scan, size: number): Uint8Array {
  const end = scan.offset + size;
  if (end > scan.bytes.length) fail(scan.bytes.length, 'the end, too early');
  const taken = scan.bytes.subarray(scan.offset, end);
  scan.offset = end;
  return taken;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function checkText(text: Uint8Array, start: number): void {
  if (text.every((byte) => byte < 0x80)) return;
  // Decoders disagree whether a leading U+FEFF belongs to the text: cbor-x keeps it in short strings and drops it in long ones.
  if (text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf) fail(start, 'text that begins with U+FEFF');
  try {
    utf8.decode(text);
  } catch {
    fail(start, 'text that is not UTF-8');
  }
}

function fail(offset: number, what: string): never {
  throw new ParseError('bad_cbor', `CBOR at byte ${offset}: ${what}`);
}
