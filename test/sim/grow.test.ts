/** Networks that grow by the daemon's own rules. */
import t from 'tap';
import { routingLimits } from '../../routing/index.ts';
import { grow, grownNetwork, isDialable } from './grow.ts';

const OPTIONS = { nodes: 40, seed: 3, joinEveryMs: 300, upkeepMs: 120_000 };

void t.test('everybody who joins by a random node has peers, and a seed repeats it', async (t) => {
  const world = grow(OPTIONS);
  for (let node = 0; node < world.size; node += 1) {
    const peers = world.neighboursOf(node);
    t.ok(peers.length >= 10, `node ${node} has ${peers.length} peers`);
    t.equal(new Set(peers).size, peers.length, 'one link to each');
  }
  t.equal(grow(OPTIONS).digest.finish(), world.digest.finish());
});

void t.test('a network that all have joined by the same five is in one piece', async (t) => {
  const world = grow({ ...OPTIONS, seeds: 'five' });
  const reached = new Set([0]);
  for (const node of reached) for (const peer of world.neighboursOf(node)) reached.add(peer);
  t.equal(reached.size, OPTIONS.nodes);
});

void t.test('of 60 % that can only dial out everybody finds peers, and none of its like', async (t) => {
  const options = { ...OPTIONS, undialable: 0.6 };
  const world = grow(options);
  const dialable = isDialable(options);
  let hidden = 0;
  for (let node = 0; node < world.size; node += 1) {
    if (dialable(node)) continue;
    hidden += 1;
    const peers = world.neighboursOf(node);
    t.ok(peers.length >= 5 && peers.every(dialable), `node ${node} has ${peers.length} peers`);
  }
  t.ok(hidden > 12);
});

void t.test('of a grown network only the links are kept that both ends want', async (t) => {
  const { locations, links } = grownNetwork(OPTIONS);
  const { peers } = routingLimits;
  for (let node = 0; node < locations.length; node += 1) {
    const degree = links.filter((ends) => ends.includes(node)).length;
    t.ok(degree <= peers.value, `node ${node} has ${degree} peers and no guests`);
  }
});

void t.test('a network that was grown before comes from the disk as it was', async (t) => {
  const first = grownNetwork(OPTIONS);
  const again = grownNetwork(OPTIONS);
  t.strictSame(again, first);
  t.equal(first.locations.length, OPTIONS.nodes);
  t.ok(first.links.every(([a, b]) => a < b));
});
