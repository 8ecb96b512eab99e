/** Asking a peer for what it says to have stored: when, whom, in which form, and what follows (routing.md, 11). */
import t from 'tap';
import { assert } from '../../keys/index.ts';
import { LOCAL_LINK, type LinkId, networks, routingLimits } from '../../routing/index.ts';
import type { WireDistance } from '../../routing/messages.ts';
import { damaged, page } from './content.ts';
import { type Asking, type Hop, Rig, type Words } from './rig.ts';

const {
  auditSoonestMs,
  auditLatestMs,
  auditAskerMs,
  auditsAtFirst,
  auditEvery,
  auditsAtOnce,
  doubtHalfLifeMs,
} = routingLimits;

interface Scene {
  readonly rig: Rig;
  readonly askers: readonly LinkId[];
  /** Closer to the key than this node, the closest first. */
  readonly closer: readonly LinkId[];
}

/** A node that keeps nothing under the key, because others are closer, even if one of them does not count. */
function scene({ askers = 1, away = 0.2 } = {}): Scene {
  const rig = new Rig({ away });
  return {
    rig,
    askers: Array.from({ length: askers }, (_, i) => rig.peer(0.4 + i / 1_000)),
    closer: Array.from({ length: networks.open.storeRank + 1 }, (_, i) => rig.peer((i + 1) / 100)),
  };
}

/** An insert that the first hop ends by its word; returns that hop. */
function inserted({ rig, askers }: Scene, { asker = askers[0] ?? LOCAL_LINK, number = 0 } = {}): Hop {
  rig.insert(asker, { content: page(number) });
  const hop = rig.hop();
  rig.says(hop, { type: 'accepted' }, { type: 'insertStored', visits: 1_000 });
  return hop;
}

/** The audit that follows within its time. */
function audited(rig: Rig): Hop {
  for (let ms = 0; ms < auditLatestMs.value; ms += 500) {
    rig.pass(500);
    const [hop] = rig.hops();
    if (hop !== undefined) return hop;
  }
  throw new Error('nobody was audited');
}

/** Whom a fetch of a peer is sent to first. */
function firstAsked({ rig, askers }: Scene): LinkId {
  rig.ask(askers[0] ?? LOCAL_LINK);
  const { link, request } = rig.hop();
  rig.says({ link, request }, { type: 'accepted' }, { type: 'dataNotFound', visits: 1_000 });
  return link;
}

void t.test('who says that a block is stored below it is asked for it later, as by anybody', async (t) => {
  const here = scene();
  const { rig } = here;
  const { link, request } = inserted(here);
  rig.pass(auditSoonestMs.value - 1);
  t.same(rig.hops(), [], 'not at once');
  const audit = audited(rig);
  t.equal(audit.link, link);
  t.match(audit.request, {
    type: 'dataRequest',
    key: page().key,
    salt: 0,
    route: { phase: 'greedy', stall: 0, visited: [] },
  });
  t.not(
    audit.request.route.phase === 'greedy' && audit.request.route.uid,
    request.route.phase === 'greedy' && request.route.uid,
    'nothing links it to the insert',
  );
  rig.says(audit, { type: 'accepted' }, { type: 'dataFound', visits: 2, block: page().block });
  t.same(rig.hops(), []);
  t.strictSame(rig.writes, [], 'what comes is not kept');
  t.equal(rig.router.pending, 0);
  t.equal(rig.timers, 0);
});

void t.test('the inserts of the owner are audited as well', async (t) => {
  const here = scene();
  inserted(here, { asker: LOCAL_LINK });
  t.equal(audited(here.rig).request.type, 'dataRequest');
});

void t.test(
  'nobody is audited by a node that is among the closest itself, nor who stored nothing',
  async (t) => {
    const near = new Rig({ away: 0.015 });
    const asker = near.peer(0.4);
    near.peer(0.01);
    near.insert(asker);
    near.hopSays({ type: 'accepted' }, { type: 'insertStored', visits: 1_000 });
    near.pass(auditLatestMs.value);
    t.same(near.hops(), []);
    const { rig, askers } = scene();
    rig.insert(askers[0] ?? LOCAL_LINK, { stall: 1, best: 1 as WireDistance });
    rig.hopSays({ type: 'accepted' }, { type: 'dataNotFound', visits: 1_000 });
    rig.pass(auditLatestMs.value);
    t.same(rig.hops(), []);
  },
);

