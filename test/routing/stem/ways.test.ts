/** Which way a relay passes on what a neighbour brings: fixed, secret, and as likely as the spec says (docs/spec/stem.md, 4). */
import fc from 'fast-check';
import t from 'tap';
import { stemLimits } from '../../../routing/stem/limits.ts';
import { Ways } from '../../../routing/stem/ways.ts';
import { SeededRandom } from '../../sim/random.ts';

const GUARDS = ['ann', 'ben', 'cat'];
const INBOUNDS = 20_000;

function waysOf(seed: number, guards: readonly string[] = GUARDS, loops: readonly string[] = []): Ways {
  const ways = new Ways(new SeededRandom(seed).bytes(32), loops);
  ways.setGuards(guards);
  return ways;
}

void t.test('of many inbounds a quarter is diffused, and each guard is the first of a third', async (t) => {
  const ways = waysOf(1);
  const firsts = new Map<string, number>();
  let diffused = 0;
  for (let i = 0; i < INBOUNDS; i += 1) {
    const { order, coin } = ways.of(`inbound ${i}`);
    if (coin === 'diffuse') diffused += 1;
    const [first = ''] = order;
    firsts.set(first, (firsts.get(first) ?? 0) + 1);
  }
  // Four standard deviations of a binomial count.
  const within = (count: number, share: number): boolean =>
    Math.abs(count - INBOUNDS * share) < 4 * Math.sqrt(INBOUNDS * share * (1 - share));
  t.ok(within(diffused, 0.25), `${diffused} are diffused`);
  for (const guard of GUARDS) t.ok(within(firsts.get(guard) ?? 0, 1 / 3), `${guard}: ${firsts.get(guard)}`);
});

void t.test('the way of an inbound that is a guard leads to another one', async (t) => {
  const ways = waysOf(2);
  for (const guard of GUARDS) t.notOk(ways.of(guard).order.includes(guard));
  t.equal(waysOf(2, ['ann']).of('ann').coin, 'diffuse', 'with nobody else it is diffused');
});

void t.test('another secret gives other ways, the same one the same after a restart', async (t) => {
  const names = Array.from({ length: 64 }, (_, i) => `inbound ${i}`);
  const all = (ways: Ways): unknown[] => names.map((name) => ways.of(name));
  t.strictSame(all(waysOf(3)), all(waysOf(3)));
  t.notSame(all(waysOf(3)), all(waysOf(4)));
});

void t.test('property: another guard changes the ways alone that come to it or had it', async () => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.nat(2), fc.string({ minLength: 1 }), (seed, which, inbound) => {
      const ways = waysOf(seed);
      const before = ways.of(inbound);
      const gone = GUARDS[which] ?? '';
      ways.setGuards([...GUARDS.filter((guard) => guard !== gone), 'new']);
      const after = ways.of(inbound);
      const [firstBefore] = before.order;
      const [firstAfter] = after.order;
      if (firstBefore === gone || firstAfter === 'new') return;
      if (firstBefore !== firstAfter || before.coin !== after.coin) throw new Error('another way or coin');
    }),
  );
});

void t.test('a way that came back is diffused, over a restart too, and the others are not', async (t) => {
  const ways = waysOf(5);
  const passing = Array.from({ length: 40 }, (_, i) => `inbound ${i}`).filter(
    (name) => ways.of(name).coin === 'pass',
  );
  const [looped = '', ...others] = passing;
  ways.cut(looped);
  t.equal(ways.of(looped).coin, 'diffuse');
  for (const other of others) t.equal(ways.of(other).coin, 'pass');
  t.equal(waysOf(5, GUARDS, ways.loops).of(looped).coin, 'diffuse');
});

void t.test('no more loops are kept than the limit says', async (t) => {
  const ways = waysOf(6);
  for (let i = 0; i < 1_000; i += 1) ways.cut(`inbound ${i}`);
  t.equal(ways.loops.length, stemLimits.loopsKept.value);
});
