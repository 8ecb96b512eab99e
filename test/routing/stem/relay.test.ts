/**
 * What an open node does with what comes by the stem, and with what its owner asks for (docs/spec/stem.md, 3 and 4): one way for each
 * inbound, whatever the request; nothing of the owner's by closeness, whatever fails.
 */
import fc from 'fast-check';
import t from 'tap';
import { assert, toText } from '../../../keys/index.ts';
import { LOCAL_LINK, type LinkId, type RequestId } from '../../../routing/index.ts';
import { routingLimits } from '../../../routing/limits.ts';
import { stemLimits } from '../../../routing/stem/limits.ts';
import { damaged, page } from '../content.ts';
import { type Hop, Rig } from '../rig.ts';

const EMPTY = new Uint8Array(0);
const { deadlineMs } = new Rig().params;
/** Until guards are drawn and have given their places. */
const DRAWN_MS = 4 * stemLimits.guardSettleMs.value;
/** Own requests have gone out by then: at 32 a second and more. */
const GONE_MS = 2_000;
const STEP_MS = 50;
const OURS = new Set([0, 1, 2, 3].map((number) => toText(page(number).key)));

interface Open {
  readonly rig: Rig;
  readonly guards: readonly LinkId[];
  /** Who is no guard. */
  readonly others: readonly LinkId[];
}

/** A node with three guards that have given it places, and with other peers, of whom each has a place here. */
function open({ others = 5, seed = 1 } = {}): Open {
  const rig = new Rig({ stem: 'on', seed });
  const links = Array.from({ length: 3 + others }, (_, index) => {
    const link = rig.peer(0.03 * (index + 1), { tie: 'chosen' });
    rig.receive(link, { type: 'wanted', reference: EMPTY });
    return link;
  });
  const guards: LinkId[] = [];
  for (let round = 0; round < 8; round += 1) {
    rig.pass(DRAWN_MS / 8);
    // Who has given a place is tried.
    rig.allHopsSay({ type: 'accepted' }, { type: 'dataNotFound', visits: 0 });
    for (const link of links)
      for (const said of rig.told(link))
        if (said.type === 'stemLink' && said.step === 'ask') {
          guards.push(link);
          rig.receive(link, { type: 'stemLink', step: 'grant' });
        }
  }
  assert(guards.length === 3, `three guards, not ${guards.length}`);
  for (const link of links) rig.receive(link, { type: 'stemLink', step: 'ask' });
  for (const link of links) rig.told(link);
  return { rig, guards, others: links.filter((link) => !guards.includes(link)) };
}

/** Lets time pass until `until` holds; checks for loops end in vain on the way, and who does not answer anything else is not blamed for them. */
function wait(rig: Rig, ms: number): Hop[] {
  const wanted: Hop[] = [];
  for (let passed = 0; passed < ms && wanted.length === 0; passed += STEP_MS) {
    rig.pass(STEP_MS);
    for (const hop of rig.hops()) {
      if (OURS.has(toText(hop.request.key))) wanted.push(hop);
      else rig.says(hop, { type: 'accepted' }, { type: 'dataNotFound', visits: 0 });
    }
  }
  return wanted;
}

/** Lets the checks for loops come to their ends. */
function checked(node: Open): Open {
  wait(node.rig, 3 * stemLimits.loopCheckFirstMs.value);
  return node;
}

/** Where what this inbound brings goes: the link, or `diffused`. */
function wayOf({ rig }: Open, inbound: LinkId): LinkId | 'diffused' {
  rig.ask(inbound, { phase: 'stem' });
  const hop = rig.hop();
  rig.says(hop, { type: 'accepted' }, { type: 'dataNotFound', visits: 0 });
  const way = hop.request.route.phase === 'stem' ? hop.link : 'diffused';
  rig.allHopsSay({ type: 'routeNotFound', visits: 0 });
  rig.told(inbound);
  return way;
}

/** An inbound whose requests go on, and to whom. */
function passing(node: Open): { inbound: LinkId; guard: LinkId } {
  for (const inbound of node.others) {
    const guard = wayOf(node, inbound);
    if (guard !== 'diffused') return { inbound, guard };
  }
  throw new Error('every coin says diffuse');
}

