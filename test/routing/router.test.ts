/**
 * Whatever happens in whatever order: the router does not throw, breaks no rule that the judge knows (judge.ts, rig.ts), answers
 * every request, and when everything has come to rest nothing is left of it. Hostile peers, links that come and go, a disk that
 * answers late and out of order, time that passes in leaps.
 */
import { queryObjects } from 'node:v8';
import * as fc from 'fast-check';
import t from 'tap';
import { LOCAL_LINK, type LinkId, networks } from '../../routing/index.ts';
import { Fetch } from '../../routing/fetch.ts';
import { Insert } from '../../routing/insert.ts';
import type { RequestId, Uid, WireDistance } from '../../routing/messages.ts';
import { damaged, edition, page } from './content.ts';
import { type Hop, Rig, type Words } from './rig.ts';

const full = process.env['MIMEO_TEST_FULL'] !== undefined;

const contents = [page(), edition('one'), edition('two')];
const blocks = [...contents.map(({ block }) => block), damaged(page().block)];
/** Few, so that loops and repetitions are common. */
const uids = ['f000000000000001', 'f000000000000002', 'f000000000000003', 'f000000000000004'] as Uid[];

function record<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(fields, { noNullPrototype: true });
}

const index = fc.nat(1_000);
const words: fc.Arbitrary<Words> = fc.oneof(
  fc.constant({ type: 'accepted' } as const),
  fc.constant({ type: 'accepted' } as const),
  fc.constant({ type: 'working' } as const),
  fc.constant({ type: 'rejectedOverload' } as const),
  record({
    type: fc.constantFrom('dataNotFound', 'routeNotFound', 'insertStored'),
    visits: fc.oneof(fc.nat(3), fc.nat(65_535)),
  }),
  record({
    type: fc.constantFrom('dataFound', 'insertCollision'),
    visits: fc.nat(5),
    block: fc.constantFrom(...blocks),
  }),
);

const steps = fc.oneof(
  {
    weight: 6,
    arbitrary: record({
      do: fc.constant('ask'),
      from: index,
      id: fc.nat(20),
      type: fc.constantFrom('dataRequest', 'insertRequest'),
      phase: fc.constantFrom('stem', 'greedy', 'greedy', 'greedy'),
      uid: fc.option(fc.constantFrom(...uids), { nil: undefined, freq: 3 }),
      content: fc.constantFrom(...contents),
      salt: fc.constantFrom(0, 1, 2),
      priority: fc.constantFrom('bulk', 'realtime'),
      htl: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 65_535 })),
      stall: fc.oneof(fc.constant(0), fc.nat(65_535)),
      best: fc.nat(2 ** 31),
      deadlineMs: fc.oneof(fc.nat(10_000), fc.nat(3_600_000)),
    }),
  },
  { weight: 8, arbitrary: record({ do: fc.constant('reply'), hop: index, words }) },
  { weight: 2, arbitrary: record({ do: fc.constant('stray'), from: index, id: fc.nat(20), words }) },
  {
    weight: 4,
    arbitrary: record({
      do: fc.constant('block'),
      which: index,
      block: fc.constantFrom(...blocks, ...blocks),
    }),
  },
  { weight: 4, arbitrary: record({ do: fc.constant('disk'), which: index }) },
  { weight: 3, arbitrary: record({ do: fc.constant('pass'), ms: fc.oneof(fc.nat(6_000), fc.nat(200_000)) }) },
  { weight: 1, arbitrary: record({ do: fc.constant('up'), away: fc.integer({ min: -499, max: 499 }) }) },
  { weight: 1, arbitrary: record({ do: fc.constant('down'), which: index }) },
  { weight: 1, arbitrary: record({ do: fc.constant('reserved'), from: index }) },
);
type Step = typeof steps extends fc.Arbitrary<infer T> ? T : never;

/** Plays steps against one router; an index means one of those that are there. */
class Play {
  readonly rig: Rig;
  readonly #links: LinkId[];
  readonly #hops: Hop[] = [];
  #sinceDiskMs = 0;
  readonly #inserts: { readonly from: LinkId; readonly id: RequestId }[] = [];

  constructor(seed: number) {
    this.rig = new Rig({ disk: 'held', seed, params: networks.open });
    this.#links = [LOCAL_LINK, ...[0.4, 0.3, -0.25, 0.1, -0.05, 0.01].map((away) => this.rig.peer(away))];
  }

