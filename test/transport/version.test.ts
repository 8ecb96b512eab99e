/** Version ranges: what two nodes agree on. */
import * as fc from 'fast-check';
import t from 'tap';
import { negotiateVersion } from '../../transport/index.ts';
import type { VersionRange } from '../../transport/index.ts';
import { isVersionRange } from '../../transport/version.ts';

const range = fc
  .tuple(fc.integer({ min: 1, max: 30 }), fc.nat(10))
  .map(([min, more]): VersionRange => ({ min, max: min + more }));

void t.test('the result is the highest number in both ranges, and the same from both sides', async (t) => {
  fc.assert(
    fc.property(range, range, (ours, theirs) => {
      const common: number[] = [];
      for (let version = 1; version <= 40; version++) {
        if ([ours, theirs].every(({ min, max }) => min <= version && version <= max)) common.push(version);
      }
      const expected = common.at(-1);
      return negotiateVersion(ours, theirs) === expected && negotiateVersion(theirs, ours) === expected;
    }),
  );
  t.pass('for all ranges');
});

void t.test('a node speaks with the version before its own, and the next one after it', async (t) => {
  t.equal(negotiateVersion({ min: 4, max: 5 }, { min: 3, max: 4 }), 4);
  t.equal(negotiateVersion({ min: 4, max: 5 }, { min: 5, max: 6 }), 5);
});

void t.test('only ascending whole numbers from 1 to 65535 are a range', async (t) => {
  for (const good of [
    { min: 1, max: 1 },
    { min: 3, max: 65_535 },
  ])
    t.ok(isVersionRange(good));
  for (const [min, max] of [
    [0, 1],
    [2, 1],
    [1, 65_536],
    [1.5, 2],
    [1, Infinity],
    [NaN, 1],
  ] as const) {
    t.notOk(isVersionRange({ min, max }));
  }
});