/** The owner asks; where that goes, when its time has come. */
function own(rig: Rig): { id: RequestId; hop: Hop | undefined } {
  const id = rig.ask(LOCAL_LINK);
  const [hop] = wait(rig, GONE_MS);
  return { id, hop };
}

void t.test(
  'what the owner asks for goes to the first guard by the stem, with no disk and no id',
  async (t) => {
    const node = checked(open());
    const { rig, guards } = node;
    rig.keep(page());
    const before = rig.readers.length;
    const { id, hop } = own(rig);
    assert(hop !== undefined, 'it goes');
    t.equal(hop.link, guards[0]);
    t.strictSame(hop.request.route, { phase: 'stem' });
    t.equal(hop.request.deadlineMs, deadlineMs);
    rig.says(hop, { type: 'accepted' }, { type: 'dataFound', visits: 7, block: page().block });
    t.match(rig.told(LOCAL_LINK), [
      { type: 'accepted', id },
      { type: 'dataFound', id, visits: 0 },
    ]);
    t.equal(rig.readers.length, before, 'the own disk is not asked');
    t.strictSame(rig.writes, []);
  },
);

void t.test(
  'the way of an inbound is the same for every request, and leads to a guard or is diffused',
  async (t) => {
    const node = checked(open({ others: 9 }));
    for (const inbound of node.others) {
      const way = wayOf(node, inbound);
      t.ok(way === 'diffused' || node.guards.includes(way));
      for (let again = 0; again < 5; again += 1) t.equal(wayOf(node, inbound), way);
    }
  },
);

void t.test('a guard that is an inbound gets nothing back', async (t) => {
  for (let seed = 1; seed < 20; seed += 1) {
    const node = checked(open({ seed }));
    for (const guard of node.guards) t.not(wayOf(node, guard), guard);
  }
});

void t.test(
  'a relay says accepted, passes on under a new id with all of the time, and keeps nothing',
  async (t) => {
    const node = checked(open());
    const { inbound, guard } = passing(node);
    const { rig } = node;
    rig.keep(page());
    const before = rig.readers.length;
    const id = rig.ask(inbound, { phase: 'stem', deadlineMs: 1_234 });
    const hop = rig.hop();
    t.equal(hop.link, guard);
    t.not(hop.request.id, id);
    t.equal(hop.request.deadlineMs, deadlineMs);
    rig.says(hop, { type: 'accepted' }, { type: 'dataFound', visits: 3, block: page().block });
    t.match(rig.told(inbound), [
      { type: 'accepted', id },
      { type: 'dataFound', id, visits: 0 },
    ]);
    t.equal(rig.readers.length, before);
    t.strictSame(rig.writes, []);
    t.strictSame([rig.router.pending, rig.hops().length], [0, 0]);
  },
);

void t.test('an insert goes on with its block when that is here and belongs to its key', async (t) => {
  const node = checked(open());
  const { inbound, guard } = passing(node);
  const { rig } = node;
  const id = rig.ask(inbound, { phase: 'stem', type: 'insertRequest' });
  t.equal(rig.hops().length, 0);
  rig.receive(inbound, { type: 'insertBlock', id, block: page().block });
  const hop = rig.hop();
  t.equal(hop.link, guard);
  rig.says(hop, { type: 'accepted' });
  t.match(rig.told(guard), [{ type: 'insertBlock' }]);
  rig.says(hop, { type: 'insertStored', visits: 4 });
  t.match(rig.told(inbound).at(-1), { type: 'insertStored', id, visits: 0 });
  const bad = rig.ask(inbound, { phase: 'stem', type: 'insertRequest' });
  rig.receive(inbound, { type: 'insertBlock', id: bad, block: damaged(page().block) });
  t.equal(rig.hops().length, 0);
  t.match(rig.verdicts, [{ link: inbound, verdict: 'badData' }]);
});

/** What a guard may do that is no answer, and what goes out then. */
const failures: Record<string, (rig: Rig, hop: Hop) => Hop[]> = {
  'says nothing': (rig) => wait(rig, 2 * rig.params.acceptFloorMs),
  'accepts and says nothing more': (rig, hop) => {
    rig.says(hop, { type: 'accepted' });
    return wait(rig, 2 * rig.params.workingPatienceMs);
  },
  'has nobody to ask': (rig, hop) => {
    rig.says(hop, { type: 'accepted' }, { type: 'routeNotFound', visits: 0 });
    return rig.hops();
  },
  'sends another block': (rig, hop) => {
    rig.says(hop, { type: 'accepted' }, { type: 'dataFound', visits: 0, block: damaged(page().block) });
    return rig.hops();
  },
  'answers another kind of request': (rig, hop) => {
    rig.says(hop, { type: 'accepted' }, { type: 'insertStored', visits: 0 });
    return rig.hops();
  },
};