  do(step: Step): void {
    const { rig } = this;
    switch (step.do) {
      case 'ask': {
        const { from: at, uid, content, ...asking } = step;
        const from = one(this.#links, at);
        if (from === undefined) return;
        const best = asking.best as WireDistance;
        const id = rig.ask(from, {
          ...asking,
          content,
          id: asking.id as RequestId,
          best,
          // The owner asks by the stem, like any client of this program.
          phase: from === LOCAL_LINK ? 'stem' : asking.phase,
          ...(uid === undefined ? {} : { uid }),
        });
        if (asking.type === 'insertRequest') this.#inserts.push({ from, id });
        break;
      }
      case 'reply': {
        const hop = one(this.#hops, step.hop);
        if (hop !== undefined) rig.says(hop, step.words);
        break;
      }
      case 'stray': {
        const from = one(this.#links, step.from);
        if (from !== undefined) rig.receive(from, { ...step.words, id: step.id as RequestId });
        break;
      }
      case 'block': {
        const insert = one(this.#inserts, step.which);
        if (insert !== undefined)
          rig.receive(insert.from, { type: 'insertBlock', id: insert.id, block: step.block });
        break;
      }
      case 'disk':
        rig.diskAnswers(rig.diskWaiting === 0 ? 0 : step.which % rig.diskWaiting);
        break;
      case 'pass':
        this.#sinceDiskMs += step.ms;
        // The disk may be late, but not by so much that a uid is forgotten before it is refused.
        if (this.#sinceDiskMs > networks.open.seenKeepMs / 2) {
          while (rig.diskAnswers());
          this.#sinceDiskMs = 0;
        }
        rig.pass(step.ms);
        break;
      case 'up':
        if (this.#links.length < 20) this.#links.push(rig.peer(step.away / 1_000));
        break;
      case 'down': {
        const link = one(this.#links, step.which);
        if (link === undefined || link === LOCAL_LINK) return;
        rig.down(link);
        this.#links.splice(this.#links.indexOf(link), 1);
        break;
      }
      case 'reserved': {
        const from = one(this.#links, step.from);
        if (from !== undefined) rig.receive(from, { type: 'reserved', name: 'beacon' });
        break;
      }
    }
    this.#hops.push(...rig.hops());
  }
}

function one<T>(of: readonly T[], index: number): T | undefined {
  return of[index % of.length];
}

void t.test('whatever happens, every request is answered once and nothing is left in the end', async (t) => {
  let asked = 0;
  const outcomes = new Map<string, number>();
  fc.assert(
    fc.property(
      fc.array(steps, { minLength: 20, maxLength: 120, size: 'max' }),
      fc.nat(1_000),
      (played, seed) => {
        const play = new Play(seed);
        for (const step of played) play.do(step);
        const { rig } = play;
        rig.rest();
        for (const { outcome } of rig.traces) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        asked += rig.traces.length;
        return rig.router.pending === 0 && rig.judge.unanswered === 0 && rig.judge.timers === 0;
      },
    ),
    { numRuns: full ? 10_000 : 300 },
  );
  t.ok(asked > 1_000, 'many requests came to an end');
  for (const outcome of ['found', 'notFound', 'noRoute', 'stored', 'collision', 'refused'])
    t.ok(outcomes.has(outcome), `${outcome} was among them`);
});

void t.test(
  'a uid that was forgotten begins anew, though a repeat of it is still being refused',
  async (t) => {
    const rig = new Rig({ disk: 'held' });
    const [asker, repeater] = [rig.peer(0.4), rig.peer(0.3)];
    rig.peer(0.1);
    const uid = rig.freshUid();
    rig.ask(asker, { uid, htl: 1, deadlineMs: 0 });
    rig.pass(0);
    t.same(rig.toldTypes(asker), ['accepted', 'dataNotFound'], 'the first one is over at once');
    rig.pass(rig.params.seenKeepMs - 10_000);
    rig.ask(repeater, { uid, htl: 1 });
    rig.pass(10_000);
    rig.ask(asker, { uid, htl: 2 });
    // The disk answers the last one first.
    rig.diskAnswers(rig.diskWaiting - 1);
    while (rig.diskAnswers());
    t.same(rig.toldTypes(repeater), ['accepted', 'routeNotFound'], 'refused');
    t.equal(rig.hops().length, 1, 'and the new one goes on, although it has more HTL than the first had');
  },
);

void t.test('of what was answered nothing stays in memory, however it was', async (t) => {
  const rig = new Rig();
  const askers = [rig.peer(0.4), rig.peer(0.41), rig.peer(0.42)];
  const peer = rig.peer(0.01);
  // Where those go for whom the other one has no room.
  rig.peer(0.02);
  const living = (): number =>
    queryObjects(Fetch, { format: 'count' }) + queryObjects(Insert, { format: 'count' });
  const before = living();
  for (const from of [...askers, LOCAL_LINK]) {
    for (let number = 0; number < 2; number += 1) rig.ask(from, { content: page(number), htl: 10 });
    for (let number = 10; number < 11; number += 1) rig.insert(from, { content: page(number) });
  }
  t.equal(living(), before + rig.router.pending);
  for (const hop of rig.hops()) rig.says(hop, { type: 'accepted' });
  rig.pass(networks.open.coalesceWaitMs);
  const [found, ...lost] = rig.hops();
  t.ok(found !== undefined && lost.length > 0, 'some have waited and now run alone');
  if (found !== undefined) rig.says(found, { type: 'dataFound', visits: 0, block: page().block });
  rig.down(peer);
  rig.rest();
  t.equal(rig.router.pending, 0);
  t.equal(living(), before);
});
