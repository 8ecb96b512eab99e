/** What the simulator stands on: time in order, randomness that repeats, networks of the right shape. */
import * as fc from 'fast-check';
import t from 'tap';
import { Digest } from './digest.ts';
import { SeededRandom } from './random.ts';
import { Schedule } from './schedule.ts';
import { smallWorld } from './topology.ts';

void t.test(
  'things happen in the order of time, and at one moment in the order in which they were asked for',
  async () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), (times) => {
        const schedule = new Schedule();
        const happened: number[] = [];
        times.forEach((at, index) => schedule.at(at, () => happened.push(index)));
        schedule.run();
        const expected = times
          .map((_, index) => index)
          .sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b);
        return happened.join() === expected.join() && schedule.now === Math.max(0, ...times);
      }),
    );
  },
);

void t.test(
  'what was cancelled does not happen, and what is asked for in the past happens now',
  async (t) => {
    const schedule = new Schedule();
    const happened: string[] = [];
    const cancel = schedule.at(5, () => happened.push('cancelled'));
    schedule.at(4, cancel);
    schedule.at(10, () => schedule.at(3, () => happened.push(`late at ${schedule.now}`)));
    schedule.run();
    t.strictSame(happened, ['late at 10']);
  },
);

void t.test('time stops where it is told to, with what comes later still to come', async (t) => {
  const schedule = new Schedule();
  const happened: number[] = [];
  for (const at of [1, 2, 3]) schedule.at(at, () => happened.push(at));
  schedule.run(2);
  t.strictSame([happened, schedule.now], [[1, 2], 2]);
  schedule.run(2.5);
  t.equal(schedule.now, 2.5);
  schedule.run();
  t.strictSame([happened, schedule.now], [[1, 2, 3], 3]);
});

void t.test('a seed gives the same numbers on every run, and each seed others', async (t) => {
  // Set down once: another machine or another version must draw the same.
  const draw = (seed: number): number[] => {
    const random = new SeededRandom(seed);
    return [random.uint32(), random.uint32(), random.below(1_000), ...random.bytes(3)];
  };
  t.strictSame(draw(7), [210_494_603, 711_084_892, 929, 34, 213, 190]);
  t.notSame(draw(7), draw(8));
});

void t.test('numbers are drawn evenly', async (t) => {
  const random = new SeededRandom(1);
  const counts = Array.from({ length: 16 }, () => 0);
  for (let i = 0; i < 16_000; i += 1) {
    const drawn = random.below(16);
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  for (const count of counts) t.ok(count > 850 && count < 1_150, `${count} of 1,000`);
});

void t.test(
  'a small world is in one piece, every node has its neighbours, and each pair one link',
  async (t) => {
    for (const nodes of [6, 60, 500]) {
      const degree = Math.min(20, nodes - 1);
      const { locations, links } = smallWorld({ nodes, degree, random: new SeededRandom(3) });
      t.equal(locations.length, nodes);
      t.strictSame(
        [...locations],
        [...locations].sort((a, b) => a - b),
      );
      const pairs = new Set(links.map(([a, b]) => `${a}-${b}`));
      t.equal(pairs.size, links.length);
      t.ok(links.every(([a, b]) => a < b && b < nodes));
      for (let node = 0; node < nodes; node += 1) {
        for (const step of [1, 2]) {
          const other = (node + step) % nodes;
          t.ok(pairs.has(`${Math.min(node, other)}-${Math.max(node, other)}`));
        }
      }
      const mean = (2 * links.length) / nodes;
      t.ok(mean > Math.min(4, nodes - 1) - 0.01 && mean <= degree + 1, `${mean} links a node`);
    }
  },
);

void t.test('a digest tells any two runs apart that differ in one field of one event', async (t) => {
  const event = { at: 1.5, node: 3, what: 'timer', number: 9 };
  const others = [{ at: 1.25 }, { node: 4 }, { what: 'linkUp' }, { number: 8 }].map((one) => ({
    ...event,
    ...one,
  }));
  const digestOf = (...events: (typeof event)[]): string => {
    const digest = new Digest();
    for (const each of events) digest.add(each);
    return digest.finish();
  };
  t.equal(digestOf(event, event), digestOf(event, event));
  const all = [
    [],
    [event],
    [event, event],
    ...others.flatMap((other) => [[other], [event, other], [other, event]]),
  ];
  t.equal(new Set(all.map((events) => digestOf(...events))).size, all.length);
  const many = Array.from({ length: 5_000 }, () => event);
  t.not(digestOf(...many), digestOf(...many.slice(1)), 'beyond one buffer too');
});
