/** Peers that have no room: how long they are waited for, who is asked instead, when a search gives up, and what is said then (load.md, 5). */
import t from 'tap';
import { LOCAL_LINK, type LinkId, networks } from '../../routing/index.ts';
import { loadLimits } from '../../routing/load/limits.ts';
import { page } from './content.ts';
import { type Hop, Rig } from './rig.ts';

const { windowFirst, overloadTries, pauseFirstMs, roomWaitMs } = loadLimits;
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

interface Filled {
  readonly rig: Rig;
  readonly asker: LinkId;
  readonly links: readonly LinkId[];
  /** Requests in work at the first of them: as many as its window. */
  readonly full: readonly Hop[];
}

function filled(...aways: readonly number[]): Filled {
  const { rig, asker, peers } = proven(aways);
  for (let size = 0; size < windowFirst.value; size += 1) rig.ask(asker, { phase: 'stem' });
  const full = rig.hops();
  rig.told(asker);
  return { rig, asker, links: peers, full };
}

const nothing = { type: 'dataNotFound', visits: 0 } as const;
const found = { type: 'dataFound', visits: 0, block: page().block } as const;

void t.test('a search waits until the best peer has room, and who came first is first', async (t) => {
  const { rig, asker, links, full } = filled(0.01, 0.02);
  const [best] = links;
  t.ok(full.every(({ link }) => link === best));
  t.equal(full.length, windowFirst.value);
  for (const deadlineMs of [100_000, 90_000, 80_000]) rig.ask(asker, { phase: 'stem', deadlineMs });
  t.same(rig.hops(), [], 'nobody is asked meanwhile');
  t.strictSame(rig.toldTypes(asker), ['accepted', 'accepted', 'accepted']);
  rig.ask(asker, { phase: 'stem', priority: 'bulk' });
  t.equal(rig.hop().link, best, 'each class has a window of its own');
  const went: number[] = [];
  for (const hop of full.slice(0, 2)) {
    rig.says(hop, { type: 'accepted' }, found);
    for (const { link, request } of rig.hops()) if (link === best) went.push(request.deadlineMs);
  }
  const { hopMarginMs } = networks.open;
  t.strictSame(
    went,
    [100_000, 90_000, 80_000].map((ms) => ms - hopMarginMs),
    'the first answer made room for two: the window had not been refused yet',
  );
  t.equal(rig.router.pending, full.length - 2 + 4);
});

void t.test('who comes while others wait does not go before them', async (t) => {
  const { rig, asker, links, full } = filled(0.01, 0.02);
  for (let i = 0; i < 4; i += 1) rig.ask(asker, { phase: 'stem' });
  const [first] = full;
  if (first === undefined) throw new Error('the window was full');
  rig.says(first, { type: 'accepted' }, found);
  t.equal(rig.hops().length, 2);
  rig.ask(asker, { phase: 'stem', deadlineMs: 50_000 });
  t.same(rig.hops(), []);
  rig.down(links[1] as LinkId);
  t.same(rig.hops(), [], 'it waits at the first');
});

void t.test(
  'a peer that has no room in time is passed over, and the search does not wait again',
  async (t) => {
    for (const kind of ['fetch', 'insert'] as const) {
      const { rig, asker, links, full } = filled(0.01, 0.02, 0.03);
      for (const hop of full) rig.says(hop, { type: 'accepted' });
      const ask = (): void => {
        if (kind === 'fetch') rig.ask(asker, { phase: 'stem' });
        else rig.insert(asker, { phase: 'stem' });
      };
      for (let i = 0; i < 3; i += 1) ask();
      t.equal(rig.timers, 2 * windowFirst.value + 3 + 1, 'one timer for all who wait');
      rig.pass(roomWaitMs.value - 1);
      t.same(rig.hops(), []);
      rig.pass(1);
      const hops = rig.hops();
      t.strictSame(
        hops.map(({ link }) => link),
        [links[1], links[1], links[1]],
      );
      t.notOk(rig.toldTypes(asker).includes('rejectedOverload'));
    }
  },
);

