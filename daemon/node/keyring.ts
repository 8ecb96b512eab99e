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
    this.#write(name, formatUri({ kind: 'ssk', form: 'insert', seed, cryptoKey, name: '-', path: [] }));
    return this.#describe(name);
  }

  /** The insert form: the secret. */
  export(name: string): OwnKey & { readonly insertUri: string } {
    return { ...this.#describe(name), insertUri: this.#read(name) };
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
    const uri = parseUri(this.#read(name));
    if (uri.kind !== 'ssk' || uri.form !== 'insert')
      throw new ParseError('bad_key', `the file of the key ${name} holds no insert form`);
    return sskFromSeed(uri);
  }

  #describe(name: string): OwnKey {
    const uri = parseUri(this.#read(name));
    const readable = requestUri(uri);
    if (readable === undefined) throw new ParseError('bad_key', `the file of the key ${name} holds no SSK`);
    return { name, requestUri: formatUri(readable) };
  }

  #assertFree(name: string): void {
    if (readStateFile(this.#path(name)) !== undefined)
      throw new UserError('key_exists', `there is a key ${name} already`);
  }

  #read(name: string): string {
    const content = readStateFile(this.#path(name));
    if (content === undefined) throw new UserError('key_unknown', `there is no key ${name}`);
    return content.toString('utf8').trim();
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
