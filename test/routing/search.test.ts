/** The search at one node: whom it asks, in which order, and how it goes on after every kind of failure (routing.md, 3). */
import t from 'tap';
import { assert } from '../../keys/index.ts';
import { LOCAL_LINK, networks } from '../../routing/index.ts';
import { damaged, page } from './content.ts';
import { type Hop, Rig, type Words } from './rig.ts';

void t.test('a fetch of what lies on the disk is accepted and answered, and goes no further', async (t) => {
  const rig = new Rig();
  const [asker] = [rig.peer(0.4), rig.peer(0.01)];
  rig.keep(page());
  const id = rig.ask(asker);
  t.strictSame(rig.told(asker), [
    { type: 'accepted', id },
    { type: 'dataFound', id, visits: 0, block: page().block },
  ]);
  t.same(rig.hops(), []);
  t.equal(rig.router.pending, 0);
});

void t.test('a block on the disk that does not belong to its key is not given out', async (t) => {
  const rig = new Rig();
  const [asker, other] = [rig.peer(0.4), rig.peer(0.01)];
  rig.keep({ key: page().key, block: damaged(page().block) });
  rig.ask(asker);
  t.equal(rig.hop().link, other);
});

void t.test('a request goes on to the peer that is closest to the key, on either side of it', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.3);
  rig.peer(0.04);
  const closest = rig.peer(-0.03);
  rig.peer(0.12);
  rig.peer(-0.45);
  const uid = rig.freshUid();
  rig.ask(asker, { uid, htl: 10, priority: 'bulk', salt: 0 });
  const { link, request } = rig.hop();
  t.equal(link, closest);
  t.match(request, { type: 'dataRequest', key: page().key, salt: 0, priority: 'bulk' });
  t.match(request.route, { phase: 'greedy', uid, htl: 9, stall: 0 });
});

void t.test('a request goes on even when every peer is farther away than this node', async (t) => {
  const rig = new Rig({ away: 0.01 });
  const asker = rig.peer(0.3);
  const other = rig.peer(0.4);
  rig.ask(asker);
  t.equal(rig.hop().link, other);
});

void t.test('each salt has a place of its own', async (t) => {
  const next = (salt: 0 | 1 | 2): number => {
    const rig = new Rig();
    const asker = rig.peer(0.5);
    for (let i = 1; i < 20; i += 1) rig.peer(i / 20 - 0.5);
    rig.ask(asker, { salt });
    return rig.hop().link;
  };
  t.equal(new Set([next(0), next(1), next(2)]).size, 3);
});

void t.test('an answer from below goes back to the asker with the visits that it took', async (t) => {
  const rig = new Rig();
  const [asker, peer] = [rig.peer(0.4), rig.peer(0.01)];
  const id = rig.ask(asker);
  const hop = rig.hop();
  rig.says(hop, { type: 'accepted' });
  t.strictSame(rig.toldTypes(asker), ['accepted'], 'nothing is answered before the hop has');
  rig.says(hop, { type: 'dataFound', visits: 2, block: page().block });
  t.strictSame(rig.told(asker), [{ type: 'dataFound', id, visits: 3, block: page().block }]);
  t.equal(hop.link, peer);
  t.same(rig.verdicts, []);
});

