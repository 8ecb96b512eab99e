/**
 * A tenth of the nodes are open: they have peers among strangers. The rest have friends alone, and reach the open ones through them
 * (docs/spec/peers.md, 10). A tenth of all are black holes, open or not, and say what honest nodes say about uplinks.
 */
import { networks } from '../../../routing/index.ts';
import { topologyOf, worldOf } from '../networks.ts';
import { SeededRandom, fractionOf } from '../random.ts';
import { type Scenario, type ScenarioOptions, mean } from '../scenario.ts';
import { type MixedTopology, friendsGraph, mixedTopology } from '../topology.ts';
import type { Role, World } from '../world.ts';
import { askersOf, background, fetchSome, insertSome, leftovers } from './traffic.ts';

const OPEN_SHARE = 0.1;
const HOLE_SHARE = 0.1;
/** So many always are. */
const LEAST_OPEN = 2;
const TRIES = 3;
const WARM_UP_KEYS = 200;
const WARM_UP_EVERY_MS = 10_000;
/** Requests of each node before anything is measured. An open node diffuses those of nine others as well: together as many as in `blackhole`. */
const WARM_UP = 3;

export const mixed: Scenario = {
  summary:
    '10 % of nodes are open, the rest friends of friends of them, 10 % are silent; 3 requests a node before',
  run: (options) => {
    const { seed, fetches = 500, keys = Math.ceil(fetches / 2) } = options;
    const topology = mixedOf(options);
    const { isOpen } = topology;
    const roleOf = (node: number): Role => (fractionOf(seed, node, 12) < HOLE_SHARE ? 'silent' : 'honest');
    const world = worldOf(options, {
      topology,
      params: networks.open,
      opennet: 'quiet',
      amongStrangers: isOpen,
      tie: (a, b) => (isOpen(a) && isOpen(b) ? 'chosen' : 'friend'),
      role: roleOf,
    });
    const uplinks = uplinksOf(world, isOpen);
    warmUp(world);
    const inserted = insertSome(world, Math.min(keys, fetches));
    const found: number[] = [];
    const ways: number[] = [];
    const before = world.messages.ofRequests;
    for (const [asked, share] of [
      [(node: number) => !isOpen(node), 1 - OPEN_SHARE],
      [isOpen, OPEN_SHARE],
    ] as const) {
      const count = Math.max(1, Math.round(fetches * share));
      const blocks = world.messages.of('dataFound');
      const fetched = fetchSome(world, inserted.keys, {
        count,
        tries: TRIES,
        anyone: askersOf(world, asked),
      });
      found.push(fetched.found);
      // One at a time: each hop on the way of a block is a message.
      ways.push((world.messages.of('dataFound') - blocks) / Math.max(1, fetched.found * count));
    }
    const [byEdges = 0, byOpen = 0] = found;
    const [edgeHops = 0, openHops = 0] = ways;
    return {
      worlds: [world],
      metrics: {
        ...inserted.metrics,
        'mixed10.found': byEdges * (1 - OPEN_SHARE) + byOpen * OPEN_SHARE,
        'mixed10.edges.found': byEdges,
        'mixed10.edges.hops': edgeHops,
        'mixed10.open.found': byOpen,
        'mixed10.open.hops': openHops,
        tries: TRIES,
        'mixed10.messages': (world.messages.ofRequests - before) / fetches,
        ...uplinks,
        ...leftovers(world),
      },
    };
  },
};

/** The open ones have the network that was asked for, drawn or grown, as large as they are. */
function mixedOf(options: ScenarioOptions): MixedTopology {
  const { nodes, seed } = options;
  const drawn = Array.from({ length: nodes }, (_, node) => node);
  const open = drawn.filter((node) => node < LEAST_OPEN || fractionOf(seed, node, 11) < OPEN_SHARE);
  return mixedTopology({
    friends: friendsGraph({ nodes, random: new SeededRandom(seed) }),
    open,
    among: topologyOf({ ...options, nodes: open.length }),
  });
}

/** How far the others are from them, as they see it before anybody is known to be silent. */
function uplinksOf(world: World, isOpen: (node: number) => boolean): Readonly<Record<string, number>> {
  const uplinks: number[] = [];
  for (let node = 0; node < world.size; node += 1) if (!isOpen(node)) uplinks.push(world.uplinkOf(node));
  return { 'mixed10.uplink.mean': mean(uplinks), 'mixed10.uplink.most': Math.max(...uplinks) };
}

function warmUp(world: World): void {
  const { keys } = insertSome(world, WARM_UP_KEYS);
  const untilMs = world.now + WARM_UP * WARM_UP_EVERY_MS;
  background(world, { keys, everyMs: WARM_UP_EVERY_MS, untilMs });
  world.run(untilMs);
  world.settle();
}
