/**
 * The master key in its data directory (docs/spec/node.md, 1 and 2): made where there is nothing yet, opened, wrapped anew,
 * destroyed. The bytes of the file are master-file.ts's; whether somebody may ask is for daemon/gate.ts.
 *
 * Invariant: beside anything that was sealed under another key no new key is ever made. Who calls holds the lock of the
 * directory, but for `destroyMaster`, which asks nobody.
 */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { KEY_BYTES, type Random, equalBytes } from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import { type MasterFile, decodeMasterFile, encodePlain, encodeWrapped, unwrap } from './master-file.ts';
import { MasterKey } from './master-key.ts';
import { type Passphrase, newPassphrase, passphrase as asPassphrase } from './passphrase.ts';
import { destroySecretFile, readStateFile, replaceSecretFile, writeStateFile } from './state-file.ts';

/** Whether a passphrase is needed to read the disk. */
export type PassphraseState = 'none' | 'set';

export type Vault =
  | { readonly state: 'open'; readonly master: MasterKey; readonly passphrase: PassphraseState }
  | { readonly state: 'locked' };

/**
 * With a passphrase a new directory is wrapped from its first byte on; one that is there and has none is not wrapped by this.
 * @throws UserError keys_missing, data_dir_format, state_damaged, wrong_passphrase, bad_passphrase, disk_failed, disk_full
 */
export async function openVault(
  dataDir: string,
  { passphrase, random }: { passphrase?: string | undefined; random: Random },
): Promise<Vault> {
  const path = masterPath(dataDir);
  mkdirSync(join(dataDir, 'keys'), { recursive: true, mode: 0o700 });
  assertWhole(dataDir);
  // A draft that a crash has left may hold the key as it is.
  destroySecretFile(draftPath(dataDir));
  const bytes = readStateFile(path);
  if (bytes === undefined) return createMaster(path, { passphrase, random });
  const file = decodeMasterFile(bytes, path);
  if (file.form === 'plain') return { state: 'open', master: file.master, passphrase: 'none' };
  if (passphrase === undefined) return { state: 'locked' };
  return { state: 'open', master: await unwrap(file, asPassphrase(passphrase)), passphrase: 'set' };
}

/** Undefined where there is no master key. @throws UserError */
export function passphraseState(dataDir: string): PassphraseState | undefined {
  const path = masterPath(dataDir);
  const bytes = readStateFile(path);
  if (bytes === undefined) return undefined;
  return decodeMasterFile(bytes, path).form === 'plain' ? 'none' : 'set';
}

export interface PassphraseChange {
  /** The present one, where there is one. */
  readonly current: string | undefined;
  /** Undefined: none from now on. */
  readonly next: string | undefined;
  readonly random: Random;
}

/** The old file or the new one survives a crash. @throws UserError wrong_passphrase, bad_passphrase, keys_missing, … */
export async function changePassphrase(
  dataDir: string,
  { current, next, random }: PassphraseChange,
): Promise<PassphraseState> {
  const chosen = next === undefined ? undefined : newPassphrase(next);
  const path = masterPath(dataDir);
  const before = readStateFile(path);
  if (before === undefined) throw missing(path);
  const master = await openFile(decodeMasterFile(before, path), current);
  try {
    const after = await encode(master, { passphrase: chosen, random });
    // Somebody may have destroyed it while scrypt ran: it must not come back.
    if (!equalBytes(readStateFile(path) ?? new Uint8Array(0), before)) throw missing(path);
    replaceSecretFile(path, after);
    after.fill(0);
  } finally {
    master.wipe();
    before.fill(0);
  }
  return chosen === undefined ? 'none' : 'set';
}

/** Synchronous; says whether there was anything. @throws UserError disk_failed, when both were tried */
export function destroyMaster(dataDir: string): 'destroyed' | 'nothing there' {
  let found: 'destroyed' | 'nothing there' = 'nothing there';
  let failure: UserError | undefined;
  for (const path of [masterPath(dataDir), draftPath(dataDir)]) {
    try {
      if (destroySecretFile(path)) found = 'destroyed';
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failure = error;
    }
  }
  if (failure !== undefined) throw failure;
  return found;
}

export function masterPath(dataDir: string): string {
  return join(dataDir, 'keys', 'master');
}

export function keyringPath(dataDir: string): string {
  return join(dataDir, 'keys', 'keyring');
}

function draftPath(dataDir: string): string {
  return `${masterPath(dataDir)}.new`;
}

async function createMaster(
  path: string,
  { passphrase, random }: { passphrase: string | undefined; random: Random },
): Promise<Vault> {
  const chosen = passphrase === undefined ? undefined : newPassphrase(passphrase);
  const master = new MasterKey(random.bytes(KEY_BYTES));
  writeStateFile(path, await encode(master, { passphrase: chosen, random }));
  return { state: 'open', master, passphrase: chosen === undefined ? 'none' : 'set' };
}

async function encode(
  master: MasterKey,
  { passphrase, random }: { passphrase: Passphrase | undefined; random: Random },
): Promise<Uint8Array> {
  return passphrase === undefined ? encodePlain(master) : encodeWrapped(master, { passphrase, random });
}

async function openFile(file: MasterFile, current: string | undefined): Promise<MasterKey> {
  if (file.form === 'plain') {
    if (current === undefined) return file.master;
    throw new UserError('wrong_passphrase', 'there is no passphrase yet: none is needed to set the first');
  }
  if (current === undefined) throw new UserError('wrong_passphrase', 'the present passphrase is needed');
  return unwrap(file, asPassphrase(current));
}

/** Files of versions that were never released: not imported, because nobody has any. */
const OLD_KEY_FILES = /^(?:identity|convergence|.*\.ssk)$/;

/** @throws UserError data_dir_format, keys_missing */
function assertWhole(dataDir: string): void {
  const keys = join(dataDir, 'keys');
  const old = readdirSync(keys).find((name) => OLD_KEY_FILES.test(name));
  if (old !== undefined) {
    throw new UserError(
      'data_dir_format',
      `${join(keys, old)} is from a version that kept keys unencrypted: move ${dataDir} away and start anew`,
    );
  }
  const hasMaster = existsSync(masterPath(dataDir));
  const hasKeyring = existsSync(keyringPath(dataDir));
  const hasMore =
    ['peers', 'invites', 'callers', 'strangers', 'stem'].some((name) => existsSync(join(dataDir, name))) ||
    ['store', 'client-cache'].some((name) => holdsFiles(join(dataDir, name)));
  if (!hasMaster && (hasKeyring || hasMore)) throw missing(masterPath(dataDir));
  if (hasMaster && !hasKeyring && hasMore) throw missing(keyringPath(dataDir));
}

/** An empty one is a place that somebody has prepared, perhaps on a disk of its own, which brings its `lost+found`. */
function holdsFiles(directory: string): boolean {
  return existsSync(directory) && readdirSync(directory).some((name) => name !== 'lost+found');
}

function missing(path: string): UserError {
  return new UserError('keys_missing', `${path} is not there: it was destroyed or removed`);
}
