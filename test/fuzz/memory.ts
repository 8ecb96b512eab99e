/**
 * What this process holds: buffers, whose pages may never be touched, beside the heap. Resident memory would not show a length that
 * is believed and not used.
 *
 * It is no sum of what was allocated: garbage that is collected in between hides as much. Whoever compares twice collects first.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export function heldBytes(): number {
  const { external_memory: buffers, used_heap_size: heap } = getHeapStatistics();
  return buffers + heap;
}

let collect: (() => void) | undefined;

export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
