/**
 * The one subset of CBOR that mimeo writes and reads (docs/spec/keys.md, 8): null, booleans, integers, byte and text strings,
 * arrays, and maps with text keys, in RFC 8949's deterministic encoding. A value has one encoding, and only that is read.
 *
 * cbor-x does the work, behind the scanner: on its own it builds Date, RegExp and cyclic objects from tags, takes quadratic
 * time for a bignum, accepts duplicate keys and replaces bad UTF-8. It does not know what the values mean, and does not copy:
 * decoded byte strings lie in the input, and whoever keeps them copies them.
 *
 * Invariant: encodeCbor(decodeCbor(bytes)) is `bytes`.
 */
import { Encoder } from 'cbor-x';
import { type CborLimits, scanCbor } from './cbor-scan.ts';
import { ParseError } from './errors.ts';
import { keyLimits } from './limits.ts';

export type { CborLimits } from './cbor-scan.ts';

/** Maps are plain objects: look a key up with `Object.hasOwn`, because `constructor` is found in every one. */
export type CborValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly CborValue[]
  | { readonly [key: string]: CborValue };

const DEFAULT_LIMITS: CborLimits = {
  depth: keyLimits.cborDepth.value,
  items: keyLimits.cborItems.value,
  stringBytes: keyLimits.cborStringBytes.value,
};

const options = { useRecords: false, variableMapSize: true, tagUint8Array: false, useTag259ForMaps: false };
const cborX = new Encoder(options);

/** @throws ParseError bad_cbor with the offset in its message. */
export function decodeCbor(bytes: Uint8Array, limits: Partial<CborLimits> = {}): CborValue {
  const { sawWideInteger } = scanCbor(bytes, { ...DEFAULT_LIMITS, ...limits });
  // A view of its own: from a Buffer the strings would be Buffers, and cbor-x leaves a property on its input.
  const value: unknown = cborX.decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  return (sawWideInteger ? withoutBigInts(value) : value) as CborValue;
}

/** cbor-x can give numbers itself, but then computes negative ones of 64 bits with 32-bit arithmetic. */
function withoutBigInts(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(withoutBigInts);
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, withoutBigInts(entry)]));
}

/** @throws ParseError bad_cbor for what the subset lacks: fractions, half a surrogate pair, classes, too deep a nesting. */
export function encodeCbor(value: CborValue): Uint8Array {
  const encoded = cborX.encode(prepared(value, 0));
  return new Uint8Array(encoded.buffer, encoded.byteOffset, encoded.byteLength);
}

/** The value in the form from which cbor-x writes our encoding: wide integers as BigInt, maps as sorted Maps. */
function prepared(value: unknown, depth: number): unknown {
  if (value === null || typeof value === 'boolean' || value instanceof Uint8Array) return value;
  if (typeof value === 'string') return checkedText(value);
  if (typeof value === 'number') return preparedInteger(value);
  if (depth >= keyLimits.cborDepth.value) throw refused(`nested more than ${keyLimits.cborDepth.value} deep`);
  if (Array.isArray(value)) return value.map((item) => prepared(item, depth + 1));
  if (typeof value !== 'object' || !isPlain(value))
    throw refused(`a ${typeof value} that is no plain object`);
  const entries = Object.entries(value).sort(([a], [b]) => compareKeys(a, b));
  return new Map(entries.map(([key, item]) => [checkedKey(key), prepared(item, depth + 1)]));
}

function preparedInteger(value: number): number | bigint {
  if (!Number.isSafeInteger(value)) throw refused(`the number ${value}`);
  // cbor-x writes a float for a number that does not fit a 32-bit head.
  return value > 0xffff_ffff || value < -0x1_0000_0000 ? BigInt(value) : value;
}

function checkedText(text: string): string {
  if (!text.isWellFormed()) throw refused('text with half of a surrogate pair');
  if (text.startsWith('\ufeff')) throw refused('text that begins with U+FEFF');
  return text;
}

function checkedKey(key: string): string {
  if (key === '__proto__') throw refused('the key __proto__');
  return checkedText(key);
}

/** The order of the encoded keys: their heads hold the length, so the shorter comes first. */
function compareKeys(a: string, b: string): number {
  return Buffer.byteLength(a) - Buffer.byteLength(b) || Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function refused(what: string): ParseError {
  return new ParseError('bad_cbor', `not encodable as CBOR: ${what}`);
}
