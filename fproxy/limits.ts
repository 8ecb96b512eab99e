/** The limits of this room; docs/LIMITS.md is generated from here. A gateway may be started with tighter bounds, for its tests. */
import type { Limits } from '../keys/index.ts';

export const fproxyLimits = {
  requestHeadBytes: {
    value: 16_384,
    unit: 'bytes',
    reason:
      'Request line and headers: the longest key (4,096 characters) fits even when percent-encoded throughout.',
  },
  headTimeoutMs: {
    value: 10_000,
    unit: 'ms',
    reason:
      'A client on this machine sends its headers at once; one that drips them only holds a connection.',
  },
  requestTimeoutMs: {
    value: 3_600_000,
    unit: 'ms',
    reason: 'The largest upload over loopback onto a slow disk, with room; after that nobody is sending.',
  },
  connections: {
    value: 256,
    unit: 'connections',
    reason: 'Browsers hold 6 per origin, aria2 16 per server: enough for all programs of one person.',
  },
  requests: {
    value: 128,
    unit: 'requests',
    reason: 'Answered at once, over all connections; pipelining could make more of them than connections.',
  },
  stallMs: {
    value: 300_000,
    unit: 'ms',
    reason: 'A reader that takes nothing for so long has stopped; a paused download resumes by a range.',
  },
  drainMs: {
    value: 5_000,
    unit: 'ms',
    reason: 'What running answers get to end in when the gateway closes; a service manager waits longer.',
  },
  uploadBytes: {
    value: 4_294_967_296,
    unit: 'bytes',
    reason: 'The body is spooled before it is inserted; what is larger goes by its path: mimeo put FILE.',
  },
  formFieldBytes: {
    value: 8_192,
    unit: 'bytes',
    reason: 'A text field of the upload form: the longest key that the api takes.',
  },
  formHeadBytes: {
    value: 4_096,
    unit: 'bytes',
    reason: 'Headers of one part of the form: a file name of 255 characters, percent-encoded, with room.',
  },
  fileNameBytes: {
    value: 200,
    unit: 'bytes',
    reason: 'File systems take 255 for a name, and browsers append a number or ".part" to it.',
  },
  retryAfterSeconds: {
    value: 30,
    unit: 's',
    reason: 'Peers connect and back-offs end in tens of seconds; asking sooner finds the same.',
  },
} as const satisfies Limits;

/** The limits as plain numbers. */
export type Bounds = Readonly<Record<keyof typeof fproxyLimits, number>>;

export function boundsWith(tighter: Partial<Bounds>): Bounds {
  const entries = Object.entries(fproxyLimits).map(([name, limit]) => [name, limit.value]);
  return { ...(Object.fromEntries(entries) as Bounds), ...tighter };
}