for (const type of ['dataNotFound', 'routeNotFound'] as const) {
  void t.test(
    `whoever loses an insert that must arrive is not believed, and asked last: ${type}`,
    async (t) => {
      const here = scene();
      const { rig, askers, closer } = here;
      rig.insert(askers[0] ?? LOCAL_LINK);
      const lost = rig.hop();
      t.equal(lost.link, closer[0]);
      rig.says(lost, { type: 'accepted' }, { type, visits: 1_000 });
      const next = rig.hop();
      t.equal(next.link, closer[1], 'the search goes on');
      const [before, after] = [lost, next].map(({ request }) => request.route);
      assert(before?.phase === 'greedy' && after?.phase === 'greedy', 'both are on their way');
      t.match(after, { htl: before.htl - 1, stall: before.stall, best: before.best });
      rig.says(next, { type: 'accepted' }, { type: 'insertStored', visits: 1_000 });
      t.equal(firstAsked(here), closer[1]);
    },
  );
}

const believed: readonly { readonly name: string; readonly away: number; readonly asking: Asking }[] = [
  { name: 'little HTL is left', away: 0.2, asking: { htl: networks.open.htl / 2 } },
  { name: 'the search has come without progress', away: 0.2, asking: { stall: 1, best: 1 as WireDistance } },
  { name: 'the block belongs here', away: 0.025, asking: {} },
];

for (const { name, away, asking } of believed) {
  void t.test(`who answers an insert in vain is believed where ${name}`, async (t) => {
    const { rig, askers } = scene({ away });
    rig.insert(askers[0] ?? LOCAL_LINK, asking);
    const hop = rig.hop();
    rig.says(hop, { type: 'accepted' }, { type: 'dataNotFound', visits: 1_000 });
    const htlOf = ({ route }: Hop['request']): number => (route.phase === 'greedy' ? route.htl : 0);
    const believedVisits = Math.floor((htlOf(hop.request) - 1) / 2);
    const [next] = rig.hops();
    // Visits are believed up to half of what was left, and of the stall as well, which ends most searches.
    t.equal(next && htlOf(next.request), next && htlOf(hop.request) - 1 - believedVisits);
  });
}

void t.test('who answers in vain after another one has stored the block is believed', async (t) => {
  const here = scene();
  const { rig, askers, closer } = here;
  rig.insert(askers[0] ?? LOCAL_LINK);
  rig.hopSays({ type: 'accepted' }, { type: 'insertStored', visits: 0 });
  rig.hopSays({ type: 'accepted' }, { type: 'dataNotFound', visits: 1_000 });
  t.same(rig.hops(), [], 'the search has ended');
  t.equal(firstAsked(here), closer[0], 'nobody is in doubt');
});

const lies: readonly {
  readonly name: string;
  readonly words: readonly Words[];
  readonly verdicts: number;
}[] = [
  { name: 'it does not find it', words: [{ type: 'dataNotFound', visits: 1_000 }], verdicts: 0 },
  { name: 'it found nobody who has it', words: [{ type: 'routeNotFound', visits: 3 }], verdicts: 0 },
  {
    name: 'it sends another block',
    words: [{ type: 'dataFound', visits: 0, block: damaged(page().block) }],
    verdicts: 1,
  },
  { name: 'it answers an insert', words: [{ type: 'insertStored', visits: 0 }], verdicts: 1 },
];

for (const { name, words, verdicts } of lies) {
  void t.test(`who does not have what it says to have is asked last: ${name}`, async (t) => {
    const here = scene();
    const { link } = inserted(here);
    t.equal(firstAsked(here), link);
    here.rig.says(audited(here.rig), { type: 'accepted' }, ...words);
    t.equal(here.rig.verdicts.length, verdicts);
    t.equal(firstAsked(here), here.closer[1]);
    here.rig.pass(doubtHalfLifeMs.value);
    t.equal(firstAsked(here), link, 'after some days it gets a new chance');
  });
}

const undecided: readonly { readonly name: string; readonly act: (rig: Rig, audit: Hop) => void }[] = [
  { name: 'it is overloaded', act: (rig, audit) => rig.says(audit, { type: 'rejectedOverload' }) },
  {
    name: 'it has nobody to ask',
    act: (rig, audit) => rig.says(audit, { type: 'accepted' }, { type: 'routeNotFound', visits: 0 }),
  },
  {
    name: 'it works for ever',
    act: (rig, audit) => {
      rig.says(audit, { type: 'accepted' }, { type: 'working' });
      rig.pass(rig.params.deadlineMs);
    },
  },
];

