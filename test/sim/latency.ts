/** How long a message takes between two nodes, one way: the same both ways and every time, from the seed alone. */
import { fractionOf } from './random.ts';

export type LatencyModel =
  /** Drawn evenly for each pair of nodes. */
  | { readonly type: 'pairs'; readonly minMs: number; readonly maxMs: number }
  /** Nodes on a square: 5 ms and up to 198 ms for the diagonal, as in the prototype. Near is near for both. */
  | { readonly type: 'plane' };

const PLANE_BASE_MS = 5;
const PLANE_SIDE_MS = 140;

export function latencyBetween(options: { model: LatencyModel; seed: number; a: number; b: number }): number {
  const { model, seed, a, b } = options;
  if (model.type === 'pairs') {
    const fraction = fractionOf(seed, Math.min(a, b), Math.max(a, b));
    return model.minMs + (model.maxMs - model.minMs) * fraction;
  }
  const dx = fractionOf(seed, a, 1) - fractionOf(seed, b, 1);
  const dy = fractionOf(seed, a, 2) - fractionOf(seed, b, 2);
  return PLANE_BASE_MS + PLANE_SIDE_MS * Math.sqrt(dx * dx + dy * dy);
}
