/**
 * The two records before the first slot that tie the slots to the index (docs/spec/store.md, 3): the number of the batch that was
 * written last, and its slots. A batch writes its anchor with its slots and its number with its rows.
 *
 * Why: SQLite drops the end of its log silently when the log is damaged or gone, and the index is then an older one without a trace:
 * acknowledged blocks would be overwritten as free. With the anchor an index that is one batch behind names the slots to look
 * at, and one that is further behind is known to be worthless. It costs no sync of its own.
 *
 * Invariant: a page that is torn while it is written leaves the other one, of the batch before.
 */
import { randomFillSync } from 'node:crypto';
import { TAG_BYTES, assert } from '../keys/index.ts';
import type { Aead } from '../keys/index.ts';
import type { DiskIo } from './disk-io.ts';
import { ANCHORS, ANCHOR_BYTES } from './layout.ts';
import { NONCE_BYTES } from './slot.ts';

export interface Anchor {
  readonly batch: number;
  readonly slots: readonly number[];
}

const AD = Buffer.from('mimeo/store/2/anchor');
const DATA_BYTES = ANCHOR_BYTES - NONCE_BYTES - TAG_BYTES;
const HEAD_BYTES = 6 + 2;
const ANCHOR_SLOTS_MAX = Math.floor((DATA_BYTES - HEAD_BYTES) / 4);

export function writeAnchor(disk: DiskIo, aead: Aead, { batch, slots }: Anchor): void {
  assert(slots.length <= ANCHOR_SLOTS_MAX, 'the slots of a batch fit its anchor');
  const data = Buffer.alloc(DATA_BYTES);
  data.writeUIntBE(batch, 0, 6);
  data.writeUInt16BE(slots.length, 6);
  for (const [index, slot] of slots.entries()) data.writeUInt32BE(slot, HEAD_BYTES + 4 * index);
  const nonce = randomFillSync(new Uint8Array(NONCE_BYTES));
  disk.write(Buffer.concat([nonce, aead.seal({ nonce, ad: AD, data })]), (batch % ANCHORS) * ANCHOR_BYTES);
}

/** The newest one that our key opens. */
export function readAnchor(disk: DiskIo, aead: Aead): Anchor | undefined {
  let newest: Anchor | undefined;
  for (let place = 0; place < ANCHORS; place++) {
    const bytes = new Uint8Array(ANCHOR_BYTES);
    if (disk.read(bytes, place * ANCHOR_BYTES) < ANCHOR_BYTES) continue;
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const data = aead.open({ nonce, ad: AD, data: bytes.subarray(NONCE_BYTES) });
    if (!data) continue;
    const view = Buffer.from(data);
    const batch = view.readUIntBE(0, 6);
    if (newest && newest.batch > batch) continue;
    const count = Math.min(view.readUInt16BE(6), ANCHOR_SLOTS_MAX);
    const slots = Array.from({ length: count }, (_, index) => view.readUInt32BE(HEAD_BYTES + 4 * index));
    newest = { batch, slots };
  }
  return newest;
}
