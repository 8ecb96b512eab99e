/**
 * `keys/master` byte by byte (docs/spec/node.md, 2): the master key as it is, or wrapped by a passphrase. A codec: it opens no file.
 *
 * Invariant: a file that was changed anywhere is `state_damaged` and not `wrong_passphrase`, because a person who is told to try
 * again goes on trying; the check that tells them apart says nothing about the key.
 */
import {
  type CborValue,
  KEY_BYTES,
  ParseError,
  type Random,
  TAG_BYTES,
  decodeCbor,
  encodeCbor,
  equalBytes,
  primitives,
} from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import { nodeLimits } from './limits.ts';
import { MasterKey } from './master-key.ts';
import type { Passphrase } from './passphrase.ts';

const VERSION = 1;
const SALT_BYTES = 16;
const NONCE_BYTES = 24;
const CHECK_BYTES = 8;
const BLOCK_SIZE = 8;
const PARALLELIZATION = 1;
const CHECK_DOMAIN = Buffer.from('mimeo/master/check');

export type MasterFile =
  | { readonly form: 'plain'; readonly master: MasterKey }
  | {
      readonly form: 'wrapped';
      /** scrypt's N. */
      readonly cost: number;
      readonly salt: Uint8Array;
      readonly nonce: Uint8Array;
      readonly sealed: Uint8Array;
    };

/** @throws UserError state_damaged, data_dir_format; `path` is for its message */
export function decodeMasterFile(bytes: Uint8Array, path: string): MasterFile {
  const { check, ...fields } = mapIn(bytes, path);
  const { v } = fields;
  if (typeof v === 'number' && v !== VERSION)
    throw new UserError('data_dir_format', `${path} has format ${v}, not ${VERSION}`);
  if (v !== VERSION || !(check instanceof Uint8Array) || !equalBytes(check, checkOf(fields)))
    throw damaged(path, 'does not have the bytes that were written');
  if (fields['form'] === 'plain')
    return { form: 'plain', master: new MasterKey(part(fields, 'key', KEY_BYTES, path)) };
  if (fields['form'] !== 'scrypt') throw damaged(path, 'has neither a key nor a wrapped one');
  return {
    form: 'wrapped',
    cost: costIn(fields, path),
    salt: part(fields, 'salt', SALT_BYTES, path),
    nonce: part(fields, 'nonce', NONCE_BYTES, path),
    sealed: part(fields, 'sealed', KEY_BYTES + TAG_BYTES, path),
  };
}

export function encodePlain(master: MasterKey): Uint8Array {
  return withCheck({ v: VERSION, form: 'plain', key: master.bytes });
}

/** `cost` is scrypt's N, which tests lower: 2^17 takes a third of a second and 128 MiB. */
export async function encodeWrapped(
  master: MasterKey,
  given: { passphrase: Passphrase; random: Random; cost?: number },
): Promise<Uint8Array> {
  const { passphrase, random, cost = nodeLimits.scryptCost.value } = given;
  const head = wrappedHead({ cost, salt: random.bytes(SALT_BYTES), nonce: random.bytes(NONCE_BYTES) });
  const aead = primitives.xchachaPoly(await stretch(passphrase, { cost, salt: head.salt }));
  const sealed = aead.seal({ nonce: head.nonce, ad: encodeCbor(head), data: master.bytes });
  return withCheck({ ...head, sealed });
}

/** @throws UserError wrong_passphrase */
export async function unwrap(
  file: Extract<MasterFile, { form: 'wrapped' }>,
  passphrase: Passphrase,
): Promise<MasterKey> {
  const aead = primitives.xchachaPoly(await stretch(passphrase, file));
  const open = aead.open({ nonce: file.nonce, ad: encodeCbor(wrappedHead(file)), data: file.sealed });
  if (open === undefined) throw new UserError('wrong_passphrase', 'the passphrase is wrong');
  const master = new MasterKey(open);
  open.fill(0);
  return master;
}

function wrappedHead({ cost, salt, nonce }: { cost: number; salt: Uint8Array; nonce: Uint8Array }) {
  return { v: VERSION, form: 'scrypt', n: cost, r: BLOCK_SIZE, p: PARALLELIZATION, salt, nonce };
}

function stretch(
  passphrase: Passphrase,
  { cost, salt }: { cost: number; salt: Uint8Array },
): Promise<Uint8Array> {
  return primitives.scrypt({
    password: Buffer.from(passphrase),
    salt,
    cost,
    blockSize: BLOCK_SIZE,
    parallelization: PARALLELIZATION,
    length: KEY_BYTES,
  });
}

/** Too cheap a wrapping would be guessed, too dear a one takes the memory of the machine: nobody sets either by this program. */
function costIn(fields: Fields, path: string): number {
  const { n, r, p } = fields;
  const [least, most] = [nodeLimits.scryptCostLeast.value, nodeLimits.scryptCostMost.value];
  const isPower = typeof n === 'number' && Number.isInteger(Math.log2(n));
  if (!isPower || n < least || n > most || r !== BLOCK_SIZE || p !== PARALLELIZATION) {
    throw damaged(
      path,
      `asks for scrypt with N=${inWords(n)}, r=${inWords(r)}, p=${inWords(p)}, which is refused`,
    );
  }
  return n;
}

function inWords(value: CborValue | undefined): string {
  return typeof value === 'number' ? String(value) : 'something else';
}

type Fields = { readonly [name: string]: CborValue };

function mapIn(bytes: Uint8Array, path: string): Fields {
  try {
    const value = decodeCbor(bytes);
    if (
      value !== null &&
      typeof value === 'object' &&
      !Array.isArray(value) &&
      !(value instanceof Uint8Array)
    )
      return value as Fields;
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
  }
  throw damaged(path, 'is no master key');
}

function part(fields: Fields, name: string, sizeBytes: number, path: string): Uint8Array {
  const bytes = fields[name];
  if (bytes instanceof Uint8Array && bytes.length === sizeBytes) return Uint8Array.from(bytes);
  throw damaged(path, `has no ${name} of ${sizeBytes} bytes`);
}

function withCheck(fields: Fields): Uint8Array {
  return encodeCbor({ ...fields, check: checkOf(fields) });
}

function checkOf(fields: Fields): Uint8Array {
  return primitives.sha256(CHECK_DOMAIN, encodeCbor(fields)).subarray(0, CHECK_BYTES);
}

function damaged(path: string, what: string): UserError {
  return new UserError('state_damaged', `${path} ${what}`);
}
