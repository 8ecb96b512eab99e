/**
 * What a link looks like to whoever records it: uniform bytes in frames of four sizes. Counted over many sessions with a mixture of
 * messages as nodes have it, zeros included; the same counts find the text before it is sealed.
 */
import t from 'tap';
import { FRAME_SIZES } from '../../transport/frame.ts';
import { SeededRandom } from '../sim/random.ts';
import { Side, referenceOf } from './session-pair.ts';
import { chiSquare, upperGamma } from './statistics.ts';

const FULL = process.env['MIMEO_TEST_FULL'] !== undefined;
const SESSIONS = FULL ? 1_000 : 60;
/** By chance alone a test of these fails once in a million seeds; the seed is fixed. */
const P_LEAST = 1e-6;
const CHOOSE_8 = [1, 8, 28, 56, 70, 56, 28, 8, 1];
const PREFIX = Buffer.from('GET /index.html HTTP/1.1\r\n');

class Counts {
  readonly bytes = new Float64Array(256);
  total = 0;

  add(bytes: Uint8Array): void {
    for (const byte of bytes) this.bytes[byte] = (this.bytes[byte] ?? 0) + 1;
    this.total += bytes.length;
  }

  /** 255 degrees of freedom. */
  get byteP(): number {
    return chiSquare(this.bytes, () => this.total / 256).p;
  }

  /** Bits that are set in a byte: 8 degrees of freedom. What the Great Firewall of 2021 counted (Wu et al., 2023). */
  get popcountP(): number {
    const popcounts = new Float64Array(9);
    for (const [byte, count] of this.bytes.entries()) {
      const ones = byte.toString(2).replaceAll('0', '').length;
      popcounts[ones] = (popcounts[ones] ?? 0) + count;
    }
    return chiSquare(popcounts, (ones) => (this.total * (CHOOSE_8[ones] ?? 0)) / 256).p;
  }
}

function messages(random: SeededRandom): Uint8Array[] {
  const texts = ['{"type":"accepted","id":', 'Working', 'DataNotFound'];
  return Array.from({ length: 8 }, () => {
    const kind = random.below(6);
    if (kind === 0) return new Uint8Array(1 + random.below(40));
    if (kind === 1) return new Uint8Array(32_924);
    if (kind === 2) return new Uint8Array(900).fill(0xff);
    if (kind === 3) return new Uint8Array(Buffer.from((texts[random.below(3)] ?? '').repeat(60)));
    return new Uint8Array(Buffer.from((texts[random.below(3)] ?? '') + random.below(1_000)));
  });
}

void t.test('the tail of chi-square is the one in the tables', async (t) => {
  // NIST/SEMATECH e-Handbook, 1.3.6.7.4: critical values.
  for (const [freedom, statistic, p] of [
    [1, 3.841, 0.05],
    [8, 15.507, 0.05],
    [8, 26.125, 0.001],
    [100, 149.449, 0.001],
  ] as const) {
    t.ok(Math.abs(upperGamma(freedom / 2, statistic / 2) / p - 1) < 2e-3, `${freedom} degrees`);
  }
  t.ok(Math.abs(upperGamma(1, 30) / Math.exp(-30) - 1) < 1e-12, 'Q(1, x) is exp(-x)');
  t.ok(Math.abs(upperGamma(1, 0.3) / Math.exp(-0.3) - 1) < 1e-12);
});

void t.test('openings, replies and frames are uniform bytes, and frames have four sizes', async (t) => {
  const random = new SeededRandom(20_260_103);
  const [openings, replies, frames, texts] = [new Counts(), new Counts(), new Counts(), new Counts()];
  const sizes = new Set<number>();
  for (let i = 0; i < SESSIONS; i++) {
    const right = new Side(2, { random, prefix: PREFIX }).listen();
    const left = new Side(1, { random }).dial(referenceOf(2, { prefix: PREFIX }));
    const opening = left.takeWritten();
    right.receive(opening);
    const reply = right.takeWritten();
    left.receive(reply);
    openings.add(opening.subarray(PREFIX.length));
    replies.add(reply);
    const record = (from: Side, to: Side) => {
      for (let writes = from.takeWrites(); writes.length > 0; writes = from.takeWrites()) {
        for (const frame of writes) {
          frames.add(frame);
          sizes.add(frame.length);
          to.receive(frame);
        }
        from.handle(0, { type: 'drained' });
      }
    };
    record(left, right);
    for (const message of messages(random)) {
      texts.add(message);
      const isRight = random.below(2) === 1;
      const [from, to] = isRight ? [right, left] : [left, right];
      from.send(message);
      record(from, to);
    }
  }
  t.ok(openings.total + replies.total + frames.total >= 1_000_000, `${frames.total} bytes of frames`);
  const all = new Counts();
  for (const counts of [openings, replies, frames]) {
    for (const [byte, count] of counts.bytes.entries()) all.bytes[byte] = (all.bytes[byte] ?? 0) + count;
    all.total += counts.total;
  }
  for (const [what, counts] of Object.entries({ openings, replies, frames, all })) {
    t.ok(counts.byteP > P_LEAST, `bytes of ${what}: p = ${counts.byteP}`);
    t.ok(counts.popcountP > P_LEAST, `popcounts of ${what}: p = ${counts.popcountP}`);
  }
  t.ok(texts.byteP < 1e-12 && texts.popcountP < 1e-12, 'the same counts find the messages themselves');
  t.same(
    [...sizes].sort((a, b) => a - b),
    FRAME_SIZES,
    'all four sizes, and no other',
  );
});

void t.test(
  'heads and openings alone, of which each session begins with some, are uniform at every place',
  async (t) => {
    // A fixed byte anywhere in the first bytes of a link would drown in the rest, so each place is counted by itself.
    const random = new SeededRandom(20_260_104);
    const count = FULL ? 20_000 : 2_000;
    const places = Array.from({ length: 64 }, () => new Float64Array(16));
    for (let i = 0; i < count; i++) {
      const opening = new Side(1, { random }).dial(referenceOf(2)).takeWritten();
      for (const [place, nibbles] of places.entries()) {
        const nibble = (opening[place] ?? 0) >>> 4;
        nibbles[nibble] = (nibbles[nibble] ?? 0) + 1;
      }
    }
    const ps = places.map((nibbles) => chiSquare(nibbles, () => count / 16).p);
    t.ok(Math.min(...ps) > P_LEAST, `the least p of ${places.length} places is ${Math.min(...ps)}`);
  },
);
