/** Each check finds the breach that it is for, and nothing in what an honest node does. */
import t from 'tap';
import { type RoutingKey, asLocation, distance, location } from '../../keys/index.ts';
import {
  type Effect,
  LOCAL_LINK,
  type LinkId,
  type Message,
  type Peer,
  type Request,
  networks,
  routingLimits,
} from '../../routing/index.ts';
import { Checks, type Rule, type Watched } from './checks.ts';
import { SeededRandom } from './random.ts';

const params = networks.open;
const LINK = 1 as LinkId;
const OTHER = 2 as LinkId;
const KEY = new SeededRandom(1).bytes(32) as RoutingKey;
const PLACE = asLocation(0.25);
const OWN_DISTANCE = Math.floor(distance(PLACE, location(KEY, 0)) * 2 ** 32);
const BLOCK = new Uint8Array(4) as Extract<Effect, { type: 'writeBlock' }>['block'];

type Greedy = Extract<Request['route'], { phase: 'greedy' }>;

/** What does not matter to a check is filled in. */
function request(id: number, route: Partial<Record<keyof Greedy, unknown>> = {}): Request {
  const greedy = { phase: 'greedy', uid: 'aa', htl: 10, stall: 0, best: 0, visited: [], ...route };
  return {
    type: 'dataRequest',
    id,
    key: KEY,
    salt: 0,
    priority: 'realtime',
    deadlineMs: 60_000,
    route: greedy,
  } as unknown as Request;
}

/** A node whose router does what the test says. */
class Acted {
  readonly checks = new Checks(params);
  readonly node: Watched & { router: { pending: number } } = {
    number: 7,
    location: PLACE,
    role: 'honest',
    router: { pending: 0 },
  };
  now = 1_000;

  hears(link: LinkId, message: Message): this {
    this.checks.heard(this.now, this.node, { type: 'message', link, message });
    return this;
  }

  linked(link: LinkId, peer: Partial<Peer>): this {
    const whole = {
      identity: `${link}`,
      group: `${link}`,
      site: `${link}`,
      tie: 'friend',
      cost: 1,
      carrier: 'memory',
    };
    const event = { type: 'linkUp', link, peer: { ...whole, ...peer } as Peer, since: -Infinity } as const;
    this.checks.heard(this.now, this.node, event);
    return this;
  }

  says(link: LinkId, message: unknown): this {
    this.checks.did(this.now, this.node, { type: 'send', link, message: message as Message });
    return this;
  }

  writes(into: 'store' | 'cache'): this {
    this.checks.did(this.now, this.node, {
      type: 'writeBlock',
      token: 1 as Extract<Effect, { type: 'writeBlock' }>['token'],
      key: KEY,
      block: BLOCK,
      into,
      asker: LINK,
    });
    return this;
  }

  get rules(): Rule[] {
    this.checks.rested(this.now, this.node);
    return this.checks.breaches.map(({ rule }) => rule);
  }
}

const accepted = { type: 'accepted', id: 1 };
const notFound = { type: 'dataNotFound', id: 1, visits: 0 };
const deadEnd = { type: 'routeNotFound', id: 2, visits: 0 };

void t.test('a request that is accepted, passed on and answered once is no breach', async (t) => {
  const acted = new Acted().hears(LINK, request(1));
  acted.says(LINK, accepted).says(OTHER, request(9, { htl: 9, stall: 1 }));
  acted.says(OTHER, request(10, { htl: 8, stall: 2 })).says(LINK, { type: 'working', id: 1 });
  t.strictSame(acted.says(LINK, notFound).rules, []);
});

void t.test('once: a uid that was seen before gets nothing but a dead end', async (t) => {
  const seen = (): Acted =>
    new Acted().hears(LINK, request(1)).says(LINK, accepted).says(LINK, notFound).hears(OTHER, request(2));
  t.strictSame(
    seen()
      .says(OTHER, { ...accepted, id: 2 })
      .says(OTHER, deadEnd).rules,
    [],
  );
  t.strictSame(seen().says(OTHER, { ...notFound, id: 2 }).rules, ['once']);
  t.strictSame(seen().says(OTHER, { ...deadEnd, visits: 1 }).rules, ['once']);
  const late = new Acted().hears(LINK, request(1)).says(LINK, accepted).says(LINK, notFound);
  late.now += params.seenKeepMs + 1;
  late.hears(OTHER, request(2)).says(OTHER, { ...accepted, id: 2 });
  t.strictSame(late.says(OTHER, { ...notFound, id: 2 }).rules, [], 'after a while it is forgotten');
});

void t.test('once: a request that this node has begun and that comes back is one seen before', async (t) => {
  const acted = new Acted().says(OTHER, request(9, { htl: 17, best: OWN_DISTANCE })).hears(LINK, request(1));
  t.strictSame(acted.says(LINK, accepted).says(LINK, notFound).rules, ['once']);
});

