/**
 * The headers by which a client asks for a part of a file, or for nothing when it has the file already (RFC 9110, 13 and 14).
 * Pure text in, a decision out; nothing here reads a file.
 *
 * One range of bytes is honoured. Several ranges, another unit and a malformed header are ignored, as the RFC allows: the
 * answer is the whole file, which is never wrong.
 */
export type Span =
  | { readonly type: 'whole' }
  /** The bytes from `start` up to and including `end`; both lie in the file. */
  | { readonly type: 'part'; readonly start: number; readonly end: number }
  | { readonly type: 'unsatisfiable' };

const WHOLE: Span = { type: 'whole' };

export function readRange(header: string | undefined, sizeBytes: number): Span {
  const found = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header ?? '');
  if (found === null) return WHOLE;
  const [, first = '', last = ''] = found;
  if (first === '' && last === '') return WHOLE;
  if (first === '') {
    const count = Math.min(Number(last), sizeBytes);
    return count === 0
      ? { type: 'unsatisfiable' }
      : { type: 'part', start: sizeBytes - count, end: sizeBytes - 1 };
  }
  // Digits past 2^53 lose their last places, all of them beyond the end of any file.
  const start = Number(first);
  if (last !== '' && Number(last) < start) return WHOLE;
  if (start >= sizeBytes) return { type: 'unsatisfiable' };
  return { type: 'part', start, end: Math.min(last === '' ? Infinity : Number(last), sizeBytes - 1) };
}

/** If-None-Match, compared weakly: `tag` comes with its quotes. */
export function hasCopy(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  return [...ifNoneMatch.matchAll(/"[^"]*"/g)].some(([each]) => each === tag);
}

/** If-Range, compared strongly. A date never matches: nothing here has a time, which would tell when it was inserted. */
export function rangeHolds(ifRange: string | undefined, tag: string): boolean {
  return ifRange === undefined || ifRange.trim() === tag;
}
