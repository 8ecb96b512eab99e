/**
 * store/slot.ts. The first byte of an input says which slot it was made from, the rest is the slot as it lies on the disk. Promises: a
 * slot that opens is one that was sealed, whole and under the id in its head, and gives what was sealed; all else is nothing.
 */
import { BLOCK_BYTES, equalBytes } from '../../../keys/index.ts';
import { storeSecrets } from '../../../store/secrets.ts';
import { ID_BYTES, openSlot, sealSlot, SEGMENT, SLOT_BYTES, SLOT_USED_BYTES } from '../../../store/slot.ts';
import { SeededRandom } from '../../sim/random.ts';
import { accepted, ensure, pick, type Change, type Target } from '../target.ts';

const random = new SeededRandom(1);
const [secrets, others] = [1, 2].map((fill) => storeSecrets(new Uint8Array(32).fill(fill)));

/** Two of one id, as after a block was written again; one of another store. */
const fixtures = [0, 0, 1, 2, 3].map((name, index) => {
  const id = new Uint8Array(ID_BYTES).fill(name);
  const segment = index % 2 === 0 ? SEGMENT.probation : SEGMENT.cache;
  const counter = 2 ** 48 - 1 - index;
  const block = random.bytes(BLOCK_BYTES);
  const store = index === 4 ? others : secrets;
  ensure(store !== undefined, 'two stores');
  const sealed = new Uint8Array(SLOT_USED_BYTES);
  sealSlot(sealed, store.block, { id, segment, counter, block });
  const slot = new Uint8Array(SLOT_BYTES);
  slot.set(sealed);
  return { id, segment, counter, block, slot, isOurs: store === secrets };
});

export const slot: Target = {
  name: 'slot',
  promise: 'a slot gives the block that was sealed in it or nothing',
  mostBytes: SLOT_BYTES + 64,
  edits: [editEdges, swapHead],
  sample: (random) => Buffer.from(pick(fixtures, random).slot),
  run: (input) => {
    ensure(secrets !== undefined, 'two stores');
    const content = openSlot(secrets.block, input);
    const used = input.subarray(0, SLOT_USED_BYTES);
    const made = fixtures.find(
      (one) => one.isOurs && equalBytes(used, one.slot.subarray(0, SLOT_USED_BYTES)),
    );
    ensure((content !== undefined) === (made !== undefined), 'the slots that were sealed, and no others');
    if (content === undefined || made === undefined) return { type: 'refused', shape: 'nothing' };
    ensure(equalBytes(content.block, made.block), 'the block that was sealed');
    ensure(content.segment === made.segment && content.counter === made.counter, 'its part and counter');
    return accepted(String(content.segment));
  },
};

/** Where changes mean most: id, nonce, the first sealed bytes, the tag and the unused end. */
function editEdges({ input, random }: Change): Uint8Array | undefined {
  if (input.length < SLOT_USED_BYTES) return undefined;
  const copy = input.slice();
  const at = pick([random.below(64), SLOT_USED_BYTES - 20 + random.below(40)], random);
  if (at < copy.length) copy[at] = (copy[at] ?? 0) ^ pick([1, 0x80, 0xff], random);
  return copy;
}

/** The id of one slot over another: a row or a copy that went astray. */
function swapHead({ input, random }: Change): Uint8Array {
  const head = pick(fixtures, random).slot.subarray(0, pick([ID_BYTES, ID_BYTES + 24, 512], random));
  return Buffer.concat([head, input.subarray(head.length)]);
}