/** What sends a search on to the next peer, and what that says of the hop. */
const failures: readonly {
  readonly name: string;
  readonly fail: (rig: Rig, hop: Hop) => void;
  readonly verdicts: readonly string[];
  /** Visits that the asker is told in the end, of this hop alone. */
  readonly visits: number;
}[] = [
  {
    name: 'it did not find the data',
    fail: said({ type: 'dataNotFound', visits: 0 }),
    verdicts: [],
    visits: 1,
  },
  {
    name: 'it searched in vain and has nobody left to ask',
    fail: said({ type: 'routeNotFound', visits: 1 }),
    verdicts: [],
    visits: 2,
  },
  {
    name: 'it had seen the request',
    fail: said({ type: 'routeNotFound', visits: 0 }),
    verdicts: [],
    visits: 0,
  },
  { name: 'it is overloaded', fail: said({ type: 'rejectedOverload' }), verdicts: [], visits: 0 },
  { name: 'it is silent', fail: (rig) => rig.pass(1_000), verdicts: ['silent'], visits: 0 },
  {
    name: 'it goes silent at work',
    fail: (rig, hop) => {
      rig.says(hop, { type: 'accepted' });
      rig.pass(12_000);
    },
    verdicts: ['silent'],
    visits: 1,
  },
  { name: 'its link is lost', fail: (rig, { link }) => rig.down(link), verdicts: [], visits: 0 },
  {
    name: 'its link is lost at work',
    fail: (rig, hop) => {
      rig.says(hop, { type: 'accepted' });
      rig.down(hop.link);
    },
    verdicts: [],
    visits: 1,
  },
  {
    name: 'it sent a block of another key',
    fail: said({ type: 'accepted' }, { type: 'dataFound', visits: 0, block: page(1).block }),
    verdicts: ['badData'],
    visits: 1,
  },
  {
    name: 'it sent a damaged block',
    fail: said({ type: 'accepted' }, { type: 'dataFound', visits: 0, block: damaged(page().block) }),
    verdicts: ['badData'],
    visits: 1,
  },
  {
    name: 'it answered a fetch as if it were an insert',
    fail: said({ type: 'accepted' }, { type: 'insertStored', visits: 0 }),
    verdicts: ['violation'],
    visits: 1,
  },
  {
    name: 'it answered a fetch with a collision',
    fail: said({ type: 'accepted' }, { type: 'insertCollision', visits: 0, block: page().block }),
    verdicts: ['violation'],
    visits: 1,
  },
];

function said(...words: Words[]): (rig: Rig, hop: Hop) => void {
  return (rig, hop) => rig.says(hop, ...words);
}

for (const { name, fail, verdicts, visits } of failures) {
  void t.test(`the next best peer is asked when the first one fails: ${name}`, async (t) => {
    const rig = new Rig();
    const asker = rig.peer(0.4);
    const [second, first, third] = [rig.peer(0.05), rig.peer(0.01), rig.peer(-0.3)];
    const id = rig.ask(asker);
    const hop = rig.hop();
    t.equal(hop.link, first);
    fail(rig, hop);
    const next = rig.hop();
    t.equal(next.link, second);
    t.equal(next.request.route.phase === 'greedy' && next.request.route.htl, 19 - visits);
    t.strictSame(
      rig.verdicts,
      verdicts.map((verdict) => ({ link: first, verdict })),
    );
    rig.says(next, { type: 'dataNotFound', visits: 0 });
    t.equal(rig.hopSays({ type: 'accepted' }, { type: 'routeNotFound', visits: 0 }), third);
    const answer = rig.told(asker).at(-1);
    t.strictSame(answer, { type: 'routeNotFound', id, visits: visits + 1 }, 'all were tried: a dead end');
    rig.rest();
    t.equal(rig.router.pending, 0);
    t.equal(rig.timers, 0);
  });
}

void t.test('a node whose only peer is the asker answers that there is no route', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.01);
  const id = rig.ask(asker);
  t.strictSame(rig.told(asker), [
    { type: 'accepted', id },
    { type: 'routeNotFound', id, visits: 0 },
  ]);
});

void t.test('what was said late, twice or for nobody changes nothing', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  const [first, second] = [rig.peer(0.01), rig.peer(0.02)];
  rig.ask(asker);
  const late = rig.hop();
  rig.pass(1_000);
  const hop = rig.hop();
  t.strictSame([late.link, hop.link], [first, second]);
  rig.says(
    late,
    { type: 'accepted' },
    { type: 'working' },
    { type: 'dataFound', visits: 0, block: page().block },
  );
  rig.receive(asker, { type: 'dataNotFound', id: hop.request.id, visits: 9 });
  rig.says(hop, { type: 'accepted' }, { type: 'accepted' });
  t.strictSame(rig.toldTypes(asker), ['accepted']);
  rig.says(hop, { type: 'dataFound', visits: 0, block: page().block });
  rig.says(hop, { type: 'dataFound', visits: 0, block: page().block }, { type: 'accepted' });
  t.strictSame(rig.toldTypes(asker), ['dataFound'], 'one answer');
  t.same(rig.hops(), []);
  t.strictSame(rig.verdicts, [{ link: first, verdict: 'silent' }]);
});

void t.test('a search goes on when its asker is gone, and what it finds is kept', async (t) => {
  const rig = new Rig();
  const [asker, peer] = [rig.peer(0.4), rig.peer(0.01)];
  rig.ask(asker);
  const hop = rig.hop();
  rig.says(hop, { type: 'accepted' });
  rig.down(asker);
  rig.says(hop, { type: 'dataFound', visits: 0, block: page().block });
  t.same(rig.kept(page().key), page().block);
  t.equal(rig.router.pending, 0);
  t.equal(hop.link, peer);
});

