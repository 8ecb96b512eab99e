/** Friends of open nodes in a whole network (peers.md, 10, and routing.md, 12): what they know, what they are asked, what they cost. */
import t from 'tap';
import { networks } from '../../routing/index.ts';
import { routingLimits } from '../../routing/limits.ts';
import type { Observer } from './host.ts';
import type { End } from './node.ts';
import { SeededRandom } from './random.ts';
import { runScenario } from './run.ts';
import { friendsGraph, mixedTopology, smallWorld } from './topology.ts';
import { World, type WorldOptions, shortBlock } from './world.ts';

const ROUND_MS = 1.25 * routingLimits.uplinkAfterMs.value + 1_000;
const FARTHEST: number = 7;

function friendsOf(
  nodes: number,
  seed: number,
): { links: readonly (readonly [number, number])[]; near: number[][] } {
  const { links } = friendsGraph({ nodes, random: new SeededRandom(seed) });
  const near: number[][] = Array.from({ length: nodes }, () => []);
  for (const [a, b] of links) {
    near[a]?.push(b);
    near[b]?.push(a);
  }
  return { links, near };
}

/** Friends, of whom the first `openCount` are open. */
function world(
  options: { nodes: number; seed: number; openCount: number } & Partial<
    Pick<WorldOptions, 'role' | 'observers'>
  >,
): World {
  const { nodes, seed, openCount, ...its } = options;
  const open = Array.from({ length: openCount }, (_, index) => Math.floor((index * nodes) / openCount));
  const topology = mixedTopology({
    friends: friendsGraph({ nodes, random: new SeededRandom(seed) }),
    open,
    among: smallWorld({
      nodes: openCount,
      degree: Math.min(12, openCount - 1),
      random: new SeededRandom(seed),
    }),
  });
  const { isOpen } = topology;
  return new World({
    topology,
    params: networks.open,
    seed,
    latency: { type: 'plane' },
    storeBlocks: 1_000,
    cacheBlocks: 1_000,
    opennet: 'quiet',
    amongStrangers: isOpen,
    tie: (a, b) => (isOpen(a) && isOpen(b) ? 'chosen' : 'friend'),
    check: 'checked',
    ...its,
  });
}

void t.test(
  'everybody knows how far it is to the nearest open node, and forgets it when there is none',
  async (t) => {
    for (const seed of [1, 2, 3]) {
      const nodes = 150;
      const net = world({ nodes, seed, openCount: 3 });
      net.run(FARTHEST * ROUND_MS);
      const { near } = friendsOf(nodes, seed);
      const open = [0, 50, 100];
      const away = Array.from({ length: nodes }, (_, node) => (open.includes(node) ? 0 : FARTHEST));
      for (let round = 1; round < FARTHEST; round += 1)
        near.forEach((friends, node) => {
          if (friends.some((friend) => away[friend] === round - 1))
            away[node] = Math.min(away[node] ?? 0, round);
        });
      t.strictSame(
        away.map((_, node) => net.uplinkOf(node)),
        away,
      );
      t.ok(away.includes(2) && Math.max(...away) > 1);
      const said = net.messages.of('uplink');
      for (const node of open) net.kill(node);
      net.run(net.now + (FARTHEST + 1) * ROUND_MS);
      for (let node = 0; node < nodes; node += 1)
        if (net.isAlive(node)) t.equal(net.uplinkOf(node), FARTHEST, `node ${node}`);
      const ends = near.flat().length;
      t.ok(
        net.messages.of('uplink') - said <= FARTHEST * ends,
        'no value is said to anybody more than seven times',
      );
      net.run(net.now + 10 * ROUND_MS);
      const still = net.messages.of('uplink');
      net.run(net.now + 100 * ROUND_MS);
      t.equal(net.messages.of('uplink'), still, 'and then it is quiet');
    }
  },
);

/** Requests that arrive, by phase and by what the receiver is. */
class Arrivals implements Observer {
  readonly counts = { greedyAtOpen: 0, greedyAtEdge: 0, stemAmongStrangers: 0, stemAmongFriends: 0 };
  isOpen: (node: number) => boolean = () => false;

