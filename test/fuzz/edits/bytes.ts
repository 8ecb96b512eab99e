/**
 * Changes that need no knowledge of a format: bits, bytes, integers, lengths, and pieces cut, doubled, moved or taken from another
 * input. Every target gets them.
 */
import { pick, type Edit } from '../target.ts';
import type { SeededRandom } from '../../sim/random.ts';

/** Where comparisons and conversions change their mind. */
export const TURNING_POINTS: readonly bigint[] = [
  0n,
  1n,
  2n,
  8n,
  16n,
  23n,
  24n,
  31n,
  32n,
  33n,
  63n,
  64n,
  127n,
  128n,
  255n,
  256n,
  4_095n,
  4_096n,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x1_0000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];

/** Most bytes that one edit adds, but for `repeatPiece`. */
const PIECE = 64;
/** Places that are tried: in a block there are 32,924, and looking at all of them takes a millisecond. */
const SEARCHED = 256;
const REPEATS = [2, 9, 33, 257, 4_097];

const flipBit: Edit = ({ input, random }) =>
  changed(input, (bytes) => {
    const at = random.below(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  });

const setByte: Edit = ({ input, random }) =>
  changed(input, (bytes) => {
    bytes[random.below(bytes.length)] = pick([0, 0x7f, 0x80, 0xff, random.below(256)], random);
  });

const addToByte: Edit = ({ input, random }) =>
  changed(input, (bytes) => {
    const at = random.below(bytes.length);
    bytes[at] = (bytes[at] ?? 0) + pick([1, -1, 2, -2, 16, -16], random);
  });

const setInteger: Edit = ({ input, random }) =>
  changed(input, (bytes) => {
    const size = pick([1, 2, 4, 8], random);
    if (bytes.length < size) return;
    const word = Buffer.alloc(8);
    word.writeBigUInt64BE(pick(TURNING_POINTS, random));
    const cut = word.subarray(8 - size);
    bytes.set(random.below(2) === 0 ? cut : cut.reverse(), random.below(bytes.length - size + 1));
  });

/** A big-endian integer that equals the number of bytes behind it is a length, and is made to lie. */
const lieAboutLength: Edit = ({ input, random }) => {
  const view = Buffer.from(input);
  const from = random.below(Math.max(1, view.length));
  for (let step = 0; step < Math.min(view.length, SEARCHED); step += 1) {
    const at = (from + step) % view.length;
    for (const size of [4, 3, 2, 1]) {
      const rest = view.length - at - size;
      if (rest <= 0 || view.readUIntBE(at, size) !== rest) continue;
      const lie = pick([rest - 1, rest + 1, 0, 2 ** (8 * size) - 1], random);
      view.writeUIntBE(Math.min(lie, 2 ** (8 * size) - 1), at, size);
      return view;
    }
  }
  return undefined;
};

const truncate: Edit = ({ input, random }) => input.slice(0, random.below(input.length + 1));

const dropPiece: Edit = ({ input, random }) => {
  const [start, end] = piece(input, random);
  return Buffer.concat([input.subarray(0, start), input.subarray(end)]);
};

const insertNoise: Edit = ({ input, random }) => {
  const at = random.below(input.length + 1);
  return Buffer.concat([input.subarray(0, at), random.bytes(1 + random.below(8)), input.subarray(at)]);
};

const doublePiece: Edit = ({ input, random }) => {
  const [start, end] = piece(input, random);
  return Buffer.concat([input.subarray(0, end), input.subarray(start)]);
};

const repeatPiece: Edit = ({ input, random }) => {
  const [start, end] = piece(input, random);
  const short = input.subarray(start, Math.min(end, start + 4));
  const times = Array.from({ length: pick(REPEATS, random) }, () => short);
  return Buffer.concat([input.subarray(0, start), ...times, input.subarray(start)]);
};

const movePiece: Edit = ({ input, random }) => {
  const [start, end] = piece(input, random);
  const rest = Buffer.concat([input.subarray(0, start), input.subarray(end)]);
  const at = random.below(rest.length + 1);
  return Buffer.concat([rest.subarray(0, at), input.subarray(start, end), rest.subarray(at)]);
};

const splice: Edit = ({ input, other, random }) => {
  const rest = other();
  return Buffer.concat([
    input.subarray(0, random.below(input.length + 1)),
    rest.subarray(random.below(rest.length + 1)),
  ]);
};

const graft: Edit = ({ input, other, random }) => {
  const from = other();
  const [start, end] = piece(from, random);
  const at = random.below(input.length + 1);
  const over = random.below(2) === 0 ? 0 : end - start;
  return Buffer.concat([input.subarray(0, at), from.subarray(start, end), input.subarray(at + over)]);
};

const insertWord: Edit = ({ input, random, words }) => {
  if (words.length === 0) return undefined;
  const at = random.below(input.length + 1);
  return Buffer.concat([input.subarray(0, at), Buffer.from(pick(words, random)), input.subarray(at)]);
};

export const byteEdits: readonly Edit[] = [
  flipBit,
  flipBit,
  setByte,
  addToByte,
  setInteger,
  lieAboutLength,
  truncate,
  dropPiece,
  insertNoise,
  doublePiece,
  repeatPiece,
  movePiece,
  splice,
  graft,
  insertWord,
];

/** Start and end of a piece of at most `PIECE` bytes. */
function piece(bytes: Uint8Array, random: SeededRandom): [start: number, end: number] {
  const start = random.below(bytes.length + 1);
  return [start, Math.min(bytes.length, start + 1 + random.below(PIECE))];
}

function changed(input: Uint8Array, change: (bytes: Uint8Array) => void): Uint8Array | undefined {
  if (input.length === 0) return undefined;
  const bytes = input.slice();
  change(bytes);
  return bytes;
}
