/**
 * Reading the fields of a CBOR map that came from outside. Fields that the reader does not ask for are ignored: later versions
 * add some.
 */
import { ParseError, decodeCbor } from '../keys/index.ts';
import type { CborLimits, CborValue, ParseErrorCode } from '../keys/index.ts';

export type Fields = Readonly<Record<string, CborValue>>;

/** @throws ParseError of `code` unless `bytes` are one map. */
export function decodeFields(
  bytes: Uint8Array,
  code: ParseErrorCode,
  limits: Partial<CborLimits> = {},
): Fields {
  const value = decodeAs(bytes, code, limits);
  if (!isMap(value)) throw new ParseError(code, 'not a map');
  return value;
}

/** The value of a field that the map itself has; what every object inherits does not count. */
export function field(fields: Fields, name: string): CborValue | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/** A copy: decoded strings lie in the input. @throws ParseError of `code` unless it is there with this length. */
export function bytesField(
  fields: Fields,
  { name, length, code }: { name: string; length: number; code: ParseErrorCode },
): Uint8Array {
  const value = field(fields, name);
  if (value instanceof Uint8Array && value.length === length) return Uint8Array.from(value);
  throw new ParseError(code, `field ${name} is not a string of ${length} bytes`);
}

function decodeAs(bytes: Uint8Array, code: ParseErrorCode, limits: Partial<CborLimits>): CborValue {
  try {
    return decodeCbor(bytes, limits);
  } catch (error) {
    if (error instanceof ParseError) throw new ParseError(code, error.message);
    throw error;
  }
}

function isMap(value: CborValue): value is Fields {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}
