/** What is remembered of a peer's behaviour: scores of silence, how they forget, and whom they follow (routing.md, 9). */
import * as fc from 'fast-check';
import t from 'tap';
import { asLocation } from '../../keys/index.ts';
import { type LinkId, networks, routingLimits } from '../../routing/index.ts';
import { PeerTable } from '../../routing/peers.ts';
import { PeerRecords, Score } from '../../routing/record.ts';
import { SeededRandom } from '../sim/random.ts';

const { silenceMost, silenceWeight, silenceHalfLifeMs, recordsKept } = routingLimits;
const target = asLocation(0.5);
const link = (number: number): LinkId => number as LinkId;

function table(...ats: number[]): PeerTable {
  const peers = new PeerTable(networks.testnet, new SeededRandom(3), asLocation(0));
  ats.forEach((at, index) => up(peers, { at, link: link(index + 1) }));
  return peers;
}

function up(peers: PeerTable, { at, link }: { at: number; link: LinkId }): void {
  const named = { identity: `at ${at}`, group: `${at}`, site: `${at}` };
  peers.up(link, { ...named, location: asLocation(at), tie: 'friend', cost: 1, carrier: 'memory' }, 0);
}

const next = (peers: PeerTable, now: number): LinkId | undefined =>
  peers.next(target, { now, tried: new Set(), asker: undefined, visited: [] });

/** Silent so often, each time as soon as it is asked again. */
function silences(peers: PeerTable, times: number): number {
  let now = 0;
  for (let i = 0; i < times; i += 1) {
    peers.silent(link(1), now);
    now += 2 * networks.open.backoffMostMs;
  }
  return now;
}

void t.test('a score stays between 0 and 1 and falls by half in its half-life', async () => {
  const events = fc.array(fc.record({ bad: fc.boolean(), after: fc.integer({ min: 0, max: 5_000_000 }) }));
  fc.assert(
    fc.property(events, fc.double({ min: 0.01, max: 1, noNaN: true }), (happened, weight) => {
      const score = new Score({ weight, halfLifeMs: 1_000 });
      let now = 0;
      return happened.every(({ bad, after }) => {
        now += after;
        score.add(bad ? 'bad' : 'good', now);
        const value = score.at(now);
        return value >= 0 && value <= 1 && Math.abs(score.at(now + 1_000) - value / 2) < 1e-12;
      });
    }),
  );
});

void t.test(
  'two silences in a row, and a peer is tried last; after some time it is tried again',
  async (t) => {
    const once = table(0.5, 0.4);
    t.equal(next(once, silences(once, 1)), 1);
    const twice = table(0.5, 0.4);
    const now = silences(twice, 2);
    t.equal(next(twice, now), 2);
    t.equal(
      twice.next(target, { now, tried: new Set([link(2)]), asker: undefined, visited: [] }),
      1,
      'last, but tried',
    );
    t.equal(next(twice, now + silenceHalfLifeMs.value), 1);
  },
);

void t.test('who answers a half of its requests is tried last for a part of the time', async (t) => {
  const peers = table(0.5, 0.4);
  const random = new SeededRandom(1);
  let last = 0;
  for (let i = 0, now = 0; i < 1_000; i += 1, now += 2_000) {
    if (random.fraction() < 0.5) peers.silent(link(1), now);
    else peers.answered(link(1), now);
    if (peers.silenceOf('at 0.5', now) > silenceMost.value) last += 1;
  }
  t.ok(last > 250 && last < 750, `${last} of 1,000`);
});

void t.test('what runs out while a peer is left alone is the same silence', async (t) => {
  const peers = table(0.5);
  for (let i = 0; i < 10; i += 1) peers.silent(link(1), i);
  t.ok(peers.silenceOf('at 0.5', 10) <= silenceWeight.value);
});

void t.test(
  'an answer heals, "not found" or not; silence while it is left alone is the same silence',
  async (t) => {
    const peers = table(0.5);
    const now = silences(peers, 3);
    peers.silent(link(1), now);
    const before = peers.silenceOf('at 0.5', now);
    peers.silent(link(1), now);
    t.equal(peers.silenceOf('at 0.5', now), before);
    peers.answered(link(1), now);
    t.ok(peers.silenceOf('at 0.5', now) < before);
  },
);

void t.test('a silent peer does not count for the store rule', async (t) => {
  const peers = table(0.5, 0.501, 0.502);
  const keeps = (now: number): boolean => peers.isAmongClosest(target, { own: asLocation(0.6), now });
  t.notOk(keeps(0));
  t.ok(keeps(silences(peers, 2)));
});

void t.test('a record outlives the link: who hangs up does not begin anew', async (t) => {
  const peers = table(0.5, 0.4);
  const now = silences(peers, 3);
  peers.down(link(1));
  up(peers, { at: 0.5, link: link(9) });
  t.equal(next(peers, now), 2);
  t.ok((peers.views(now).find((view) => view.link === 9)?.silence ?? 0) > silenceMost.value);
});

void t.test('as many records are kept as the limit, the last ones seen', async (t) => {
  const records = new PeerRecords();
  for (let i = 0; i < recordsKept.value; i += 1) records.of(`${i}`);
  records.of('0');
  records.of('one more');
  t.ok(records.find('0') && records.find('one more') && records.find('2'));
  t.equal(records.find('1'), undefined);
});