void t.test('who waits for room says that it works, and is answered at its deadline', async (t) => {
  const { rig, asker, full } = filled(0.01);
  for (const hop of full) rig.says(hop, { type: 'accepted' });
  const { hopMarginMs, workingEveryMs } = networks.open;
  const deadlineMs = 2 * hopMarginMs;
  const late = rig.ask(asker, { phase: 'stem', deadlineMs });
  rig.told(asker);
  rig.pass(deadlineMs);
  t.strictSame(rig.told(asker), [{ type: 'dataNotFound', id: late, visits: 0 }]);
  // Closer, and with room: when it has not found it some time has passed.
  rig.peer(0.005);
  const id = rig.ask(asker, { phase: 'stem' });
  const hop = rig.hop();
  rig.says(hop, { type: 'accepted' });
  rig.pass(workingEveryMs - 1_000);
  rig.told(asker);
  rig.says(hop, nothing);
  t.same(rig.hops(), []);
  for (const other of full) rig.says(other, { type: 'working' });
  rig.pass(1_000);
  t.ok(rig.told(asker).some((said) => said.type === 'working' && said.id === id));
  rig.pass(roomWaitMs.value);
  t.strictSame(
    rig
      .told(asker)
      .filter((said) => 'id' in said && said.id === id)
      .at(-1),
    { type: 'rejectedOverload', id },
  );
});

void t.test('room that comes too late for a hop is not taken, and goes to the next who waits', async (t) => {
  const { rig, asker, full } = filled(0.01, 0.02);
  const { hopMarginMs } = networks.open;
  const late = rig.ask(asker, { phase: 'stem', deadlineMs: 2 * hopMarginMs + 100 });
  rig.ask(asker, { phase: 'stem', deadlineMs: 60_000 });
  rig.told(asker);
  rig.pass(200);
  const [first] = full;
  if (first === undefined) throw new Error('the window was full');
  rig.says(first, { type: 'accepted' }, found);
  t.ok(rig.told(asker).some((said) => 'id' in said && said.id === late && said.type === 'dataNotFound'));
  t.equal(rig.hops().length, 1);
});

void t.test(
  'those who wait go on to the next peer when the link is lost or the peer is silent',
  async (t) => {
    for (const how of ['lost', 'silent'] as const) {
      const { rig, asker, links } = filled(0.01, 0.02);
      for (let i = 0; i < 3; i += 1) rig.ask(asker, { phase: 'stem' });
      if (how === 'lost') rig.down(links[0] as LinkId);
      else rig.pass(networks.open.acceptFloorMs);
      const hops = rig.hops();
      t.ok(hops.length >= 3 && hops.every(({ link }) => link === links[1]), how);
      rig.rest();
      t.equal(rig.router.pending, 0);
      t.equal(rig.timers, 0);
    }
  },
);

void t.test('a peer that refused even its only request is not waited for', async (t) => {
  const { rig, asker, peers } = proven([0.01, 0.02]);
  for (let i = 0; i <= Math.ceil(Math.log2(windowFirst.value + 1)); i += 1) {
    rig.ask(asker, { phase: 'stem' });
    for (const hop of rig.hops()) rig.says(hop, hop.link === peers[0] ? overloaded : nothing);
    rig.allHopsSay({ type: 'accepted' }, nothing);
  }
  rig.ask(asker, { phase: 'stem' });
  t.equal(rig.hop().link, peers[1]);
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

void t.test('the carrier is told the class of the request whose block it is given', async (t) => {
  for (const priority of ['realtime', 'bulk'] as const) {
    const rig = new Rig();
    const [asker, peer] = [rig.peer(0.4), rig.peer(0.01)];
    rig.insert(asker, { priority });
    rig.says(rig.hop(), { type: 'accepted' });
    t.strictSame(rig.toldTypes(peer), ['insertBlock']);
    rig.keep(page(1));
    rig.ask(asker, { content: page(1), priority });
    t.equal(rig.toldTypes(asker).at(-1), 'dataFound');
    t.strictSame(rig.priorities, [priority, priority]);
  }
});

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
  for (const said of [{}, { upBytesPerSecond: 1e9 }, { upBytesPerSecond: 1e9, downBytesPerSecond: 1e9 }]) {
    let waitMs = 5_000;
    const rig = new Rig({ load: { ...said, oldestWaitMs: () => waitMs } });
    const asker = rig.peer(0.4);
    rig.ask(asker);
    t.same(rig.told(asker), []);
    waitMs = 0;
    rig.pass(loadLimits.backlogLookMs.value);
    t.strictSame(rig.toldTypes(asker)[0], 'accepted', 'whatever the owner has said of the line');
  }
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
