/**
 * Changes that keep the rest of a CBOR value readable: heads, lengths, counts, depth, the order and number of entries.
 *
 * It shares no code with keys/cbor.ts, so that a mistake there is not made here too, and it writes what a codec must refuse:
 * heads longer than they need to be, counts that lie, keys twice.
 */
import { pick, type Edit } from '../target.ts';
import type { SeededRandom } from '../../sim/random.ts';
import { TURNING_POINTS } from './bytes.ts';

interface Item {
  major: number;
  argument: bigint;
  /** Bytes of the argument; 0 inside of the initial byte. More than needed is allowed. */
  width: 0 | 1 | 2 | 4 | 8;
  /** Of a string. */
  content: Uint8Array;
  /** Of an array, or keys and values of a map in turn; the one of a tag. */
  children: Item[];
}

const MOST_DEPTH = 64;
const MOST_ITEMS = 4_096;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const TAG = 6;

type ItemEdit = (item: Item, random: SeededRandom, all: readonly Item[]) => void;

const widenHead: ItemEdit = (item, random) => {
  const wider = ([1, 2, 4, 8] as const).filter((width) => width > item.width);
  if (wider.length > 0) item.width = pick(wider, random);
};

const lieInHead: ItemEdit = (item, random) => {
  const argument = pick([item.argument + 1n, item.argument - 1n, pick(TURNING_POINTS, random)], random);
  item.argument = argument < 0n ? 0n : argument;
  item.width = neededWidth(item.argument);
};

const changeMajor: ItemEdit = (item, random) => {
  item.major = random.below(8);
};

const resizeString: ItemEdit = (item, random) => {
  if (item.major !== BYTES && item.major !== TEXT) return;
  const length = pick(
    [0, item.content.length + 1, Math.max(0, item.content.length - 1), 23, 24, 256],
    random,
  );
  const content = new Uint8Array(length).fill(0x61);
  content.set(item.content.subarray(0, length));
  setContent(item, content);
};

const BAD_TEXTS = [
  'ff',
  'c080',
  'eda080',
  'f4908080',
  'efbbbf61',
  '5f5f70726f746f5f5f',
  '636f6e7374727563746f72',
];

const changeText: ItemEdit = (item, random) => {
  if (item.major === TEXT) setContent(item, Buffer.from(pick(BAD_TEXTS, random), 'hex'));
};

/** With a count that is true. */
const doubleEntry: ItemEdit = (item, random) => {
  const size = entrySize(item);
  if (size === 0) return;
  const at = size * random.below(item.children.length / size);
  item.children.splice(at, 0, ...item.children.slice(at, at + size).map(copied));
  recount(item);
};

const dropEntry: ItemEdit = (item, random) => {
  const size = entrySize(item);
  if (size === 0) return;
  item.children.splice(size * random.below(item.children.length / size), size);
  recount(item);
};

const swapEntries: ItemEdit = (item, random) => {
  const size = entrySize(item);
  if (size === 0) return;
  const entry = item.children.splice(size * random.below(item.children.length / size), size);
  item.children.splice(size * random.below(item.children.length / size + 1), 0, ...entry);
};

const wrap: ItemEdit = (item, random) => {
  for (let depth = pick([1, 1, 2, 4, 8, 9, 40], random); depth > 0; depth -= 1) {
    const inner = { ...item };
    const isMap = random.below(4) === 0;
    Object.assign(item, isMap ? container(MAP, [word('a'), inner]) : container(ARRAY, [inner]));
  }
};

const replace: ItemEdit = (item, random, all) => {
  Object.assign(item, copied(pick([...SMALL_ITEMS, pick(all, random), pick(all, random)], random)));
};

const addEntry: ItemEdit = (item, random, all) => {
  if (item.major !== ARRAY && item.major !== MAP) return;
  const value = copied(pick([...SMALL_ITEMS, pick(all, random)], random));
  const at = entrySize(item) * random.below(item.children.length + 1);
  const entry =
    item.major === MAP ? [word(pick(['', 'a', 'v', 'constructor', 'zzzz'], random)), value] : [value];
  item.children.splice(Math.min(at, item.children.length), 0, ...entry);
  recount(item);
};

/** The bytes of a string as a value of their own, or a value as the bytes of a string. */
const embed: ItemEdit = (item) => {
  const bytes = written(item);
  Object.assign(item, { major: BYTES, children: [] });
  setContent(item, bytes);
};

