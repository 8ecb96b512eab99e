/** The neighbour check (docs/spec/peers.md, 6): nearer nodes that peers list become peers; invented ones cost little. */
import t from 'tap';
import { type Location } from '../../../keys/index.ts';
import { type LinkId, opennetLimits, routingLimits } from '../../../routing/index.ts';
import type { SeekId } from '../../../routing/messages.ts';
import { Lone, at } from './lone.ts';
import { Net } from './net.ts';

const EVERY = opennetLimits.neighbourEveryMs.value * 1.25;

function list(...places: number[]): readonly Location[] {
  return places.map(at).sort((a, b) => a - b);
}

/** Ends the rounds of seeking, so that only checks remain. */
function endSeeks(lone: Lone): void {
  for (const { link, message } of lone.toldAll('seek')) lone.say(link, { type: 'seekEnd', id: message.id });
}

void t.test('a nearer node that a peer lists is introduced by it and dialled', async (t) => {
  const lone = new Lone({ opennet: 'on' });
  const link = lone.peer(0.4);
  endSeeks(lone);
  const near = lone.node(0.499);
  lone.say(link, { type: 'peers', list: list(0.3, near.location) });
  let asked: SeekId | undefined;
  for (let ms = 0; asked === undefined && ms < EVERY; ms += 100) {
    lone.pass(100);
    for (const { message } of lone.toldAll('introduce'))
      if (message.location === near.location) asked = message.id;
  }
  if (asked === undefined) throw new Error('it asks');
  lone.say(link, { type: 'introduction', id: asked, reference: near.reference });
  t.match(lone.dials, [{ candidate: near }]);
});

void t.test(
  'another node than the one asked for is not taken, nor one that was introduced unasked',
  async (t) => {
    const lone = new Lone({ opennet: 'on' });
    const link = lone.peer(0.4);
    endSeeks(lone);
    const [near, other] = [lone.node(0.499), lone.node(0.4995)];
    lone.say(link, { type: 'peers', list: list(near.location) });
    lone.pass(EVERY);
    const [asked] = lone.toldAll('introduce');
    if (asked === undefined) throw new Error('it asks');
    const { id } = asked.message;
    lone.say(link, { type: 'introduction', id: (id + 5) as typeof id, reference: near.reference });
    lone.say(link, { type: 'introduction', id, reference: other.reference });
    lone.say(link, { type: 'introduction', id, reference: near.reference });
    t.same(lone.dials, []);
  },
);

void t.test('a peer that lists what does not exist is asked a few times, and then left alone', async (t) => {
  const lone = new Lone({ opennet: 'on' });
  const liar = lone.peer(0.4);
  endSeeks(lone);
  const invented = Array.from({ length: 64 }, (_, i) => 0.501 + i / 100_000);
  lone.say(liar, { type: 'peers', list: list(...invented) });
  let asked = 0;
  for (let second = 0; second < 480; second += 1) {
    lone.pass(1_000);
    for (const { link, message } of lone.toldAll('introduce')) {
      asked += 1;
      lone.say(link, { type: 'noIntroduction', id: message.id });
    }
  }
  // Those of one check are on their way together.
  t.ok(asked >= opennetLimits.vainListings.value);
  t.ok(asked <= opennetLimits.vainListings.value + opennetLimits.dialsAtOnce.value + 2, `${asked} asked`);
});

void t.test('a place that led nowhere is not asked for again so soon', async (t) => {
  const lone = new Lone({ opennet: 'on' });
  const link = lone.peer(0.4);
  endSeeks(lone);
  lone.say(link, { type: 'peers', list: list(0.499) });
  let asked = 0;
  for (let minute = 0; minute < 9; minute += 1) {
    lone.pass(60_000);
    asked += lone.toldAll('introduce').length;
  }
  t.equal(asked, 1);
  lone.pass(200_000);
  t.equal(lone.toldAll('introduce').length, 1);
});

void t.test('a full node asks for its neighbours alone, one on each side at most', async (t) => {
  const lone = new Lone({ opennet: 'on' });
  const links: LinkId[] = [];
  for (let i = 0; i < routingLimits.peers.value / 2; i += 1) {
    const away = 0.4 * 0.6 ** i;
    links.push(lone.caller(0.5 + away), lone.caller(0.5 - away));
  }
  endSeeks(lone);
  lone.pass(10_000);
  endSeeks(lone);
  const [first, second] = links;
  if (first === undefined || second === undefined) throw new Error('all places are taken');
  lone.say(first, { type: 'peers', list: list(0.9001, 0.6001, 0.50001, 0.50002, 0.7001) });
  lone.say(second, { type: 'peers', list: list(0.1001, 0.49999, 0.49998, 0.3001) });
  lone.pass(EVERY - 10_000);
  const asked = lone.toldAll('introduce').map(({ message }) => message.location);
  t.same(
    asked.toSorted((a, b) => a - b),
    [at(0.49999), at(0.50001)],
  );
});

void t.test(
  'the circle gets whole: each node has its nearest neighbours on both sides among its peers',
  async (t) => {
    const net = new Net({ seed: 13 });
    const seed = net.add();
    for (let i = 1; i < 100; i += 1) {
      net.pass(1_000);
      net.add({ seeds: [seed] });
    }
    net.pass(300_000);
    const ring = [...net.nodes].sort((a, b) => a.candidate.location - b.candidate.location);
    let missing = 0;
    ring.forEach((node, index) => {
      const next = ring[(index + 1) % ring.length];
      if (next !== undefined && !net.peersOf(node).includes(next)) missing += 1;
    });
    t.equal(missing, 0);
  },
);
