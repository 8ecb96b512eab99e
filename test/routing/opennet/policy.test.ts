/** Whom a node wants, whom it gives up for that, and where it ends if it is offered everybody (peers.md, 3). */
import * as fc from 'fast-check';
import t from 'tap';
import { type Location, asLocation, assert } from '../../../keys/index.ts';
import { type LinkId, type Peer, routingLimits } from '../../../routing/index.ts';
import { bySide, gapScores, logDistance } from '../../../routing/opennet/gap.ts';
import { type Applicant, pinned, wants } from '../../../routing/opennet/policy.ts';
import type { PeerView } from '../../../routing/peers.ts';
import { SeededRandom } from '../../sim/random.ts';

const own = asLocation(0.5);
const MOST = routingLimits.peers.value;
const PER_GROUP = Math.floor(MOST * routingLimits.groupShare.value);

type Node = Omit<Applicant, 'cost'> & {
  readonly tie?: Peer['tie'];
  readonly silence?: number;
  readonly cost?: number;
};

const node = (at: number, more: Partial<Node> = {}): Node => ({
  identity: `node at ${at}`,
  location: asLocation(at),
  group: `group of ${at}`,
  site: `site of ${at}`,
  ...more,
});

function view(node: Node, index: number): PeerView {
  const { tie = 'stranger', silence = 0, cost = 50, ...rest } = node;
  const peer: Peer = { ...rest, tie, cost, carrier: 'memory' };
  return { link: (index + 1) as LinkId, peer, since: 0, confirmed: true, isEdge: false, silence, listed: [] };
}

const asks = (applicant: Node, peers: readonly Node[]): ReturnType<typeof wants> =>
  wants({ cost: 50, ...applicant }, { own, peers: peers.map(view) });

/** The peers after the applicant came; the same array when it was not wanted. */
function taken(peers: readonly Node[], applicant: Node): readonly Node[] {
  const answer = asks(applicant, peers);
  if (!answer.wanted) return peers;
  const victim = answer.victim === undefined ? undefined : answer.victim - 1;
  return [...peers.filter((_, index) => index !== victim), applicant];
}

const evenly = (count: number): Node[] =>
  Array.from({ length: count }, (_, i) => node(0.5 + 0.49 * (i % 2 === 0 ? 1 : -1) * 2 ** -(i / 2)));

const places = fc.uniqueArray(
  fc.integer({ min: 0, max: 999_999 }).filter((n) => n !== 500_000),
  { minLength: 30, maxLength: 80 },
);

void t.test(
  'as long as there is room everybody is wanted but this node and who is there already',
  async (t) => {
    const peers = evenly(MOST - 1);
    t.strictSame(asks(node(0.123), peers), { wanted: true });
    t.strictSame(asks(node(0.5), peers), { wanted: false }, 'at the own place there is this node');
    t.strictSame(asks({ ...node(0.123), identity: peers[3]?.identity ?? '' }, peers), { wanted: false });
  },
);

void t.test('friends and chosen peers take no place of a stranger', async (t) => {
  const friends = [0.11, 0.12, 0.13].map((at) => node(at, { tie: 'friend' }));
  const chosen = node(0.14, { tie: 'chosen' });
  t.strictSame(asks(node(0.123), [...evenly(MOST - 1), ...friends, chosen]), { wanted: true });
});

void t.test('of one site there is one stranger: a better one follows, it does not come on top', async (t) => {
  const peers = [...evenly(8), node(0.97), node(0.98, { site: 'here' })];
  t.strictSame(asks(node(0.9801, { site: 'here' }), peers), { wanted: false });
  const answer = asks(node(0.2, { site: 'here' }), peers);
  t.strictSame(answer, { wanted: true, victim: 10 }, 'though there is room');
});

void t.test('a group has no more than a quarter of the places, and then competes with itself', async (t) => {
  const ofGroup = Array.from({ length: PER_GROUP }, (_, i) => node(0.9 - i / 1_000, { group: 'crowd' }));
  const peers = [...evenly(4), ...ofGroup];
  const answer = asks(node(0.2, { group: 'crowd' }), peers);
  assert(answer.wanted && answer.victim !== undefined, 'it is better than the crowded ones');
  t.equal(peers[answer.victim - 1]?.group, 'crowd');
  t.strictSame(asks(node(0.2), peers), { wanted: true }, 'for others there is room');
});

void t.test(
  'whatever is offered, no site has two strangers, no group more than its share, and all no more than the places',
  async () => {
    const offer = fc.record({
      at: fc.integer({ min: 0, max: 999_999 }),
      group: fc.integer({ min: 0, max: 6 }),
      site: fc.integer({ min: 0, max: 40 }),
    });
    fc.assert(
      fc.property(fc.array(offer, { minLength: 40, maxLength: 100 }), (offers) => {
        let peers: readonly Node[] = [];
        for (const { at, group, site } of offers)
          peers = taken(peers, node(at / 1e6, { group: `${group}`, site: `${site}` }));
        const counts = new Map<string, number>();
        for (const { group } of peers) counts.set(group, (counts.get(group) ?? 0) + 1);
        return (
          peers.length <= MOST &&
          Math.max(...counts.values()) <= PER_GROUP &&
          new Set(peers.map(({ site }) => site)).size === peers.length
        );
      }),
    );
  },
);

