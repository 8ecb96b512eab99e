/** What of the blocks that pass by is kept, and where: store or cache, never for the owner (routing.md, 6). */
import t from 'tap';
import { LOCAL_LINK, type LinkId, networks } from '../../routing/index.ts';
import { edition, page } from './content.ts';
import { Rig, type RigOptions } from './rig.ts';

const { htl, storeRank } = networks.open;

/** A node 0.2 from the key, with so many old peers that are closer, and an asker that is not. */
function between(closer: number, options: RigOptions = {}): { rig: Rig; asker: LinkId } {
  const rig = new Rig(options);
  const asker = rig.peer(0.4);
  for (let i = 0; i < closer; i += 1) rig.peer(0.01 + i / 100);
  return { rig, asker };
}

void t.test(
  'what was found goes into the store of a node among the closest, and else into the cache',
  async (t) => {
    for (const [closer, into] of [
      [1, 'store'],
      [storeRank - 1, 'store'],
      [storeRank, 'cache'],
    ] as const) {
      const { rig, asker } = between(closer);
      rig.ask(asker);
      rig.hopSays({ type: 'dataFound', visits: 0, block: page().block });
      t.strictSame(rig.writes, [{ into, ...page() }]);
    }
  },
);

void t.test('what was inserted is kept by the nodes among the closest alone', async (t) => {
  for (const content of [page(), edition('one')]) {
    for (const closer of [storeRank - 1, storeRank]) {
      const { rig, asker } = between(closer, { content });
      // With more HTL left nobody closer would be believed that the block is nowhere (routing.md, 11).
      rig.insert(asker, { htl: htl / 2 });
      rig.allHopsSay({ type: 'dataNotFound', visits: 0 });
      t.strictSame(rig.writes, closer < storeRank ? [{ into: 'store', ...content }] : []);
      t.strictSame(rig.toldTypes(asker), ['accepted', closer < storeRank ? 'insertStored' : 'routeNotFound']);
    }
  }
});

void t.test(
  'a peer that has just been silent is not counted as closer: a black hole must not make blocks vanish',
  async (t) => {
    const { rig, asker } = between(storeRank);
    rig.ask(asker);
    rig.hop();
    rig.pass(1_000);
    rig.hopSays({ type: 'dataFound', visits: 0, block: page().block });
    t.strictSame(rig.writes, [{ into: 'store', ...page() }]);
  },
);

void t.test(
  'who loses an insert that must arrive is not counted as closer either: the block is kept here',
  async (t) => {
    for (const content of [page(), edition('one')]) {
      const { rig, asker } = between(storeRank, { content });
      rig.insert(asker);
      rig.allHopsSay({ type: 'accepted' }, { type: 'dataNotFound', visits: 0 });
      t.strictSame(rig.writes, [{ into: 'store', ...content }]);
      t.strictSame(rig.toldTypes(asker), ['accepted', 'insertStored']);
    }
  },
);

void t.test(
  'a write names the link whose request brought the block, not the one that it came by',
  async (t) => {
    const { rig, asker } = between(1);
    rig.ask(asker);
    rig.hopSays({ type: 'dataFound', visits: 0, block: page().block });
    const other = rig.peer(0.3);
    rig.insert(other);
    rig.allHopsSay({ type: 'dataNotFound', visits: 0 });
    t.strictSame(rig.writers, [asker, other].slice(0, rig.writes.length));
    t.equal(rig.writes.length, 2);
  },
);

void t.test('a block is read for the peer that fetches it, and for nobody when the owner does', async (t) => {
  const { rig, asker } = between(1);
  rig.keep(page());
  rig.ask(asker);
  rig.ask(LOCAL_LINK);
  rig.insert(rig.peer(0.3));
  t.strictSame(rig.readers, [asker, undefined, undefined]);
});

void t.test('what lies on the disk is not written again', async (t) => {
  const { rig, asker } = between(1);
  rig.keep(page());
  rig.ask(asker);
  t.strictSame(rig.toldTypes(asker), ['accepted', 'dataFound']);
  t.same(rig.writes, []);
});

void t.test('nothing that the owner asked for is written here, however it ends', async (t) => {
  for (const content of [page(), edition('one')]) {
    const { rig } = between(1, { content });
    rig.ask(LOCAL_LINK);
    rig.hopSays({ type: 'dataFound', visits: 0, block: content.block });
    t.strictSame(rig.toldTypes(LOCAL_LINK), ['accepted', 'dataFound']);
    rig.insert(LOCAL_LINK);
    rig.hopSays({ type: 'accepted' }, { type: 'insertStored', visits: 0 });
    rig.hopSays({ type: 'insertStored', visits: 0 });
    t.strictSame(rig.toldTypes(LOCAL_LINK), ['accepted', 'insertStored']);
    t.same(rig.writes, []);
  }
});

void t.test('the other block that the owner’s insert met is not written here either', async (t) => {
  const [first, second] = [edition('one'), edition('two')];
  const { rig } = between(1, { content: first });
  const id = rig.insert(LOCAL_LINK);
  rig.hopSays({ type: 'insertCollision', visits: 0, block: second.block });
  t.strictSame(rig.told(LOCAL_LINK).at(-1), { type: 'insertCollision', id, visits: 1, block: second.block });
  t.same(rig.writes, []);
});

void t.test('a fetch is answered without waiting for its copy to be written', async (t) => {
  const { rig, asker } = between(1, { disk: 'held' });
  rig.ask(asker);
  rig.diskAnswers();
  rig.hopSays({ type: 'dataFound', visits: 0, block: page().block });
  t.strictSame(rig.toldTypes(asker), ['accepted', 'dataFound']);
  rig.outcomes.push('failed');
  rig.rest();
  t.same(rig.told(asker), []);
});
