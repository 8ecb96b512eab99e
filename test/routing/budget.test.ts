/** What a search may cost: HTL, stall, best, and what is believed of a peer's visits (routing.md, 4). */
import * as fc from 'fast-check';
import t from 'tap';
import { asLocation } from '../../keys/index.ts';
import { networks } from '../../routing/index.ts';
import { Budget, wireDistance } from '../../routing/budget.ts';
import type { Route, Uid, WireDistance } from '../../routing/messages.ts';
import { FARTHEST, Rig } from './rig.ts';

const uid = '00000000000000ff' as Uid;
const at = (distance: number): WireDistance => distance as WireDistance;
const greedy = (route: { htl: number; stall?: number; best?: number }): Route => ({
  phase: 'greedy',
  uid,
  htl: route.htl,
  stall: route.stall ?? 0,
  best: at(route.best ?? FARTHEST),
  visited: [],
});

void t.test(
  'a distance on the wire is the distance in units of 2^-32, rounded down, on either side',
  async (t) => {
    const place = (n: number): ReturnType<typeof asLocation> => asLocation(n);
    t.equal(wireDistance(place(0), place(0.5)), 2 ** 31);
    t.equal(wireDistance(place(0.25), place(0.75)), 2 ** 31);
    t.equal(wireDistance(place(0.25), place(0.25)), 0);
    t.equal(wireDistance(place(0), place(2 ** -32)), 1);
    t.equal(wireDistance(place(0), place(1.9 * 2 ** -32)), 1);
    t.equal(wireDistance(place(1 - 2 ** -32), place(2 ** -32)), 2);
  },
);

void t.test(
  'the visit of this node costs one HTL, and a stall unless it is closer than all before',
  async (t) => {
    const closer = Budget.enter(greedy({ htl: 9, stall: 4, best: 100 }), at(99), networks.open);
    t.strictSame(closer.route(uid, []), greedy({ htl: 8, stall: 0, best: 99 }));
    const equal = Budget.enter(greedy({ htl: 9, stall: 4, best: 100 }), at(100), networks.open);
    t.strictSame(equal.route(uid, []), greedy({ htl: 8, stall: 5, best: 100 }));
  },
);

void t.test('a peer that was progress ends the stall, but for what it spent below itself', async (t) => {
  const budget = Budget.enter(greedy({ htl: 20, stall: 3, best: 50 }), at(60), networks.open);
  t.equal(budget.charge(at(40), 2), 3);
  t.strictSame(budget.route(uid, []), greedy({ htl: 16, stall: 2, best: 40 }));
  t.equal(budget.charge(at(40), 1), 2);
  t.strictSame(budget.route(uid, []), greedy({ htl: 14, stall: 4, best: 40 }), 'as close is no progress');
});

void t.test('a peer that is silent at work costs one HTL and no stall', async (t) => {
  const budget = Budget.enter(greedy({ htl: 20, stall: 3, best: 50 }), at(60), networks.open);
  t.equal(budget.chargeSilence(), 1);
  t.strictSame(budget.route(uid, []), greedy({ htl: 18, stall: 4, best: 50 }));
});

void t.test('reported visits are believed up to half of what was left beyond the visit itself', async (t) => {
  const after = (reported: number): { believed: number; htl: number } => {
    const budget = Budget.enter(greedy({ htl: 20 }), at(60), networks.open);
    return { believed: budget.charge(at(40), reported), htl: budget.htl };
  };
  t.strictSame(after(0), { believed: 1, htl: 18 });
  t.strictSame(after(9), { believed: 10, htl: 9 });
  t.strictSame(after(10), { believed: 10, htl: 9 });
  t.strictSame(after(65_535), { believed: 10, htl: 9 });
});

void t.test('without a stall limit they are believed up to all that was left', async (t) => {
  for (const reported of [0, 9, 18, 19, 65_535]) {
    const budget = Budget.enter(greedy({ htl: 20 }), at(60), networks['friends-small']);
    const believed = 1 + Math.min(reported, 18);
    t.equal(budget.charge(at(40), reported), believed);
    t.equal(budget.htl, 19 - believed);
  }
});

void t.test(
  'HTL never grows or falls below zero, and where there is a stall limit no reply takes more than half of it and one',
  async () => {
    const visit = fc.record({
      away: fc.integer({ min: 0, max: FARTHEST }),
      visits: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 65_535 })),
      silent: fc.boolean(),
    });
    const start = fc.record({
      htl: fc.integer({ min: 1, max: 65_535 }),
      stall: fc.integer({ min: 0, max: 65_535 }),
      best: fc.integer({ min: 0, max: FARTHEST }),
    });
    fc.assert(
      fc.property(
        start,
        fc.integer({ min: 0, max: FARTHEST }),
        fc.array(visit, { maxLength: 100 }),
        fc.constantFrom(...Object.values(networks)),
        (route, own, visits, params) => {
          const budget = Budget.enter(greedy(route), at(own), params);
          if (budget.htl !== Math.min(route.htl, params.htl) - 1) return false;
          for (const { away, visits: reported, silent } of visits) {
            if (budget.spent) break;
            const before = budget.htl;
            const taken = silent ? budget.chargeSilence() : budget.charge(at(away), reported);
            if (budget.htl !== before - taken || budget.htl < 0) return false;
            const most = params.stallLimit === undefined ? before : before / 2 + 1;
            if (taken < 1 || taken > most) return false;
          }
          return true;
        },
      ),
    );
  },
);

