/**
 * client/metadata.ts, and what its numbers steer: layout.ts and reader.ts. Promises: metadata that is read is written as the same
 * bytes; its sizes agree, so that any range of it can be read to the end without an assertion, a key out of place or more blocks
 * held than the windows allow.
 */
import { dataBlocks, fileLayout, listBytes, type Layout, type Level } from '../../../client/layout.ts';
import { blockBytes } from '../../../client/layout.ts';
import { clientLimits } from '../../../client/limits.ts';
import {
  decodeMetadata,
  encodeMetadata,
  isMimeType,
  type Body,
  type Splitfile,
} from '../../../client/metadata.ts';
import { SplitfileReader } from '../../../client/reader.ts';
import { cryptoKey, equalBytes } from '../../../keys/index.ts';
import { SeededRandom } from '../../sim/random.ts';
import { editCbor } from '../edits/cbor.ts';
import { accepted, attempt, ensure, pick, type Target } from '../target.ts';

/** Blocks of two keys, so that lists of lists are small. */
const SMALL: Layout = { payloadBytes: 64, topBytes: fileLayout.topBytes, dataPerSegment: 3 };
const WINDOW = 4;
/** Blocks read of one range; the rest of a long one is more of the same. */
const STEPS = 40;

export const metadata: Target = {
  name: 'metadata',
  promise: 'one encoding, and sizes by which any range can be read',
  mostBytes: 33_000,
  edits: [editCbor],
  words: ['\x64pack', '\x64zstd', '\x64list', '\x64keys', '\x65check'],
  sample: (random) => {
    const body = sampleBody(random);
    const stored = body.type === 'inline' ? body.data.length : (body.levels[0]?.sizeBytes ?? 0);
    const packedBytes = random.below(3) === 0 ? stored : undefined;
    const sizeBytes = packedBytes === undefined ? stored : random.uint32();
    const mimeType = pick(['text/plain', 'text/html; charset=utf-8', 'a/b;c'], random);
    return encodeMetadata({ mimeType, sizeBytes, hash: random.bytes(32), packedBytes, body });
  },
  run: (input) => {
    const layouts = [fileLayout, SMALL].map((layout) => ({
      layout,
      read: attempt(() => decodeMetadata(input, layout), ['bad_metadata']),
    }));
    let answer = layouts[0]?.read;
    for (const { layout, read } of layouts) {
      if (read.type !== 'value') continue;
      answer = read;
      const { body, mimeType, hash, sizeBytes, packedBytes } = read.value;
      ensure(equalBytes(encodeMetadata(read.value), input), 'one encoding');
      ensure(isMimeType(mimeType) && !/[\r\n]/.test(mimeType), 'a type that is one header line');
      ensure(hash.length === 32, 'a hash has 32 bytes');
      ensure(Math.max(sizeBytes, packedBytes ?? 0) <= clientLimits.fileBytes.value, 'the limit of a file');
      if (body.type === 'splitfile') readSome(body, { layout, random: new SeededRandom(input.length) });
    }
    if (answer?.type !== 'value') return answer ?? accepted('');
    const { body, packedBytes } = answer.value;
    const levels = body.type === 'inline' ? '' : '#'.repeat(body.levels.length);
    return accepted(`${body.type} ${levels} ${packedBytes === undefined ? '' : 'packed'}`);
  },
};

/** Blocks of zeros in the sizes that the metadata asks for: the keys in a list decide nothing about its form. */
function readSome(splitfile: Splitfile, { layout, random }: { layout: Layout; random: SeededRandom }): void {
  const size = splitfile.levels[0]?.sizeBytes ?? 0;
  const start = Math.floor(random.fraction() * size);
  const end = start + 1 + Math.floor(random.fraction() * (size - start));
  const reader = new SplitfileReader({ splitfile, layout, start, end, window: WINDOW });
  const mostHeld = WINDOW + clientLimits.listWindow.value * (splitfile.levels.length - 1);
  let at = start;
  for (let step = 0; step < STEPS && !reader.isOver; step += 1) {
    for (let wanted = reader.next(); wanted !== undefined; wanted = reader.next()) {
      const level = splitfile.levels[wanted.place.level];
      ensure(level !== undefined && wanted.place.index < dataBlocks(level, layout), 'a block that exists');
      reader.arrived(wanted.place, ZEROS.subarray(0, blockBytes(level, wanted.place.index, layout)));
      ensure(reader.heldBlocks <= mostHeld, 'the windows');
    }
    const piece = reader.peek();
    ensure(piece !== undefined && piece.length > 0, 'reading goes on');
    at += piece.length;
    reader.release();
  }
  ensure(reader.isOver ? at === end : at < end, 'the range ends where it was said to');
}

const ZEROS = new Uint8Array(fileLayout.payloadBytes);

function sampleBody(random: SeededRandom): Body {
  if (random.below(4) === 0) return { type: 'inline', data: random.bytes(random.below(300)) };
  const layout = pick([fileLayout, SMALL], random);
  const levels: Level[] = [];
  let sizeBytes = 1 + random.below(pick([64, 1_000, 20_000], random));
  for (let count = 1 + random.below(4); count > 0; count -= 1) {
    const level = { sizeBytes, check: pick([0, 0, 1, 5], random) };
    levels.push(level);
    sizeBytes = listBytes(level, layout);
  }
  const key = random.below(2) === 0 ? undefined : cryptoKey(random.bytes(32));
  return { type: 'splitfile', key, levels, keys: random.bytes(sizeBytes) };
}
