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
  const scores: number[] = spots.map(() => 0);
  const usual = spots.some(({ cost }) => cost === undefined) ? usualCost(spots) : 0;
  for (const { indices, logs } of sides(own, spots)) {
    for (let place = 0; place < indices.length; place += 1) {
      const index = indices[place] as number;
      // Before the nearest lies half its distance, beyond the farthest the other end of the circle.
      const before = logs[place - 1] ?? (logs[place] as number) - 1;
      const after = logs[place + 1] ?? -1;
      scores[index] = (after - before) / costFactor(spots[index]?.cost ?? usual);
    }
  }
  return scores;
}

/** The indices of each side's spots, the nearest first. */
export function bySide(own: Location, spots: readonly Spot[]): readonly (readonly number[])[] {
  return sides(own, spots).map(({ indices }) => indices);
}

/** Of one side of the circle, the nearest first; of equals the one with the smaller index. */
interface Side {
  readonly indices: number[];
  readonly logs: number[];
}

/** Sorted by insertion: a side has ten spots, and they are looked at for each candidate that anybody offers. */
function sides(own: Location, spots: readonly Spot[]): readonly [Side, Side] {
  const ahead: Side = { indices: [], logs: [] };
  const behind: Side = { indices: [], logs: [] };
  for (let index = 0; index < spots.length; index += 1) {
    const { location } = spots[index] as Spot;
    const { indices, logs } = isClockwise(own, location) ? ahead : behind;
    const log = logDistance(own, location);
    let place = logs.length;
    for (; place > 0 && (logs[place - 1] as number) > log; place -= 1) {
      logs[place] = logs[place - 1] as number;
      indices[place] = indices[place - 1] as number;
    }
    logs[place] = log;
    indices[place] = index;
  }
  return [ahead, behind];
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
  const known: number[] = [];
  for (const { cost } of spots) if (cost !== undefined) known.push(cost);
  const middle = known.sort((a, b) => a - b)[known.length >>> 1];
  return middle ?? routingLimits.costLeastMs.value;
}
