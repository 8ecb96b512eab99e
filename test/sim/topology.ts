/** Networks to begin with: who is linked to whom. Growing one by announcement is grow.ts. */
import { type Location, asLocation } from '../../keys/index.ts';
import type { SeededRandom } from './random.ts';

export interface Topology {
  readonly locations: readonly Location[];
  /** Pairs of node numbers, each pair once. */
  readonly links: readonly (readonly [number, number])[];
}

/**
 * Kleinberg's small world: random places on the circle, each node linked to its two neighbours on either side and to long links
 * whose length is harmonically distributed, which is what lets greedy routing find a key in O(log² n / degree) hops.
 */
export function smallWorld(options: { nodes: number; degree: number; random: SeededRandom }): Topology {
  const { nodes, degree, random } = options;
  const locations = Array.from({ length: nodes }, () => asLocation(random.fraction())).sort((a, b) => a - b);
  const linked = locations.map(() => new Set<number>());
  const link = (a: number, b: number): void => {
    if (a === b) return;
    linked[a]?.add(b);
    linked[b]?.add(a);
  };
  for (let node = 0; node < nodes; node += 1) {
    link(node, (node + 1) % nodes);
    link(node, (node + 2) % nodes);
  }
  for (let node = 0; node < nodes; node += 1) {
    // Each long link counts at both ends.
    for (let draw = 0; draw < (degree - 4) / 2; draw += 1) {
      const steps = Math.min(nodes - 1, Math.max(2, Math.round((nodes / 2) ** random.fraction())));
      const direction = random.below(2) === 0 ? 1 : -1;
      link(node, (node + direction * steps + nodes) % nodes);
    }
  }
  const links = linked.flatMap((others, node) =>
    [...others].filter((other) => other > node).map((other) => [node, other] as const),
  );
  return { locations, links };
}

/**
 * Friends: communities of 15 to 64, in which most friendships are (5.5 of 6.6), and the rest anywhere: a stochastic block model, as
 * in the prototype. Nobody is without a friend. Locations have nothing to do with who knows whom.
 */
export function friendsGraph(options: { nodes: number; random: SeededRandom }): Topology {
  const { nodes, random } = options;
  const INSIDE = 5.5;
  const OUTSIDE = 1.7;
  const [SMALLEST, LARGEST] = [15, 64];
  const locations = Array.from({ length: nodes }, () => asLocation(random.fraction()));
  const pairs = new Map<number, readonly [number, number]>();
  const link = (a: number, b: number): void => {
    if (a !== b) pairs.set(Math.min(a, b) * nodes + Math.max(a, b), [Math.min(a, b), Math.max(a, b)]);
  };
  for (let first = 0; first < nodes;) {
    const drawn = SMALLEST + random.below(LARGEST - SMALLEST + 1);
    // What would be left for the last community is too small to be one.
    const size = nodes - first - drawn < SMALLEST ? nodes - first : drawn;
    const within = Math.round((size * INSIDE) / 2);
    for (let i = 0; i < within; i += 1) link(first + random.below(size), first + random.below(size));
    // Everybody knows somebody.
    for (let i = 1; i < size; i += 2) link(first + i - 1, first + i);
    first += size;
  }
  for (let i = 0; i < (nodes * OUTSIDE) / 2; i += 1) link(random.below(nodes), random.below(nodes));
  const links = joined(nodes, [...pairs.values()], random);
  return { locations, links };
}

/** Adds a link from each part that is apart to somebody in the largest. */
function joined(
  nodes: number,
  links: (readonly [number, number])[],
  random: SeededRandom,
): (readonly [number, number])[] {
  const root = Array.from({ length: nodes }, (_, node) => node);
  const find = (node: number): number => {
    let at = node;
    while (root[at] !== at) at = root[at] = root[root[at] as number] as number;
    return at;
  };
  for (const [a, b] of links) root[find(a)] = find(b);
  const sizes = new Map<number, number>();
  for (let node = 0; node < nodes; node += 1) sizes.set(find(node), (sizes.get(find(node)) ?? 0) + 1);
  const [largest] = [...sizes].reduce((most, one) => (one[1] > most[1] ? one : most), [-1, 0]);
  const all = [...links];
  for (const part of sizes.keys()) {
    if (part === largest) continue;
    let other = random.below(nodes);
    while (find(other) !== largest) other = random.below(nodes);
    all.push([Math.min(part, other), Math.max(part, other)]);
  }
  return all;
}

export interface MixedTopology extends Topology {
  readonly isOpen: (node: number) => boolean;
}

/** A graph of friends, some of whom, in the order of `open`, are the nodes of a network among strangers besides. */
export function mixedTopology(parts: {
  friends: Topology;
  open: readonly number[];
  among: Topology;
}): MixedTopology {
  const { friends, open, among } = parts;
  const size = friends.locations.length;
  const locations = [...friends.locations];
  open.forEach((node, index) => {
    const place = among.locations[index];
    if (place !== undefined) locations[node] = place;
  });
  const pairs = new Map<number, readonly [number, number]>();
  const link = (a: number, b: number): void => {
    const [low, high] = [Math.min(a, b), Math.max(a, b)];
    pairs.set(low * size + high, [low, high]);
  };
  for (const [a, b] of friends.links) link(a, b);
  for (const [a, b] of among.links) link(open[a] ?? 0, open[b] ?? 0);
  const isOpen = new Set(open);
  return { locations, links: [...pairs.values()], isOpen: (node) => isOpen.has(node) };
}
