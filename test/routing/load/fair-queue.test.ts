/** Whose turn it is at the door (load.md, 4). */
import * as fc from 'fast-check';
import t from 'tap';
import { FairQueue, type Waiting } from '../../../routing/load/fair-queue.ts';
import { loadLimits } from '../../../routing/load/limits.ts';
import { LOCAL_LINK, type LinkId } from '../../../routing/index.ts';

const {
  queuedPerLink,
  queueWaitMs,
  realtimeLead,
  realtimeRun,
  debtMost,
  surplusPercent,
  weightLeast,
  weightMost,
} = loadLimits;

type Asked = Partial<Omit<Waiting<number>, 'link'>>;

const link = (number: number): LinkId => number as LinkId;
const request = (from: number, asked: Asked = {}): Waiting<number> => ({
  link: link(from),
  priority: 'bulk',
  phase: 'greedy',
  cost: 1,
  deadlineMs: 60_000,
  item: 0,
  ...asked,
});

/** Keeps `each` full and serves `turns` requests at one moment; returns what each link has had. */
function serve(
  queue: FairQueue<number>,
  { each, turns }: { each: readonly Waiting<number>[]; turns: number },
): Map<number, number> {
  const had = new Map<number, number>(each.map(({ link }) => [link, 0]));
  const fill = (): void => {
    for (const what of each) while (queue.waitingOf(what.link) < 4 && queue.push(what, 0));
  };
  for (let i = 0; i < turns; i += 1) {
    fill();
    const taken = queue.take(0, 1);
    if (taken === undefined) throw new Error('somebody waits');
    had.set(taken.link, (had.get(taken.link) ?? 0) + taken.cost);
  }
  return had;
}

void t.test('who waits alone is served at once, and in order', async (t) => {
  const queue = new FairQueue<number>(() => weightLeast.value);
  for (let item = 0; item < 5; item += 1) t.equal(queue.push(request(3, { item }), 0), true);
  t.strictSame(
    [0, 1, 2, 3, 4].map(() => queue.take(0, 1)?.item),
    [0, 1, 2, 3, 4],
  );
  t.equal(queue.take(0, 1), undefined);
});

void t.test('links of equal weight take turns, the one that floods included', async (t) => {
  const queue = new FairQueue<number>(() => 1);
  for (let i = 0; i < queuedPerLink.value; i += 1) queue.push(request(1), 0);
  queue.push(request(2), 0);
  queue.push(request(2), 0);
  const order = [0, 1, 2, 3].map(() => queue.take(0, 1)?.link);
  t.equal(order.filter((by) => by === link(2)).length, 2);
});

void t.test(
  'work is conserved: as long as somebody waits, somebody is served, and each exactly once',
  async () => {
    const act = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({
          from: fc.nat(5),
          realtime: fc.boolean(),
          stem: fc.boolean(),
          cost: fc.constantFrom(0.25, 1, 2),
        }),
      },
      { weight: 2, arbitrary: fc.constant('take' as const) },
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 300 }), (acts) => {
        const queue = new FairQueue<number>((by) => [1, 4, 1 / 16, 1, 2, 0.3][by] ?? 1);
        const waiting = new Set<number>();
        let item = 0;
        for (const act of acts) {
          if (act === 'take') {
            const taken = queue.take(0, 1);
            if ((taken === undefined) !== (waiting.size === 0)) return false;
            if (taken !== undefined && !waiting.delete(taken.item)) return false;
          } else {
            item += 1;
            const { from, cost } = act;
            const priority = act.realtime ? 'realtime' : 'bulk';
            const phase = act.stem ? 'stem' : 'greedy';
            if (queue.push(request(from, { item, cost, priority, phase }), 0)) waiting.add(item);
            else if (queue.waitingOf(link(from)) < queuedPerLink.value) return false;
          }
          if (queue.waiting !== waiting.size) return false;
        }
        return true;
      }),
    );
  },
);

const weight = fc.double({ min: weightLeast.value, max: weightMost.value, noNaN: true });
const cost = fc.constantFrom(0.25, 1, 2);

