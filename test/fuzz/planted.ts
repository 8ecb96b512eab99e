/**
 * Readers with a mistake planted in them, and the same readers without: what shows that the fuzzer finds such things within its
 * count. The CBOR reader is written anew and small, with its checks as switches; the others wrap ours and weaken one answer.
 */
import {
  equalBytes,
  encodeCbor,
  formatUri,
  fromText,
  parseUri,
  toText,
  verifyBlock,
  BLOCK_BYTES,
  encodeChk,
  cryptoKey,
  type CborValue,
} from '../../keys/index.ts';
import { ParseError } from '../../keys/index.ts';
import { editCbor } from './edits/cbor.ts';
import { editText } from './edits/text.ts';
import { accepted, attempt, ensure, type Target } from './target.ts';
import { sampleValue } from './targets/cbor.ts';
import { uri } from './targets/uri.ts';

type Mistake =
  'none' | 'key twice' | 'overlong head' | 'believed length' | 'bytes behind' | 'unbounded depth';

const MISTAKES: readonly Mistake[] = [
  'none',
  'key twice',
  'overlong head',
  'believed length',
  'bytes behind',
  'unbounded depth',
];

function cborWith(mistake: Mistake): Target {
  return {
    name: `planted: ${mistake}`,
    promise: 'one value has one encoding',
    mostBytes: 70_000,
    edits: [editCbor],
    sample: (random) => encodeCbor(sampleValue(random, 0)),
    run: (input) => {
      const read = attempt(() => readCbor(Buffer.from(input), mistake), ['bad_cbor']);
      if (read.type !== 'value') return read;
      ensure(equalBytes(encodeCbor(read.value), input), 'one encoding');
      return accepted('value');
    },
  };
}

function readCbor(bytes: Buffer, mistake: Mistake): CborValue {
  let offset = 0;
  const refuse = (what: string): never => {
    throw new ParseError('bad_cbor', what);
  };
  const take = (size: number): Buffer => {
    if (offset + size > bytes.length) refuse('the end');
    offset += size;
    return bytes.subarray(offset - size, offset);
  };
  const readArgument = (info: number): number => {
    if (info < 24) return info;
    const size = info < 28 ? 2 ** (info - 24) : refuse('a reserved head');
    const value = Number(`0x${take(size).toString('hex')}`);
    const isShortest = value >= (size === 1 ? 24 : 2 ** (4 * size));
    if (!isShortest && mistake !== 'overlong head') refuse('an overlong head');
    return Number.isSafeInteger(value) ? value : refuse('a wide integer');
  };
  const readText = (length: number): string => {
    const raw = take(length);
    const text = raw.toString();
    return Buffer.from(text).equals(raw) && !text.startsWith('\ufeff') && text !== '__proto__'
      ? text
      : refuse('text');
  };
  const readItem = (depth: number): CborValue => {
    const initial = take(1)[0] ?? 0;
    if (depth > 8 && mistake !== 'unbounded depth') refuse('depth');
    if (initial === 0xf4) return false;
    if (initial === 0xf5) return true;
    if (initial === 0xf6) return null;
    const argument = readArgument(initial & 31);
    switch (initial >> 5) {
      case 0:
        return argument;
      case 1:
        return Number.isSafeInteger(-1 - argument) ? -1 - argument : refuse('a wide integer');
      case 2: {
        const copy = new Uint8Array(mistake === 'believed length' ? Math.min(argument, 2 ** 30) : 0);
        return copy.length > argument ? copy : Uint8Array.from(take(argument));
      }
      case 3:
        return readText(argument);
      case 4:
        if (argument > 4_096) refuse('items');
        return Array.from({ length: argument }, () => readItem(depth + 1));
      case 5:
        return readMap(argument, depth);
      default:
        return refuse('a tag or a float');
    }
  };
  const readMap = (count: number, depth: number): CborValue => {
    const map: Record<string, CborValue> = {};
    let previous: Buffer | undefined;
    for (let i = 0; i < count; i += 1) {
      const start = offset;
      const key = readItem(depth + 1);
      if (typeof key !== 'string') return refuse('a key');
      const raw = bytes.subarray(start, offset);
      const order = previous === undefined ? -1 : Buffer.compare(previous, raw);
      if (order > 0 || (order === 0 && mistake !== 'key twice')) refuse('order');
      previous = raw;
      map[key] = readItem(depth + 1);
    }
    return map;
  };
  const value = readItem(1);
  if (offset !== bytes.length && mistake !== 'bytes behind') refuse('bytes behind');
  return value;
}

/** Node's base64url decoder, which ignores surplus bits and what it does not know. */
const looseText: Target = {
  ...uri,
  name: 'planted: loose base64',
  run: (input) => {
    const text = Buffer.from(input).toString().trim();
    const loose = text.replace(/[A-Za-z0-9_-]{43}/g, (field) => toText(Buffer.from(field, 'base64url')));
    const read = attempt(() => formatUri(parseUri(loose)), ['bad_key']);
    if (read.type !== 'value') return read;
    for (const [field] of text.matchAll(/(?<=@|,)[A-Za-z0-9_-]{43}(?=,)/g)) fromText(field);
    return accepted('key');
  },
};

const sealed = encodeChk({ cryptoKey: cryptoKey(new Uint8Array(32)), payload: new Uint8Array(100) });

/** A node that compares only a part of the hash's input: the trailer is left out. */
const openTrailer: Target = {
  name: 'planted: unchecked trailer',
  promise: 'nothing but the block is taken for its key',
  mostBytes: BLOCK_BYTES,
  edits: [],
  sample: () => sealed.block,
  run: (input) => {
    const patched = Buffer.from(input);
    if (patched.length === BLOCK_BYTES) patched.fill(0, BLOCK_BYTES - 64);
    const isTaken = verifyBlock(sealed.routingKey, patched) !== undefined;
    ensure(!isTaken || equalBytes(input, sealed.block), 'nothing but the block');
    return isTaken ? accepted('block') : { type: 'refused', shape: 'other' };
  },
};

/** An input that holds a `!` is never finished with. */
const endless: Target = {
  name: 'planted: endless',
  promise: 'every input comes to an end',
  mostBytes: 100,
  edits: [editText],
  words: ['!'],
  sample: () => Buffer.from('text'),
  run: (input) => {
    while (input.includes(0x21));
    return accepted('text');
  },
};

/** An input that holds a `!` takes all memory that there is, little by little, and never lets go. */
const greedy: Target = {
  ...endless,
  name: 'planted: greedy',
  run: (input) => {
    const held: number[][] = [];
    while (input.includes(0x21)) held.push(Array.from({ length: 1_000 }, (_, i) => i + held.length));
    return accepted('text');
  },
};

const kept: Uint8Array[] = [];

/** Keeps a little of every input: no execution is conspicuous, only their sum. */
const leaking: Target = {
  ...endless,
  name: 'planted: leaking',
  run: () => {
    kept.push(new Uint8Array(262_144).fill(1));
    return accepted('text');
  },
};

export const planted: readonly Target[] = [
  ...MISTAKES.map(cborWith),
  looseText,
  openTrailer,
  endless,
  greedy,
  leaking,
];
