/**
 * What a key says, in words and plain values: the answer of `mimeo info`.
 *
 * It shows only what follows from the text: nothing is fetched, and a KSK's routing key, which takes a scrypt, stays out. A
 * seed is never repeated, because the answer is for screens and mails.
 */
import { type CryptoKey, type RoutingKey, toText } from './bytes.ts';
import { assertNever } from './errors.ts';
import { location, SALTS } from './location.ts';
import { sskRoutingKey } from './ssk.ts';
import { formatUri, parseUri, requestUri, sskOfUsk, type SskUri, type Uri, type UskUri } from './uri.ts';

export interface UriExplanation {
  readonly kind: Uri['kind'];
  readonly form: 'request' | 'insert' | 'both';
  readonly meaning: string;
  /** The text that can be given away; absent for `CHK@`. */
  readonly requestUri?: string;
  readonly name?: string;
  readonly edition?: number;
  readonly path: string;
  readonly fields: readonly Field[];
  /** The blocks that the key names, with where on the circle [0, 1) each of their three copies lives. */
  readonly blocks: readonly {
    readonly name: string;
    readonly routingKey: string;
    readonly locations: readonly number[];
  }[];
  readonly allows: readonly string[];
}

interface Field {
  readonly name: string;
  readonly value: string;
  readonly meaning: string;
}

/** @throws ParseError bad_key */
export function explainUri(key: Uri | string): UriExplanation {
  const uri = typeof key === 'string' ? parseUri(key) : key;
  const readable = requestUri(uri);
  return { ...(readable && { requestUri: formatUri(readable) }), ...explain(uri) };
}

function explain(uri: Uri): Omit<UriExplanation, 'requestUri'> {
  switch (uri.kind) {
    case 'chk':
      return explainChk(uri);
    case 'ssk':
      return {
        ...explainSubspace(uri, uri),
        meaning: 'Signed subspace key: one block, signed by the owner of a key pair, under a name.',
        name: uri.name,
      };
    case 'ksk':
      return {
        kind: 'ksk',
        form: 'both',
        meaning: 'Keyword signed key: a block whose keys follow from a word.',
        name: uri.keyword,
        path: uri.path.join('/'),
        fields: [],
        blocks: [],
        allows: ['read, by whoever guesses the word', 'insert another version, by whoever guesses the word'],
      };
    case 'usk':
      return {
        ...explainSubspace(uri, sskOfUsk(uri)),
        meaning: 'Updatable subspace key: a site in numbered editions, each a signed block.',
        name: uri.site,
        edition: uri.edition,
      };
  }
  return assertNever(uri);
}

function explainChk(uri: Uri & { kind: 'chk' }): Omit<UriExplanation, 'requestUri'> {
  const meaning = 'Content hash key: exactly one content, which nobody can change.';
  if (uri.form === 'insert') {
    return {
      kind: 'chk',
      form: 'insert',
      meaning,
      path: '',
      fields: [],
      blocks: [],
      allows: ['insert; the key follows from the content'],
    };
  }
  return {
    kind: 'chk',
    form: 'request',
    meaning,
    path: uri.path.join('/'),
    fields: [
      {
        name: 'routingKey',
        value: toText(uri.routingKey),
        meaning: 'SHA-256 of the block: what nodes see and check',
      },
      cryptoKeyField(uri.cryptoKey),
    ],
    blocks: [explainBlock('content', uri.routingKey)],
    allows: ['read'],
  };
}

/** `ssk` is the block that the key names: the key itself, or the edition of a USK. */
function explainSubspace(uri: SskUri | UskUri, ssk: SskUri): Omit<UriExplanation, 'requestUri' | 'meaning'> {
  const canInsert = uri.form === 'insert';
  return {
    kind: uri.kind,
    form: uri.form,
    path: uri.path.join('/'),
    fields: [ownerField(uri), cryptoKeyField(uri.cryptoKey)],
    blocks: [explainBlock(ssk.name, sskRoutingKey(requestUri(ssk)))],
    allows: canInsert ? ['read', 'insert under any name of this key'] : ['read'],
  };
}

function ownerField(uri: SskUri | UskUri): Field {
  return uri.form === 'insert'
    ? { name: 'seed', value: '(secret)', meaning: 'makes the signing key: whoever has it writes here' }
    : {
        name: 'publicKeyHash',
        value: toText(uri.publicKeyHash),
        meaning: 'SHA-256 of the public key that signs',
      };
}

function cryptoKeyField(cryptoKey: CryptoKey): Field {
  return { name: 'cryptoKey', value: toText(cryptoKey), meaning: 'opens the block: only readers have it' };
}

function explainBlock(name: string, routingKey: RoutingKey): UriExplanation['blocks'][number] {
  const locations = SALTS.map((salt) => location(routingKey, salt));
  return { name, routingKey: toText(routingKey), locations };
}