void t.test('links that always wait share by their weights, but for one request each', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ weight, cost }), { minLength: 2, maxLength: 20 }),
      fc.integer({ min: 1, max: 500 }),
      (links, turns) => {
        const queue = new FairQueue<number>((by) => links[by]?.weight ?? 1);
        const had = serve(queue, { each: links.map(({ cost }, i) => request(i, { cost })), turns });
        const shares = links.map(({ weight, cost }, i) => ({
          share: (had.get(i) ?? 0) / weight,
          quantum: cost / weight,
        }));
        return shares.every((a) =>
          shares.every((b) => a.share - b.share <= a.quantum + 1e-9 * (1 + a.share)),
        );
      },
    ),
  );
});

void t.test(
  'realtime is served sooner but not more: a link is never ahead by more than the lead and one request',
  async () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ weight, realtime: fc.boolean() }), { minLength: 2, maxLength: 20 }),
        fc.integer({ min: 1, max: 500 }),
        (links, turns) => {
          const queue = new FairQueue<number>((by) => links[by]?.weight ?? 1);
          const each = links.map(({ realtime }, i) =>
            request(i, { priority: realtime ? 'realtime' : 'bulk' }),
          );
          const had = serve(queue, { each, turns });
          const shares = links.map(({ weight }, i) => (had.get(i) ?? 0) / weight);
          return links.every(
            ({ weight }, i) =>
              (shares[i] ?? 0) - Math.min(...shares) <= (realtimeLead.value + 1) / weight + 1e-6,
          );
        },
      ),
    );
  },
);

void t.test('a realtime request goes before bulk that came first', async (t) => {
  const queue = new FairQueue<number>(() => 1);
  for (let i = 0; i < 8; i += 1) for (const from of [1, 2, 3]) queue.push(request(from), 0);
  queue.push(request(3, { priority: 'realtime', item: 7 }), 0);
  t.equal(queue.take(0, 1)?.item, 7);
});

void t.test('bulk of a link is not starved by its own realtime', async (t) => {
  const queue = new FairQueue<number>(() => 1);
  for (let i = 0; i < 12; i += 1) {
    queue.push(request(1), 0);
    queue.push(request(1, { priority: 'realtime' }), 0);
  }
  const order = Array.from({ length: 12 }, () => queue.take(0, 1)?.priority);
  t.equal(order.filter((priority) => priority === 'bulk').length, 12 / (realtimeRun.value + 1));
});

void t.test(
  'while greedy waits, stem gets at most half of a link, and never nothing, in any mix of classes',
  async () => {
    const lane = fc.record({ stemRealtime: fc.boolean(), greedyRealtime: fc.boolean() });
    fc.assert(
      fc.property(lane, fc.integer({ min: 20, max: 200 }), ({ stemRealtime, greedyRealtime }, turns) => {
        const queue = new FairQueue<number>(() => 1);
        let stem = 0;
        const stems = request(1, { phase: 'stem', priority: stemRealtime ? 'realtime' : 'bulk', item: 1 });
        const greedies = request(1, { priority: greedyRealtime ? 'realtime' : 'bulk', item: 2 });
        for (let i = 0; i < 4; i += 1) for (const what of [stems, greedies]) queue.push(what, 0);
        for (let i = 0; i < turns; i += 1) {
          const taken = queue.take(0, 1);
          stem += taken?.item === 1 ? 1 : 0;
          queue.push(taken?.item === 1 ? stems : greedies, 0);
        }
        return stem <= turns / 2 + 1 && stem >= Math.floor(turns / (2 * (realtimeRun.value + 1))) - 1;
      }),
    );
  },
);

void t.test('stem alone gets all of a link', async (t) => {
  const queue = new FairQueue<number>(() => 1);
  for (let i = 0; i < 10; i += 1) t.equal(queue.push(request(1, { phase: 'stem' }), 0), true);
  for (let i = 0; i < 10; i += 1) t.equal(queue.take(0, 1)?.phase, 'stem');
});

