/** The limits of this room (docs/LIMITS.md). Sizes that define the format are constants in slot.ts. */
import type { Limits } from '../keys/index.ts';

export const storeLimits = {
  putsPending: {
    value: 1_024,
    unit: 'puts',
    reason: '34 MB of blocks waiting for the disk; a disk that far behind is refused more (`store_busy`).',
  },
  getsPending: {
    value: 1_024,
    unit: 'gets',
    reason:
      'Each holds a buffer of one block while the thread pool reads; more than that answers nobody in time.',
  },
  batchBlocks: {
    value: 256,
    unit: 'blocks',
    reason:
      'One fdatasync covers 8 MB at most, and the 768 buffers of a full run fit one pwritev (IOV_MAX is 1,024).',
  },
} as const satisfies Limits;
