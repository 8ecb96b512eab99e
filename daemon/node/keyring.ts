/**
 * The secrets of this node, in `keys/` of the data directory, which is all that needs a backup: the node's identity, the secret
 * that makes own inserts convergent for this owner alone, and the subspaces in which the owner publishes.
 *
 * Each is one small file for this user alone. They are not encrypted here.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Identity,
  KEY_BYTES,
  ParseError,
  type Random,
  type SskSecret,
  type Uri,
  createSsk,
  formatUri,
  identityFromSeed,
  parseUri,
  requestUri,
  seed,
  sskFromSeed,
} from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import { readStateFile, writeStateFile } from './state-file.ts';

export interface OwnKey {
  readonly name: string;
  readonly requestUri: string;
}

type InsertUri = Extract<Uri, { kind: 'ssk'; form: 'insert' }>;

const ENDING = '.ssk';

export class Keyring {
  readonly identity: Identity;
  readonly convergenceSecret: Uint8Array;
  readonly #directory: string;
  readonly #random: Random;

  /** Makes what is missing. @throws UserError disk_failed, disk_full */
  constructor(directory: string, random: Random) {
    this.#directory = directory;
    this.#random = random;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.identity = identityFromSeed(seed(this.#secret('identity')));
    this.convergenceSecret = this.#secret('convergence');
  }

  list(): OwnKey[] {
    const files = readdirSync(this.#directory).filter((file) => file.endsWith(ENDING));
    return files.sort().map((file) => this.#describe(file.slice(0, -ENDING.length)));
  }

  create(name: string): OwnKey {
    this.#assertFree(name);
    const { seed, cryptoKey } = createSsk(this.#random);
    this.#write(name, formatUri({ kind: 'ssk', form: 'insert', seed, cryptoKey, name, path: [] }));
    return this.#describe(name);
  }

  /** The insert form: the secret. */
  export(name: string): OwnKey & { readonly insertUri: string } {
    return { ...this.#describe(name), insertUri: formatUri(this.#read(name)) };
  }

  /** @throws UserError key_exists, key_form, bad_key */
  import(name: string, insertUri: string): OwnKey {
    this.#assertFree(name);
    const uri = parseUri(insertUri);
    if (uri.kind !== 'ssk' || uri.form !== 'insert') {
      throw new UserError(
        'key_form',
        'only the insert form of an SSK can be imported: it is what `mimeo key export` prints',
      );
    }
    this.#write(name, formatUri({ ...uri, path: [] }));
    return this.#describe(name);
  }

  remove(name: string): OwnKey {
    const removed = this.#describe(name);
    rmSync(this.#path(name));
    return removed;
  }

  /** @throws UserError key_unknown */
  secret(name: string): SskSecret {
    return sskFromSeed(this.#read(name));
  }

  #describe(name: string): OwnKey {
    return { name, requestUri: formatUri(requestUri(this.#read(name))) };
  }

  #assertFree(name: string): void {
    if (readStateFile(this.#path(name)) !== undefined)
      throw new UserError('key_exists', `there is a key ${name} already`);
  }

  /** @throws UserError key_unknown, disk_failed */
  #read(name: string): InsertUri {
    const content = readStateFile(this.#path(name));
    if (content === undefined) throw new UserError('key_unknown', `there is no key ${name}`);
    const uri = insertUriIn(content.toString('utf8'));
    if (uri !== undefined) return uri;
    throw new UserError('disk_failed', `${this.#path(name)} holds no key: restore it from a backup`);
  }

  #write(name: string, insertUri: string): void {
    writeStateFile(this.#path(name), `${insertUri}\n`);
  }

  /** Names are checked by the schema of the call: no separators, no dots. */
  #path(name: string): string {
    return join(this.#directory, name + ENDING);
  }

  #secret(file: string): Uint8Array {
    const path = join(this.#directory, file);
    const kept = readStateFile(path);
    if (kept?.length === KEY_BYTES) return kept;
    if (kept !== undefined)
      throw new UserError(
        'disk_failed',
        `${path} does not hold ${KEY_BYTES} bytes: restore it from a backup`,
      );
    const fresh = this.#random.bytes(KEY_BYTES);
    writeStateFile(path, fresh);
    return fresh;
  }
}

function insertUriIn(text: string): InsertUri | undefined {
  try {
    const uri = parseUri(text);
    return uri.kind === 'ssk' && uri.form === 'insert' ? uri : undefined;
  } catch (error) {
    if (error instanceof ParseError) return undefined;
    throw error;
  }
}
