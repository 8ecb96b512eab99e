/** Peers that have no room: who is asked instead, when a search gives up, and what is said then (load.md, 5). */
import t from 'tap';
import { LOCAL_LINK, type LinkId } from '../../routing/index.ts';
import { loadLimits } from '../../routing/load/limits.ts';
import { page } from './content.ts';
import { Rig } from './rig.ts';

const { windowFirst, overloadTries, pauseFirstMs } = loadLimits;
const overloaded = { type: 'rejectedOverload' } as const;

/** Peers that have answered before, the closest first. */
function proven(aways: readonly number[]): { rig: Rig; asker: LinkId; peers: LinkId[] } {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  const peers = aways.map((away) => rig.peer(away));
  rig.ask(asker, { content: page(7) });
  rig.allHopsSay({ type: 'accepted' }, { type: 'routeNotFound', visits: 0 });
  rig.told(asker);
  return { rig, asker, peers };
}

void t.test('a peer that has as many requests as its window is passed over', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  const [first, second] = [rig.peer(0.01), rig.peer(0.02)];
  const asked = (): LinkId => {
    rig.ask(asker, { phase: 'stem' });
    return rig.hop().link;
  };
  for (let i = 0; i < windowFirst.value; i += 1) t.equal(asked(), first);
  t.equal(asked(), second);
  rig.ask(asker, { phase: 'stem', priority: 'bulk' });
  const bulk = rig.hop();
  t.equal(bulk.link, first, 'each class has a window of its own');
});

void t.test(
  'a peer that refused is asked again at once while it has room, and counts for the store rule',
  async (t) => {
    const { rig, asker, peers } = proven([0.01, 0.02]);
    rig.ask(asker);
    t.equal(rig.hopSays(overloaded), peers[0]);
    t.equal(rig.hop().link, peers[1]);
    rig.ask(asker, { phase: 'stem' });
    t.equal(rig.hop().link, peers[0]);
  },
);

void t.test('a peer that refuses even its only request is left out for a pause', async (t) => {
  const rig = new Rig();
  const peer = rig.peer(0.01);
  let refusals = 0;
  for (; refusals < 20; refusals += 1) {
    rig.ask(LOCAL_LINK);
    const [hop] = rig.hops();
    if (hop === undefined) break;
    t.equal(hop.link, peer);
    rig.says(hop, overloaded);
  }
  t.equal(refusals, Math.log2(windowFirst.value) + 1, 'halved to 1, and then refused once more');
  rig.pass(1.5 * pauseFirstMs.value);
  rig.ask(LOCAL_LINK);
  t.equal(rig.hop().link, peer);
});

void t.test('a search that some peers had no room for ends as overload, to the owner as well', async (t) => {
  for (const who of ['peer', 'owner'] as const) {
    const { rig, asker } = proven([0.01, 0.02, 0.03, 0.04, 0.05]);
    const from = who === 'owner' ? LOCAL_LINK : asker;
    const id = rig.ask(from);
    t.equal(rig.allHopsSay(overloaded), overloadTries.value);
    t.strictSame(rig.told(from), [
      { type: 'accepted', id },
      { type: 'rejectedOverload', id },
    ]);
    t.equal(rig.router.pending, 0);
    t.equal(rig.timers, 0);
  }
});

void t.test('peers that have never answered anything are refused by for nothing', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  for (const away of [0.01, 0.02, 0.03, 0.04]) rig.peer(away);
  rig.ask(asker);
  t.equal(rig.allHopsSay(overloaded), 4);
  t.equal(rig.toldTypes(asker).at(-1), 'routeNotFound');
});

void t.test('a hop that accepts and then has no room costs a visit, and the search goes on', async (t) => {
  const { rig, asker, peers } = proven([0.01, 0.02, 0.03]);
  rig.ask(asker, { htl: 10 });
  const first = rig.hop();
  rig.says(first, { type: 'accepted' }, overloaded);
  const second = rig.hop();
  t.strictSame([first.link, second.link], peers.slice(0, 2));
  const [before, after] = [first.request.route, second.request.route];
  if (before.phase !== 'greedy' || after.phase !== 'greedy') throw new Error('what goes on is greedy');
  t.strictSame([after.htl, after.stall], [before.htl - 1, before.stall]);
  rig.says(second, { type: 'accepted' }, { type: 'dataFound', visits: 0, block: page().block });
  t.strictSame(
    rig.told(asker).map((said) => ('visits' in said ? said.visits : said.type)),
    ['accepted', 2],
  );
  t.same(rig.verdicts, []);
});

void t.test(
  'an insert that nobody had room for ends as overload; one that somebody accepted does not',
  async (t) => {
    for (const how of ['refused', 'accepted'] as const) {
      const { rig, asker } = proven([0.01, 0.02, 0.03, 0.04, 0.05]);
      rig.insert(asker);
      if (how === 'accepted') rig.hopSays({ type: 'accepted' }, { type: 'insertStored', visits: 0 });
      rig.allHopsSay(overloaded);
      t.equal(rig.toldTypes(asker).at(-1), how === 'refused' ? 'rejectedOverload' : 'insertStored');
      rig.rest();
      t.equal(rig.router.pending, 0);
    }
  },
);

void t.test('with limits of bytes a peer waits for its turn, and the owner waits as long', async (t) => {
  const waits = (['peer', 'owner'] as const).map((who) => {
    const rig = new Rig({ disk: 'held', load: { downBytesPerSecond: 200_000 } });
    const from = who === 'owner' ? LOCAL_LINK : rig.peer(0.4);
    const accepted: number[] = [];
    for (let i = 0; i < 8; i += 1) rig.ask(from, { content: page(i) });
    for (let ms = 0; ms < 1_000; ms += 10) {
      for (const { type } of rig.told(from)) if (type === 'accepted') accepted.push(ms);
      rig.pass(10);
    }
    return accepted;
  });
  const [peer, owner] = waits;
  t.ok((peer?.length ?? 0) >= 6 && (peer?.at(-1) ?? 0) > 0, 'some are let in at once, others later');
  t.strictSame(owner, peer);
});

void t.test('while the carriers are behind nobody is let in, and then at once', async (t) => {
  let waitMs = 5_000;
  const rig = new Rig({ load: { oldestWaitMs: () => waitMs } });
  const asker = rig.peer(0.4);
  rig.ask(asker);
  t.same(rig.told(asker), []);
  waitMs = 0;
  rig.pass(loadLimits.backlogLookMs.value);
  t.strictSame(rig.toldTypes(asker)[0], 'accepted');
});

void t.test(
  'a fetch that passed one peer over and found nothing at the others does not say that there is nothing',
  async (t) => {
    for (const who of ['peer', 'owner'] as const) {
      const { rig, asker } = proven([0.01, 0.02, 0.03]);
      const from = who === 'owner' ? LOCAL_LINK : asker;
      const id = rig.ask(from);
      rig.hopSays(overloaded);
      rig.allHopsSay({ type: 'accepted' }, { type: 'dataNotFound', visits: 0 });
      t.strictSame(rig.told(from), [
        { type: 'accepted', id },
        { type: 'rejectedOverload', id },
      ]);
    }
  },
);
