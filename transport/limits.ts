/** The limits of this room (docs/LIMITS.md), those of the carriers below it included. */
import type { Limits } from '../keys/index.ts';

export const transportLimits = {
  frameBytes: {
    value: 36 * 1024,
    unit: 'bytes',
    reason:
      'A message with a block has 32,924 bytes and its fields; a longer frame closes the link before room is made for it.',
  },
  helloBytes: {
    value: 512,
    unit: 'bytes',
    reason:
      'Ours have about 130; the rest is room for fields of later versions. All that a stranger makes us hold.',
  },
  handshakeMs: {
    value: 10_000,
    unit: 'ms',
    reason: 'Two round trips even over Tor; a link that says nothing is not kept longer.',
  },
  keepAliveMs: {
    value: 20_000,
    unit: 'ms',
    reason: 'NATs forget a TCP connection after minutes at the earliest; an empty frame costs 4 bytes.',
  },
  silenceMs: {
    value: 65_000,
    unit: 'ms',
    reason: 'Three keep-alives of the other side and some delay: its link is half open or it has gone.',
  },
  referenceChars: {
    value: 4_096,
    unit: 'characters',
    reason: 'One line that fits a mail; eight addresses of the longest names fit.',
  },
  referenceAddresses: {
    value: 8,
    unit: 'addresses',
    reason: 'IPv4, IPv6, a name and a few more; each is one dial that a stranger can make us do.',
  },
  dialMs: {
    value: 10_000,
    unit: 'ms',
    reason: 'A TCP connection takes one round trip; what has not answered by then is not there.',
  },
  lingerMs: {
    value: 5_000,
    unit: 'ms',
    reason: 'How long a closed carrier waits for the other side to take what is queued and close too.',
  },
  inboundCarriers: {
    value: 512,
    unit: 'carriers',
    reason: 'Far more than peers (about 20): bounds the sockets that strangers can make us hold.',
  },
} as const satisfies Limits;