void t.test(
  'never a victim are friends, chosen peers and pins, and the victim has the smallest score of the others',
  async () => {
    const ties = fc.constantFrom('friend', 'chosen', 'stranger', 'stranger', 'stranger' as const);
    const table = fc.array(fc.tuple(fc.integer({ min: 1, max: 499_999 }), ties), {
      minLength: MOST,
      maxLength: 60,
    });
    let victims = 0;
    fc.assert(
      fc.property(table, fc.integer({ min: 0, max: 999_999 }), (ats, to) => {
        const peers = ats.map(([at, tie], i) =>
          node(((i % 2) * 500_000 + at) / 1e6, { tie, identity: `${i}`, site: `${i}`, group: `${i}` }),
        );
        const applicant = node(to / 1e6);
        const answer = asks(applicant, peers);
        if (!answer.wanted || answer.victim === undefined) return true;
        victims += 1;
        const all = [...peers, applicant].map((one) => ({ cost: 50, silence: 0, ...one }));
        const scores = gapScores(own, all);
        const pins = pinned(own, all);
        const index = answer.victim - 1;
        const score = scores[index] ?? NaN;
        const least = peers.every(
          (peer, i) => peer.tie !== 'stranger' || pins.has(i) || (scores[i] ?? NaN) >= score,
        );
        return peers[index]?.tie === 'stranger' && !pins.has(index) && least;
      }),
    );
    t.ok(victims > 10, 'some were replaced');
  },
);

void t.test('who was dropped for another one does not win the place back', async (t) => {
  let replaced = 0;
  fc.assert(
    fc.property(places, (ats) => {
      let peers: readonly Node[] = [];
      for (const at of ats) {
        const applicant = node(at / 1e6, { group: `${at % 9}` });
        const before = peers;
        peers = taken(peers, applicant);
        const gone = before.find((peer) => !peers.includes(peer));
        if (gone === undefined) continue;
        replaced += 1;
        if (taken(peers, gone) !== peers) return false;
      }
      return true;
    }),
  );
  t.ok(replaced > 100, 'some were replaced');
});

void t.test('who is a little better does not win, and who would be a pin always does', async (t) => {
  const peers = evenly(MOST);
  const scores = gapScores(
    own,
    peers.map(({ location }) => ({ location, cost: 50 })),
  );
  t.ok(Math.min(...scores) > 0);
  t.strictSame(asks(node(0.5 + 0.49 / 2.02), peers), { wanted: false }, 'beside another one');
  const nearest = Math.min(...peers.map(({ location }) => Math.abs(location - own)));
  t.match(asks(node(0.5 + nearest * 0.99), peers), { wanted: true });
});

void t.test(
  'a silent peer has no pin and is the first to go; a silent node does not come back',
  async (t) => {
    const peers = evenly(MOST);
    const near = peers.map(({ location }) => Math.abs(location - own));
    const nearest = near.indexOf(Math.min(...near));
    const silent = peers.map((peer, index) => (index === nearest ? { ...peer, silence: 0.6 } : peer));
    t.strictSame(asks(node(0.77), silent), { wanted: true, victim: nearest + 1 });
    t.strictSame(asks(node(0.77, { silence: 0.6 }), silent), { wanted: false });
  },
);

void t.test('of one group one has a pin: its second nearest is a victim like any other', async (t) => {
  const near = [0.5001, 0.5002].map((at) => ({ ...node(at, { group: 'sybils' }), cost: 50, silence: 0 }));
  const far = [0.501, 0.52].map((at) => ({ ...node(at), cost: 50, silence: 0 }));
  t.strictSame(pinned(own, [...near, ...far]), new Set([0, 2]));
});

/** Drops to a node everybody of a network in the given order, more than once, as time does. */
function settled(network: readonly Location[], random: SeededRandom): readonly Node[] {
  let peers: readonly Node[] = [];
  for (let round = 0; round < 3; round += 1) {
    const order = network.map((at) => ({ at, draw: random.fraction() })).sort((a, b) => a.draw - b.draw);
    for (const { at } of order) peers = taken(peers, node(at));
  }
  return peers;
}

void t.test(
  'from whatever order, the distances end up as even in logarithms as the network allows',
  async (t) => {
    const random = new SeededRandom(5);
    for (const nodes of [300, 3_000]) {
      const network = Array.from({ length: nodes }, () => asLocation(random.fraction()));
      const sides: number[] = [];
      let worst = 0;
      for (let order = 0; order < 4; order += 1) {
        const peers = settled(network, random);
        t.equal(peers.length, MOST);
        const near = network.toSorted((a, b) => Math.abs(a - own) - Math.abs(b - own)).slice(0, 2);
        t.ok(
          near.every((at) => peers.some(({ location }) => location === at)),
          'the nearest are there',
        );
        for (const side of bySide(
          own,
          peers.map(({ location }) => ({ location, cost: undefined })),
        )) {
          sides.push(side.length);
          const logs = [...side.map((index) => logDistance(own, peers[index]?.location ?? own)), -1];
          // Between the pins there is what there is.
          const steps = logs.slice(2).map((log, i) => log - (logs[i + 1] ?? NaN));
          const ideal = ((logs.at(-1) ?? NaN) - (logs[1] ?? NaN)) / steps.length;
          worst = Math.max(worst, Math.max(...steps) / ideal);
        }
      }
      t.ok(Math.min(...sides) >= MOST / 4, `both sides have their share: ${sides.join()}`);
      t.ok(worst < 2.5, `the largest hole is ${worst.toFixed(2)} of an even step`);
    }
  },
);