for (const [what, fails] of Object.entries(failures)) {
  void t.test(`when its guard ${what} a relay diffuses that request itself, and answers once`, async (t) => {
    const node = checked(open());
    const { inbound, guard } = passing(node);
    const { rig } = node;
    const id = rig.ask(inbound, { phase: 'stem' });
    const hop = rig.hop();
    t.equal(hop.link, guard);
    const [search, ...more] = fails(rig, hop);
    t.equal(more.length, 0);
    assert(search !== undefined, 'a search goes out');
    t.match(search.request.route, { phase: 'greedy', htl: rig.params.htl, visited: [] });
    rig.says(search, { type: 'accepted' }, { type: 'dataFound', visits: 0, block: page().block });
    const said = rig.told(inbound).filter(({ type }) => type !== 'working');
    t.match(said, [
      { type: 'accepted', id },
      { type: 'dataFound', id },
    ]);
    t.equal(said.length, 2);
  });

  void t.test(`when its guard ${what} the owner's request comes back, and goes nowhere else`, async (t) => {
    const { rig, guards } = checked(open());
    const { id, hop } = own(rig);
    assert(hop !== undefined, 'it goes');
    t.equal(hop.link, guards[0]);
    t.strictSame(fails(rig, hop), []);
    const type = what === 'has nobody to ask' ? 'routeNotFound' : 'rejectedOverload';
    t.match(rig.told(LOCAL_LINK).at(-1), { type, id });
  });
}

void t.test('overload of the guard is the answer, of a relay and of the owner', async (t) => {
  const node = checked(open());
  const { inbound } = passing(node);
  const { rig } = node;
  rig.ask(inbound, { phase: 'stem' });
  rig.hopSays({ type: 'rejectedOverload' });
  const { hop } = own(rig);
  assert(hop !== undefined, 'it goes');
  rig.says(hop, { type: 'rejectedOverload' });
  t.equal(rig.told(inbound).at(-1)?.type, 'rejectedOverload');
  t.equal(rig.told(LOCAL_LINK).at(-1)?.type, 'rejectedOverload');
  t.strictSame(rig.hops(), []);
});

void t.test('when the link of the guard is lost a request goes to the next one by the stem', async (t) => {
  const { rig, guards } = checked(open());
  const [first, second] = guards;
  assert(first !== undefined && second !== undefined, 'there are guards');
  t.equal(own(rig).hop?.link, first);
  rig.down(first);
  const ours = rig.hops().filter(({ request }) => OURS.has(toText(request.key)));
  t.match(ours, [{ link: second, request: { route: { phase: 'stem' } } }]);
});

void t.test(
  'with no guard there the owner waits, longer than any deadline, and is told nothing',
  async (t) => {
    const { rig, guards } = checked(open({ others: 0 }));
    for (const guard of guards) rig.down(guard);
    rig.hops();
    t.equal(own(rig).hop, undefined);
    rig.pass(3 * deadlineMs);
    t.strictSame([rig.hops(), rig.told(LOCAL_LINK)], [[], []]);
    t.match(rig.router.stem, { guard: 'none', waiting: 1 });
  },
);

void t.test(
  'a guard that is silent twice in a row gives way to the next one; once is not enough',
  async (t) => {
    const { rig, guards } = checked(open());
    const asked: (LinkId | undefined)[] = [];
    for (let round = 0; round < 3; round += 1) {
      asked.push(own(rig).hop?.link);
      // Longer than it is left alone for.
      wait(rig, 10_000);
    }
    t.strictSame(asked, [guards[0], guards[0], guards[1]]);
  },
);

void t.test('who has no place is refused, and so is a stem request before it is asked for', async (t) => {
  const { rig } = open({ others: 0 });
  const stranger = rig.peer(0.4, { tie: 'chosen' });
  rig.receive(stranger, { type: 'wanted', reference: EMPTY });
  const id = rig.ask(stranger, { phase: 'stem' });
  t.match(
    rig.told(stranger).filter(({ type }) => type === 'rejectedOverload'),
    [{ id }],
  );
});

