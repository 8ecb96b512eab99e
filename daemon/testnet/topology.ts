/**
 * Who is linked to whom in a test network: a ring in the order of locations, so that greedy routing always has a way, and long
 * links whose lengths are harmonically distributed (Kleinberg), so that it is short. Pure.
 *
 * Invariant: the network is connected; every node has the two links of the ring, and four to five in all where there are enough
 * nodes.
 */

/** Draws a fraction in [0, 1). */
export type Draw = () => number;

const WANTED_LINKS = 4;
const MOST_LINKS = 5;

/** @param locations of the nodes, in any order @returns pairs of their numbers, each pair once */
export function ringWithLongLinks(locations: readonly number[], draw: Draw): [number, number][] {
  const ring = locations.map((_, node) => node).sort((a, b) => (locations[a] ?? 0) - (locations[b] ?? 0));
  const size = ring.length;
  const linked = ring.map(() => new Set<number>());
  const link = (a: number, b: number): void => {
    linked[a]?.add(b);
    linked[b]?.add(a);
  };
  const degree = (place: number): number => linked[place]?.size ?? 0;
  // Numbers in here are places on the ring.
  for (let place = 0; place < size; place += 1) if (size > 1) link(place, (place + 1) % size);
  for (let place = 0; place < size; place += 1) {
    for (let tries = 0; tries < 4 * size && degree(place) < WANTED_LINKS; tries += 1) {
      const steps = Math.max(2, Math.round((size / 2) ** draw()));
      const other = (place + (draw() < 0.5 ? steps : size - steps)) % size;
      if (other !== place && degree(other) < MOST_LINKS) link(place, other);
    }
  }
  return linked.flatMap((others, place) =>
    [...others]
      .filter((other) => other > place)
      .map((other): [number, number] => [ring[place] ?? 0, ring[other] ?? 0]),
  );
}
