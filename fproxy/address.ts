/**
 * Which key an address of this gateway names: the path is the key. The strict parser of keys decides what a key is; this file
 * only undoes what clients do to a path on the way.
 *
 * Invariant: what goes on to the node is the canonical text of a key that parsed.
 */
import { parseUri, type Uri } from '../keys/index.ts';
import { UserError } from '../client/index.ts';

const KEY = /^(?:mimeo(?::|%3a))?[a-z]{3}(?:@|%40)/i;
/** A separator is percent-encoded; a comma in a keyword is none. */
const SEPARATOR_ENCODED = /^(?:mimeo(?::|%3a))?(?:[a-z]{3}%40|[csu][a-z]{2}@[\w-]*%2c)/i;

/** @param target path and query as they stand in the request line. @throws UserError page_unknown; ParseError bad_key */
export function uriOfTarget(target: string): Uri {
  const text = target.slice(1);
  if (!KEY.test(text))
    throw new UserError(
      'page_unknown',
      'no page and no key: a fetch names a key, and so does an insert (CHK@ for a new one)',
    );
  return parseUri(keyText(text));
}

/** `uri`, if it is a request form of a kind that can be fetched. @throws UserError */
export function readable(uri: Uri): Uri {
  if (uri.kind === 'usk') throw noUsk();
  if (uri.kind !== 'ksk' && uri.form === 'insert') {
    throw new UserError(
      'key_form',
      'this is the insert form of the key: keep it to yourself and fetch by the request form',
    );
  }
  return uri;
}

/** `uri`, if it is an insert form of a kind that can be inserted. @throws UserError */
export function writable(uri: Uri): Uri {
  if (uri.kind === 'usk') throw noUsk();
  if (uri.kind !== 'ksk' && uri.form === 'request') {
    throw new UserError('key_form', 'this is the request form of the key: an insert needs the insert form');
  }
  return uri;
}

/** The last part of what the key says about its file; undefined for a bare CHK. */
export function fileNameOf(uri: Uri): string | undefined {
  if (uri.kind === 'chk' && uri.form === 'insert') return undefined;
  return uri.path.at(-1) ?? (uri.kind === 'ssk' ? uri.name : uri.kind === 'ksk' ? uri.keyword : undefined);
}

/**
 * Without a `/`, an encoded separator means that the client took the key for one opaque text and encoded all of it, names that
 * were encoded already included. Otherwise only the separators are undone: the names behind them are for the parser.
 */
function keyText(text: string): string {
  const slash = text.indexOf('/');
  if (slash < 0 && SEPARATOR_ENCODED.test(text)) return decodedOnce(text);
  const end = slash < 0 ? text.length : slash;
  const first = text.slice(0, end).replace(/%(?:40|2c|3a)/gi, (each) => decodeURIComponent(each));
  return first + text.slice(end);
}

function decodedOnce(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UserError('bad_key', 'the address has a % that two hexadecimal digits of UTF-8 do not follow');
  }
}

function noUsk(): UserError {
  return new UserError('key_form', 'USK@ keys are not followed here yet: name one edition as SSK@…/site-7');
}
