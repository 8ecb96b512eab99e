/** Limits of the node's wiring; docs/LIMITS.md is generated from here. */
import type { Limits } from '../../keys/index.ts';

export const nodeLimits = {
  runningJobs: {
    value: 64,
    unit: 'jobs',
    reason: 'Each holds about 2 MiB of blocks at most; more is refused as overloaded and nothing is lost.',
  },
  keptJobs: {
    value: 1_000,
    unit: 'jobs',
    reason: 'Jobs that have ended stay listed until this many are; the oldest goes first.',
  },
  waitingRequests: {
    value: 8_192,
    unit: 'requests',
    reason:
      'Own requests that wait for room at the virtual peer: what all jobs together have in their windows.',
  },
  knownPeers: {
    value: 64,
    unit: 'peers',
    reason: 'Three times what a node keeps connected; each costs a try to connect now and then.',
  },
  handshakesInWork: {
    value: 32,
    unit: 'connections',
    reason: 'Connections that have not shown who they are; more are closed at once.',
  },
  linkBacklogBytes: {
    value: 16 * 1024 * 1024,
    unit: 'bytes',
    reason:
      'Twice what the requests that a link may have open can add up to; a link with more is closed as stuck.',
  },
  dialFirstMs: {
    value: 500,
    unit: 'milliseconds',
    reason: 'The first wait after a failed try to connect; doubled each time.',
  },
  dialMostMs: {
    value: 60_000,
    unit: 'milliseconds',
    reason: 'A peer that comes back is connected within a minute.',
  },
  drainMs: {
    value: 5_000,
    unit: 'milliseconds',
    reason: 'What stopping waits for requests in work; longer ones are given up.',
  },
  sourceChunkBytes: {
    value: 256 * 1024,
    unit: 'bytes',
    reason: 'One read of a file: few enough calls, little memory.',
  },
  spoolShare: {
    value: 25,
    unit: 'per cent of store.size',
    reason:
      'Uploads that have no path lie encrypted on disk until they are inserted; they count towards the limit of the store.',
  },
} as const satisfies Limits;
