/** Networks that grow by themselves (docs/spec/peers.md, 8): real routers in memory on a virtual clock. */
import t from 'tap';
import { asLocation } from '../../../keys/index.ts';
import { opennetLimits, routingLimits } from '../../../routing/index.ts';
import { Lone } from './lone.ts';
import { Net, type Node } from './net.ts';

const full = process.env['MIMEO_TEST_FULL'] !== undefined;
const THIRD = Math.floor(routingLimits.peers.value * opennetLimits.oneSourceShare.value);

interface Grown {
  readonly net: Net;
  readonly seed: Node;
}

/** Nodes that join one after the other through one seed; a share of them can only dial. */
function grow(count: number, { seed: random = 1, undialable = 0, everyMs = 2_000 } = {}): Grown {
  const net = new Net({ seed: random, wire: count > 100 ? 'objects' : 'bytes' });
  const seed = net.add();
  for (let i = 1; i < count; i += 1) {
    net.pass(everyMs);
    net.add({ seeds: [seed], dialable: net.random.fraction() >= undialable });
  }
  net.pass(120_000);
  return { net, seed };
}

/** Mean hops of fetches for the one block at the node closest to its key, and how many found it. */
function measure(net: Net, fetches: number): { found: number; hops: number } {
  let found = 0;
  let hops = 0;
  for (let i = 0; i < fetches; i += 1) {
    const from = net.nodes[net.random.below(net.nodes.length)];
    if (from === undefined) continue;
    const fetched = net.fetch(from);
    if (!fetched.found) continue;
    found += 1;
    hops += fetched.hops;
  }
  return { found: found / fetches, hops: hops / found };
}

void t.test(
  '50 nodes that join one after the other through one seed have 10 peers each, and find the closest node',
  async (t) => {
    const { net } = grow(50);
    const degrees = net.nodes.map((node) => net.peersOf(node).length);
    t.ok(Math.min(...degrees) >= 10, `${Math.min(...degrees)} peers at least`);
    t.ok(Math.max(...degrees) <= routingLimits.peers.value, 'and no more than there are places');
    t.equal(net.disagreements(), 0, 'both ends of a link agree');
    const { found, hops } = measure(net, 200);
    t.equal(found, 1);
    t.ok(hops < 2, `${hops} hops`);
    t.same(
      net.nodes.flatMap(({ verdicts }) => verdicts),
      [],
      'nobody breaks a rule',
    );
  },
);

void t.test('a newcomer has 10 peers within 10 seconds', async (t) => {
  const { net, seed } = grow(50, { seed: 2 });
  const newcomer = net.add({ seeds: [seed] });
  net.pass(10_000);
  t.ok(net.peersOf(newcomer).length >= 10, `${net.peersOf(newcomer).length} peers`);
});

void t.test('a newcomer whose only link is a friend finds its peers through the friend', async (t) => {
  const { net } = grow(30, { seed: 3 });
  const [friend] = net.nodes.slice(10);
  if (friend === undefined) throw new Error('it is there');
  const newcomer = net.add();
  net.link(newcomer, friend, 'friend');
  net.pass(20_000);
  t.ok(net.peersOf(newcomer).length >= 10, `${net.peersOf(newcomer).length} peers`);
});

void t.test(
  '200 nodes through one seed find the closest node in as few hops as an ideal network',
  async (t) => {
    const { net } = grow(200, { seed: 4, everyMs: 1_000 });
    const { found, hops } = measure(net, 300);
    t.equal(found, 1);
    // 2.1 to 2.2 measured; harmonic bands of 20 with look-ahead have 1.8 at 100 and 2.9 at 1,000.
    t.ok(hops < 2.5, `${hops} hops`);
  },
);

void t.test('a network of which 60 % can only dial leaves nobody without peers', async (t) => {
  const { net } = grow(200, { seed: 5, everyMs: 1_000, undialable: 0.6 });
  const degrees = net.nodes.map((node) => net.peersOf(node).length).sort((a, b) => a - b);
  t.ok((degrees[0] ?? 0) >= 2, `${degrees[0]} peers at least`);
  t.ok((degrees[10] ?? 0) >= 5, `${degrees[10]} peers for all but ten`);
  for (const node of net.nodes)
    if (!node.candidate.dialable)
      for (const peer of net.peersOf(node)) if (!peer.candidate.dialable) t.fail('nobody could have dialled');
  t.ok(measure(net, 300).found >= 0.99);
});

void t.test(
  'a node that starts again comes back by the peers that it remembers, without a seed',
  async (t) => {
    const { net } = grow(40, { seed: 6 });
    const [old] = net.nodes.slice(20);
    if (old === undefined) throw new Error('it is there');
    t.ok(old.remembered.length >= 10, `${old.remembered.length} remembered`);
    net.kill(old);
    net.pass(30_000);
    const again = net.add({ at: old.candidate.location, remembered: old.remembered });
    net.pass(20_000);
    t.ok(net.peersOf(again).length >= 10, `${net.peersOf(again).length} peers`);
  },
);

