/**
 * keys/cbor.ts. Promises: what is read is written again as the same bytes, lies within the limits, and is what cborg, which shares
 * no code with it, reads; and what cborg reads strictly and writes as the same bytes is not refused unless the subset lacks it.
 */
import { decode as cborgDecode } from 'cborg';
import { isDeepStrictEqual } from 'node:util';
import { decodeCbor, encodeCbor, equalBytes, keyLimits, type CborValue } from '../../../keys/index.ts';
import type { SeededRandom } from '../../sim/random.ts';
import { editCbor } from '../edits/cbor.ts';
import { TURNING_POINTS } from '../edits/bytes.ts';
import { accepted, attempt, ensure, pick, type Target } from '../target.ts';

export const cbor: Target = {
  name: 'cbor',
  promise: 'one value has one encoding, within the limits, and cborg reads the same',
  mostBytes: 70_000,
  edits: [editCbor],
  words: ['\x69__proto__', '\x6bconstructor'],
  sample: (random) => encodeCbor(sampleValue(random, 0)),
  run: (input) => {
    const read = attempt(() => decodeCbor(input), ['bad_cbor']);
    if (read.type !== 'value') return read;
    ensure(equalBytes(encodeCbor(read.value), input), 'one encoding');
    const { depth, items, longest } = measure(read.value);
    ensure(depth <= keyLimits.cborDepth.value, 'depth');
    ensure(items <= keyLimits.cborItems.value, 'items');
    ensure(longest <= keyLimits.cborStringBytes.value, 'string length');
    const other: unknown = cborgDecode(input, { rejectDuplicateMapKeys: true, strict: true });
    ensure(isDeepStrictEqual(plain(other), plain(read.value)), 'the value that cborg reads');
    return accepted(shapeOf(read.value, 0));
  },
};

/** A value of the subset, most often small. */
export function sampleValue(random: SeededRandom, depth: number): CborValue {
  switch (random.below(depth < 5 ? 9 : 6)) {
    case 0:
      return pick([null, true, false], random);
    case 1: {
      const turning = Number(pick(TURNING_POINTS, random) % 2n ** 53n);
      return pick([turning, -turning, random.below(1_000), -random.below(1_000)], random);
    }
    case 2:
      return sampleText(random);
    case 3:
      return random.bytes(pick([0, 1, 23, 24, 32, 255, 256, 300], random));
    case 4:
      return random.uint32();
    case 5:
      return pick(['type', 'id', 'v', 'constructor'], random);
    case 6:
      return Array.from({ length: random.below(5) }, () => sampleValue(random, depth + 1));
    default: {
      const entry = (): [string, CborValue] => [sampleText(random), sampleValue(random, depth + 1)];
      return Object.fromEntries(Array.from({ length: random.below(5) }, entry));
    }
  }
}

function sampleText(random: SeededRandom): string {
  const text = pick(['', 'a', 'b', 'aa', 'é', '\u{1f600}', 'x'.repeat(23), 'x'.repeat(24), '\uffff'], random);
  return text + pick(['', '0', 'z'.repeat(random.below(300))], random);
}

interface Measure {
  readonly depth: number;
  readonly items: number;
  readonly longest: number;
}

function measure(value: CborValue): Measure {
  if (typeof value === 'string') return { depth: 0, items: 1, longest: Buffer.byteLength(value) };
  if (value instanceof Uint8Array) return { depth: 0, items: 1, longest: value.length };
  if (value === null || typeof value !== 'object') return { depth: 0, items: 1, longest: 0 };
  const children = Array.isArray(value) ? (value as CborValue[]) : Object.entries(value).flat();
  const inner = children.map(measure);
  return {
    depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
    items: 1 + inner.reduce((sum, { items }) => sum + items, 0),
    longest: Math.max(0, ...inner.map(({ longest }) => longest)),
  };
}

/** Without the classes of byte strings, and without prototypes, in which the two readers may differ. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('hex') };
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return Object.is(value, -0) ? 0 : value;
  return new Map(Object.entries(value).map(([key, entry]) => [key, plain(entry)]));
}

function shapeOf(value: CborValue, depth: number): string {
  if (value === null || typeof value !== 'object') return (typeof value)[0] ?? '';
  if (value instanceof Uint8Array) return 'b';
  if (depth === 3) return '…';
  const children = Array.isArray(value) ? (value as CborValue[]) : Object.values(value);
  const inner = [...new Set(children.map((child) => shapeOf(child, depth + 1)))].sort().join('');
  return Array.isArray(value) ? `[${inner}]` : `{${inner}}`;
}
