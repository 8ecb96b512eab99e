/** What a peer is worth by the hole that it would leave, and over its cost (peers.md, 3). */
import * as fc from 'fast-check';
import t from 'tap';
import { asLocation } from '../../../keys/index.ts';
import { routingLimits } from '../../../routing/index.ts';
import { type Spot, bySide, gapScores } from '../../../routing/opennet/gap.ts';

const place = asLocation;
const own = place(0.25);
const { costLeastMs, costMostMs } = routingLimits;

/** A spot `ahead` of `own`, or behind it if negative. */
const spot = (ahead: number, cost?: number): Spot => ({ location: place((1.25 + ahead) % 1), cost });

const anySpots = fc.uniqueArray(
  fc.integer({ min: 1, max: 999 }).filter((n) => n !== 250),
  { minLength: 1, maxLength: 30 },
);
const at = (n: number): Spot => ({ location: place(n / 1_000), cost: undefined });

void t.test('the score is the hole in log distance that a peer would leave on its side', async (t) => {
  const scores = gapScores(own, [spot(1 / 16), spot(1 / 8), spot(1 / 4), spot(-1 / 32)]);
  t.strictSame(
    scores,
    [2, 2, 2, 5],
    'the nearest has half its distance before it, the farthest the other end of the circle behind it',
  );
});

void t.test(
  'a peer close to another one is worth little, and one alone in its half is worth most',
  async (t) => {
    const [crowded = 0, neighbour = 0, alone = 0] = gapScores(own, [spot(0.1), spot(0.11), spot(-0.01)]);
    t.ok(neighbour < alone && crowded < alone);
    t.ok(alone > 2 * Math.max(crowded, neighbour));
  },
);

void t.test('scores do not depend on the order of the peers', async () => {
  fc.assert(
    fc.property(anySpots, fc.integer(), (ats, turn) => {
      const by = turn >>> 0;
      const turned = ats.map((_, index) => ats[(index + by) % ats.length] ?? 0);
      const scores = gapScores(own, ats.map(at));
      const turnedScores = gapScores(own, turned.map(at));
      return turned.every((n, index) => turnedScores[index] === scores[ats.indexOf(n)]);
    }),
  );
});

void t.test(
  'every score is a positive number, for two nodes at one place and at the own place too',
  async () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 240, max: 260 }), { maxLength: 30 }), (ats) =>
        gapScores(own, ats.map(at)).every((score) => score >= 0 && Number.isFinite(score)),
      ),
    );
  },
);

void t.test('each side is sorted by distance, and every peer is on one side', async () => {
  fc.assert(
    fc.property(anySpots, (ats) => {
      const sides = bySide(own, ats.map(at));
      const away = (index: number): number => {
        const straight = Math.abs((ats[index] ?? 0) - 250);
        return Math.min(straight, 1_000 - straight);
      };
      const sorted = sides.every((side) =>
        side.every((index, i) => i === 0 || away(side[i - 1] ?? 0) <= away(index)),
      );
      return sorted && sides.flat().length === ats.length && new Set(sides.flat()).size === ats.length;
    }),
  );
});

void t.test('the score falls with the root of the cost, within bounds', async (t) => {
  const [free = 0] = gapScores(own, [spot(0.1, 0)]);
  const score = (cost: number): number => gapScores(own, [spot(0.1, cost)])[0] ?? NaN;
  t.equal(score(costLeastMs.value), free, 'who is next door gains nothing by it');
  t.ok(Math.abs(score(4 * costLeastMs.value) - free / 2) < 1e-9);
  t.equal(score(costMostMs.value), score(1e9), 'and who is slow loses no more than so much');
  t.ok(free / score(1e9) <= 5 + 1e-9);
});

void t.test('a peer whose cost is unknown counts as the middle one of those that are known', async (t) => {
  const known = [20, 80, 500].map((cost, i) => spot(-0.1 - i / 10, cost));
  const [unknown] = gapScores(own, [spot(0.1), ...known]);
  const [middle] = gapScores(own, [spot(0.1, 80), ...known]);
  t.equal(unknown, middle);
});
