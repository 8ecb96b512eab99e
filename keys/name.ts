/**
 * What people call things: the name of an SSK, the site of a USK, a keyword. One rule for all of them, and for the parts of a
 * path behind a key, because every one of them becomes a segment of a URI and of an address in a browser.
 *
 * Names are in Unicode's NFC, so that the same word typed on two systems is the same key. Paths are not touched: they must
 * equal what a manifest says, byte for byte. Whether two names look alike is not decided here.
 */
import { ParseError } from './errors.ts';
import { keyLimits } from './limits.ts';

// eslint-disable-next-line no-control-regex -- finding control characters is the purpose
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/u;

/** The one form of a name. @throws ParseError bad_key when it is empty, too long, or no segment of a URI. */
export function canonicalName(text: string): string {
  const name = checkSegment(text).normalize('NFC');
  if (name === '') throw new ParseError('bad_key', 'the name is empty');
  const bytes = Buffer.byteLength(name);
  const most = keyLimits.nameBytes.value;
  if (bytes > most) throw new ParseError('bad_key', `the name has ${bytes} bytes, more than ${most}`);
  return name;
}

/** One part of a path, as it is; it may be empty. @throws ParseError bad_key */
export function checkSegment(text: string): string {
  if (!text.isWellFormed()) throw new ParseError('bad_key', 'the name has half of a surrogate pair');
  if (CONTROL.test(text)) throw new ParseError('bad_key', 'the name has a control character');
  // Browsers fold these away before they ask anybody, and file systems climb with them.
  if (text === '.' || text === '..') throw new ParseError('bad_key', `"${text}" is no name`);
  return text;
}
