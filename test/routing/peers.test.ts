/** What is known of the peers: closeness, the store rule, back-off (routing.md, 3, 6 and 9). */
import * as fc from 'fast-check';
import t from 'tap';
import { type Location, asLocation, distance } from '../../keys/index.ts';
import { type LinkId, type NetworkParams, networks } from '../../routing/index.ts';
import { type Choice, PeerTable } from '../../routing/peers.ts';
import { SeededRandom } from '../sim/random.ts';

const place = asLocation;
const target = place(0.5);
const RANK = networks.open.storeRank;
const none: ReadonlySet<LinkId> = new Set();

interface Here {
  readonly at: number;
  readonly group?: string;
  readonly since?: number;
  readonly tie?: 'friend' | 'stranger';
}

function table(here: readonly Here[], params: NetworkParams = networks.open): PeerTable {
  const peers = new PeerTable(params, new SeededRandom(3), place(0));
  here.forEach(({ at, group, tie, since = -Infinity }, index) => {
    const peer = {
      identity: `${index}`,
      location: place(at),
      tie: tie ?? 'friend',
      group: group ?? `${index}`,
      site: `${index}`,
      cost: 1,
      carrier: 'memory',
    } as const;
    peers.up((index + 1) as LinkId, peer, since);
  });
  return peers;
}

const link = (number: number): LinkId => number as LinkId;

function next(peers: PeerTable, choice: Partial<Choice> & { to?: Location } = {}): LinkId | undefined {
  const { to = target, ...rest } = choice;
  return peers.next(to, { now: 0, tried: none, asker: undefined, visited: [], ...rest });
}

