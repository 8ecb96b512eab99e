/**
 * The limits of the process around the node: how long it takes to start and stop at most, and the files that it reads and keeps.
 */
import type { Limits } from '../../keys/index.ts';

export const processLimits = {
  storeLeastBytes: {
    value: 2 * 1024 * 1024,
    unit: 'bytes',
    reason: 'Room for a few blocks in each part of the disk, and for what the parts need to be found again.',
  },
  bandwidthLeastBytes: {
    value: 65_536,
    unit: 'bytes a second',
    reason: 'About two blocks: with less a request waits longer for its turn than who asks waits for it.',
  },
  configBytes: {
    value: 1_048_576,
    unit: 'bytes',
    reason: 'A mimeo.toml with a thousand peers has a fifth of it.',
  },
  stopMs: {
    value: 20_000,
    unit: 'milliseconds',
    reason: 'Below the 90 s after which systemd kills; what is not finished by then was refused long before.',
  },
  startMs: {
    value: 60_000,
    unit: 'milliseconds',
    reason: '`mimeo start` waits this long: opening a store after a crash reads its index once.',
  },
  sameSignalMs: {
    value: 500,
    unit: 'milliseconds',
    reason:
      'Ctrl-C reaches the process from the terminal and again through npm and the launcher: that is one, not two.',
  },
  logBytes: {
    value: 10_485_760,
    unit: 'bytes',
    reason: 'A longer daemon.log is set aside as daemon.log.1 when the daemon is started.',
  },
  lockAttempts: {
    value: 100,
    unit: 'attempts',
    reason: 'Each fails only because another process took or released the lock at that moment.',
  },
} as const satisfies Limits;
