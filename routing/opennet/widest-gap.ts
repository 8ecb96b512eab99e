/**
 * Where a node has the fewest peers (docs/spec/peers.md, 8): the widest hole in the logarithms of its peers' distances, on either
 * side. A probe goes to a random place in it. gap.ts says which peer is worth least; this says where one is missing.
 */
import { type Location, type Random, asLocation } from '../../keys/index.ts';
import { bySide, logDistance } from './gap.ts';
import { fraction } from './desk.ts';

/** Where a side without a peer begins: a thousandth of the circle, the distance of neighbours in a network of a thousand. */
const NEAREST_UNKNOWN = -10;
/** The other end of the circle. */
const FARTHEST = -1;

export function placeInWidestGap(own: Location, peers: readonly Location[], random: Random): Location {
  const spots = peers.map((location) => ({ location, cost: undefined }));
  let widest = { from: FARTHEST, to: FARTHEST, ahead: true };
  bySide(own, spots).forEach((side, index) => {
    // The clockwise side comes first.
    const ahead = index === 0;
    const logs = side.map((at) => logDistance(own, peers[at] ?? own));
    const steps = logs.length === 0 ? [NEAREST_UNKNOWN, FARTHEST] : [...logs, FARTHEST];
    steps.forEach((to, at) => {
      const from = steps[at - 1];
      if (from !== undefined && to - from > widest.to - widest.from) widest = { from, to, ahead };
    });
  });
  const log = widest.from + (widest.to - widest.from) * fraction(random);
  const step = widest.ahead ? 2 ** log : -(2 ** log);
  return wrapped(own + step);
}

/** A multiple of 2^-53, as every location: what travels is exact. */
function wrapped(place: number): Location {
  const units = Math.floor((place - Math.floor(place)) * 2 ** 53);
  return asLocation((units % 2 ** 53) / 2 ** 53);
}