void t.test('all searches at a lost peer go on elsewhere, each once', async (t) => {
  const rig = new Rig();
  const askers = [rig.peer(0.4), rig.peer(0.41), rig.peer(0.42)];
  const [lost, other] = [rig.peer(0.01), rig.peer(0.02)];
  // The stem's requests are not joined.
  for (const asker of askers) rig.ask(asker, { phase: 'stem' });
  t.strictSame(
    rig.hops().map(({ link }) => link),
    [lost, lost, lost],
  );
  rig.down(lost);
  t.strictSame(
    rig.hops().map(({ link }) => link),
    [other, other, other],
  );
  t.equal(rig.router.peerCount, 4);
});

void t.test('a peer that comes back on another link may be asked again', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  const first = rig.peer(0.01);
  const second = rig.peer(0.02);
  rig.ask(asker);
  rig.hop();
  rig.down(first);
  const again = rig.peer(0.01);
  t.equal(rig.hopSays({ type: 'dataNotFound', visits: 0 }), second);
  t.equal(rig.hop().link, again);
});

void t.test(
  'what the owner asks for takes the same path, and nothing is ever routed to the owner',
  async (t) => {
    const rig = new Rig();
    const peers = [rig.peer(0.01), rig.peer(0.02)];
    const id = rig.ask(LOCAL_LINK);
    const [first] = [rig.hop()];
    t.equal(first.link, peers[0]);
    rig.says(first, { type: 'dataNotFound', visits: 0 });
    rig.hopSays({ type: 'dataNotFound', visits: 0 });
    t.strictSame(rig.told(LOCAL_LINK), [
      { type: 'accepted', id },
      { type: 'routeNotFound', id, visits: 2 },
    ]);
    rig.down(LOCAL_LINK);
    rig.ask(LOCAL_LINK);
    t.strictSame(rig.toldTypes(LOCAL_LINK), ['accepted'], 'the virtual peer cannot be cut off');
  },
);

void t.test('the owner is told of a dead end whether any node took the request at all', async (t) => {
  const rig = new Rig();
  rig.peer(0.01);
  rig.ask(LOCAL_LINK);
  rig.hopSays({ type: 'rejectedOverload' });
  t.strictSame(rig.toldTypes(LOCAL_LINK), ['accepted', 'routeNotFound'], 'nobody did');
  const peer = rig.peer(0.005);
  rig.ask(LOCAL_LINK);
  t.equal(rig.hopSays({ type: 'accepted' }, { type: 'routeNotFound', visits: 0 }), peer);
  rig.hopSays({ type: 'rejectedOverload' });
  t.strictSame(rig.toldTypes(LOCAL_LINK), ['accepted', 'dataNotFound'], 'one did, in vain');
});

void t.test('a request of the stem goes on greedy, with all HTL and a uid of its own', async (t) => {
  const rig = new Rig();
  const [asker, peer] = [rig.peer(0.4), rig.peer(0.01)];
  const uids = new Set<string>();
  for (const from of [asker, asker, LOCAL_LINK]) {
    rig.ask(from, { phase: 'stem' });
    const { link, request } = rig.hop();
    t.equal(link, peer);
    assert(request.route.phase === 'greedy', 'it was diffused');
    t.equal(request.route.htl, networks.open.htl);
    uids.add(request.route.uid);
  }
  t.equal(uids.size, 3);
});

void t.test('a trace says what came of a request, and where from', async (t) => {
  const rig = new Rig();
  const [asker] = [rig.peer(0.4), rig.peer(0.01)];
  rig.ask(asker);
  rig.hopSays({ type: 'dataFound', visits: 0, block: page().block });
  rig.ask(LOCAL_LINK);
  rig.ask(asker, { content: page(1) });
  rig.hopSays({ type: 'dataNotFound', visits: 0 });
  rig.ask(asker, { content: page(2), htl: 1 });
  t.match(rig.traces, [
    { kind: 'fetch', local: false, outcome: 'found', source: 'peer', key: page().key },
    { kind: 'fetch', local: true, outcome: 'found', source: 'disk' },
    { kind: 'fetch', local: false, outcome: 'noRoute', source: undefined },
    { kind: 'fetch', local: false, outcome: 'notFound', source: undefined },
  ]);
});
