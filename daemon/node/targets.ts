/**
 * From what a person writes to what a job works on: the key of a fetch, and the `--key` of an insert. Keywords are stretched here
 * (scrypt, off the event loop), own subspaces are looked up here.
 *
 * @throws UserError or ParseError with a code of the error table, in all its functions
 */
import {
  assertNever,
  type Uri,
  KskBusyError,
  canonicalName,
  deriveKsk,
  hashPublicKey,
  parseUri,
  sskFromSeed,
} from '../../keys/index.ts';
import { type GetTarget, type PutTarget, UserError } from '../../client/index.ts';
import type { Keyring } from './keyring.ts';

/** Checks at once, derives later: a call with a bad key is refused before a job exists. */
export type Later<T> = () => Promise<T>;

export function getTarget(text: string): Later<GetTarget> {
  const uri = parseUri(text);
  switch (uri.kind) {
    case 'chk': {
      if (uri.form === 'insert') throw notReadable();
      // The first segment is the file name, which is no part of the key.
      if (uri.path.length > 1) throw noSites();
      const { routingKey, cryptoKey } = uri;
      return async () => ({ type: 'chk', routingKey, cryptoKey });
    }
    case 'ssk': {
      if (uri.form === 'insert') throw notReadable();
      if (uri.path.length > 0) throw noSites();
      const { publicKeyHash, cryptoKey, name } = uri;
      return async () => ({ type: 'ssk', publicKeyHash, cryptoKey, name });
    }
    case 'ksk':
      if (uri.path.length > 0) throw noSites();
      return async () => {
        const secret = await keyword(uri.keyword);
        const { publicKey, cryptoKey, name } = secret;
        return { type: 'ksk', publicKeyHash: hashPublicKey(publicKey), cryptoKey, name };
      };
    case 'usk':
      throw new UserError(
        'key_form',
        'USK@ keys can not be fetched by this version: ask for an edition as SSK@…/site-edition',
      );
    default:
      return assertNever(uri);
  }
}

/** `chk`, `ksk:WORD`, `ssk:NAME/document`, or an insert URI. */
export function putTarget(
  text: string | undefined,
  names: { keyring: Keyring; fileName: string | undefined },
): Later<PutTarget> {
  const { keyring, fileName } = names;
  if (text === undefined || text === 'chk' || text === 'CHK@') return async () => ({ type: 'chk', fileName });
  if (text.startsWith('ksk:')) return keywordTarget(canonicalName(text.slice('ksk:'.length)));
  if (text.startsWith('ssk:')) {
    const [name = '', ...rest] = text.slice('ssk:'.length).split('/');
    if (rest.length === 0)
      throw new UserError('usage', 'an SSK is written ssk:NAME/document, with the name of an own key');
    const secret = keyring.secret(name);
    const document = canonicalName(rest.join('/'));
    return async () => ({ type: 'ssk', secret, name: document });
  }
  return uriTarget(parseUri(text), fileName);
}

function uriTarget(uri: Uri, fileName: string | undefined): Later<PutTarget> {
  if (uri.kind === 'chk') return async () => ({ type: 'chk', fileName });
  if (uri.kind === 'usk') throw new UserError('key_form', 'USK@ keys can not be inserted by this version');
  if (uri.path.length > 0) throw noSites();
  if (uri.kind === 'ksk') return keywordTarget(uri.keyword);
  if (uri.form === 'request')
    throw new UserError(
      'key_form',
      'this is the form that reads: an insert needs the one from `mimeo key export`',
    );
  const { name } = uri;
  const secret = sskFromSeed(uri);
  return async () => ({ type: 'ssk', secret, name });
}

function keywordTarget(word: string): Later<PutTarget> {
  return async () => ({ type: 'ksk', secret: await keyword(word) });
}

async function keyword(word: string): ReturnType<typeof deriveKsk> {
  try {
    return await deriveKsk(word);
  } catch (error) {
    if (error instanceof KskBusyError)
      throw new UserError('overloaded', 'too many keywords at once', { cause: error });
    throw error;
  }
}

function notReadable(): UserError {
  return new UserError(
    'key_form',
    'this is the form that inserts: fetching needs the one that can be given away',
  );
}

function noSites(): UserError {
  return new UserError('key_form', 'paths inside a site can not be fetched by this version');
}
