/** An insert at one node: how its block travels, when it is durable, and what goes wrong (routing.md, 7). */
import t from 'tap';
import { LOCAL_LINK, networks } from '../../routing/index.ts';
import { damaged, edition, page } from './content.ts';
import { Rig } from './rig.ts';

const { blockPatienceMs, workingEveryMs, storeRank } = networks.open;

void t.test('the block travels after Accepted, at every hop', async (t) => {
  const rig = new Rig();
  const [asker] = [rig.peer(0.4), rig.peer(0.01)];
  const id = rig.ask(asker, { type: 'insertRequest' });
  t.strictSame(rig.told(asker), [{ type: 'accepted', id }]);
  t.same(rig.hops(), [], 'nothing goes on without the block');
  rig.receive(asker, { type: 'insertBlock', id, block: page().block });
  const hop = rig.hop();
  t.equal(hop.request.type, 'insertRequest');
  t.same(rig.told(hop.link), []);
  rig.says(hop, { type: 'accepted' }, { type: 'accepted' });
  t.strictSame(rig.told(hop.link), [{ type: 'insertBlock', id: hop.request.id, block: page().block }]);
});

void t.test('a success below does not end an insert: the search goes on until HTL or stall', async (t) => {
  const rig = new Rig({ away: 0.005 });
  const asker = rig.peer(0.4);
  for (let i = 0; i < 9; i += 1) rig.peer(0.01 + i / 100);
  const id = rig.insert(asker);
  for (let i = 0; i < 6; i += 1) {
    t.strictSame(rig.toldTypes(asker), i === 0 ? ['accepted'] : []);
    rig.hopSays({ type: 'accepted' }, { type: 'insertStored', visits: 0 });
  }
  t.same(rig.hops(), []);
  t.strictSame(rig.told(asker), [{ type: 'insertStored', id, visits: 6 }]);
});

void t.test('stored is said when it lies here, or when a node below has said so', async (t) => {
  const cases = [
    { own: 'kept', below: 'dataNotFound', answer: 'insertStored' },
    { own: 'failed', below: 'insertStored', answer: 'insertStored' },
    { own: 'failed', below: 'dataNotFound', answer: 'routeNotFound' },
  ] as const;
  for (const content of [page(), edition('one')]) {
    for (const { own, below, answer } of cases) {
      const rig = new Rig({ content });
      const [asker] = [rig.peer(0.4), rig.peer(0.01)];
      rig.outcomes.push(own);
      rig.insert(asker);
      rig.hopSays({ type: 'accepted' }, { type: below, visits: 0 });
      t.strictSame(rig.toldTypes(asker), ['accepted', answer]);
      t.equal(rig.router.pending, 0);
    }
  }
});

void t.test('an insert that was ended here and is kept nowhere is a visit without success', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  for (let i = 0; i < storeRank; i += 1) rig.peer(0.01 + i / 100);
  const id = rig.insert(asker, { htl: 1 });
  t.same(rig.hops(), []);
  t.strictSame(rig.told(asker).at(-1), { type: 'dataNotFound', id, visits: 0 });
});

void t.test('what lies here already is stored, though this node would not keep it', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  for (let i = 0; i < storeRank; i += 1) rig.peer(0.01 + i / 100);
  rig.keep(page());
  rig.insert(asker, { htl: 1 });
  t.strictSame(rig.toldTypes(asker), ['accepted', 'insertStored']);
});

void t.test(
  'the owner’s insert is stored by others or not at all, and for want of room it is said',
  async (t) => {
    const rig = new Rig();
    rig.peer(0.01);
    rig.insert(LOCAL_LINK);
    rig.hopSays({ type: 'accepted' }, { type: 'insertStored', visits: 0 });
    rig.insert(LOCAL_LINK);
    rig.hopSays({ type: 'rejectedOverload' });
    t.strictSame(rig.toldTypes(LOCAL_LINK), ['accepted', 'insertStored', 'accepted', 'rejectedOverload']);
    t.same(rig.writes, []);
  },
);

void t.test('a CHK is written while the search goes on, an SSK on the return path only', async (t) => {
  for (const [content, early] of [
    [page(), true],
    [edition('one'), false],
  ] as const) {
    const rig = new Rig({ content });
    const [asker] = [rig.peer(0.4), rig.peer(0.01)];
    rig.insert(asker);
    const hop = rig.hop();
    t.equal(rig.writes.length, early ? 1 : 0);
    rig.says(hop, { type: 'accepted' }, { type: 'dataNotFound', visits: 0 });
    t.equal(rig.writes.length, 1);
    t.strictSame(rig.toldTypes(asker), ['accepted', 'insertStored']);
  }
});

void t.test('the answer waits for the own disk, past the deadline if need be', async (t) => {
  for (const content of [page(), edition('one')]) {
    const rig = new Rig({ content, disk: 'held' });
    const asker = rig.peer(0.4);
    rig.insert(asker, { deadlineMs: 20_000 });
    rig.diskAnswers();
    rig.pass(19_999);
    t.strictSame(rig.toldTypes(asker), ['accepted', 'working', 'working', 'working']);
    rig.pass(10_000);
    t.strictSame(rig.toldTypes(asker), []);
    rig.diskAnswers();
    t.strictSame(rig.toldTypes(asker), ['insertStored']);
    t.equal(rig.timers, 0);
  }
});