const ITEM_EDITS: readonly ItemEdit[] = [
  widenHead,
  lieInHead,
  lieInHead,
  changeMajor,
  resizeString,
  changeText,
  doubleEntry,
  dropEntry,
  swapEntries,
  wrap,
  replace,
  replace,
  addEntry,
  embed,
];

/** One change to one value inside of the input, which must begin with CBOR; bytes behind the value stay. */
export const editCbor: Edit = ({ input, random }) => {
  const reader: Reader = { bytes: Buffer.from(input), offset: 0, items: [] };
  const root = read(reader, 0);
  if (root === undefined) return undefined;
  pick(ITEM_EDITS, random)(pick(reader.items, random), random, reader.items.map(copied));
  return Buffer.concat([written(root), input.subarray(reader.offset)]);
};

interface Reader {
  readonly bytes: Buffer;
  offset: number;
  readonly items: Item[];
}

/** Undefined where there is no value that this reads: indefinite lengths, the end, too much. */
function read(reader: Reader, depth: number): Item | undefined {
  const initial = reader.bytes[reader.offset];
  if (initial === undefined || depth > MOST_DEPTH || reader.items.length >= MOST_ITEMS) return undefined;
  const [major, info] = [initial >> 5, initial & 31];
  if (info > 27) return undefined;
  const width = info < 24 ? 0 : ([1, 2, 4, 8] as const)[info - 24];
  const start = reader.offset + 1;
  if (width === undefined || start + width > reader.bytes.length) return undefined;
  const argument =
    width === 0 ? BigInt(info) : BigInt(`0x${reader.bytes.toString('hex', start, start + width)}`);
  reader.offset = start + width;
  const item: Item = { major, argument, width, content: new Uint8Array(), children: [] };
  reader.items.push(item);
  if (major === BYTES || major === TEXT) {
    if (argument > BigInt(reader.bytes.length - reader.offset)) return undefined;
    item.content = reader.bytes.subarray(reader.offset, reader.offset + Number(argument));
    reader.offset += Number(argument);
  }
  const count = major === ARRAY ? argument : major === MAP ? 2n * argument : major === TAG ? 1n : 0n;
  if (count > BigInt(MOST_ITEMS)) return undefined;
  for (let i = 0n; i < count; i += 1n) {
    const child = read(reader, depth + 1);
    if (child === undefined) return undefined;
    item.children.push(child);
  }
  return item;
}

function written(item: Item): Buffer {
  const width = Math.max(item.width, neededWidth(item.argument));
  const head = Buffer.alloc(1 + width);
  head[0] = (item.major << 5) | (width === 0 ? Number(item.argument) : 24 + Math.log2(width));
  if (width > 0) head.write(item.argument.toString(16).padStart(2 * width, '0'), 1, 'hex');
  return Buffer.concat([head, item.content, ...item.children.map(written)]);
}

function neededWidth(argument: bigint): Item['width'] {
  if (argument < 24n) return 0;
  if (argument < 2n ** 8n) return 1;
  if (argument < 2n ** 16n) return 2;
  return argument < 2n ** 32n ? 4 : 8;
}

function setContent(item: Item, content: Uint8Array): void {
  item.content = content;
  item.argument = BigInt(content.length);
  item.width = neededWidth(item.argument);
}

/** Children of one entry; 0 where there is none. */
function entrySize({ major, children }: Item): number {
  if (children.length === 0) return 0;
  return major === ARRAY ? 1 : major === MAP && children.length % 2 === 0 ? 2 : 0;
}

function recount(item: Item): void {
  item.argument = BigInt(item.children.length / (item.major === MAP ? 2 : 1));
  item.width = neededWidth(item.argument);
}

function copied(item: Item): Item {
  return { ...item, children: item.children.map(copied) };
}

function container(major: number, children: Item[]): Item {
  const item: Item = { major, argument: 0n, width: 0, content: new Uint8Array(), children };
  recount(item);
  return item;
}

function word(text: string): Item {
  return { major: TEXT, argument: BigInt(text.length), width: 0, content: Buffer.from(text), children: [] };
}

const plain = (major: number, argument: bigint): Item => ({
  major,
  argument,
  width: neededWidth(argument),
  content: new Uint8Array(),
  children: [],
});

const SMALL_ITEMS: readonly Item[] = [
  plain(0, 0n),
  plain(0, 2n ** 53n - 1n),
  plain(1, 0n),
  plain(1, 2n ** 53n - 2n),
  plain(1, 2n ** 32n),
  plain(7, 20n),
  plain(7, 22n),
  plain(7, 23n),
  word(''),
  container(ARRAY, []),
  container(MAP, []),
];
