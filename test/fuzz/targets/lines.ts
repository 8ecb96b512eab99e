/**
 * daemon/rpc/lines.ts, with a small cap so that both sides of it are met. The first byte says how the rest is cut into chunks.
 * Promises: the lines do not depend on the cuts, and are those of a splitter that has everything at once.
 */
import { isDeepStrictEqual } from 'node:util';
import { LineSplitter } from '../../../daemon/rpc/lines.ts';
import { SeededRandom } from '../../sim/random.ts';
import { editText } from '../edits/text.ts';
import { accepted, ensure, pick, type Target } from '../target.ts';

const MOST = 64;

export const lines: Target = {
  name: 'lines',
  promise: 'the lines are the same however the stream is cut',
  mostBytes: 2_000,
  edits: [editText],
  words: ['\n', '\r\n', '\n\n', '{}', 'x'.repeat(MOST), 'x'.repeat(MOST + 1)],
  sample: (random) => {
    const line = () => pick(['{"a":1}', '', ' ', 'é', 'x'.repeat(random.below(MOST + 2))], random) + '\n';
    const text = Array.from({ length: random.below(6) }, line).join('') + pick(['', 'half'], random);
    return Buffer.concat([random.bytes(1), Buffer.from(text)]);
  },
  run: (input) => {
    const stream = Buffer.from(input.subarray(1));
    const random = new SeededRandom(input[0] ?? 0);
    const splitter = new LineSplitter(MOST);
    const found: string[] = [];
    for (let at = 0; at < stream.length && found.at(-1) !== TOO_LONG;) {
      const size = 1 + random.below(pick([1, 8, 200], random));
      for (const part of splitter.push(stream.subarray(at, at + size)))
        found.push(part.type === 'line' ? part.text : TOO_LONG);
      at += size;
    }
    const expected = atOnce(stream);
    ensure(isDeepStrictEqual(found, expected.lines), 'the lines of the stream');
    if (found.at(-1) !== TOO_LONG)
      ensure(splitter.isInsideLine === expected.isInside, 'an unfinished line is known');
    return accepted(`${'#'.repeat(found.length)} ${found.at(-1) === TOO_LONG} ${splitter.isInsideLine}`);
  },
};

const TOO_LONG = '\n';

function atOnce(stream: Buffer): { lines: string[]; isInside: boolean } {
  const pieces = stream.toString('latin1').split('\n');
  const lines: string[] = [];
  for (const [index, piece] of pieces.entries()) {
    if (piece.length > MOST) return { lines: [...lines, TOO_LONG], isInside: false };
    const text = Buffer.from(piece, 'latin1').toString().trim();
    if (index < pieces.length - 1 && text !== '') lines.push(text);
  }
  return { lines, isInside: pieces.at(-1) !== '' };
}
