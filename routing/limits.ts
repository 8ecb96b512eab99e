/** Limits of this room that a node sets for itself; docs/LIMITS.md is generated from here. What a network agrees on is network.ts. */
import type { Limits } from '../keys/index.ts';

export const routingLimits = {
  pendingPerLink: {
    value: 128,
    unit: 'requests',
    reason: 'One peer takes at most an eighth of what this node has in work; more is refused with back-off.',
  },
  pendingRequests: {
    value: 1_024,
    unit: 'requests',
    reason: 'Each may hold one block: 32 MiB in the worst case.',
  },
  seenUids: {
    value: 262_144,
    unit: 'uids',
    reason: '120 s at 2,000 requests a second, more than a node serves; the oldest is forgotten first.',
  },
  waitersPerFetch: {
    value: 64,
    unit: 'requests',
    reason: 'A crowd that asks for one key is answered at once by one search; the rest runs alone.',
  },
  messageBytes: {
    value: 33_499,
    unit: 'bytes',
    reason:
      'A block (32,924) and the fields around it; what one frame of a link holds. The codec refuses longer ones before reading them.',
  },
  reservedNameChars: {
    value: 32,
    unit: 'characters',
    reason: 'The name of an unknown message type is sent back, so it is kept short.',
  },
} as const satisfies Limits;
