/** The limits of this room (docs/LIMITS.md), those of the carriers below it included. */
import type { Limits } from '../keys/index.ts';

export const transportLimits = {
  frameBytes: {
    value: 33_499,
    unit: 'bytes',
    reason:
      'The longest message: what the largest frame (33,536) holds. One with a block has 32,924 bytes and its fields.',
  },
  windowBytes: {
    value: 256 * 1024,
    unit: 'bytes',
    reason:
      'A few blocks on their way keep a fast carrier busy; a control message waits behind no more than these. Other sizes were measured on a busy machine only, and showed nothing.',
  },
  openingBytesLeast: {
    value: 2_816,
    unit: 'bytes',
    reason: 'Holds the longest reference, so that the length of an opening, drawn above this, says nothing.',
  },
  openingBytesMost: {
    value: 4_096,
    unit: 'bytes',
    reason: 'All that a caller makes us hold before it has shown who it is.',
  },
  replyBytesLeast: {
    value: 256,
    unit: 'bytes',
    reason: 'A reply has about 130; fields of later versions fit.',
  },
  replyBytesMost: { value: 1_536, unit: 'bytes', reason: 'As wide a range as that of openings.' },
  clockSkewMs: {
    value: 600_000,
    unit: 'ms',
    reason: 'How far two clocks may differ; an opening is good for twice that.',
  },
  noncesKept: {
    value: 16_384,
    unit: 'nonces',
    reason: '13 openings a second over the time that they are kept; the oldest is forgotten first. 2 MiB.',
  },
  noncesKeptMs: {
    value: 1_200_000,
    unit: 'ms',
    reason: 'Twice the clock skew: an opening that is older has a timestamp that is too old.',
  },
  callersKept: {
    value: 4_096,
    unit: 'keys',
    reason:
      'Static keys whose greatest timestamp is kept: many times the peers that a node can know. 160 KiB on disk.',
  },
  handshakeMs: {
    value: 10_000,
    unit: 'ms',
    reason: 'Two round trips even over Tor; a node that says nothing is not waited for longer.',
  },
  unansweredMsLeast: {
    value: 10_000,
    unit: 'ms',
    reason: 'Whoever calls in vain is read from at least so long: every honest caller has given up by then.',
  },
  unansweredMsMost: {
    value: 60_000,
    unit: 'ms',
    reason: 'And at most so long; the time is drawn, so that it names no program.',
  },
  realtimeRun: {
    value: 3,
    unit: 'messages',
    reason:
      'So many realtime blocks go before a bulk one that waits: who asks for all in a hurry stops nobody.',
  },
  keepAliveMs: {
    value: 20_000,
    unit: 'ms',
    reason: 'NATs forget a TCP connection after minutes at the earliest; an empty frame has 256 bytes.',
  },
  silenceMs: {
    value: 65_000,
    unit: 'ms',
    reason: 'Three keep-alives of the other side and some delay: its link is half open or it has gone.',
  },
  rekeyMs: {
    value: 900_000,
    unit: 'ms',
    reason: 'Whoever seizes a node reads at most a quarter of an hour of what was recorded of its links.',
  },
  rekeyBytes: {
    value: 1_073_741_824,
    unit: 'bytes',
    reason: '2^15 to 2^22 frames under one key, far below what ChaCha20-Poly1305 bears.',
  },
  prefixBytes: {
    value: 64,
    unit: 'bytes',
    reason: 'The beginning of a request in another protocol; each caller makes us hold and compare so many.',
  },
  referenceChars: {
    value: 3_456,
    unit: 'characters',
    reason: 'Eight addresses of the longest names and a prefix fit, and so do its bytes into every opening.',
  },
  inviteChars: {
    value: 3_584,
    unit: 'characters',
    reason: 'The longest reference, the secret and the time.',
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
