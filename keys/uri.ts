/**
 * Keys as text: what people copy, mail and click (docs/spec/keys.md, 7).
 *
 * Parsing is strict and says what is wrong and where, because a key that was cut off or folded to lower case looks right and
 * finds nothing. It asks no network and computes no scrypt.
 *
 * Invariant: parseUri(formatUri(uri)) equals `uri` if its names are in NFC, and formatUri gives the one canonical text.
 */
import {
  type CryptoKey,
  cryptoKey,
  fromText,
  KEY_BYTES,
  type PublicKeyHash,
  publicKeyHash,
} from './bytes.ts';
import { type RoutingKey, routingKey, type Seed, seed, toText } from './bytes.ts';
import { assert, assertNever, ParseError } from './errors.ts';
import { keyLimits } from './limits.ts';
import { canonicalName, checkSegment } from './name.ts';
import { hashPublicKey, sskFromSeed } from './ssk.ts';

export type Uri = ChkUri | SskUri | KskUri | UskUri;

type ChkUri =
  | {
      readonly kind: 'chk';
      readonly form: 'request';
      readonly routingKey: RoutingKey;
      readonly cryptoKey: CryptoKey;
      /** The first segment is the file name; a manifest's files follow it. */
      readonly path: readonly string[];
    }
  /** `CHK@` alone: the key follows from what is inserted. */
  | { readonly kind: 'chk'; readonly form: 'insert' };

export type SskUri = Subspace & {
  readonly kind: 'ssk';
  readonly name: string;
  readonly path: readonly string[];
};

export type UskUri = Subspace & {
  readonly kind: 'usk';
  readonly site: string;
  readonly edition: number;
  readonly path: readonly string[];
};

/** One text for reading and for writing: the word is the secret. */
interface KskUri {
  readonly kind: 'ksk';
  readonly keyword: string;
  readonly path: readonly string[];
}

/** Who may write there has the seed, who may read the hash of its public key. */
type Subspace =
  | { readonly form: 'request'; readonly publicKeyHash: PublicKeyHash; readonly cryptoKey: CryptoKey }
  | { readonly form: 'insert'; readonly seed: Seed; readonly cryptoKey: CryptoKey };

/** Two bytes, the third field: the version of the format, then the form by its number. */
const VERSION = 1;
const FORMS = ['request', 'insert'] as const;
type Form = (typeof FORMS)[number];