void t.test(
  'nothing of a stem joins or is joined by another request, and its failures steer its own link alone',
  async (t) => {
    let node = checked(open({ others: 9 }));
    const diffusedOf = (): LinkId[] => node.others.filter((inbound) => wayOf(node, inbound) === 'diffused');
    for (let seed = 2; diffusedOf().length < 2; seed += 1) node = checked(open({ others: 9, seed }));
    const { rig } = node;
    const [a, b] = diffusedOf();
    assert(a !== undefined && b !== undefined, 'two inbounds are diffused');
    rig.ask(a, { phase: 'stem' });
    const first = rig.hop();
    rig.ask(b, { phase: 'stem' });
    const second = rig.hop();
    t.not(first.request.id, second.request.id);
    t.not(
      first.request.route.phase === 'greedy' && first.request.route.uid,
      second.request.route.phase === 'greedy' && second.request.route.uid,
    );
    const to = first.link;
    rig.says(first, { type: 'accepted' }, { type: 'dataNotFound', visits: routingLimits.visitedHints.value });
    rig.allHopsSay({ type: 'routeNotFound', visits: 0 });
    rig.says(second, { type: 'accepted' }, { type: 'routeNotFound', visits: 0 });
    rig.allHopsSay({ type: 'routeNotFound', visits: 0 });
    rig.ask(a, { phase: 'stem' });
    t.not(rig.hop().link, to, 'the same link goes another way');
    rig.ask(b, { phase: 'stem' });
    t.equal(rig.hop().link, to, 'the other one does not');
  },
);

/** The first check of each way that has one, still in work. */
function firstChecks({ rig }: Open): Hop[] {
  const checks: Hop[] = [];
  for (let passed = 0; passed < 1.5 * stemLimits.loopCheckFirstMs.value; passed += STEP_MS) {
    rig.pass(STEP_MS);
    for (const hop of rig.hops()) {
      rig.says(hop, { type: 'accepted' });
      checks.push(hop);
    }
  }
  return checks;
}

/** Of all inbounds. */
function waysOf(node: Open): Map<LinkId, LinkId | 'diffused'> {
  return new Map([...node.guards, ...node.others].map((inbound) => [inbound, wayOf(node, inbound)]));
}

void t.test(
  'a check that comes back by the same inbound makes the node diffuse what comes by it',
  async (t) => {
    const node = open();
    const { rig } = node;
    const checks = firstChecks(node);
    t.ok(checks.length > 0 && checks.every(({ request }) => request.route.phase === 'stem'));
    const keys = new Set(checks.map(({ request }) => Buffer.from(request.key).toString('hex')));
    t.equal(keys.size, checks.length, 'each has a key of its own');
    const ways = waysOf(node);
    // One of them comes back by everybody: only the inbound that it was sent for is cut.
    const [check] = checks;
    assert(check !== undefined, 'there is a check');
    for (const inbound of ways.keys()) {
      const { key, salt } = check.request;
      rig.ask(inbound, { phase: 'stem', content: { key, block: page().block }, salt });
    }
    rig.allHopsSay({ type: 'accepted' }, { type: 'dataNotFound', visits: 0 });
    for (const each of checks) rig.says(each, { type: 'dataNotFound', visits: 0 });
    const after = waysOf(node);
    const changed = [...ways.keys()].filter((inbound) => after.get(inbound) !== ways.get(inbound));
    t.equal(changed.length, 1);
    for (const inbound of changed) {
      t.equal(ways.get(inbound), check.link);
      t.equal(after.get(inbound), 'diffused');
    }
  },
);

void t.test(
  'a way is open from its first check on, unless that comes to nothing; until then the node diffuses',
  async (t) => {
    const diffuses = (node: Open) => [...waysOf(node).values()].every((way) => way === 'diffused');
    const node = open();
    const { rig } = node;
    t.ok(diffuses(node), 'before');
    const checks = firstChecks(node);
    const ways = waysOf(node);
    t.equal([...ways.values()].filter((way) => way !== 'diffused').length, checks.length);
    for (const check of checks) rig.says(check, { type: 'rejectedOverload' });
    t.ok(diffuses(node), 'refused on its way: who knows whether it would have come back');
    wait(rig, 1.5 * stemLimits.loopCheckLeastMs.value);
    t.strictSame(waysOf(node), ways, 'the next ones were answered');
    for (const inbound of node.others) {
      rig.receive(inbound, { type: 'stemLink', step: 'end' });
      rig.receive(inbound, { type: 'stemLink', step: 'ask' });
      rig.told(inbound);
      t.equal(wayOf(node, inbound), 'diffused', 'a place that is given anew is another way');
    }
  },
);

