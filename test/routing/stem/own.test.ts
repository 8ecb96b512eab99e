/** When the owner's requests go out: at times that no answer moves (docs/spec/stem.md, 6). */
import t from 'tap';
import type { Priority, Request, RequestId } from '../../../routing/index.ts';
import { OwnRequests } from '../../../routing/stem/own.ts';
import { stemLimits } from '../../../routing/stem/limits.ts';
import type { Token } from '../../../routing/effect.ts';
import { SeededRandom } from '../../sim/random.ts';
import { page } from '../content.ts';

const MINUTE = stemLimits.ownRateEveryMs.value;

function request(number: number, priority: Priority = 'bulk'): Request {
  const { key } = page();
  const id = number as RequestId;
  return { type: 'dataRequest', id, key, salt: 0, priority, deadlineMs: 1, route: { phase: 'stem' } };
}

/** Own requests on virtual time. */
class Bench {
  now = 0;
  taken = true;
  readonly went: { readonly at: number; readonly id: number }[] = [];
  readonly own: OwnRequests;
  readonly #timers = new Map<Token, { at: number; fired: () => void }>();
  #next = 0;

  constructor({ seed = 1, first = 100, most = 1_000 } = {}) {
    const now = (): number => this.now;
    this.own = new OwnRequests({
      desk: {
        get now() {
          return now();
        },
        random: new SeededRandom(seed),
        setTimer: (at, fired) => {
          this.#next += 1;
          this.#timers.set(this.#next as Token, { at, fired });
          return this.#next as Token;
        },
        cancelTimer: (token) => void this.#timers.delete(token),
      },
      first,
      most,
      mayGo: () => this.taken,
      go: ({ id }) => void this.went.push({ at: this.now, id }),
    });
  }

  get timers(): number {
    return this.#timers.size;
  }

  pass(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      let next: [Token, { at: number; fired: () => void }] | undefined;
      for (const timer of this.#timers) if (next === undefined || timer[1].at < next[1].at) next = timer;
      if (next === undefined || next[1].at > until) break;
      this.now = next[1].at;
      this.#timers.delete(next[0]);
      next[1].fired();
    }
    this.now = until;
  }
}

void t.test(
  'gaps have the mean that the rate says, half of it is always there, and the rest is exponential',
  async (t) => {
    const bench = new Bench({ first: 100 });
    for (let i = 0; i < 2_000; i += 1) bench.own.hold(request(i));
    bench.pass(MINUTE - 1);
    const gaps = bench.went.slice(1).map(({ at }, i) => at - (bench.went[i]?.at ?? 0));
    t.equal(gaps.length, 1_999);
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
    // Of 2,000 the mean is within 5 % of 10 ms in all but one of 10^5 seeds; an exponential's deviation is its mean.
    t.ok(Math.abs(mean - 10) < 0.5, `mean ${mean}`);
    t.ok(Math.abs(Math.sqrt(variance) / 5 - 1) < 0.15, `deviation ${Math.sqrt(variance)}`);
    t.ok(Math.min(...gaps) >= 5 - 1e-9, `least ${Math.min(...gaps)}`);
  },
);

void t.test(
  'answers move nothing: the same requests go at the same times with and without them',
  async (t) => {
    const times = (answers: { readonly comes: boolean }): unknown[] => {
      const bench = new Bench({ seed: 7, first: 20 });
      for (let i = 0; i < 200; i += 1) bench.own.hold(request(i));
      let answered = 0;
      while (bench.now < 20_000) {
        bench.pass(10);
        for (; answers.comes && answered < bench.went.length; answered += 1)
          bench.own.ended(request(answered), 'answered');
      }
      return bench.went;
    };
    t.strictSame(times({ comes: true }), times({ comes: false }));
  },
);

void t.test('they go in their order, each class at its own times', async (t) => {
  const bench = new Bench();
  for (let i = 0; i < 50; i += 1) {
    bench.own.hold(request(i));
    bench.own.hold(request(100 + i, 'realtime'));
  }
  bench.pass(10_000);
  const ids = bench.went.map(({ id }) => id);
  t.strictSame(
    ids.filter((id) => id < 100),
    Array.from({ length: 50 }, (_, i) => i),
  );
  t.strictSame(
    ids.filter((id) => id >= 100),
    Array.from({ length: 50 }, (_, i) => 100 + i),
  );
});

