/** The bounds of a fuzzing run: each with unit and reason, as in the rooms. They bound the engine and, where it says so, the target. */
import type { Limits } from '../../keys/index.ts';

export const fuzzLimits = {
  growthBytes: {
    value: 268_435_456,
    unit: 'bytes',
    reason: 'Highest resident memory of the child minus that before its first input: decoders keep nothing.',
  },
  heapMegabytes: {
    value: 128,
    unit: 'MiB',
    reason:
      '--max-old-space-size of the child, below the growth: a heap that only grows dies with its input.',
  },
  youngMegabytes: {
    value: 4,
    unit: 'MiB',
    reason:
      '--max-semi-space-size of the child: garbage of blocks is collected soon (message grows by 20 MB, not 70).',
  },
  allocatedBytes: {
    value: 16_777_216,
    unit: 'bytes',
    reason:
      'What one execution may allocate: 128 times the longest input and its oracle copies; a length that is believed passes it.',
  },
  stallMs: {
    value: 60_000,
    unit: 'milliseconds',
    reason: 'An execution takes microseconds; one that does not end in this is a hang on any machine.',
  },
  pollMs: { value: 250, unit: 'milliseconds', reason: 'How often the parent looks whether the child moves.' },
  keptInputs: {
    value: 2_048,
    unit: 'inputs',
    reason: 'One per new answer; further ones replace a random one, so that the newest are still tried.',
  },
  keptBytes: {
    value: 67_584,
    unit: 'bytes',
    reason: 'Of one kept input: two blocks and what surrounds them. Times keptInputs it would be 132 MiB.',
  },
  editsAtOnce: { value: 6, unit: 'edits', reason: 'More, and hardly anything is left of a valid input.' },
  minimiseRuns: { value: 2_000, unit: 'executions', reason: 'Spent on making a failing input shorter.' },
} as const satisfies Limits;
