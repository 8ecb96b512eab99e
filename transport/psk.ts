/**
 * What two nodes share beside their static keys, as the psk of a handshake (docs/spec/links.md, 5). It does not say who shares what
 * with whom: that is the owner's book.
 */
import type { LinkSecret } from './event.ts';
import { derive } from './link-keys.ts';

/** The psk of a handshake. The keys are those of both ends in the order of their roles, whoever computes it. */
export function presharedKey(
  secret: LinkSecret,
  ends: {
    readonly responderProbeKey: Uint8Array;
    readonly initiatorKey: Uint8Array;
    readonly responderKey: Uint8Array;
  },
): Uint8Array {
  const salt = Buffer.concat([ends.initiatorKey, ends.responderKey]);
  switch (secret.type) {
    case 'stranger':
      return derive({ from: ends.responderProbeKey, salt, info: 'mimeo/link/psk/stranger' });
    case 'pair':
      return derive({ from: secret.pairSecret, salt, info: 'mimeo/link/psk/pair' });
    case 'invite':
      return derive({ from: secret.inviteSecret, salt, info: 'mimeo/link/psk/invite' });
  }
}
