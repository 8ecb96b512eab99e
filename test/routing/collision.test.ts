/** Two blocks under one SSK: nothing is overwritten, and the inserter gets the other one (routing.md, 7). */
import t from 'tap';
import { damaged, edition, page } from './content.ts';
import { Rig } from './rig.ts';

const [old, young] = [edition('old'), edition('young')];

void t.test('a node that holds another block answers with it, and the insert goes no further', async (t) => {
  const rig = new Rig({ content: young });
  const [asker] = [rig.peer(0.4), rig.peer(0.01)];
  rig.keep(old);
  const id = rig.insert(asker);
  t.strictSame(rig.told(asker).at(-1), { type: 'insertCollision', id, visits: 0, block: old.block });
  t.same(rig.hops(), []);
  t.same(rig.writes, []);
  t.match(rig.traces, [{ kind: 'insert', outcome: 'collision', source: 'disk' }]);
});

void t.test('a node on the way keeps the block that was found, not the one that was brought', async (t) => {
  const rig = new Rig({ content: young });
  const [asker] = [rig.peer(0.4), rig.peer(0.01), rig.peer(0.02)];
  const id = rig.insert(asker);
  rig.hopSays({ type: 'accepted' }, { type: 'insertCollision', visits: 1, block: old.block });
  t.strictSame(rig.told(asker).at(-1), { type: 'insertCollision', id, visits: 2, block: old.block });
  t.strictSame(rig.writes, [{ into: 'store', ...old }]);
  t.same(rig.kept(old.key), old.block);
  t.same(rig.hops(), []);
});

void t.test('of two inserts that meet at one node the second one to come back collides', async (t) => {
  const rig = new Rig({ content: young });
  const [asker, rival] = [rig.peer(0.4), rig.peer(0.41)];
  rig.peer(0.01);
  const id = rig.insert(asker, { content: young });
  const slow = rig.hop();
  rig.insert(rival, { content: old });
  rig.allHopsSay({ type: 'accepted' }, { type: 'dataNotFound', visits: 0 });
  t.strictSame(rig.toldTypes(rival), ['accepted', 'insertStored']);
  rig.says(slow, { type: 'accepted' }, { type: 'dataNotFound', visits: 0 });
  rig.allHopsSay({ type: 'accepted' }, { type: 'dataNotFound', visits: 0 });
  t.strictSame(rig.told(asker).at(-1), { type: 'insertCollision', id, visits: 2, block: old.block });
  t.same(rig.kept(old.key), old.block);
});

void t.test('a collision at the disk whose block is gone again is a failed write', async (t) => {
  const rig = new Rig({ content: young });
  const asker = rig.peer(0.4);
  rig.outcomes.push('collision');
  const id = rig.insert(asker);
  t.strictSame(rig.told(asker).at(-1), { type: 'routeNotFound', id, visits: 0 });
});

void t.test('an insert of the very bytes that lie there is a success', async (t) => {
  for (const content of [young, page()]) {
    const rig = new Rig({ content });
    const [asker] = [rig.peer(0.4), rig.peer(0.01)];
    rig.keep(content);
    rig.insert(asker);
    rig.hopSays({ type: 'accepted' }, { type: 'dataNotFound', visits: 0 });
    t.strictSame(rig.toldTypes(asker), ['accepted', 'insertStored']);
  }
});

void t.test('what lies on the disk damaged is no other block, and is never given out', async (t) => {
  const rig = new Rig({ content: young });
  const [asker] = [rig.peer(0.4), rig.peer(0.01)];
  rig.keep({ key: old.key, block: damaged(old.block) });
  rig.insert(asker);
  t.equal(rig.allHopsSay({ type: 'dataNotFound', visits: 0 }), 1);
  t.strictSame(rig.toldTypes(asker), ['accepted', 'routeNotFound']);
});

void t.test(
  'a collision with the same block, or with one that does not belong to the key, is a lie',
  async (t) => {
    for (const [content, lie] of [
      [young, young.block],
      [young, page().block],
      [young, damaged(old.block)],
      [page(), page(1).block],
    ] as const) {
      const rig = new Rig({ content });
      const asker = rig.peer(0.4);
      const [liar, other] = [rig.peer(0.01), rig.peer(0.02)];
      rig.insert(asker);
      t.equal(rig.hopSays({ type: 'accepted' }, { type: 'insertCollision', visits: 0, block: lie }), liar);
      t.strictSame(rig.verdicts, [{ link: liar, verdict: 'badData' }]);
      t.equal(rig.hopSays({ type: 'dataNotFound', visits: 0 }), other);
      t.strictSame(rig.toldTypes(asker), ['accepted', 'insertStored']);
      t.same(rig.kept(content.key), content.block);
    }
  },
);
