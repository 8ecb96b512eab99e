/**
 * The secrets that make this node this owner's: the seed of its identity, the secret that makes own inserts convergent for this
 * owner alone, and the subspaces in which the owner publishes. All in one sealed file, `keys/keyring` (docs/spec/node.md, 4), so
 * that neither a file's name nor their number tells anything.
 *
 * Invariant: what a method has answered is on disk; what it could not write, it has not changed.
 */
import {
  type CborValue,
  type Identity,
  KEY_BYTES,
  ParseError,
  type Random,
  type Seed,
  type SskSecret,
  type Uri,
  createSsk,
  decodeCbor,
  encodeCbor,
  formatUri,
  identityFromSeed,
  parseUri,
  requestUri,
  seed,
  sskFromSeed,
} from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import { nodeLimits } from './limits.ts';
import { SealedFile } from './sealed-file.ts';

export interface OwnKey {
  readonly name: string;
  readonly requestUri: string;
}

type InsertUri = Extract<Uri, { kind: 'ssk'; form: 'insert' }>;

interface Secrets {
  readonly identitySeed: Seed;
  readonly convergenceSecret: Uint8Array;
  readonly keys: ReadonlyMap<string, InsertUri>;
}

const VERSION = 1;

export class Keyring {
  readonly identity: Identity;
  /** 32 bytes; the secrets of the links follow from them too. */
  readonly identitySeed: Seed;
  readonly convergenceSecret: Uint8Array;
  readonly #file: SealedFile;
  readonly #random: Random;
  #keys: ReadonlyMap<string, InsertUri>;

  /** Makes what is missing. @throws UserError state_damaged, data_dir_format, disk_failed, disk_full */
  constructor({ path, key, random }: { path: string; key: Uint8Array; random: Random }) {
    this.#file = SealedFile.open({ path, name: 'keyring', key, random });
    this.#random = random;
    const { content } = this.#file;
    const secrets = content === undefined ? freshSecrets(random) : decodeSecrets(content, path);
    this.identitySeed = secrets.identitySeed;
    this.convergenceSecret = secrets.convergenceSecret;
    this.#keys = secrets.keys;
    this.identity = identityFromSeed(this.identitySeed);
    if (content === undefined) this.#save(this.#keys);
  }

  list(): OwnKey[] {
    return [...this.#keys.keys()].sort().map((name) => this.#describe(name));
  }

  /** @throws UserError key_exists, too_large */
  create(name: string): OwnKey {
    this.#assertFree(name);
    const { seed, cryptoKey } = createSsk(this.#random);
    return this.#add(name, { kind: 'ssk', form: 'insert', seed, cryptoKey, name, path: [] });
  }

  /** The insert form: the secret. */
  export(name: string): OwnKey & { readonly insertUri: string } {
    return { ...this.#describe(name), insertUri: formatUri(this.#get(name)) };
  }

  /** @throws UserError key_exists, key_form, bad_key, too_large */
  import(name: string, insertUri: string): OwnKey {
    this.#assertFree(name);
    const uri = parseUri(insertUri);
    if (uri.kind !== 'ssk' || uri.form !== 'insert') {
      throw new UserError(
        'key_form',
        'only the insert form of an SSK can be imported: it is what `mimeo key export` prints',
      );
    }
    return this.#add(name, { ...uri, path: [] });
  }

  remove(name: string): OwnKey {
    const removed = this.#describe(name);
    const keys = new Map(this.#keys);
    keys.delete(name);
    this.#save(keys);
    return removed;
  }

  /** @throws UserError key_unknown */
  secret(name: string): SskSecret {
    return sskFromSeed(this.#get(name));
  }

  /** Best effort, when the process is about to end: nothing may be asked for afterwards. */
  wipe(): void {
    const seeds = [...this.#keys.values()].flatMap(({ seed, cryptoKey }) => [seed, cryptoKey]);
    for (const bytes of [this.identitySeed, this.convergenceSecret, ...seeds]) bytes.fill(0);
    this.#file.content?.fill(0);
  }

  #describe(name: string): OwnKey {
    return { name, requestUri: formatUri(requestUri(this.#get(name))) };
  }

  #get(name: string): InsertUri {
    const uri = this.#keys.get(name);
    if (uri === undefined) throw new UserError('key_unknown', `there is no key ${name}`);
    return uri;
  }

  #assertFree(name: string): void {
    if (this.#keys.has(name)) throw new UserError('key_exists', `there is a key ${name} already`);
    const most = nodeLimits.ownKeys.value;
    if (this.#keys.size >= most) throw new UserError('too_large', `at most ${most} keys can be kept`);
  }

  #add(name: string, uri: InsertUri): OwnKey {
    this.#save(new Map([...this.#keys, [name, uri]]));
    return this.#describe(name);
  }

  #save(keys: ReadonlyMap<string, InsertUri>): void {
    const { identitySeed, convergenceSecret } = this;
    this.#file.replace(encodeSecrets({ identitySeed, convergenceSecret, keys }));
    this.#keys = keys;
  }
}

function freshSecrets(random: Random): Secrets {
  return {
    identitySeed: seed(random.bytes(KEY_BYTES)),
    convergenceSecret: random.bytes(KEY_BYTES),
    keys: new Map(),
  };
}

function encodeSecrets({ identitySeed, convergenceSecret, keys }: Secrets): Uint8Array {
  const uris = Object.fromEntries([...keys].map(([name, uri]) => [name, formatUri(uri)]));
  return encodeCbor({ v: VERSION, identity: identitySeed, convergence: convergenceSecret, keys: uris });
}

/** Its seal has opened, so it is what some version of this program wrote. @throws UserError data_dir_format, state_damaged */
function decodeSecrets(content: Uint8Array, path: string): Secrets {
  try {
    const secrets = secretsIn(decodeCbor(content, { items: 2 * nodeLimits.ownKeys.value + 16 }), path);
    if (secrets !== undefined) return secrets;
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
  }
  throw new UserError('state_damaged', `${path} opens and holds no keyring`);
}

function secretsIn(value: CborValue, path: string): Secrets | undefined {
  if (!isMap(value)) return undefined;
  const { v, identity, convergence, keys } = value;
  if (typeof v === 'number' && v !== VERSION)
    throw new UserError('data_dir_format', `${path} has format ${v}, not ${VERSION}`);
  if (!isSecret(identity) || !isSecret(convergence) || keys === undefined || !isMap(keys)) return undefined;
  const uris = new Map<string, InsertUri>();
  for (const [name, text] of Object.entries(keys)) {
    const uri = typeof text === 'string' ? parseUri(text) : undefined;
    if (uri?.kind !== 'ssk' || uri.form !== 'insert') return undefined;
    uris.set(name, uri);
  }
  return {
    identitySeed: seed(Uint8Array.from(identity)),
    convergenceSecret: Uint8Array.from(convergence),
    keys: uris,
  };
}

function isMap(value: CborValue): value is { readonly [key: string]: CborValue } {
  return (
    value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}

function isSecret(value: CborValue | undefined): value is Uint8Array {
  return value instanceof Uint8Array && value.length === KEY_BYTES;
}
