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
  readonly places: Places;

  constructor(kept: StemState['places'] = [], now = 0) {
    this.now = now;
    this.places = new Places({
      kept,
      wallNow: () => this.now,
      answer: (link, step) => this.answers.push(`${link} ${step}`),
      violation: (link) => this.violations.push(link),
      changed: () => {},
    });
  }

  asks(number: number, tie: Peer['tie'] = 'stranger'): string {
    const link = number as LinkId;
    this.places.linkUp(link, {
      identity: `node ${number}`,
      location: asLocation(0.5),
      tie,
      group: 'all of one',
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
  const guard = new Guard([{ identity: 'node 7', seenAt: 0 }]);
  const peer = { identity: 'node 7', tie: 'stranger' } as Peer;
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