void t.test('a search of nodes that all lie about their visits ends by itself', async () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 65_535 }), { minLength: 100 }), (lies) => {
      const budget = Budget.enter({ phase: 'stem' }, at(5), networks['friends-medium']);
      return lies.some((lie) => {
        budget.charge(at(9), lie);
        return budget.spent;
      });
    }),
  );
});

void t.test('with HTL 1 a request is answered without going on', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  rig.peer(0.01);
  const id = rig.ask(asker, { htl: 1 });
  t.same(rig.hops(), []);
  t.strictSame(rig.told(asker).at(-1), { type: 'dataNotFound', id, visits: 0 });
});

void t.test('HTL is clamped to that of the network', async (t) => {
  for (const name of ['open', 'friends-small', 'friends-medium'] as const) {
    const rig = new Rig({ params: networks[name] });
    const asker = rig.peer(0.4);
    rig.peer(0.01);
    rig.ask(asker, { htl: 65_535 });
    t.match(rig.hop().request.route, { htl: networks[name].htl - 1 });
  }
});

void t.test(
  'the stall limit ends a search with HTL left: as many visits without progress, and no more',
  async (t) => {
    const rig = new Rig({ away: 0.01 });
    const asker = rig.peer(0.4);
    for (let i = 0; i < 10; i += 1) rig.peer(0.1 + i / 100);
    const id = rig.ask(asker);
    const asked = rig.allHopsSay({ type: 'dataNotFound', visits: 0 });
    t.equal(asked, networks.open.stallLimit);
    t.strictSame(rig.told(asker).at(-1), { type: 'dataNotFound', id, visits: asked });
  },
);

void t.test('progress begins the stall anew', async (t) => {
  const rig = new Rig({ away: 0.3 });
  const asker = rig.peer(0.5);
  // The closest peer is asked first, so the stall comes with the request.
  rig.peer(0.2);
  for (let i = 0; i < 10; i += 1) rig.peer(0.31 + i / 100);
  rig.ask(asker, { stall: 4, best: wireDistance(asLocation(0), asLocation(0.25)) });
  const first = rig.hop();
  t.match(first.request.route, { stall: 5 });
  rig.says(first, { type: 'dataNotFound', visits: 0 });
  t.match(rig.hop().request.route, { stall: 0 });
});

void t.test('without a stall limit only HTL ends a search', async (t) => {
  const rig = new Rig({ away: 0.01, params: networks['friends-small'] });
  const asker = rig.peer(0.4);
  for (let i = 0; i < 40; i += 1) rig.peer(0.1 + i / 100);
  rig.ask(asker);
  const asked = rig.allHopsSay({ type: 'dataNotFound', visits: 0 });
  t.equal(asked, networks['friends-small'].htl - 1);
  t.strictSame(rig.toldTypes(asker), ['accepted', 'dataNotFound']);
});

void t.test('a liar below takes half of what is left, and the search goes on with the rest', async (t) => {
  const rig = new Rig({ params: { ...networks.open, htl: 25, stallLimit: 40 } });
  const asker = rig.peer(0.4);
  for (const away of [0.01, 0.02, 0.03]) rig.peer(away);
  const id = rig.ask(asker, { htl: 21 });
  const liar = rig.hop();
  t.match(liar.request.route, { htl: 20 });
  rig.says(liar, { type: 'dataNotFound', visits: 1_000 });
  t.match(rig.hop().request.route, { htl: 10 });
  rig.pass(1_000);
  t.match(rig.hop().request.route, { htl: 10 }, 'who accepts nothing costs nothing');
  rig.pass(1_000);
  t.strictSame(
    rig.told(asker).at(-1),
    { type: 'routeNotFound', id, visits: 10 },
    'what was believed is passed on',
  );
});

void t.test('a refusal of a loop is free: neither HTL nor stall is spent on it', async (t) => {
  const rig = new Rig({ away: 0.01 });
  const asker = rig.peer(0.4);
  for (let i = 0; i < 12; i += 1) rig.peer(0.1 + i / 100);
  rig.ask(asker, { htl: 10, stall: 2 });
  const [first] = rig.hops();
  if (first === undefined) throw new Error('nobody was asked');
  const { route } = first.request;
  rig.says(first, { type: 'routeNotFound', visits: 0 });
  for (let i = 0; i < 9; i += 1) {
    const hop = rig.hop();
    t.strictSame(hop.request.route, route);
    rig.says(hop, { type: 'accepted' }, { type: 'routeNotFound', visits: 0 });
  }
});

void t.test('a dead end that searched is charged like an empty branch', async (t) => {
  const rig = new Rig({ away: 0.01 });
  const asker = rig.peer(0.4);
  for (let i = 0; i < 4; i += 1) rig.peer(0.1 + i / 100);
  rig.ask(asker, { htl: 10 });
  rig.hopSays({ type: 'routeNotFound', visits: 2 });
  t.match(rig.hop().request.route, { htl: 6, stall: 3 });
});