void t.test('a node that has lost all of its peers finds some again by itself', async (t) => {
  const { net } = grow(40, { seed: 7 });
  const [node] = net.nodes.slice(15);
  if (node === undefined) throw new Error('it is there');
  for (const { to } of node.links.values()) net.cut(node, to);
  net.pass(60_000);
  t.ok(net.peersOf(node).length >= 10, `${net.peersOf(node).length} peers`);
});

void t.test('half of a network vanishes at once, and the rest joins its ends', async (t) => {
  const { net } = grow(80, { seed: 8 });
  for (const node of net.nodes.slice(1)) if (node.index % 2 === 0) net.kill(node);
  net.pass(180_000);
  const alive = net.nodes.filter(({ alive }) => alive);
  for (const node of alive) t.ok(net.peersOf(node).length >= 10, `${net.peersOf(node).length} peers`);
  for (let i = 0; i < 50; i += 1) {
    const from = alive[net.random.below(alive.length)];
    if (from !== undefined) t.ok(net.fetch(from).found);
  }
});

void t.test('a seed that does not answer is followed by the next one', async (t) => {
  const net = new Net({ seed: 9 });
  const alive = net.add();
  const dead = net.add();
  net.kill(dead);
  const newcomer = net.add({ seeds: [dead, alive, dead] });
  net.pass(40_000);
  t.same(net.peersOf(newcomer), [alive]);
});

void t.test('two nodes are each other’s whole network, and hardly ask for more', async (t) => {
  const net = new Net({ seed: 10 });
  const seed = net.add();
  const other = net.add({ seeds: [seed] });
  net.pass(3_600_000);
  t.same(net.peersOf(other), [seed]);
  const before = net.counts.get('seek') ?? 0;
  net.pass(3_600_000);
  const seeks = (net.counts.get('seek') ?? 0) - before;
  t.ok(seeks <= 100, `${seeks} seeks an hour`);
});

void t.test('a seed that offers only its own nodes gets a third of the places and no more', async (t) => {
  const lone = new Lone({ opennet: 'on' });
  const seed = lone.node(0.1);
  lone.handle({ type: 'candidates', from: 'seeds', candidates: [seed] });
  const link = lone.dialEnds('linked');
  if (link === undefined) throw new Error('the seed is linked');
  let linked = 0;
  for (let minute = 0; minute < 60; minute += 1) {
    for (const { link: to, message } of lone.toldAll('seek')) {
      if (to !== link) continue;
      for (let i = 0; i < 16; i += 1) {
        const sybil = lone.node((Math.round(lone.now * 7 + i * 97_003) % 1_000_003) / 1_000_003);
        lone.say(link, { type: 'seekOffer', id: message.id, reference: sybil.reference });
      }
      lone.say(link, { type: 'seekEnd', id: message.id });
    }
    while (lone.dials.length > 0) {
      const sybil = lone.dials[0]?.candidate;
      const up = lone.dialEnds('linked');
      if (up === undefined || sybil === undefined) continue;
      linked += 1;
      if (sybil.identity !== seed.identity) lone.say(up, { type: 'wanted', reference: sybil.reference });
    }
    lone.pass(5_000);
  }
  t.equal(lone.router.peerCount, THIRD);
  t.ok(linked >= THIRD);
});

void t.test(
  'offers that nobody asked for are dialled by nobody, and more than a few by nobody either',
  async (t) => {
    const lone = new Lone({ opennet: 'on' });
    const seed = lone.node(0.1);
    lone.handle({ type: 'candidates', from: 'seeds', candidates: [seed] });
    const link = lone.dialEnds('linked');
    if (link === undefined) throw new Error('the seed is linked');
    const [asked] = lone.toldAll('seek');
    if (asked === undefined) throw new Error('it announces itself');
    const reads = lone.reads;
    const strangers = Array.from({ length: 100 }, (_, i) => lone.node(i / 101));
    for (const { reference } of strangers)
      lone.say(link, { type: 'seekOffer', id: (asked.message.id + 1) as typeof asked.message.id, reference });
    t.same(lone.dials, []);
    t.equal(lone.reads, reads);
    for (const { reference } of strangers)
      lone.say(link, { type: 'seekOffer', id: asked.message.id, reference });
    t.equal(lone.reads - reads, opennetLimits.seekOffers.value);
    t.equal(lone.dials.length, opennetLimits.dialsAtOnce.value);
  },
);

void t.test(
  'a node that calls while it is being dialled is one peer, and its dial ends in that link',
  async (t) => {
    const lone = new Lone({ opennet: 'on' });
    const other = lone.node(0.2);
    lone.handle({ type: 'candidates', from: 'remembered', candidates: [other] });
    const [dial] = lone.dials.splice(0);
    if (dial === undefined) throw new Error('it is dialled');
    const link = lone.up(other);
    lone.say(link, { type: 'wanted', reference: other.reference });
    lone.handle({ type: 'dialled', token: dial.token, outcome: 'linked' });
    t.equal(lone.router.peerCount, 1);
    lone.handle({ type: 'candidates', from: 'remembered', candidates: [other] });
    lone.pass(60_000);
    t.same(lone.dials, [], 'who is linked is not dialled');
  },
);

