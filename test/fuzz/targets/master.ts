/**
 * daemon/node/master-file.ts. Promises: what is read has the check that it was written with, a form that the specification knows
 * (docs/spec/node.md, 2) and a price that is not refused; a file that was changed without a new check is an error with a code.
 */
import { createHash } from 'node:crypto';
import { decodeCbor, encodeCbor, equalBytes, type CborValue } from '../../../keys/index.ts';
import { nodeLimits } from '../../../daemon/node/limits.ts';
import { decodeMasterFile } from '../../../daemon/node/master-file.ts';
import type { SeededRandom } from '../../sim/random.ts';
import { editCbor } from '../edits/cbor.ts';
import { accepted, attempt, ensure, pick, type Change, type Target } from '../target.ts';

type Fields = { readonly [name: string]: CborValue };

const PATH = 'keys/master';

export const master: Target = {
  name: 'master',
  promise: 'a master key is read from a file that has its check, and from no other',
  mostBytes: 2_000,
  edits: [editCbor, editChecked, editChecked],
  words: ['form', 'plain', 'scrypt', 'key', 'salt', 'sealed', 'check'],
  sample: (random) => withCheck(sampleFields(random)),
  run: (input) => {
    const read = attempt(() => decodeMasterFile(input, PATH), ['state_damaged', 'data_dir_format']);
    if (read.type !== 'value') return read;
    const { check, ...fields } = decodeCbor(input) as Fields;
    ensure(check instanceof Uint8Array && equalBytes(check, checkOf(fields)), 'the check');
    ensure(fields['v'] === 1 && fields['form'] !== undefined, 'a version and a form');
    const file = read.value;
    if (file.form === 'plain') {
      ensure(fields['form'] === 'plain', 'the form that was written');
      ensure(equalBytes(file.master.bytes, fields['key'] as Uint8Array), 'the key that was written');
      ensure(file.master.bytes.length === 32, 'the length of a key');
      return accepted('plain');
    }
    ensure(fields['form'] === 'scrypt' && file.cost === fields['n'], 'the form and price that were written');
    const { scryptCostLeast, scryptCostMost } = nodeLimits;
    ensure(
      file.cost >= scryptCostLeast.value && file.cost <= scryptCostMost.value,
      'a price that is allowed',
    );
    ensure((file.cost & (file.cost - 1)) === 0, 'a power of two');
    ensure([file.salt, file.nonce, file.sealed].map(({ length }) => length).join() === '16,24,48', 'lengths');
    return accepted(`scrypt ${Math.log2(file.cost)}`);
  },
};

function sampleFields(random: SeededRandom): Fields {
  if (random.below(3) === 0) return { v: 1, form: 'plain', key: random.bytes(32) };
  return {
    v: 1,
    form: 'scrypt',
    n: 2 ** pick([14, 15, 17, 17, 20, 21], random),
    r: 8,
    p: 1,
    salt: random.bytes(16),
    nonce: random.bytes(24),
    sealed: random.bytes(48),
  };
}

/** What nobody does by accident: changed fields under a new check. */
function editChecked(change: Change): Uint8Array | undefined {
  const fields = fieldsOf(change.input);
  if (fields === undefined) return undefined;
  const { check: _, ...rest } = fields;
  const edited = editCbor({ ...change, input: encodeCbor(rest) });
  const parsed = edited && fieldsOf(edited);
  return parsed && withCheck(parsed);
}

function fieldsOf(bytes: Uint8Array): Fields | undefined {
  const read = attempt(() => decodeCbor(bytes), ['bad_cbor']);
  if (read.type !== 'value') return undefined;
  const { value } = read;
  const isMap = typeof value === 'object' && value !== null && !(value instanceof Uint8Array);
  return isMap && !Array.isArray(value) ? (value as Fields) : undefined;
}

function withCheck(fields: Fields): Uint8Array {
  return encodeCbor({ ...fields, check: checkOf(fields) });
}

function checkOf(fields: Fields): Uint8Array {
  const hash = createHash('sha256').update('mimeo/master/check').update(encodeCbor(fields)).digest();
  return new Uint8Array(hash.subarray(0, 8));
}