void t.test('a check waits for room like a request, and opens its way when it is sent', async (t) => {
  const node = checked(open());
  const { rig } = node;
  const { inbound, guard } = passing(node);
  const [other = inbound] = node.others.filter((one) => wayOf(node, one) === guard && one !== inbound);
  t.not(other, inbound, 'two of them go to that guard');
  rig.receive(other, { type: 'stemLink', step: 'end' });
  rig.receive(other, { type: 'stemLink', step: 'ask' });
  // As many as the window has room for, and one that waits.
  const held: Hop[] = [];
  const bulk = () => rig.ask(inbound, { phase: 'stem', priority: 'bulk' });
  for (let sent = 0; sent <= held.length && sent < 100; sent += 1) {
    bulk();
    held.push(...rig.hops());
  }
  for (const hop of held) rig.says(hop, { type: 'accepted' });
  rig.pass(1.3 * stemLimits.loopCheckFirstMs.value);
  t.strictSame(rig.hops(), []);
  t.equal(wayOf(node, other), 'diffused');
  for (const hop of held) rig.says(hop, { type: 'dataNotFound', visits: 0 });
  t.ok(
    rig.hops().some(({ request }) => !OURS.has(toText(request.key))),
    'now it goes',
  );
  t.equal(wayOf(node, other), guard);
});

void t.test(
  'property: whatever peers and owner do, nothing of the owner goes greedily, and all of it to one guard at a time',
  async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('own' as const), page: fc.nat(3), insert: fc.boolean() }),
      fc.record({ do: fc.constant('ask' as const), who: fc.nat(8), page: fc.nat(3), stem: fc.boolean() }),
      fc.record({ do: fc.constant('answer' as const), how: fc.nat(5) }),
      fc.record({ do: fc.constant('down' as const), who: fc.nat(8) }),
      fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 30_000 }) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.array(step, { maxLength: 40 }), (seed, steps) => {
        const { rig, guards, others } = open({ seed });
        const links = [...guards, ...others];
        const up = new Set(links);
        const pending: Hop[] = [];
        const peersAsked = new Set<string>();
        const keyOf = (number: number): string => Buffer.from(page(number).key).toString('hex');
        const look = (): void => {
          for (const hop of rig.hops()) {
            pending.push(hop);
            const key = Buffer.from(hop.request.key).toString('hex');
            const isOurs = [0, 1, 2, 3].some((number) => keyOf(number) === key);
            if (isOurs && hop.request.route.phase === 'greedy' && !peersAsked.has(key))
              throw new Error('what the owner asked for goes greedily');
          }
        };
        for (const one of steps) {
          if (one.do === 'own') {
            rig.ask(LOCAL_LINK, {
              content: page(one.page),
              type: one.insert ? 'insertRequest' : 'dataRequest',
            });
          } else if (one.do === 'ask') {
            const link = links[one.who % links.length];
            if (link === undefined || !up.has(link)) continue;
            peersAsked.add(keyOf(one.page));
            rig.ask(link, { content: page(one.page), phase: one.stem ? 'stem' : 'greedy' });
          } else if (one.do === 'answer') {
            const hop = pending.shift();
            if (hop === undefined || !up.has(hop.link)) continue;
            rig.says(hop, { type: 'accepted' });
            if (one.how === 0) rig.says(hop, { type: 'routeNotFound', visits: 1 });
            if (one.how === 1) rig.says(hop, { type: 'dataNotFound', visits: 1 });
            if (one.how === 2) rig.says(hop, { type: 'rejectedOverload' });
          } else if (one.do === 'down') {
            const link = links[one.who % links.length];
            if (link === undefined || !up.delete(link)) continue;
            rig.down(link);
          } else {
            rig.pass(one.ms);
          }
          look();
        }
      }),
      { numRuns: process.env['MIMEO_TEST_FULL'] === '1' ? 2_000 : 100 },
    );
  },
);
