/** What the simulator stands on: time in order, randomness that repeats, networks of the right shape. */
import * as fc from 'fast-check';
import t from 'tap';
import { Digest } from './digest.ts';
import { SeededRandom } from './random.ts';
import { Schedule } from './schedule.ts';
import { friendsGraph, smallWorld } from './topology.ts';

/** What happens up to a time, in order. */
function taken<What>(schedule: Schedule<What>, until: number = Infinity): What[] {
  const all: What[] = [];
  for (;;) {
    const what = schedule.next(until);
    if (what === undefined) return all;
    all.push(what);
  }
}

void t.test(
  'things happen in the order of time, and at one moment in the order in which they were asked for',
  async () => {
    // Some within one window, some many windows apart.
    const time = fc.oneof(fc.nat(20), fc.double({ min: 0, max: 1e6, noNaN: true }));
    fc.assert(
      fc.property(fc.array(time), (times) => {
        const schedule = new Schedule<number>();
        times.forEach((at, index) => schedule.push(at, index));
        const happened = taken(schedule);
        const expected = times
          .map((_, index) => index)
          .sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b);
        return happened.join() === expected.join() && schedule.now === Math.max(0, ...times);
      }),
    );
  },
);

void t.test('whatever is pushed, cancelled and taken in turn, it behaves like a sorted list', async () => {
  const step = fc.record({ push: fc.array(fc.nat(60)), cancel: fc.nat(), pass: fc.nat(40) });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const schedule = new Schedule<number>();
      const model: { at: number; number: number; ticket: number }[] = [];
      let number = 0;
      let now = 0;
      for (const { push, cancel, pass } of steps) {
        for (const after of push) {
          model.push({ at: now + after, number, ticket: schedule.push(now + after, number) });
          number += 1;
        }
        const [gone] = model.length === 0 ? [] : model.splice(cancel % model.length, 1);
        if (gone !== undefined) schedule.cancel(gone.ticket);
        now += pass;
        model.sort((a, b) => a.at - b.at || a.number - b.number);
        const due = model.filter(({ at }) => at <= now).map((one) => one.number);
        model.splice(0, due.length);
        if (taken(schedule, now).join() !== due.join()) return false;
        schedule.passTo(now);
      }
      return taken(schedule).length === model.length;
    }),
  );
});

void t.test('what is asked for in the past happens now', async (t) => {
  const schedule = new Schedule<string>();
  schedule.push(10, 'first');
  t.equal(schedule.next(Infinity), 'first');
  schedule.push(3, 'late');
  t.strictSame([schedule.next(Infinity), schedule.now], ['late', 10]);
});

void t.test('time stops where it is told to, with what comes later still to come', async (t) => {
  const schedule = new Schedule<number>();
  for (const at of [1, 2, 3]) schedule.push(at, at);
  t.strictSame([taken(schedule, 2), schedule.now], [[1, 2], 2]);
  t.strictSame(taken(schedule, 2.5), []);
  schedule.passTo(2.5);
  t.equal(schedule.now, 2.5);
  t.strictSame([taken(schedule), schedule.now], [[3], 3]);
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

void t.test('a graph of friends is in one piece, and nobody knows hundreds', async (t) => {
  for (const nodes of [20, 100, 1_000]) {
    const { locations, links } = friendsGraph({ nodes, random: new SeededRandom(5) });
    t.equal(locations.length, nodes);
    const friends = Array.from({ length: nodes }, () => new Set<number>());
    for (const [a, b] of links) {
      friends[a]?.add(b);
      friends[b]?.add(a);
    }
    const reached = new Set([0]);
    for (const node of reached) for (const friend of friends[node] ?? []) reached.add(friend);
    t.equal(reached.size, nodes);
    const counts = friends.map(({ size }) => size);
    t.ok(Math.min(...counts) >= 1 && Math.max(...counts) < 25, `${Math.max(...counts)} friends`);
    const mean = (2 * links.length) / nodes;
    t.ok(mean > 5.5 && mean < 8.5, `${mean} friends a node`);
  }
});

void t.test('a digest tells any two runs apart that differ in one field of one event', async (t) => {
  const event = { at: 1.5, node: 3, code: 7, number: 9 };
  const others = [{ at: 1.25 }, { node: 4 }, { code: 1 }, { number: 8 }].map((one) => ({ ...event, ...one }));
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
