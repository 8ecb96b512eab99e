/** Kademlia and Chord against what is known of them: research (routing.md, 1), the papers, and a search through all nodes. */
import t, { type Test } from 'tap';
import { type Location, asLocation } from '../../../keys/index.ts';
import { SeededRandom } from '../random.ts';
import { runScenario } from '../run.ts';
import { beside } from './beside.ts';
import { Chord } from './chord.ts';
import { K, Kademlia } from './kademlia.ts';
import { Owners } from './owners.ts';
import { Ring, idOf } from './ring.ts';

const LOOKUPS = 2_000;

function places(count: number, seed: number): Location[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, () => asLocation(random.fraction()));
}

function meanOf(nodes: number, cost: (what: { asker: number; place: Location }) => number): number {
  const random = new SeededRandom(99);
  let sum = 0;
  for (let i = 0; i < LOOKUPS; i += 1)
    sum += cost({ asker: random.below(nodes), place: asLocation(random.fraction()) });
  return sum / LOOKUPS;
}

function within(t: Pick<Test, 'ok'>, value: number, known: number): void {
  t.ok(Math.abs(value - known) < 0.1 * known, `${value} is within a tenth of ${known}`);
}

for (const [nodes, known] of [
  [100, { with20: 0.8, with1: 1.3, messages20: 4.8, messages1: 8, chord: 4.2 }],
  [1_000, { with20: 1.2, with1: 1.9, messages20: 7.5, messages1: 11.4, chord: 5.8 }],
  [10_000, { with20: 1.8, with1: 2.4, messages20: 10.9, messages1: 14.5, chord: 7.5 }],
] as const) {
  void t.test(`at ${nodes} nodes Kademlia and Chord cost what the prototype has measured`, async (t) => {
    const locations = places(nodes, 1);
    const kademlia = new Kademlia({ locations, seed: 1 });
    const chord = new Chord({ locations, successors: 1 });
    within(
      t,
      meanOf(nodes, (what) => kademlia.fetch({ ...what, replicas: K }).rounds),
      known.with20,
    );
    within(
      t,
      meanOf(nodes, (what) => kademlia.fetch({ ...what, replicas: 1 }).rounds),
      known.with1,
    );
    within(
      t,
      meanOf(nodes, (what) => kademlia.fetch({ ...what, replicas: K }).messages),
      known.messages20,
    );
    within(
      t,
      meanOf(nodes, (what) => kademlia.fetch({ ...what, replicas: 1 }).messages),
      known.messages1,
    );
    within(
      t,
      meanOf(nodes, (what) => chord.fetch(what).hops),
      known.chord,
    );
  });
}

void t.test(
  'whatever exists is found by Kademlia, and what does not is looked for at k nodes at least',
  async (t) => {
    const locations = places(500, 2);
    const kademlia = new Kademlia({ locations, seed: 2 });
    t.equal(
      meanOf(500, (what) => (kademlia.fetch({ ...what, replicas: 1 }).found ? 1 : 0)),
      1,
    );
    const random = new SeededRandom(3);
    for (let i = 0; i < 50; i += 1) {
      const what = { asker: random.below(500), place: asLocation(random.fraction()), replicas: 0 };
      const cost = kademlia.fetch(what);
      t.notOk(cost.found);
      t.ok(cost.messages >= 2 * K);
    }
  },
);

void t.test('holders in Kademlia are the nodes closest by XOR of all', async (t) => {
  const locations = places(300, 4);
  const kademlia = new Kademlia({ locations, seed: 4 });
  for (const place of places(40, 5)) {
    const away = (number: number): number => (idOf(locations[number] as Location) ^ idOf(place)) >>> 0;
    const all = locations.map((_, number) => number).sort((a, b) => away(a) - away(b));
    t.strictSame(kademlia.holders(place, K), all.slice(0, K));
  }
});

void t.test('a holder that asks for its own block sends nothing, in either', async (t) => {
  const locations = places(200, 6);
  const kademlia = new Kademlia({ locations, seed: 6 });
  const chord = new Chord({ locations, successors: 4 });
  for (const place of places(20, 7)) {
    const [asker = -1] = kademlia.holders(place, 1);
    t.equal(kademlia.fetch({ asker, place, replicas: 1 }).messages, 0);
    t.equal(chord.fetch({ asker: chord.holder(place), place }).messages, 0);
  }
});

void t.test('in Chord a key lies at the first node at or after it, round the circle', async (t) => {
  const locations = [0.9, 0.1, 0.5].map(asLocation);
  const chord = new Chord({ locations, successors: 1 });
  const at = (place: number): number => chord.holder(asLocation(place));
  t.strictSame([0.95, 0, 0.1, 0.2, 0.5, 0.6, 0.9].map(at), [1, 1, 1, 2, 2, 0, 0]);
});

void t.test(
  'more successors never make a way in Chord longer, and all of them make it one hop',
  async (t) => {
    const locations = places(64, 8);
    const random = new SeededRandom(9);
    const [few, some, all] = [1, 8, 64].map((successors) => new Chord({ locations, successors }));
    for (let i = 0; i < 200; i += 1) {
      const what = { asker: random.below(64), place: asLocation(random.fraction()) };
      const hops = [few, some, all].map((chord) => chord?.fetch(what).hops ?? Number.NaN);
      t.ok((hops[0] ?? 0) >= (hops[1] ?? Infinity), hops.join());
      t.ok((hops[2] ?? Infinity) <= 1);
    }
  },
);

void t.test('a ring finds who shares bits, and the next one, at both of its ends', async (t) => {
  const ring = new Ring([0.75, 0, 0.25, 0.5].map(asLocation));
  t.strictSame([...ring.numbers], [1, 2, 3, 0]);
  t.strictSame(ring.sharing(2 ** 31, 1), { from: 2, to: 4 });
  t.strictSame(ring.sharing(0, 0), { from: 0, to: 4 });
  t.equal(ring.successor(2 ** 31), 2);
  t.equal(ring.successor(2 ** 32 - 1), 0);
  t.equal(ring.successor(2 ** 32), 0);
});

void t.test(
  'the questions of a run are put to the others as they were, and its own figures are of first fetches',
  async (t) => {
    const owners = new Owners();
    const ran = runScenario('smallworld', { nodes: 150, seed: 1, fetches: 300, observers: [owners] });
    const of = (kind: string): typeof owners.fetches => owners.fetches.filter((fetch) => fetch.of === kind);
    t.strictSame(
      ['first', 'again', 'missing'].map((kind) => of(kind).length),
      [60, 240, 30],
    );
    const existing = owners.fetches.filter((fetch) => fetch.of !== 'missing');
    const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
    t.equal(sum(existing.map(({ hops = Number.NaN }) => hops)) / 300, ran?.report.metrics['hops.mean']);
    // What is told of peers is no cost of a request, so that both count the same.
    t.equal(sum(existing.map(({ messages }) => messages)) / 300, ran?.report.metrics['messages.mean']);
    t.equal(sum(of('missing').map(({ messages }) => messages)) / 30, ran?.report.metrics['missing.messages']);

    const locations = places(150, 1);
    const metrics = beside({ locations, fetches: owners.fetches, seed: 1 });
    t.equal(metrics['first.found'], 1);
    t.equal(metrics['kademlia1.found'], 1);
    t.equal(metrics['kademlia1.direct.blocks'], metrics['kademlia1.blocks']);
    t.ok((metrics['kademlia20.blocks'] ?? 0) > (metrics['kademlia20.direct.blocks'] ?? 9));
    for (const [name, value] of Object.entries(metrics)) t.ok(Number.isFinite(value), name);
  },
);
