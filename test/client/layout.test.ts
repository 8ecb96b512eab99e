import * as fc from 'fast-check';
import t from 'tap';
import {
  blockBytes,
  checkLayout,
  dataBlocks,
  fileLayout,
  keyOffset,
  listBytes,
} from '../../client/layout.ts';
import { runs } from '../keys/samples.ts';

const levels = fc.record({
  sizeBytes: fc.integer({ min: 1, max: 5_000 }),
  check: fc.integer({ min: 0, max: 5 }),
});
const layouts = fc.record({
  payloadBytes: fc.constantFrom(64, 96, 128),
  topBytes: fc.constant(300),
  dataPerSegment: fc.integer({ min: 1, max: 6 }),
});

void t.test('keys stand segment by segment, data before check, as the specification lists them', async () => {
  fc.assert(
    fc.property(levels, layouts, (level, layout) => {
      // The list written out: d for a data block, c for a check block.
      const list: string[] = [];
      for (let index = 0; index < dataBlocks(level, layout); index++) {
        list.push(`d${index}`);
        const isSegmentFull = (index + 1) % layout.dataPerSegment === 0;
        const isLast = index === dataBlocks(level, layout) - 1;
        if (isSegmentFull || isLast) for (let check = 0; check < level.check; check++) list.push('c');
      }
      if (listBytes(level, layout) !== 32 * list.length) return false;
      return list.every(
        (name, place) => name === 'c' || keyOffset(level, Number(name.slice(1)), layout) === 32 * place,
      );
    }),
    runs(500),
  );
});

void t.test('the blocks of a level carry its bytes, all but the last full', async () => {
  fc.assert(
    fc.property(levels, layouts, (level, layout) => {
      const sizes = Array.from({ length: dataBlocks(level, layout) }, (_, index) =>
        blockBytes(level, index, layout),
      );
      const sum = sizes.reduce((a, b) => a + b, 0);
      return (
        sum === level.sizeBytes &&
        sizes.every((size) => size > 0) &&
        sizes.slice(0, -1).every((size) => size === layout.payloadBytes)
      );
    }),
    runs(500),
  );
});

void t.test('the layout of the format holds 1,024 keys a list block and 128 blocks a segment', async (t) => {
  const level = { sizeBytes: 32_768 * 300, check: 0 };
  t.equal(dataBlocks(level, fileLayout), 300);
  t.equal(listBytes(level, fileLayout), 300 * 32);
  t.equal(listBytes({ ...level, check: 2 }, fileLayout), (300 + 3 * 2) * 32);
  t.equal(keyOffset({ ...level, check: 2 }, 128, fileLayout), 130 * 32);
});

void t.test('a layout whose keys would lie across two blocks is a bug', async (t) => {
  t.throws(() => checkLayout({ ...fileLayout, payloadBytes: 100 }), { name: 'AssertionError' });
  t.throws(() => checkLayout({ ...fileLayout, payloadBytes: 32 }), { name: 'AssertionError' });
  t.throws(() => checkLayout({ ...fileLayout, topBytes: 40_000 }), { name: 'AssertionError' });
});
