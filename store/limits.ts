/** The limits of this room (docs/LIMITS.md). Sizes that define the format are constants in slot.ts and layout.ts. */
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
      'One fdatasync covers 8 MB at most, and the slots of a batch and of its wipes fit the 4 KiB of an anchor.',
  },
  batchWipes: {
    value: 256,
    unit: 'slots',
    reason: 'As above; dropped slots beyond that are overwritten first, in batches of their own.',
  },
  commitRows: {
    value: 512,
    unit: 'rows',
    reason: 'What one commit of the index changes at most, so that the room for its log can be set aside.',
  },
  walBytes: {
    value: 8_388_608,
    unit: 'bytes',
    reason:
      'The log of the index before it is folded in, for large stores: about 12 full batches a checkpoint.',
  },
  walBytesLeast: {
    value: 32_768,
    unit: 'bytes',
    reason: 'The same for small stores (else 1/128 of the size): several single puts a checkpoint.',
  },
  fillChunkSlots: {
    value: 31,
    unit: 'slots',
    reason: '1 MiB of random bytes: a put waits for one chunk at most (2 ms of stream, one fdatasync).',
  },
  fillBytesPerSecond: {
    value: 67_108_864,
    unit: 'bytes/s',
    reason: 'Half of what a slow disk writes: 10 GiB are silent after three minutes, and the disk is usable.',
  },
  fillAtOpenSlots: {
    value: 64,
    unit: 'slots',
    reason: '2 MB before the store is open: a first batch finds room without waiting for the fill.',
  },
  fillRetryMs: {
    value: 60_000,
    unit: 'ms',
    reason: 'A full disk is asked again once a minute: room appears when a person makes some.',
  },
  recencySaveMs: {
    value: 600_000,
    unit: 'ms',
    reason: 'What a crash forgets is the order of at most ten minutes; more often costs 8 bytes a slot each.',
  },
  verifyChunkSlots: {
    value: 32,
    unit: 'slots',
    reason: '1 MiB is read and opened between two batches: about 2 ms.',
  },
  relocationsAtOnce: { value: 64, unit: 'blocks', reason: 'Blocks in memory while a store shrinks: 2 MB.' },
  protectedPercent: {
    value: 80,
    unit: '% of store',
    reason: 'The rest is probation: new blocks must live long enough to be asked for on two days.',
  },
  displacedPercentPerDay: {
    value: 1,
    unit: '% of store, by one link in a day',
    reason: 'A hundred days of flooding by one neighbour, not minutes, until every block of others is gone.',
  },
  displacedByAllPercentPerDay: {
    value: 10,
    unit: '% of probation, by all links in a day',
    reason:
      'A flood comes by honest links too, from neighbours who relay it: 20 of them displaced a fifth of the store a day, which may be all of probation.',
  },
  keptDays: {
    value: 10,
    unit: 'UTC days',
    reason:
      'Who asks for everything else makes any block the one unused for longest. So age counts as well: ten days for somebody to come and ask, and probation turns over in no less.',
  },
  displacersKept: {
    value: 1_024,
    unit: 'links',
    reason: 'Counts of one day; far more links than a node has. Beyond, the smallest count is forgotten.',
  },
} as const satisfies Limits;