void t.test(
  'a deadline that comes before the disk has looked does not write over what lies there',
  async (t) => {
    const [old, young] = [edition('old'), edition('young')];
    for (const first of [0, 1]) {
      const rig = new Rig({ content: young, disk: 'held' });
      const asker = rig.peer(0.4);
      rig.keep(old);
      const id = rig.insert(asker, { deadlineMs: 1_000 });
      rig.pass(1_000);
      rig.diskAnswers(first);
      rig.rest();
      t.strictSame(rig.told(asker).at(-1), { type: 'insertCollision', id, visits: 0, block: old.block });
      t.same(rig.kept(old.key), old.block);
      t.equal(rig.router.pending, 0);
    }
  },
);

void t.test(
  'at its deadline an insert gives its hop up without blame, keeps the block and answers',
  async (t) => {
    const rig = new Rig({ content: edition('one') });
    const [asker] = [rig.peer(0.4), rig.peer(0.01)];
    rig.insert(asker, { deadlineMs: 10_000 });
    const hop = rig.hop();
    rig.says(hop, { type: 'accepted' });
    rig.pass(10_000);
    t.equal(rig.toldTypes(asker).at(-1), 'insertStored');
    t.same(rig.verdicts, []);
    rig.says(hop, { type: 'insertStored', visits: 0 });
    t.same(rig.told(asker), []);
  },
);

void t.test('a block that never comes: the asker is silent, and the insert is refused', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  const id = rig.ask(asker, { type: 'insertRequest' });
  rig.pass(blockPatienceMs - 1);
  t.same(rig.verdicts, []);
  rig.pass(1);
  t.strictSame(rig.verdicts, [{ link: asker, verdict: 'silent' }]);
  t.strictSame(rig.told(asker).at(-1), { type: 'routeNotFound', id, visits: 0 });
  rig.receive(asker, { type: 'insertBlock', id, block: page().block });
  t.equal(rig.router.pending, 0);
  t.same(rig.writes, []);
});

void t.test('a block that never comes because its link is lost is nobody’s fault', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  rig.ask(asker, { type: 'insertRequest' });
  rig.down(asker);
  rig.rest();
  t.same(rig.verdicts, []);
  t.equal(rig.router.pending, 0);
});

void t.test('a block that came in time is not waited for any more', async (t) => {
  const rig = new Rig();
  const [asker] = [rig.peer(0.4), rig.peer(0.01)];
  rig.insert(asker);
  rig.says(rig.hop(), { type: 'accepted' });
  rig.pass(blockPatienceMs + 1);
  t.same(rig.verdicts, []);
  t.equal(rig.router.pending, 1);
});

void t.test('a block of another key, or a damaged one, is refused and blamed on who sent it', async (t) => {
  for (const wrong of [page(1).block, damaged(page().block)]) {
    const rig = new Rig();
    const [asker] = [rig.peer(0.4), rig.peer(0.01)];
    const id = rig.ask(asker, { type: 'insertRequest' });
    rig.receive(asker, { type: 'insertBlock', id, block: wrong });
    t.strictSame(rig.verdicts, [{ link: asker, verdict: 'badData' }]);
    t.strictSame(rig.told(asker).at(-1), { type: 'routeNotFound', id, visits: 0 });
    t.same(rig.hops(), []);
    t.same(rig.writes, []);
  }
});

void t.test('a second block under one insert is ignored', async (t) => {
  const rig = new Rig();
  const [asker] = [rig.peer(0.4), rig.peer(0.01)];
  const id = rig.insert(asker);
  rig.hop();
  rig.receive(asker, { type: 'insertBlock', id, block: page(1).block });
  t.same(rig.verdicts, []);
  t.same(rig.hops(), []);
});

void t.test('a block for a fetch, or for nothing, is ignored', async (t) => {
  const rig = new Rig();
  const [asker] = [rig.peer(0.4), rig.peer(0.01)];
  const id = rig.ask(asker);
  rig.receive(asker, { type: 'insertBlock', id, block: page().block });
  rig.receive(asker, { type: 'insertBlock', id: 1 as typeof id, block: page().block });
  t.same(rig.writes, []);
  t.equal(rig.router.pending, 1);
});

void t.test('the next peer is asked when the first one fails an insert, and gets the block', async (t) => {
  const fails = [
    { words: [{ type: 'accepted' }, { type: 'dataNotFound', visits: 0 }], verdicts: [] },
    { words: [{ type: 'routeNotFound', visits: 0 }], verdicts: [] },
    { words: [{ type: 'rejectedOverload' }], verdicts: [] },
    {
      words: [{ type: 'accepted' }, { type: 'dataFound', visits: 0, block: page().block }],
      verdicts: ['violation'],
    },
  ] as const;
  for (const { words, verdicts } of fails) {
    const rig = new Rig();
    const asker = rig.peer(0.4);
    const [first, second] = [rig.peer(0.01), rig.peer(0.02)];
    rig.insert(asker);
    t.equal(rig.hopSays(...words), first);
    t.equal(rig.hopSays({ type: 'accepted' }), second);
    t.strictSame(rig.toldTypes(second), ['insertBlock']);
    t.strictSame(
      rig.verdicts,
      verdicts.map((verdict) => ({ link: first, verdict })),
    );
  }
});

void t.test('an insert that waits for its block says Working too', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  rig.ask(asker, { type: 'insertRequest' });
  rig.pass(workingEveryMs);
  t.strictSame(rig.toldTypes(asker), ['accepted', 'working']);
});