  passed(_now: number, { node, other }: End, what: Parameters<NonNullable<Observer['passed']>>[2]): void {
    const { dir, message } = what;
    if (dir === 'out' || (message.type !== 'dataRequest' && message.type !== 'insertRequest')) return;
    const to = this.isOpen(node.number);
    const from = other !== undefined && this.isOpen(other.node.number);
    if (message.route.phase === 'greedy') this.counts[to ? 'greedyAtOpen' : 'greedyAtEdge'] += 1;
    else this.counts[to && from ? 'stemAmongStrangers' : 'stemAmongFriends'] += 1;
  }
}

void t.test('greedy requests go to open nodes alone, and stem requests to friends alone', async (t) => {
  const arrivals = new Arrivals();
  const net = world({ nodes: 120, seed: 4, openCount: 20, observers: [arrivals] });
  arrivals.isOpen = (node) => node % 6 === 0;
  net.run(FARTHEST * ROUND_MS);
  let found = 0;
  for (let i = 0; i < 60; i += 1) {
    const content = shortBlock(net.random.bytes(32));
    net.insert(net.random.below(120), { ...content, salt: 0 }, () => {});
    net.settle();
    for (let node = 0; node < 120; node += 1)
      if (!arrivals.isOpen(node) && net.blockAt(node, content.key) !== undefined)
        t.fail('an edge has kept a block');
    net.fetch(net.random.below(120), content.key, 0, ({ type }) => (found += type === 'found' ? 1 : 0));
    net.settle();
  }
  t.equal(found, 60);
  const { counts } = arrivals;
  t.strictSame([counts.greedyAtEdge, counts.stemAmongStrangers], [0, 0]);
  t.ok(counts.greedyAtOpen > 100 && counts.stemAmongFriends > 100, JSON.stringify(counts));
  net.rest();
  net.checks?.finish(net.now, () => true);
  t.strictSame([net.checks?.breaches, net.pending], [[], 0]);
});

void t.test('where all ways end at silent nodes a request ends, at a bounded price', async (t) => {
  // The open ones accept nothing, so whoever is below them learns that there is no way.
  const net = world({
    nodes: 150,
    seed: 5,
    openCount: 6,
    role: (node) => (node % 25 === 0 ? 'silent' : 'honest'),
  });
  net.run(FARTHEST * ROUND_MS);
  const asked = 100;
  let answers = 0;
  let most = 0;
  for (let i = 0; i < asked; i += 1) {
    const began = net.messages.ofRequests;
    net.fetch(
      1 + 25 * net.random.below(6) + net.random.below(24),
      shortBlock(net.random.bytes(32)).key,
      0,
      ({ type }) => {
        // Who hears from nobody any more that there is a way is in a network of friends alone, and searches that.
        if (type === 'noRoute' || type === 'notFound') answers += 1;
      },
    );
    net.settle();
    most = Math.max(most, net.messages.ofRequests - began);
  }
  t.equal(answers, asked);
  // The time that it may take is enough for so many nodes; a request and an answer each.
  const nodes = networks.open.deadlineMs / routingLimits.stemHopMs.value - 1;
  t.ok(most <= 2 * nodes, `${most} messages for one request`);
});

for (const [scenario, nodes] of [
  ['mixed', 200],
  ['friends', 100],
] as const)
  void t.test(`${scenario}: what was inserted is found`, async (t) => {
    for (const seed of [1, 2]) {
      const metrics = runScenario(scenario, { nodes, seed, fetches: 200, keys: 50, check: 'checked' })?.report
        .metrics;
      const found = metrics?.[scenario === 'mixed' ? 'mixed10.found' : `friends${nodes}.found`] ?? 0;
      t.ok(found >= 0.99, `${found}`);
      t.equal(metrics?.['breaches'], 0);
      t.equal(metrics?.['pending'], 0);
    }
  });

void t.test(
  'a search without a stall limit visits as many nodes as it may, and not all of them',
  async (t) => {
    const metrics = runScenario('friends', { nodes: 200, seed: 1, fetches: 60 })?.report.metrics;
    const { htl } = networks['friends-medium'];
    t.ok((metrics?.['insert.copies'] ?? Infinity) < htl / 1.5);
    t.ok((metrics?.['missing.messages'] ?? Infinity) < 5 * htl);
    t.equal(metrics?.['friends200.found'], 1);
  },
);
