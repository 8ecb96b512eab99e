/** A stem request at an edge: by whom it goes on, what ends it, and that nothing of it stays (routing.md, 12). */
import t from 'tap';
import { assert } from '../../../keys/index.ts';
import { LOCAL_LINK, type LinkId } from '../../../routing/index.ts';
import { routingLimits } from '../../../routing/limits.ts';
import { loadLimits } from '../../../routing/load/limits.ts';
import { damaged, page } from '../content.ts';
import { type Hop, Rig } from '../rig.ts';

/** An edge with a friend for each value. */
function edge(...values: number[]): { rig: Rig; friends: LinkId[] } {
  const rig = new Rig();
  const friends = values.map((value, index) => {
    const link = rig.peer(0.02 * (index + 1));
    if (value < 7) rig.receive(link, { type: 'uplink', value });
    return link;
  });
  rig.pass(1.3 * routingLimits.uplinkAfterMs.value);
  for (const friend of friends) rig.told(friend);
  return { rig, friends };
}

/** To whom a request goes one after the other, while each says that it has nobody to ask. */
function order(rig: Rig, from: LinkId, asking: Parameters<Rig['ask']>[1] = {}): LinkId[] {
  rig.ask(from, { phase: 'stem', ...asking });
  const asked: LinkId[] = [];
  for (let hops = rig.hops(); hops.length > 0; hops = rig.hops())
    for (const hop of hops) {
      asked.push(hop.link);
      rig.says(hop, { type: 'accepted' }, { type: 'routeNotFound', visits: 0 });
    }
  return asked;
}

void t.test(
  'what the owner of an edge asks for goes to a friend as it came, and nothing of it stays',
  async (t) => {
    const { rig, friends } = edge(1, 7);
    rig.keep(page());
    const id = rig.ask(LOCAL_LINK);
    const hop = rig.hop();
    t.equal(hop.link, friends[0]);
    t.strictSame(hop.request.route, { phase: 'stem' });
    rig.says(hop, { type: 'accepted' }, { type: 'dataFound', visits: 9, block: page().block });
    t.strictSame(rig.told(LOCAL_LINK), [
      { type: 'accepted', id },
      { type: 'dataFound', id, visits: 0, block: page().block },
    ]);
    t.strictSame([rig.readers, rig.writes], [[], []], 'the disk is not asked');
    t.match(rig.traces, [{ local: true, kind: 'fetch', outcome: 'found', source: 'peer' }]);
    t.strictSame([rig.router.pending, rig.timers], [0, 0]);
  },
);

void t.test('what a friend asks for by the stem goes on alike, under another id', async (t) => {
  const { rig, friends } = edge(0, 7);
  const [open, friend] = friends;
  assert(open !== undefined && friend !== undefined, 'two friends');
  const id = rig.ask(friend, { phase: 'stem' });
  const hop = rig.hop();
  t.equal(hop.link, open);
  t.not(hop.request.id, id);
  t.strictSame(hop.request.route, { phase: 'stem' });
  rig.says(hop, { type: 'accepted' }, { type: 'dataNotFound', visits: 12 });
  t.strictSame(rig.told(friend).at(-1), { type: 'dataNotFound', id, visits: 0 });
  t.strictSame([rig.readers, rig.writes, rig.traces.length], [[], [], 1]);
});

void t.test('two requests for one key have nothing to do with each other', async (t) => {
  const { rig, friends } = edge(0, 7, 7);
  for (const friend of [friends[1], friends[2], LOCAL_LINK]) rig.ask(friend as LinkId, { phase: 'stem' });
  t.equal(rig.hops().length, 3, 'nobody waits for another one, the owner or not');
});

void t.test(
  'a node that knows no open one diffuses, and a greedy request is greedy at an edge as well',
  async (t) => {
    const { rig } = edge(7, 7);
    rig.ask(LOCAL_LINK);
    t.equal(rig.hop().request.route.phase, 'greedy');
    const { rig: other, friends } = edge(0, 7);
    other.ask(friends[1] as LinkId);
    t.equal(other.hop().request.route.phase, 'greedy');
  },
);

void t.test(
  'the nearer ones come first, then those as far as this node, never who asked and never others',
  async (t) => {
    const { rig, friends } = edge(3, 1, 2, 1, 2, 1, 7, 1);
    const asked = order(rig, LOCAL_LINK);
    const near = [friends[1], friends[3], friends[5], friends[7]] as LinkId[];
    t.strictSame(new Set(asked.slice(0, 4)), new Set(near));
    t.strictSame(new Set(asked.slice(4)), new Set([friends[2], friends[4]]));
    t.strictSame(order(rig, LOCAL_LINK), asked, 'the order stays');
    const [below] = friends;
    const others = order(rig, below as LinkId);
    t.strictSame(
      new Set(others.slice(0, 2)),
      new Set(asked.slice(0, 2)),
      'the stem-outs are the same for all',
    );
  },
);