void t.test('a newcomer is served before the others have had a full share each since it came', async () => {
  fc.assert(
    fc.property(
      fc.array(weight, { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 0, max: 300 }),
      (weights, before) => {
        const queue = new FairQueue<number>((by) => weights[by] ?? 1);
        serve(queue, { each: weights.map((_, i) => request(i)), turns: before + 1 });
        const newcomer = link(weights.length);
        queue.push(request(newcomer), 0);
        const most = weights.reduce((sum, weight) => sum + Math.ceil(weight) + 1, 1);
        for (let i = 0; i < most; i += 1) {
          for (let by = 0; by < weights.length; by += 1) queue.push(request(by), 0);
          if (queue.take(0, 1)?.link === newcomer) return true;
        }
        return false;
      },
    ),
  );
});

void t.test(
  'a free rider has what is left over: nearly nothing beside others, all when they are idle',
  async (t) => {
    const queue = new FairQueue<number>((by) => (by === link(9) ? weightLeast.value : 1));
    const others = Array.from({ length: 8 }, (_, i) => request(i));
    const had = serve(queue, { each: [...others, request(9)], turns: 1_290 });
    t.ok((had.get(9) ?? 0) <= 1_290 / 129 + 1, `${had.get(9)} of 1290`);
    for (;;) if (queue.take(0, 1) === undefined) break;
    t.equal(serve(queue, { each: [request(9)], turns: 50 }).get(9), 50);
  },
);

void t.test(
  'what others left unused is held against who used it up to the most that is owed, and no longer',
  async (t) => {
    const queue = new FairQueue<number>(() => 1);
    serve(queue, { each: [request(1)], turns: 1_000 });
    const had = serve(queue, { each: [request(1), request(2)], turns: 100 });
    const ahead = (had.get(2) ?? 0) - (had.get(1) ?? 0);
    t.ok(ahead > 0 && ahead <= debtMost.value + 1, `${ahead}`);
  },
);

void t.test('a debt is forgiven with time, while nobody waits', async (t) => {
  const { queue, now } = measured(100);
  const later = now + 2 * debtMost.value * 100;
  const order: number[] = [];
  for (let i = 0; i < 2; i += 1) for (const from of [1, 2]) queue.push(request(from), later);
  for (let i = 0; i < 4; i += 1) order.push(queue.take(later, 1)?.link ?? -1);
  t.strictSame(order, [1, 2, 1, 2]);
});

void t.test('a free rider is not forgiven by being served when nobody else waits', async (t) => {
  const queue = new FairQueue<number>((by) => (by === link(9) ? weightLeast.value : 1));
  let others = 0;
  for (let i = 0; i < 100; i += 1) {
    // Each time the queue has been empty when the others come.
    queue.push(request(9), 0);
    queue.take(0, 1);
    queue.push(request(9), 0);
    queue.push(request(1), 0);
    if (queue.take(0, 1)?.link === link(1)) others += 1;
    for (;;) if (queue.take(0, 1) === undefined) break;
  }
  t.equal(others, 100);
});

void t.test('what a request cost beyond its estimate is taken off later turns', async (t) => {
  const queue = new FairQueue<number>(() => 1);
  const each = [request(1), request(2)];
  serve(queue, { each, turns: 2 });
  queue.charge(link(1), 10);
  const had = serve(queue, { each, turns: 10 });
  t.equal(had.get(2), 10);
});

void t.test('the owner is one link among others', async (t) => {
  const queue = new FairQueue<number>(() => 1);
  const had = serve(queue, {
    each: [request(LOCAL_LINK, { phase: 'stem' }), request(1), request(2)],
    turns: 300,
  });
  t.strictSame([...had.values()], [100, 100, 100]);
});

void t.test('more than a link may have waiting is refused', async (t) => {
  const queue = new FairQueue<number>(() => 1);
  for (let i = 0; i < queuedPerLink.value; i += 1) t.equal(queue.push(request(1), 0), true);
  t.equal(queue.push(request(1), 0), false);
  t.equal(queue.push(request(2), 0), true, 'the others have room');
});