void t.test('the closest peer is the one with the smallest distance round the circle', async () => {
  const places = fc.array(fc.integer({ min: 0, max: 999 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(places, fc.integer({ min: 0, max: 999 }), (ats, to) => {
      const peers = table(ats.map((at) => ({ at: at / 1_000 })));
      const away = (at: number): number => distance(place(at / 1_000), place(to / 1_000));
      const chosen = next(peers, { to: place(to / 1_000) });
      const least = Math.min(...ats.map(away));
      return chosen !== undefined && away(ats[chosen - 1] ?? NaN) === least;
    }),
  );
});

void t.test('nobody who was tried, or is left alone, or is gone is the closest', async (t) => {
  const peers = table([{ at: 0.5 }, { at: 0.51 }, { at: 0.52 }, { at: 0.53 }]);
  const closest = (now: number): LinkId | undefined => next(peers, { now, tried: new Set([link(1)]) });
  t.equal(closest(0), 2);
  peers.down(link(2));
  t.equal(closest(0), 3);
  peers.silent(link(3), 0);
  t.equal(closest(0), 4);
  peers.silent(link(4), 0);
  t.equal(closest(0), undefined);
  t.equal(closest(2_000), 3);
});

/** How long the next back-off of link 1 lasts, to the millisecond; time passes until its end. */
function nextBackoff(peers: PeerTable, from: number): number {
  peers.silent(link(1), from);
  let ms = 0;
  while (next(peers, { now: from + ms }) === undefined) ms += 1;
  return ms;
}

void t.test('a back-off doubles from a second to a minute, give or take a half', async (t) => {
  const peers = table([{ at: 0.5 }]);
  let now = 0;
  const lengths = [1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => {
    const ms = nextBackoff(peers, now);
    now += ms;
    t.ok(ms >= 500 * seconds && ms <= 1_500 * seconds, `${ms} ms are ${seconds} s ± a half`);
    return ms;
  });
  t.ok(new Set(lengths.slice(-3)).size > 1, 'askers do not come back together');
});

void t.test('an answer makes the next back-off short again, being left alone does not', async (t) => {
  const peers = table([{ at: 0.5 }]);
  let now = 0;
  for (let i = 0; i < 5; i += 1) now += nextBackoff(peers, now);
  peers.accepted(link(1), 10);
  const long = nextBackoff(peers, now + 1_000_000);
  t.ok(long >= 16_000, 'an acceptance is no answer');
  now += 1_000_000 + long;
  peers.answered(link(1), now);
  t.ok(nextBackoff(peers, now) <= 1_500);
});

void t.test('silences that come in one burst are one', async (t) => {
  const peers = table([{ at: 0.5 }]);
  for (let i = 0; i < 10; i += 1) peers.silent(link(1), 0);
  t.equal(next(peers, { now: 1_500 }), 1);
});

/** Whether a node at `own` is among the closest to the target. */
function keeps(peers: PeerTable, own: number, now = 0): boolean {
  return peers.isAmongClosest(target, { own: place(own), now });
}

/** So many nodes closer to the target than 0.55, on both sides of it. */
function closer(count: number, more: Omit<Here, 'at'> = {}): Here[] {
  return Array.from({ length: count }, (_, i) => ({ ...more, at: 0.5 + (i % 2 === 0 ? i : -i) / 1_000 }));
}

void t.test('a node keeps what fewer of its peers than the store rank are closer to', async (t) => {
  const farther: readonly Here[] = [{ at: 0.6 }, { at: 0.4 }, { at: 0.1 }, { at: 0.9 }];
  t.ok(keeps(table([]), 0.55));
  t.ok(keeps(table([...closer(RANK - 1), ...farther]), 0.55));
  t.notOk(keeps(table([...closer(RANK), ...farther]), 0.55));
  const asClose = [{ at: 0.55 }, { at: 1 - 0.55 }];
  t.ok(keeps(table([...closer(RANK - 1), ...asClose]), 0.55), 'as close is not closer');
});

void t.test('of the peers of one group one counts for the store rule', async (t) => {
  const sybils = closer(RANK + 1, { group: '10.1' });
  t.ok(keeps(table([...sybils, ...closer(RANK - 2)]), 0.55));
  t.notOk(keeps(table([...sybils, ...closer(RANK - 1)]), 0.55));
});

void t.test('a link counts for the store rule once it is a day old', async (t) => {
  const peers = table(closer(RANK, { since: 1_000 }));
  t.ok(keeps(peers, 0.55, 1_000 + networks.open.usableAfterMs - 1));
  t.notOk(keeps(peers, 0.55, 1_000 + networks.open.usableAfterMs));
  const young = closer(networks.testnet.storeRank, { since: 0 });
  t.notOk(keeps(table(young, networks.testnet), 0.55, 0));
});

void t.test('a peer that is left alone does not count for the store rule', async (t) => {
  const peers = table(closer(RANK));
  t.notOk(keeps(peers, 0.55));
  peers.silent(link(2), 0);
  t.ok(keeps(peers, 0.55));
  t.notOk(keeps(peers, 0.55, 2_000));
});

void t.test('what is said of a link that is gone is ignored', async (t) => {
  const peers = table([{ at: 0.5 }]);
  peers.down(link(1));
  peers.silent(link(1), 0);
  peers.accepted(link(1), 5_000);
  peers.answered(link(1), 0);
  t.equal(peers.acceptWithinMs(link(1)), networks.open.acceptFloorMs);
  t.equal(peers.locationOf(link(1)), undefined);
  t.equal(peers.count, 0);
});

void t.test('a location survives as it was given', async (t) => {
  const at: Location = place(1 - 2 ** -53);
  t.equal(table([{ at }]).locationOf(link(1)), at);
});

void t.test(
  'a peer that accepts just in time each time does not stretch its window without end',
  async (t) => {
    const peers = table([{ at: 0.5 }]);
    for (let request = 0; request < 100; request += 1) {
      peers.accepted(link(1), peers.acceptWithinMs(link(1)) - 1);
      t.ok(peers.acceptWithinMs(link(1)) <= networks.open.workingPatienceMs);
    }
    t.equal(
      peers.acceptWithinMs(link(1)),
      networks.open.workingPatienceMs,
      'it was stretched as far as it goes',
    );
  },
);