for (const { name, act } of undecided) {
  void t.test(`an audit without an outcome says nothing against a peer: ${name}`, async (t) => {
    const here = scene();
    const { link } = inserted(here);
    act(here.rig, audited(here.rig));
    here.rig.pass(60_000);
    t.equal(firstAsked(here), link);
    here.rig.rest();
    t.equal(here.rig.timers, 0);
  });
}

for (const when of ['while it is on', 'after its answer'] as const)
  void t.test(
    `an audit that comes back is refused like any request that has passed here, ${when}`,
    async (t) => {
      const here = scene();
      const { rig } = here;
      inserted(here);
      const audit = audited(rig);
      rig.keep(page());
      if (when === 'after its answer')
        rig.says(audit, { type: 'accepted' }, { type: 'dataFound', visits: 2, block: page().block });
      const { route } = audit.request;
      assert(route.phase === 'greedy', 'it is on its way');
      // Otherwise whoever is asked could tell an audit by asking back, and lie to all else.
      rig.told(audit.link);
      rig.ask(audit.link, { uid: route.uid });
      t.match(rig.told(audit.link), [{ type: 'accepted' }, { type: 'routeNotFound', visits: 0 }]);
      t.same(rig.hops(), []);
    },
  );

void t.test('who accepts no audit is silent, as for any request', async (t) => {
  const here = scene();
  const { link } = inserted(here);
  t.equal(audited(here.rig).link, link);
  here.rig.pass(here.rig.params.acceptFloorMs);
  t.strictSame(here.rig.verdicts, [{ link, verdict: 'silent' }]);
});

void t.test('an audit ends with the link, before it is asked or after', async (t) => {
  const before = scene();
  const { link } = inserted(before);
  before.rig.down(link);
  before.rig.rest();
  t.same(before.rig.hops(), []);
  const after = scene();
  inserted(after);
  after.rig.down(audited(after.rig).link);
  t.equal(after.rig.timers, 0);
});

void t.test('one asker gives occasion for one audit of a peer in ten minutes', async (t) => {
  const here = scene({ askers: 2 });
  const [first, second] = here.askers;
  const audits = (asker: LinkId | undefined): number => {
    inserted(here, asker === undefined ? {} : { asker });
    // Silence is not what this is about.
    const known = here.rig.params.acceptFloorMs - 1;
    let count = 0;
    for (let ms = 0; ms < auditLatestMs.value / 2; ms += known) {
      here.rig.pass(known);
      for (const hop of here.rig.hops()) {
        here.rig.says(hop, { type: 'accepted' }, { type: 'dataFound', visits: 0, block: page().block });
        count += 1;
      }
    }
    return count;
  };
  const both = audits(first) + audits(first);
  t.equal(both, 1);
  const other = audits(second);
  here.rig.pass(auditAskerMs.value);
  t.equal(other + audits(undefined), 2);
});

void t.test('a peer of which little is known is audited each time, later one time in eight', async (t) => {
  const here = scene({ askers: 200 });
  let audits = 0;
  for (const asker of here.askers) {
    inserted(here, { asker });
    const before = audits;
    for (let ms = 0; ms < auditLatestMs.value; ms += 500) {
      here.rig.pass(500);
      for (const hop of here.rig.hops()) {
        here.rig.says(hop, { type: 'accepted' }, { type: 'dataFound', visits: 0, block: page().block });
        audits += 1;
      }
    }
    if (before < auditsAtFirst.value) t.equal(audits, before + 1);
  }
  const usual = (200 - auditsAtFirst.value) / auditEvery.value;
  t.ok(audits > usual / 2 && audits < 2 * usual + auditsAtFirst.value, `${audits} of 200`);
});

void t.test('no more audits are planned than the limit', async (t) => {
  const { rig, askers } = scene({ askers: 200 });
  const params = rig.params;
  t.ok(askers.length > auditsAtOnce.value);
  askers.forEach((asker, index) => {
    // Each insert meets a peer that is closer than all before, of which nothing is known.
    rig.peer(0.0099 - index / 1e6);
    rig.insert(asker);
    rig.hopSays({ type: 'accepted' }, { type: 'insertStored', visits: 1_000 });
  });
  let audits = 0;
  for (let ms = 0; ms < auditLatestMs.value + params.acceptFloorMs; ms += 500) {
    rig.pass(500);
    audits += rig.hops().length;
  }
  t.equal(audits, auditsAtOnce.value);
});