/** @throws ParseError bad_key */
export function parseUri(text: string): Uri {
  const trimmed = text.trim();
  checkLength(trimmed);
  const uri = trimmed.replace(/^mimeo:/iu, '');
  const stray = /[?#]/u.exec(uri)?.[0];
  if (stray)
    throw bad(`a bare "${stray}" is no part of a key: cut it off or write ${encodeURIComponent(stray)}`);
  const at = uri.indexOf('@');
  const type = uri.slice(0, Math.max(at, 0));
  const [first = '', ...rest] = uri.slice(at + 1).split('/');
  if (type === 'CHK') return parseChk(first, rest.map(decodeSegment));
  if (type === 'SSK') return parseSsk(first, rest.map(decodeSegment));
  if (type === 'KSK') return parseKsk([first, ...rest].map(decodeSegment));
  if (type === 'USK') return parseUsk(first, rest.map(decodeSegment));
  if (/^[csku]..$/iu.test(type))
    throw bad(`the type of a key is written in capitals: ${type.toUpperCase()}@`);
  throw bad('a key begins with CHK@, SSK@, KSK@ or USK@');
}

/** @throws ParseError bad_key when a name or a segment is not allowed or the text would be too long. */
export function formatUri(uri: Uri): string {
  const text = format(uri);
  checkLength(text);
  return text;
}

function format(uri: Uri): string {
  switch (uri.kind) {
    case 'chk':
      if (uri.form === 'insert') return 'CHK@';
      return `CHK@${fields(uri.routingKey, uri)}${tail(uri.path)}`;
    case 'ssk':
      return `SSK@${fields(owner(uri), uri)}${tail([canonicalName(uri.name), ...uri.path])}`;
    case 'ksk':
      return `KSK@${tail([canonicalName(uri.keyword), ...uri.path]).slice(1)}`;
    case 'usk':
      checkUskName(uri);
      return `USK@${fields(owner(uri), uri)}${tail([canonicalName(uri.site), String(uri.edition), ...uri.path])}`;
  }
  return assertNever(uri);
}

/** What can be given away: the form that reads. Undefined for `CHK@`, which has none before the insert. */
export function requestUri(uri: SskUri): Extract<SskUri, { form: 'request' }>;
export function requestUri(uri: Uri): Uri | undefined;
export function requestUri(uri: Uri): Uri | undefined {
  if (uri.kind === 'ksk' || uri.form === 'request') return uri;
  if (uri.kind === 'chk') return undefined;
  const { seed, cryptoKey, ...named } = uri;
  const { publicKey } = sskFromSeed({ seed, cryptoKey });
  return { ...named, form: 'request', publicKeyHash: hashPublicKey(publicKey), cryptoKey };
}

/** An edition of a USK is the SSK named `site-edition` (docs/spec/keys.md, 7). */
export function sskOfUsk(uri: UskUri): SskUri {
  const { site, edition, kind: _, ...same } = uri;
  assert(Number.isSafeInteger(edition) && edition >= 0, 'an edition is a whole number from 0');
  return { ...same, kind: 'ssk', name: `${site}-${edition}` };
}

function parseChk(first: string, path: string[]): ChkUri {
  if (first === '' && path.length === 0) return { kind: 'chk', form: 'insert' };
  const { bytes, cryptoKey, form } = parseFields(first, 'routing key');
  if (form === 'insert') throw bad('a CHK has no insert form but CHK@ alone');
  return { kind: 'chk', form, routingKey: routingKey(bytes), cryptoKey, path };
}

function parseSsk(first: string, [name, ...path]: string[]): SskUri {
  const subspace = parseSubspace(first);
  if (name === undefined) throw bad('an SSK needs a name after its key: /name');
  return { kind: 'ssk', ...subspace, name: canonicalName(name), path };
}

function parseKsk([keyword = '', ...path]: string[]): KskUri {
  return { kind: 'ksk', keyword: canonicalName(keyword), path };
}

function parseUsk(first: string, [site, edition, ...path]: string[]): UskUri {
  const subspace = parseSubspace(first);
  if (site === undefined || edition === undefined)
    throw bad('a USK needs a site and an edition after its key: /site/0');
  if (!/^(?:0|[1-9]\d*)$/u.test(edition) || !Number.isSafeInteger(Number(edition))) {
    throw bad(`"${edition.slice(0, 20)}" is no edition: a whole number from 0, up to 2^53 − 1`);
  }
  const uri: UskUri = { kind: 'usk', ...subspace, site: canonicalName(site), edition: Number(edition), path };
  checkUskName(uri);
  return uri;
}

/** `site` may be a name while `site-edition` is too long for one. */
function checkUskName(uri: UskUri): void {
  canonicalName(sskOfUsk(uri).name);
}

function parseSubspace(first: string): Subspace {
  const { bytes, cryptoKey, form } = parseFields(first, 'public key hash or seed');
  return form === 'insert'
    ? { form, seed: seed(bytes), cryptoKey }
    : { form, publicKeyHash: publicKeyHash(bytes), cryptoKey };
}

function parseFields(text: string, what: string): { bytes: Uint8Array; cryptoKey: CryptoKey; form: Form } {
  const parts = text.split(',');
  const [one, two, three] = parts;
  if (one === undefined || two === undefined || three === undefined || parts.length > 3) {
    throw bad(
      `after @ come three fields with commas between: ${what}, crypto key, extra; here are ${parts.length}`,
    );
  }
  const bytes = parseField(one, { what, size: KEY_BYTES });
  const key = cryptoKey(parseField(two, { what: 'crypto key', size: KEY_BYTES }));
  const [version, formNumber = FORMS.length] = parseField(three, { what: 'extra', size: 2 });
  if (version !== VERSION) throw bad(`the key has format version ${version}; this program knows ${VERSION}`);
  const form = FORMS[formNumber];
  if (!form) throw bad(`the extra field names form ${formNumber}; known are 0 (request) and 1 (insert)`);
  return { bytes, cryptoKey: key, form };
}

function parseField(text: string, { what, size }: { what: string; size: number }): Uint8Array {
  const wanted = Math.ceil((size * 8) / 6);
  if (text.length !== wanted) throw bad(`the ${what} has ${text.length} characters instead of ${wanted}`);
  try {
    return fromText(text);
  } catch (error) {
    if (error instanceof ParseError) throw bad(`in the ${what}, ${error.message}`);
    throw error;
  }
}

function decodeSegment(text: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    throw bad(`"${text.slice(0, 40)}" has a % that two hexadecimal digits of UTF-8 do not follow`);
  }
  return checkSegment(decoded);
}

function owner(uri: SskUri | UskUri): Uint8Array {
  return uri.form === 'insert' ? uri.seed : uri.publicKeyHash;
}

function fields(first: Uint8Array, { cryptoKey, form }: { cryptoKey: CryptoKey; form: Form }): string {
  return [first, cryptoKey, Uint8Array.of(VERSION, FORMS.indexOf(form))].map(toText).join(',');
}

function tail(segments: readonly string[]): string {
  return segments.map((segment) => `/${encodeURIComponent(checkSegment(segment))}`).join('');
}

function checkLength(text: string): void {
  const most = keyLimits.uriChars.value;
  if (text.length > most) throw bad(`a key has at most ${most} characters; this has ${text.length}`);
}

function bad(message: string): ParseError {
  return new ParseError('bad_key', message);
}