void t.test(
  'while nobody takes them none goes, and as soon as somebody does they go at random times',
  async (t) => {
    const bench = new Bench();
    bench.taken = false;
    for (let i = 0; i < 5; i += 1) bench.own.hold(request(i));
    bench.pass(MINUTE);
    t.equal(bench.went.length, 0);
    t.equal(bench.own.waiting, 5);
    bench.taken = true;
    bench.own.mayGo();
    t.equal(bench.own.waiting, 0);
    bench.pass(MINUTE);
    t.equal(bench.went.length, 5);
    t.equal(bench.timers, 0, 'and none when all have gone');
  },
);

void t.test('one that was due when nobody takes it any more stays', async (t) => {
  const bench = new Bench();
  bench.own.hold(request(1));
  bench.taken = false;
  bench.pass(MINUTE);
  t.equal(bench.went.length, 0);
  t.equal(bench.own.waiting, 1);
  // Silence has worn off, and nobody says so.
  bench.taken = true;
  bench.pass(2 * stemLimits.ownLookMs.value);
  t.equal(bench.went.length, 1);
});

void t.test('the rate doubles in a minute with work, up to the most', async (t) => {
  const bench = new Bench({ first: 100, most: 150 });
  for (let i = 0; i < 30_000; i += 1) bench.own.hold(request(i));
  t.equal(bench.own.rateOf('bulk'), 100);
  bench.pass(MINUTE + 1_000);
  t.equal(bench.own.rateOf('bulk'), 150);
  t.equal(bench.own.rateOf('realtime'), 100, 'that of the other class stays');
});

void t.test('a page now and then does not make the rate grow', async (t) => {
  const bench = new Bench({ first: 8 });
  for (let minute = 0; minute < 20; minute += 1) {
    for (let i = 0; i < 12; i += 1) bench.own.hold(request(i));
    bench.pass(MINUTE);
    for (let i = 0; i < 12; i += 1) bench.own.ended(request(i), 'answered');
  }
  t.equal(bench.own.rateOf('bulk'), 8);
});

void t.test('it halves when requests have to wait for room at the guard', async (t) => {
  const bench = new Bench({ first: 100 });
  for (let i = 0; i < 20_000; i += 1) bench.own.hold(request(i));
  bench.pass(MINUTE / 2);
  for (let i = 0; i < 1_000; i += 1) bench.own.waited(request(i));
  bench.pass(MINUTE / 2 + 1_000);
  t.equal(bench.own.rateOf('bulk'), 50);
});

void t.test('it halves once a minute, down to the least, while refusals come', async (t) => {
  const bench = new Bench({ first: 4 });
  const rates: number[] = [];
  for (let minute = 0; minute < 5; minute += 1) {
    const before = bench.went.length;
    for (let i = 0; i < 100; i += 1) bench.own.hold(request(i));
    for (let step = 0; step < 60; step += 1) {
      bench.pass(MINUTE / 60);
      while (bench.went.length > before + step) {
        bench.own.ended(request(0), 'overloaded');
        break;
      }
    }
    rates.push(bench.own.rateOf('bulk'));
  }
  for (const [i, rate] of rates.entries()) {
    const last = rates[i - 1] ?? 4;
    t.ok(rate === last || rate === last / 2, `${last} to ${rate}`);
    t.ok(rate >= stemLimits.ownRateLeast.value);
  }
  t.ok((rates.at(-1) ?? 4) < 4);
});

void t.test('it halves when a job has its window full and follows the answers', async (t) => {
  const bench = new Bench({ first: 1_000 });
  // A window of 32, answered 100 ms after each went.
  let asked = 0;
  let answered = 0;
  while (bench.now < 3 * MINUTE) {
    for (; asked - answered < 32; asked += 1) bench.own.hold(request(asked));
    bench.pass(100);
    for (; answered < bench.went.length; answered += 1) bench.own.ended(request(answered), 'answered');
  }
  t.ok(bench.own.rateOf('bulk') < 1_000, `${bench.own.rateOf('bulk')}`);
});

void t.test('a page of a few requests does not slow the next one', async (t) => {
  const bench = new Bench({ first: 100, most: 100 });
  for (let minute = 0; minute < 10; minute += 1) {
    for (let i = 0; i < 8; i += 1) bench.own.hold(request(i, 'realtime'));
    bench.pass(MINUTE / 2);
    for (let i = 0; i < 8; i += 1) bench.own.ended(request(i, 'realtime'), 'answered');
    bench.pass(MINUTE / 2);
  }
  t.equal(bench.own.rateOf('realtime'), 100);
});
