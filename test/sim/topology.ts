/** Networks to begin with: who is linked to whom. Growing one by announcement is another matter. */
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
