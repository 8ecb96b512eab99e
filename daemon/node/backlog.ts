/**
 * How far the carriers are behind, for a node whose owner has not said what its line can do (docs/spec/load.md, 3). Nothing is sent,
 * delayed or closed here.
 */
import { nodeLimits } from './limits.ts';

/**
 * The longest of these waits, in ms, but for those of the links on which they are longest: who does not read what he is sent, or comes
 * by a slow line of his own, says nothing about the line of this node.
 */
export function oldestWaitMs(waitsMs: readonly number[]): number {
  const ascending = [...waitsMs].sort((a, b) => a - b);
  const counted = Math.ceil(ascending.length * nodeLimits.waitsCounted.value);
  return ascending[counted - 1] ?? 0;
}