void t.test('budget: a visit costs what it costs, and nothing is given back', async (t) => {
  const first = (route: Partial<Greedy>): Rule[] =>
    new Acted().hears(LINK, request(1)).says(OTHER, request(9, { htl: 9, stall: 1, ...route })).rules;
  t.strictSame(first({}), []);
  t.strictSame(first({ htl: 10 }), ['budget']);
  t.strictSame(first({ stall: 0 }), ['budget']);
  t.strictSame(first({ best: 1 as Greedy['best'] }), ['budget']);
  const then = (route: Partial<Record<keyof Greedy, unknown>>): Rule[] =>
    new Acted()
      .hears(LINK, request(1, { best: 2 ** 31, htl: 10 }))
      .says(OTHER, request(9, { htl: 9, stall: 0, best: OWN_DISTANCE }))
      .says(OTHER, request(10, { htl: 6, stall: 3, best: OWN_DISTANCE, ...route })).rules;
  t.strictSame(then({}), []);
  t.strictSame(then({ htl: 11 }), ['budget'], 'HTL grew');
  t.strictSame(then({ stall: 4 }), ['budget'], 'more stall than was visited');
  t.strictSame(then({ best: 2 ** 31 }), ['budget'], 'farther than before');
  t.strictSame(then({ best: 0, stall: 2 }), []);
  t.strictSame(then({ best: 0, stall: 3 }), ['budget'], 'progress begins the stall anew');
});

void t.test('answers: none twice, none to nobody, none missing', async (t) => {
  const open = (): Acted => new Acted().hears(LINK, request(1)).says(LINK, accepted);
  t.strictSame(open().says(LINK, notFound).says(LINK, notFound).rules, ['answers']);
  t.strictSame(open().says(LINK, accepted).rules, ['answers']);
  t.strictSame(open().says(OTHER, notFound).rules, ['answers']);
  t.strictSame(new Acted().hears(LINK, request(1)).says(LINK, { type: 'working', id: 1 }).rules, ['answers']);
  const missing = open();
  missing.checks.finish(missing.now + 61_000, () => true);
  t.strictSame(missing.rules, [], 'there may still come one');
  missing.checks.finish(missing.now + 70_000, () => false);
  t.strictSame(missing.rules, [], 'the dead owe none');
  missing.checks.finish(missing.now + 70_000, () => true);
  t.strictSame(missing.rules, ['answers']);
  const gone = open();
  gone.checks.heard(gone.now, gone.node, { type: 'linkDown', link: LINK });
  gone.checks.finish(gone.now + 70_000, () => true);
  t.strictSame(gone.rules, [], 'nor is one owed to who is gone');
});

void t.test('store: only among the closest, and there always', async (t) => {
  // The node lies far from the key, and all of these next to it.
  const target = location(KEY, 0);
  const rank = params.storeRank;
  const near = (count: number, peer: Partial<Peer> = {}): Acted => {
    const acted = new Acted();
    for (let link = 1; link <= count; link += 1) acted.linked(link as LinkId, { location: target, ...peer });
    return acted.hears(LINK, request(1));
  };
  t.strictSame(near(rank - 1).writes('store').rules, []);
  t.strictSame(near(rank).writes('store').rules, ['store']);
  t.strictSame(near(rank).writes('cache').rules, []);
  t.strictSame(near(rank - 1).writes('cache').rules, ['store']);
  t.strictSame(near(9, { group: 'one operator' }).writes('store').rules, [], 'a group counts once');
  t.strictSame(
    near(rank, { tie: 'stranger' }).writes('store').rules,
    [],
    'who is not confirmed does not count',
  );
  const blamed = near(rank);
  blamed.checks.did(blamed.now, blamed.node, { type: 'peerVerdict', link: LINK, verdict: 'silent' });
  t.strictSame(blamed.writes('store').writes('cache').rules, [], 'who was blamed may count or not');
  const audited = near(rank).says(LINK, request(9, { uid: 'own', htl: 17, best: OWN_DISTANCE }));
  audited.hears(LINK, { ...notFound, id: 9 } as Message);
  t.strictSame(audited.writes('store').rules, [], 'nor need who did not have what it had stored');
  const lost = near(rank).says(LINK, {
    ...request(9, { uid: 'own', htl: params.htl, best: OWN_DISTANCE }),
    type: 'insertRequest',
  });
  lost.hears(LINK, { ...notFound, id: 9 } as Message);
  t.strictSame(lost.writes('store').rules, [], 'nor who has lost an insert');
  t.strictSame(new Acted().writes('store').rules, ['store'], 'nobody has asked');
});

void t.test('bounds: no more in work than the limits say', async (t) => {
  const busy = new Acted();
  busy.node.router.pending = routingLimits.pendingRequests.value;
  t.strictSame(busy.rules, []);
  busy.node.router.pending += 1;
  t.strictSame(busy.rules, ['bounds']);
  const flooded = new Acted();
  for (let id = 0; id <= routingLimits.pendingPerLink.value; id += 1)
    flooded.hears(LINK, request(id, { uid: `u${id}` }));
  t.strictSame(flooded.rules, ['bounds']);
});

void t.test("the owner's requests are checked like others", async (t) => {
  const acted = new Acted().hears(LOCAL_LINK, { ...request(1), route: { phase: 'stem' } });
  t.strictSame(acted.says(LOCAL_LINK, accepted).says(LOCAL_LINK, notFound).says(LOCAL_LINK, notFound).rules, [
    'answers',
  ]);
});