/** A queue that has been measured: it serves one block in `msPerBlock`. */
function measured(msPerBlock: number): { queue: FairQueue<number>; now: number } {
  const queue = new FairQueue<number>(() => 1);
  let now = 0;
  for (let i = 0; i < 200; i += 1) {
    while (queue.waitingOf(link(1)) < 2 && queue.push(request(1), now));
    now += msPerBlock;
    queue.take(now, 1);
  }
  for (;;) if (queue.take(now, 1) === undefined) break;
  return { queue, now };
}

void t.test('a request that would wait too long for its turn is refused at once', async (t) => {
  const { queue, now } = measured(100);
  const fits = queueWaitMs.value / 100;
  for (let i = 0; i < fits; i += 1) t.equal(queue.push(request(1), now), true, `${i}`);
  while (queue.push(request(1), now) && queue.waitingOf(link(1)) < queuedPerLink.value);
  t.ok(queue.waitingOf(link(1)) <= fits + 2, `${queue.waitingOf(link(1))} wait`);
  t.equal(queue.push(request(2), now), true, 'another link has its own turn');
});

void t.test('a request that would wait longer than its deadline allows is refused at once', async (t) => {
  const { queue, now } = measured(100);
  queue.push(request(1), now);
  queue.push(request(1), now);
  t.equal(queue.push(request(1, { deadlineMs: 150 }), now), false);
  t.equal(queue.push(request(1, { deadlineMs: 400 }), now), true);
});

void t.test('who has waited too long is taken out, and not a moment before', async (t) => {
  const queue = new FairQueue<number>(() => 1);
  t.equal(queue.expiresAt, Infinity);
  queue.push(request(1, { item: 1 }), 0);
  queue.push(request(1, { item: 2 }), 10);
  t.equal(queue.expiresAt, queueWaitMs.value);
  t.strictSame(queue.expired(queueWaitMs.value - 1), []);
  t.strictSame(
    queue.expired(queueWaitMs.value).map(({ item }) => item),
    [1],
  );
  t.equal(queue.waiting, 1);
  t.equal(queue.take(queueWaitMs.value, 1)?.item, 2);
});

void t.test('what a lost link had waiting is gone, and the others have their turns', async (t) => {
  const queue = new FairQueue<number>(() => 1);
  queue.push(request(1), 0);
  queue.push(request(2, { item: 5 }), 0);
  queue.drop(link(1));
  t.equal(queue.waiting, 1);
  t.equal(queue.take(0, 1)?.item, 5);
  t.equal(queue.take(0, 1), undefined);
});

void t.test('a peer of median weight is let in while anything is left, whatever it has had', async (t) => {
  const queue = new FairQueue<number>(() => 1);
  for (let i = 0; i < 3 * debtMost.value; i += 1) {
    queue.push(request(1), 0);
    t.equal(queue.needed(0), 0);
    t.equal(queue.take(0, 0)?.link, link(1));
  }
});

void t.test('a lighter one needs the more left over the further it is ahead', async (t) => {
  const queue = new FairQueue<number>(() => 0.5);
  const needed: (number | undefined)[] = [];
  for (let i = 0; i < 8; i += 1) {
    queue.push(request(1), 0);
    needed.push(queue.needed(0));
    queue.take(0, 1);
  }
  t.strictSame(needed, [0, 0, 0, 0, 0, 0.25, 0.5, 0.75]);
  queue.push(request(1), 0);
  t.equal(queue.take(0, 0.5), undefined);
  queue.push(request(2, { item: 2 }), 0);
  t.equal(queue.take(0, 0)?.item, 2, 'who is not ahead does not wait for it');
});

void t.test('a free rider is let in only when nearly everything is unused', async (t) => {
  const queue = new FairQueue<number>(() => weightLeast.value);
  for (let i = 0; i < 3; i += 1) queue.push(request(1), 0);
  t.equal(queue.take(0, 0)?.link, link(1), 'its share is small but not nothing');
  t.equal(queue.needed(0), surplusPercent.value / 100);
  t.equal(queue.take(0, 0.89), undefined);
  t.equal(queue.take(0, 0.9)?.link, link(1));
});

void t.test('where nobody waits nothing is needed', async (t) => {
  t.equal(new FairQueue<number>(() => 1).needed(0), undefined);
});
