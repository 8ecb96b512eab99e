/**
 * What a replay guard kept over a restart (transport/replay.ts). Promises: `bad_cbor`, or a guard that takes of each caller nothing that
 * is as old as what was kept of it, takes what is newer, and keeps the same when it is saved again.
 */
import { decodeCbor, encodeCbor, type CborValue } from '../../../keys/index.ts';
import { ReplayGuard } from '../../../transport/index.ts';
import { editCbor } from '../edits/cbor.ts';
import { accepted, attempt, ensure, pick, type Change, type Target } from '../target.ts';

const KEY_BYTES = 32;
const RECORD_BYTES = KEY_BYTES + 8;

export const callers: Target = {
  name: 'callers',
  promise: 'no caller is taken back to a time before what was kept of it',
  mostBytes: 4_000,
  edits: [editCbor, editTime],
  words: ['seen', 'v'],
  sample: (random) => {
    const record = () => {
      const bytes = Buffer.alloc(RECORD_BYTES, random.below(4));
      bytes.writeBigUInt64BE(BigInt(pick([0, 1, 1_800_000_000_000, 2 ** 53 - 1], random)), KEY_BYTES);
      return bytes;
    };
    const seen = Buffer.concat(Array.from({ length: random.below(5) }, record));
    return encodeCbor({ v: 1, seen });
  },
  run: (input) => {
    const read = attempt(() => ReplayGuard.restore(input), ['bad_cbor']);
    if (read.type !== 'value') return read;
    const { seen } = decodeCbor(input) as { [name: string]: CborValue };
    ensure(seen instanceof Uint8Array && seen.length % RECORD_BYTES === 0, 'whole records');
    const again = ReplayGuard.restore(read.value.save());
    // Of a key that stands there twice the last record counts.
    const kept = new Map<string, number>();
    for (let at = 0; at < seen.length; at += RECORD_BYTES) {
      const record = Buffer.from(seen.subarray(at, at + RECORD_BYTES));
      kept.set(record.toString('hex', 0, KEY_BYTES), Number(record.readBigUInt64BE(KEY_BYTES)));
    }
    for (const [key, timestampMs] of kept) {
      const agreementKey = Buffer.from(key, 'hex');
      for (const guard of [read.value, again]) {
        ensure(!guard.isFresh({ agreementKey, timestampMs }), 'the same time is not new');
        ensure(guard.isFresh({ agreementKey, timestampMs: timestampMs + 1 }), 'a later time is');
      }
    }
    return accepted(`${kept.size} ${seen.length / RECORD_BYTES > kept.size}`);
  },
};

/** The times are the last eight of forty bytes, behind a head of a few. */
function editTime({ input, random }: Change): Uint8Array | undefined {
  if (input.length < RECORD_BYTES) return undefined;
  const copy = Buffer.from(input);
  const time = pick([0n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n], random);
  copy.writeBigUInt64BE(time, copy.length - 8 - (random.below(2) === 0 ? 0 : 3));
  return copy;
}
