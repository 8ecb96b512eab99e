/**
 * Sealed values in the index of store/disk-index.ts, as SQLite hands them out. The first byte of an input chooses the row, the second one
 * under which id its value is laid; the rest is laid over the sealed value, bit by bit, and is as long as what is left of it.
 *
 * The value is put into a real index within a transaction that its disk does not let end, so that no input leaves anything behind.
 * Promises: a value that was changed, or lies under another id, is no row; one that was not is what was put.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Aead } from '../../../keys/index.ts';
import { DiskIndex, type NamedRow } from '../../../store/disk-index.ts';
import { plainDisk } from '../../../store/disk-io.ts';
import { storeSecrets } from '../../../store/secrets.ts';
import { ID_BYTES, SEGMENT } from '../../../store/slot.ts';
import { scratchFolder } from '../scratch.ts';
import { accepted, ensure, type Target } from '../target.ts';

/** Eleven bytes and a tag. */
const SEALED_BYTES = 27;
const idOf = (name: number): Uint8Array => new Uint8Array(ID_BYTES).fill(name);
const rows: readonly NamedRow[] = [
  { id: idOf(0), slot: 0, segment: SEGMENT.free, counter: 0 },
  { id: idOf(1), slot: 1, segment: SEGMENT.probation, counter: 1 },
  { id: idOf(2), slot: 2 ** 32 - 1, segment: SEGMENT.cache, counter: 2 ** 48 - 1 },
];

export const row: Target = {
  name: 'row',
  promise: 'a value of the index is the row that was put or none',
  mostBytes: 2 + 2 * SEALED_BYTES,
  edits: [],
  sample: (random) => {
    const name = random.below(rows.length);
    const under = random.below(4) === 0 ? random.below(rows.length) : name;
    return Buffer.concat([Uint8Array.of(name, under), new Uint8Array(SEALED_BYTES)]);
  },
  run: (input) => {
    const [name = 0, under = 0] = input;
    const put = rows[name % rows.length];
    ensure(put !== undefined, 'a row');
    const id = idOf(under % rows.length);
    mask = input.subarray(2);
    sealedUnder = put.id;
    const read = readAfter((index) => index.put({ ...put, id }), id);
    const isWhole = mask.length === SEALED_BYTES && mask.every((byte) => byte === 0);
    const { id: _, ...expected } = put;
    const isMade = isWhole && under % rows.length === name % rows.length;
    ensure(isDeepStrictEqual(read, isMade ? expected : undefined), 'the row that was put, or none');
    return isMade ? accepted(String(expected.segment)) : { type: 'refused', shape: `${mask.length}` };
  },
};

let mask: Uint8Array = new Uint8Array(SEALED_BYTES);
let sealedUnder: Uint8Array = idOf(0);
let opened: DiskIndex | undefined;

class NotCommitted extends Error {}

function readAfter(change: (index: DiskIndex) => void, id: Uint8Array): unknown {
  opened ??= new DiskIndex(scratchFolder('row'), { ...secrets, row: changing(secrets.row) });
  const index = opened;
  let read: unknown;
  const fail = () => {
    throw new NotCommitted();
  };
  try {
    index.commit({ ...disk, commit: fail }, () => {
      change(index);
      read = index.row(id);
    });
  } catch (error) {
    if (!(error instanceof NotCommitted)) throw error;
  }
  return read;
}

const secrets = storeSecrets(new Uint8Array(32).fill(1));
/** The index writes nothing to the slots. */
const disk = plainDisk(-1);

/** Opens as ever; what it seals is changed on its way to the disk. */
function changing(aead: Aead): Aead {
  return {
    ...aead,
    seal: (given) => {
      const sealed = aead.seal({ ...given, ad: sealedUnder });
      return mask.map((byte, index) => byte ^ (sealed[index] ?? 0));
    },
  };
}