void t.test('the order of the stem-outs is another one for another link', async (t) => {
  const { rig, friends } = edge(1, 1, ...Array.from({ length: 12 }, () => 7));
  const first = friends.slice(2).map((friend) => order(rig, friend)[0]);
  t.strictSame(new Set(first), new Set(friends.slice(0, 2)));
});

void t.test('what has come from a friend no farther than this node only climbs', async (t) => {
  const { rig, friends } = edge(1, 2, 2);
  const [near, beside, other] = friends;
  t.strictSame(order(rig, beside as LinkId), [near]);
  const { rig: open, friends: two } = edge(0, 0, 1);
  t.strictSame(order(open, two[0] as LinkId), [two[1]], 'nor does it fall again');
  t.strictSame(new Set(order(rig, near as LinkId)), new Set([beside, other]), 'they know ways of their own');
  const { rig: end, friends: last } = edge(0, 7);
  t.strictSame(order(end, last[0] as LinkId), [], 'and back it does not go');
});

void t.test(
  'a silent friend is followed by the next, and when all are left alone by the farther ones',
  async (t) => {
    const { rig, friends } = edge(0, 1, 2, 7);
    const asked: LinkId[] = [];
    rig.ask(LOCAL_LINK);
    for (let i = 0; i < 5; i += 1) {
      asked.push(...rig.hops().map(({ link }) => link));
      rig.pass(1_000);
    }
    t.strictSame(asked, friends.slice(0, 3));
    t.ok(rig.verdicts.every(({ verdict }) => verdict === 'silent') && rig.verdicts.length === 3);
    t.strictSame(rig.toldTypes(LOCAL_LINK).at(-1), 'routeNotFound');
  },
);

void t.test('an edge never diffuses, even if all friends that know a way are silent', async (t) => {
  const { rig } = edge(1, 7, 7);
  for (let i = 0; i < 6; i += 1) {
    rig.ask(LOCAL_LINK);
    for (const { request } of rig.hops()) t.equal(request.route.phase, 'stem');
    rig.pass(2_000);
  }
  t.equal(rig.toldTypes(LOCAL_LINK).filter((type) => type === 'routeNotFound').length, 6);
});

const failures: readonly { name: string; fail: (rig: Rig, hop: Hop) => void; verdicts: readonly string[] }[] =
  [
    { name: 'refuses', fail: (rig, hop) => rig.says(hop, { type: 'rejectedOverload' }), verdicts: [] },
    {
      name: 'has no way on',
      fail: (rig, hop) => rig.says(hop, { type: 'accepted' }, { type: 'routeNotFound', visits: 2 }),
      verdicts: [],
    },
    { name: 'is gone', fail: (rig, { link }) => rig.down(link), verdicts: [] },
    {
      name: 'stops working',
      fail: (rig, hop) => {
        rig.says(hop, { type: 'accepted' });
        rig.pass(rig.params.workingPatienceMs);
      },
      verdicts: ['silent'],
    },
    {
      name: 'brings another block',
      fail: (rig, hop) => {
        const block = damaged(page().block);
        rig.says(hop, { type: 'accepted' }, { type: 'dataFound', visits: 0, block });
      },
      verdicts: ['badData'],
    },
    {
      name: 'answers another kind of request',
      fail: (rig, hop) => rig.says(hop, { type: 'accepted' }, { type: 'insertStored', visits: 0 }),
      verdicts: ['violation'],
    },
  ];

for (const { name, fail, verdicts } of failures)
  void t.test(`a friend that ${name} is followed by the next`, async (t) => {
    const { rig } = edge(1, 1);
    const id = rig.ask(LOCAL_LINK);
    const first = rig.hop();
    fail(rig, first);
    const second = rig.hop();
    t.not(second.link, first.link);
    rig.says(second, { type: 'accepted' }, { type: 'dataFound', visits: 0, block: page().block });
    t.match(rig.told(LOCAL_LINK).at(-1), { type: 'dataFound', id });
    t.strictSame(
      rig.verdicts.map(({ verdict }) => verdict),
      verdicts,
    );
  });

void t.test('refusals end it as overloaded, after as many as end a search', async (t) => {
  const { rig } = edge(1, 1, 1, 1, 1);
  const id = rig.ask(LOCAL_LINK);
  t.equal(rig.allHopsSay({ type: 'rejectedOverload' }), loadLimits.overloadTries.value);
  t.strictSame(rig.told(LOCAL_LINK).at(-1), { type: 'rejectedOverload', id });
});

