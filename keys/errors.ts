/**
 * The two ways in which something is wrong at the lowest level: bytes or text from outside that do not parse, and bugs.
 *
 * A `ParseError` is thrown by codecs alone and caught at the seam that called the codec. A failed `assert` is a bug: nothing
 * catches it, the process ends, and assertions stay on in production because a wrong block written is worse than a stopped node.
 */

/** Foreign bytes or text that do not have the form they must have. `code` is stable (docs/ERRORS.md), the message is for people. */
export class ParseError extends Error {
  readonly code: ParseErrorCode;

  constructor(code: ParseErrorCode, message: string) {
    super(message);
    this.name = 'ParseError';
    this.code = code;
  }
}

export type ParseErrorCode =
  'bad_key' | 'bad_block' | 'bad_cbor' | 'bad_message' | 'bad_reference' | 'bad_metadata';

/** A condition that only a bug can break. */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new AssertionError(what);
}

/** Closes a `switch` over a union: a case that was forgotten does not compile. */
export function assertNever(value: never): never {
  throw new AssertionError(`unexpected variant ${JSON.stringify(value)}`);
}

class AssertionError extends Error {
  constructor(what: string) {
    super(`assertion failed: ${what}`);
    this.name = 'AssertionError';
  }
}
