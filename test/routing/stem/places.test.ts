/** Who may ask a guard by the stem (docs/spec/stem.md, 3). */
import t from 'tap';
import type { LinkId, Peer } from '../../../routing/index.ts';
import { stemLimits } from '../../../routing/stem/limits.ts';
import { Places } from '../../../routing/stem/places.ts';
import type { StemState } from '../../../routing/stem/state.ts';
import { asLocation } from '../../../keys/index.ts';

const DAY = 86_400_000;
const MOST = stemLimits.stemPlaces.value;

class Guard {
  now = 0;
  readonly answers: string[] = [];
  readonly violations: LinkId[] = [];
  readonly noPeers = new Set<LinkId>();
  readonly young = new Set<string>();
  readonly places: Places;

  constructor(kept: StemState['places'] = [], now = 0) {
    this.now = now;
    this.places = new Places({
      kept,
      wallNow: () => this.now,
      isPeer: (link) => !this.noPeers.has(link),
      isOld: (identity) => !this.young.has(identity),
      answer: (link, step) => this.answers.push(`${link} ${step}`),
      violation: (link) => this.violations.push(link),
      changed: () => {},
    });
  }

  asks(number: number, tie: Peer['tie'] = 'stranger', group = `group ${number}`): string {
    const link = number as LinkId;
    this.places.linkUp(link, {
      identity: `node ${number}`,
      location: asLocation(0.5),
      tie,
      group,
      site: 'one',
      cost: 1,
      carrier: 'memory',
    });
    this.places.heard(link, 'ask');
    return this.answers.at(-1) ?? '';
  }
}

void t.test('as many as there are places get one, in the order in which they ask', async (t) => {
  const guard = new Guard();
  for (let node = 1; node <= MOST; node += 1) t.equal(guard.asks(node), `${node} grant`);
  t.equal(guard.asks(99), '99 full');
  t.notOk(guard.places.has(99 as LinkId));
  t.equal(guard.places.links().length, MOST);
});

void t.test('friends get one beyond that', async (t) => {
  const guard = new Guard();
  for (let node = 1; node <= MOST; node += 1) guard.asks(node);
  t.equal(guard.asks(50, 'friend'), '50 grant');
  const other = new Guard();
  other.asks(50, 'friend');
  for (let node = 1; node <= MOST; node += 1) t.equal(other.asks(node), `${node} grant`);
});

void t.test('who gives its place up makes room', async (t) => {
  const guard = new Guard();
  for (let node = 1; node <= MOST; node += 1) guard.asks(node);
  guard.places.heard(3 as LinkId, 'end');
  t.notOk(guard.places.has(3 as LinkId));
  t.equal(guard.asks(99), '99 grant');
});

void t.test('a place waits for who is away, over a restart too, for so many days', async (t) => {
  const guard = new Guard();
  for (let node = 1; node <= MOST; node += 1) guard.asks(node);
  guard.now = DAY;
  guard.places.linkDown(1 as LinkId);
  t.notOk(guard.places.has(1 as LinkId), 'but nothing comes by a link that is gone');
  const again = new Guard(guard.places.keep(), 2 * DAY);
  t.equal(again.asks(99), '99 full');
  t.equal(again.asks(1), '1 grant');
  again.now = DAY + stemLimits.placeUnseenMs.value + 2;
  t.equal(again.asks(99), '99 grant', 'the others have not been seen since');
});

void t.test('the link of who has a place is held, before it has asked as well', async (t) => {
  const guard = new Guard([{ identity: 'node 7', group: 'a', seenAt: 0 }]);
  const peer = { identity: 'node 7', tie: 'stranger', group: 'a' } as Peer;
  guard.places.linkUp(7 as LinkId, peer);
  t.ok(guard.places.holds(7 as LinkId));
  t.notOk(guard.places.has(7 as LinkId));
  guard.places.linkUp(8 as LinkId, { ...peer, identity: 'node 8' });
  t.notOk(guard.places.holds(8 as LinkId));
});

void t.test('who asks again and again breaks a rule', async (t) => {
  const guard = new Guard();
  guard.asks(1);
  for (let i = 1; i < stemLimits.stemLinkSteps.value; i += 1) guard.places.heard(1 as LinkId, 'ask');
  t.strictSame(guard.violations, []);
  guard.places.heard(1 as LinkId, 'ask');
  t.strictSame(guard.violations, [1]);
});

void t.test('who is no peer gets none, a friend apart', async (t) => {
  const guard = new Guard();
  for (const link of [1, 2]) guard.noPeers.add(link as LinkId);
  t.equal(guard.asks(1), '1 full');
  t.equal(guard.asks(2, 'friend'), '2 grant');
});

void t.test(
  'of one group no more than a few get one, so that nobody fills the places of others',
  async (t) => {
    const guard = new Guard();
    const { groupPlaces } = stemLimits;
    const answers = Array.from({ length: MOST }, (_, node) => guard.asks(node, 'stranger', 'one operator'));
    t.equal(answers.filter((answer) => answer.endsWith('grant')).length, groupPlaces.value);
    t.equal(guard.asks(99), '99 grant');
  },
);

void t.test(
  'of young nodes no more than a few have one, which is over when they are no peers any more',
  async (t) => {
    const guard = new Guard();
    const { youngPlaces, youngUnseenMs } = stemLimits;
    for (let node = 1; node <= MOST; node += 1) guard.young.add(`node ${node}`);
    for (let node = 1; node <= youngPlaces.value; node += 1) t.equal(guard.asks(node), `${node} grant`);
    t.equal(guard.asks(9), '9 full');
    t.equal(guard.asks(99), '99 grant', 'who is old gets one');
    guard.places.lost(1 as LinkId);
    t.equal(guard.answers.at(-1), '1 full');
    t.notOk(guard.places.has(1 as LinkId) || guard.places.holds(1 as LinkId));
    guard.places.lost(99 as LinkId);
    t.ok(guard.places.has(99 as LinkId), 'an old place stays');
    t.equal(guard.asks(10), '10 grant');
    guard.places.linkDown(2 as LinkId);
    guard.now += youngUnseenMs.value + 1;
    t.equal(guard.asks(11), '11 grant', 'who stays away has none');
    t.strictSame(
      guard.places.keep().map(({ identity }) => identity),
      ['node 99'],
      'young ones are not kept over a restart',
    );
  },
);

void t.test('a young place becomes an old one with the time', async (t) => {
  const guard = new Guard();
  guard.young.add('node 1');
  guard.asks(1);
  guard.young.delete('node 1');
  guard.places.lost(1 as LinkId);
  t.ok(guard.places.has(1 as LinkId));
});