void t.test('with one way up a large file waits for room there, and nothing of it is refused', async (t) => {
  const { rig, friends } = edge(0, 7);
  const [open] = friends;
  const count = loadLimits.windowFirst.value + 5;
  for (let i = 0; i < count; i += 1) rig.ask(LOCAL_LINK, { content: page(i) });
  const first = rig.hops();
  t.equal(first.length, loadLimits.windowFirst.value);
  for (const [i, hop] of first.entries())
    rig.says(hop, { type: 'accepted' }, { type: 'dataFound', visits: 0, block: page(i).block });
  const rest = rig.hops();
  t.equal(rest.length, 5);
  for (const hop of rest) {
    t.equal(hop.link, open);
    rig.says(hop, { type: 'accepted' }, { type: 'dataNotFound', visits: 0 });
  }
  t.notOk(rig.toldTypes(LOCAL_LINK).includes('rejectedOverload'));
  t.strictSame([rig.router.pending, rig.timers], [0, 0]);
});

void t.test('it takes a bounded number of visits, those of the friends included', async (t) => {
  const near = Array.from({ length: 40 }, () => 1);
  const { rig } = edge(...near);
  const id = rig.ask(LOCAL_LINK);
  t.equal(
    rig.allHopsSay({ type: 'accepted' }, { type: 'routeNotFound', visits: 0 }),
    routingLimits.stemVisits.value,
  );
  t.strictSame(rig.told(LOCAL_LINK).at(-1), {
    type: 'routeNotFound',
    id,
    visits: routingLimits.stemVisits.value,
  });
  const { rig: lied } = edge(...near);
  lied.ask(LOCAL_LINK);
  t.equal(lied.allHopsSay({ type: 'accepted' }, { type: 'routeNotFound', visits: 5 }), 2);
});

void t.test('an insert goes on when its block is here, and is kept nowhere on the way', async (t) => {
  const { rig, friends } = edge(1, 7);
  const from = friends[1] as LinkId;
  const id = rig.ask(from, { type: 'insertRequest', phase: 'stem' });
  t.strictSame(rig.toldTypes(from), ['accepted']);
  t.strictSame(rig.hops(), [], 'not before');
  rig.receive(from, { type: 'insertBlock', id, block: page().block });
  const hop = rig.hop();
  t.equal(hop.request.type, 'insertRequest');
  t.strictSame(rig.told(hop.link), []);
  rig.says(hop, { type: 'accepted' });
  t.strictSame(rig.toldTypes(hop.link), ['insertBlock']);
  rig.says(hop, { type: 'insertStored', visits: 5 });
  t.strictSame(rig.told(from), [{ type: 'insertStored', id, visits: 0 }]);
  t.strictSame([rig.readers, rig.writes, rig.timers], [[], [], 0]);
});

void t.test('a block that does not belong to its key, or never comes, goes nowhere', async (t) => {
  const { rig, friends } = edge(1, 7);
  const from = friends[1] as LinkId;
  const id = rig.ask(from, { type: 'insertRequest', phase: 'stem' });
  rig.receive(from, { type: 'insertBlock', id, block: damaged(page().block) });
  t.strictSame(rig.verdicts, [{ link: from, verdict: 'badData' }]);
  rig.ask(from, { type: 'insertRequest', phase: 'stem' });
  rig.pass(rig.params.blockPatienceMs);
  t.strictSame(rig.verdicts[1], { link: from, verdict: 'silent' });
  t.strictSame(rig.hops(), []);
  t.strictSame(rig.toldTypes(from), ['accepted', 'routeNotFound', 'accepted', 'working', 'routeNotFound']);
});

void t.test('it says that it works, and ends at its deadline without blame', async (t) => {
  const { rig } = edge(1);
  const deadlineMs = 30_000;
  rig.ask(LOCAL_LINK, { deadlineMs });
  const hop = rig.hop();
  t.equal(hop.request.deadlineMs, deadlineMs - routingLimits.stemHopMs.value);
  rig.says(hop, { type: 'accepted' });
  for (let i = 0; i < 6; i += 1) {
    rig.pass(5_000);
    rig.says(hop, { type: 'working' });
  }
  t.strictSame(rig.verdicts, []);
  t.strictSame(rig.toldTypes(LOCAL_LINK), [
    'accepted',
    ...Array.from({ length: 5 }, () => 'working'),
    'routeNotFound',
  ]);
  t.strictSame([rig.router.pending, rig.timers], [0, 0]);
});
