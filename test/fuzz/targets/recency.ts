/**
 * store/recency-file.ts and anchor.ts: the two sealed things of a store beside slots and rows. The first byte of an input says which
 * file it was made from and is laid in whose place, the rest is the file. Promises: a file that was changed, cut or moved gives
 * nothing (of two anchors the one that is left); one that was not gives what was saved.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { equalBytes } from '../../../keys/index.ts';
import { readAnchor, writeAnchor, type Anchor } from '../../../store/anchor.ts';
import { plainDisk } from '../../../store/disk-io.ts';
import { ANCHOR_BYTES } from '../../../store/layout.ts';
import { loadRecency, saveRecency } from '../../../store/recency-file.ts';
import { storeSecrets } from '../../../store/secrets.ts';
import { SEGMENT } from '../../../store/slot.ts';
import { ScratchFile, scratchFolder } from '../scratch.ts';
import { accepted, ensure, pick, type Answer, type Change, type Target } from '../target.ts';

const { state } = storeSecrets(new Uint8Array(32).fill(1));
/** One of them has two chunks. */
const CAPACITIES = [0, 3, 40, 8_200];
const ANCHORS: readonly Anchor[] = [
  { batch: 5, slots: [] },
  { batch: 6, slots: [0, 7, 2 ** 32 - 1] },
];

interface Saved {
  readonly file: Uint8Array;
  readonly counter: number;
  readonly uses: readonly object[];
}

const recencyFile = new ScratchFile('recency', 'recency');
const slotsFile = new ScratchFile('recency', 'slots');
let saved: readonly Saved[] | undefined;
let anchors: Uint8Array | undefined;

export const recency: Target = {
  name: 'recency',
  promise: 'the order of use and the anchors are what was saved, or none',
  mostBytes: 70_000,
  edits: [cutAtChunk],
  sample: (random) => {
    if (random.below(3) === 0) return Buffer.concat([Uint8Array.of(1), anchorFile()]);
    const index = random.below(8) === 0 ? CAPACITIES.length - 1 : random.below(CAPACITIES.length - 1);
    return Buffer.concat([Uint8Array.of(0), savedFiles()[index]?.file ?? new Uint8Array(0)]);
  },
  run: (input) => {
    const isAnchor = ((input[0] ?? 0) & 1) === 1;
    return isAnchor ? runAnchor(input.subarray(1)) : runRecency(input.subarray(1));
  },
};

function runRecency(file: Uint8Array): Answer {
  const made = savedFiles().find((one) => equalBytes(one.file, file));
  recencyFile.holding(file);
  const loaded = loadRecency(scratchFolder('recency'), state);
  ensure((loaded !== undefined) === (made !== undefined), 'the files that were saved, and no others');
  if (loaded === undefined || made === undefined) return { type: 'refused', shape: 'none' };
  ensure(loaded.counter === made.counter, 'the counter');
  ensure(isDeepStrictEqual([...loaded.uses], made.uses), 'the order that was saved');
  return accepted(`${made.uses.length}`);
}

function runAnchor(file: Uint8Array): Answer {
  // The newest one stands first in the file, so that the last one that opens is not always right.
  const expected = ANCHORS.findLast(({ batch }) => {
    const start = (batch % 2) * ANCHOR_BYTES;
    const place = (bytes: Uint8Array) => bytes.subarray(start, start + ANCHOR_BYTES);
    return equalBytes(place(file), place(anchorFile()));
  });
  const read = readAnchor(plainDisk(slotsFile.holding(file)), state);
  // Both may lie in either place: what opens is an anchor, and the newest one counts.
  const isMade = ANCHORS.some((anchor) => isDeepStrictEqual(anchor, read));
  ensure(read === undefined || isMade, 'an anchor that was written');
  ensure(expected === undefined || (read?.batch ?? 0) >= expected.batch, 'the newest that is whole');
  return read === undefined ? { type: 'refused', shape: 'none' } : accepted(`anchor ${read.slots.length}`);
}

function savedFiles(): readonly Saved[] {
  saved ??= CAPACITIES.map((capacitySlots, counter) => {
    const folder = scratchFolder('recency-made');
    // Every second slot in use, the odd ones in a list of their own.
    const used = Array.from({ length: Math.floor(capacitySlots / 2) }, (_, index) => 2 * index);
    const [left, right] = [used.filter((slot) => slot % 4 === 0), used.filter((slot) => slot % 4 !== 0)];
    const newer = new Uint32Array(capacitySlots);
    for (const list of [left, right])
      for (const [index, slot] of list.entries()) newer[slot] = (list[index + 1] ?? -1) + 1;
    const marks = new Uint32Array(capacitySlots).map((_, slot) => slot * 77);
    const first = (list: readonly number[]) => (list[0] ?? -1) + 1;
    saveRecency(folder, state, {
      counter,
      capacitySlots,
      newer,
      oldest: [first(left), 0, first(right)],
      marks,
    });
    const uses = [
      ...left.map((slot) => ({ segment: SEGMENT.probation, slot, mark: slot * 77 })),
      ...right.map((slot) => ({ segment: SEGMENT.cache, slot, mark: slot * 77 })),
    ];
    return { file: readFileSync(join(folder, 'recency')), counter, uses };
  });
  return saved;
}

function anchorFile(): Uint8Array {
  if (anchors !== undefined) return anchors;
  const disk = plainDisk(slotsFile.holding(new Uint8Array(2 * ANCHOR_BYTES)));
  for (const anchor of ANCHORS) writeAnchor(disk, state, anchor);
  anchors = readFileSync(slotsFile.path);
  return anchors;
}

/** Where a file may seem to end. */
function cutAtChunk({ input, random }: Change): Uint8Array {
  return input.slice(0, 1 + pick([0, 24, 24 + 16, 24 + 65_536, ANCHOR_BYTES], random));
}
