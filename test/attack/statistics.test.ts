/** What attackers reckon with, against values that are known. */
import t from 'tap';
import { SeededRandom } from '../sim/random.ts';
import { tellApart } from './classifier.ts';
import { auc, entropyBits, logBinomial } from './statistics.ts';

const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-9;

void t.test('the chance of a count is that of the binomial, its ends included', async (t) => {
  t.ok(near(Math.exp(logBinomial({ hits: 2, of: 4, share: 0.5 })), 6 / 16));
  t.ok(near(Math.exp(logBinomial({ hits: 0, of: 10, share: 0.1 })), 0.9 ** 10));
  t.equal(logBinomial({ hits: 3, of: 3, share: 1 }), 0);
  t.equal(logBinomial({ hits: 2, of: 3, share: 1 }), -Infinity);
  t.equal(logBinomial({ hits: 1, of: 3, share: 0 }), -Infinity);
  const all = Array.from({ length: 31 }, (_, hits) => Math.exp(logBinomial({ hits, of: 30, share: 0.37 })));
  t.ok(
    near(
      all.reduce((sum, one) => sum + one, 0),
      1,
    ),
  );
});

void t.test('an AUC counts pairs, and ties for a half', async (t) => {
  t.equal(auc({ subjects: [3, 4], others: [1, 2] }), 1);
  t.equal(auc({ subjects: [1, 2], others: [3, 4] }), 0);
  t.equal(auc({ subjects: [1, 1, 1], others: [1, 1] }), 0.5);
  t.equal(auc({ subjects: [1, 3], others: [2] }), 0.5);
});

void t.test('a set of equals has as many bits as it should', async (t) => {
  t.equal(entropyBits(Array.from({ length: 8 }, () => 1 / 8)), 3);
  t.equal(entropyBits([1, 0, 0]), 0);
});

void t.test(
  'the classifier sees one feature of thirty that differs, two together that do, and nothing in noise',
  async (t) => {
    const random = new SeededRandom(5);
    const noise = (): number => random.fraction() + random.fraction() + random.fraction();
    const group = (count: number, shift: readonly number[]): number[][] =>
      Array.from({ length: count }, () => Array.from({ length: 30 }, (_, i) => noise() + (shift[i] ?? 0)));
    const judge = (shift: readonly number[]): number => tellApart(group(200, shift), group(200, []), random);
    t.ok(judge([1]) > 0.85, 'a shift of two deviations');
    t.ok(judge([0.4, 0.4, 0.4, 0.4]) > 0.65, 'several small ones');
    const nothing = judge([]);
    t.ok(nothing > 0.4 && nothing < 0.6, `nothing: ${nothing}`);
  },
);
