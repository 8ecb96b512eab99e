/**
 * GAP: which peer a node would miss least (docs/spec/peers.md, 3). The distances of a node's peers, in logarithms and each side of
 * the circle apart, should be spread evenly: that is the harmonic distribution in which greedy routing needs the fewest hops.
 * So a peer is worth the hole that it would leave. Nobody has to know how large the network is.
 *
 * Pure arithmetic on locations and costs. Who may be dropped at all is policy.ts.
 *
 * Invariant: scores depend on the set of peers alone, not on their order, so that who has just lost cannot win the place back.
 */
import { type Location, distance } from '../../keys/index.ts';
import { routingLimits } from '../limits.ts';

export interface Spot {
  readonly location: Location;
  /** Round trip in milliseconds; undefined when nobody has measured it yet. */
  readonly cost: number | undefined;
}

/** Locations are multiples of it: two nodes at one place still have a logarithm between them. */
const LEAST_DISTANCE = 2 ** -53;

export function isClockwise(own: Location, other: Location): boolean {
  const ahead = other - own;
  return (ahead < 0 ? ahead + 1 : ahead) < 0.5;
}

/** Log2 of the distance; 2 nodes at one place are 2^-53 apart. */
export function logDistance(own: Location, other: Location): number {
  return Math.log2(Math.max(LEAST_DISTANCE, distance(own, other)));
}

/** What each spot is worth to a node at `own`, in the order of `spots`: the hole in log distance that it fills, over its cost. */
export function gapScores(own: Location, spots: readonly Spot[]): number[] {
  const scores = spots.map(() => 0);
  const usual = usualCost(spots);
  for (const side of sides(own, spots)) {
    side.forEach(({ index, log }, place) => {
      // Before the nearest lies half its distance, beyond the farthest the other end of the circle.
      const before = side[place - 1]?.log ?? log - 1;
      const after = side[place + 1]?.log ?? -1;
      scores[index] = (after - before) / costFactor(spots[index]?.cost ?? usual);
    });
  }
  return scores;
}

/** The indices of each side's spots, the nearest first. */
export function bySide(own: Location, spots: readonly Spot[]): readonly (readonly number[])[] {
  return sides(own, spots).map((side) => side.map(({ index }) => index));
}

interface Ranked {
  readonly index: number;
  readonly log: number;
}

function sides(own: Location, spots: readonly Spot[]): readonly (readonly Ranked[])[] {
  const ahead: Ranked[] = [];
  const behind: Ranked[] = [];
  spots.forEach(({ location }, index) => {
    const side = isClockwise(own, location) ? ahead : behind;
    side.push({ index, log: logDistance(own, location) });
  });
  return [ahead, behind].map((side) => side.sort((a, b) => a.log - b.log || a.index - b.index));
}

/**
 * The root of the cost, and within bounds: most of the delay that the cost itself would save, and half of the leverage, in
 * logarithms, that it would give to whoever rents a machine next door.
 */
function costFactor(cost: number): number {
  const { costLeastMs, costMostMs } = routingLimits;
  return Math.sqrt(Math.min(costMostMs.value, Math.max(costLeastMs.value, cost)) / costLeastMs.value);
}

/** Who has not been measured is neither preferred nor held back: the middle one of the known costs. */
function usualCost(spots: readonly Spot[]): number {
  const known = spots.flatMap(({ cost }) => cost ?? []).sort((a, b) => a - b);
  return known[known.length >>> 1] ?? routingLimits.costLeastMs.value;
}
