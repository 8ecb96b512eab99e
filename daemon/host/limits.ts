/** Limits of sockets that this node opens; docs/LIMITS.md is generated from here. */
import type { Limits } from '../../keys/index.ts';

export const hostLimits = {
  socksDialMs: {
    value: 60_000,
    unit: 'ms',
    reason:
      'From the first packet to the proxy until it says connected: Tor builds two circuits for an onion address, and tries again by itself.',
  },
} as const satisfies Limits;