void t.test(
  'two halves that were apart for as long as both filled their places find each other again',
  async (t) => {
    const { net } = grow(50);
    const half = ({ index }: Node): number => index % 2;
    const across = (node: Node): number =>
      net.peersOf(node).filter((peer) => half(peer) !== half(node)).length;
    net.reaches = (from, to) => half(from) === half(to);
    for (const a of net.nodes) for (const b of net.nodes) if (half(a) !== half(b)) net.cut(a, b);
    net.pass(300_000);
    t.ok(net.nodes.every((node) => across(node) === 0 && net.peersOf(node).length >= 10));
    net.reaches = () => true;
    net.pass(2 * opennetLimits.beyondEveryMs.value);
    t.ok(net.nodes.every((node) => across(node) > 0));
    t.equal(measure(net, 200).found, 1);
  },
);

void t.test('a node whose line was down for a while has its peers again soon after', async (t) => {
  const { net } = grow(10);
  net.pass(600_000);
  const [, node] = net.nodes;
  if (node === undefined) throw new Error('there are ten');
  net.reaches = (from, to) => from !== node && to !== node;
  for (const other of net.nodes) net.cut(node, other);
  net.pass(60_000);
  t.equal(net.peersOf(node).length, 0);
  net.reaches = () => true;
  net.pass(90_000);
  t.ok(net.peersOf(node).length >= 5, `${net.peersOf(node).length} peers`);
});

void t.test('a candidate that did not answer is left alone for a while', async (t) => {
  const lone = new Lone({ opennet: 'on' });
  const old = [lone.node(0.2), lone.node(0.3)];
  lone.handle({ type: 'candidates', from: 'remembered', candidates: old });
  t.equal(lone.dials.length, 2);
  lone.dialEnds('failed');
  lone.dialEnds('failed');
  lone.pass(opennetLimits.dialAgainFirstMs.value - 1);
  t.same(lone.dials, []);
  lone.pass(4 * opennetLimits.announceEveryMs.value);
  t.equal(lone.dials.length, 2);
  lone.dialEnds('failed');
  lone.dialEnds('failed');
  lone.pass(2 * opennetLimits.dialAgainFirstMs.value - 1);
  t.same(lone.dials, [], 'twice as long after the second time');
});

void t.test('what is remembered is bounded, has each node once and the last confirmed first', async (t) => {
  const lone = new Lone({ opennet: 'on' });
  const old = Array.from({ length: 300 }, (_, i) => lone.node(i / 301, { dialable: i > 20 }));
  lone.handle({ type: 'candidates', from: 'remembered', candidates: old });
  const link = lone.caller(0.51);
  t.ok(lone.toldTypes(link).includes('wanted'));
  lone.pass(opennetLimits.rememberAfterMs.value);
  const [last] = lone.remembered.slice(-1);
  t.equal(last?.length, opennetLimits.remembered.value - 21 + 1);
  t.equal(last?.[0]?.location, asLocation(0.51));
  t.equal(new Set(last?.map(({ identity }) => identity)).size, last?.length);
  t.ok(last?.every(({ dialable }) => dialable));
});

void t.test('a quiet node does nothing of its own accord', async (t) => {
  const lone = new Lone({ opennet: 'quiet' });
  lone.handle({ type: 'candidates', from: 'seeds', candidates: [lone.node(0.1)] });
  lone.handle({ type: 'candidates', from: 'remembered', candidates: [lone.node(0.2)] });
  const link = lone.peer(0.3);
  lone.say(link, { type: 'peers', list: [asLocation(0.50001)] });
  lone.pass(3_600_000);
  t.same(lone.dials, []);
  t.same(lone.toldTypes(link), []);
  t.equal(lone.timers, 0);
});

void t.test('status can say what is being done', async (t) => {
  const lone = new Lone({ opennet: 'on' });
  t.same(lone.router.joining, { step: 'resting', nextAt: undefined });
  const seed = lone.node(0.1);
  lone.handle({ type: 'candidates', from: 'seeds', candidates: [seed] });
  t.same(lone.router.joining, { step: 'calling', seed: seed.identity });
  lone.dialEnds('failed');
  t.match(lone.router.joining, { step: 'resting', nextAt: Number });
  lone.pass(30_000);
  lone.dialEnds('linked');
  t.same(lone.router.joining, { step: 'announcing', via: seed.identity });
  t.equal(new Lone({ opennet: undefined }).router.joining, undefined);
});

void t.test(
  '1,000 nodes through one seed find the closest node in 3 hops',
  { skip: full ? false : 'a minute' },
  async (t) => {
    const { net } = grow(1_000, { seed: 11, everyMs: 1_000 });
    const { found, hops } = measure(net, 1_000);
    t.equal(found, 1);
    // 3.0 measured; harmonic bands of 20 with look-ahead: 2.9.
    t.ok(hops < 3.2, `${hops} hops`);
  },
);
