/** The limits of the JSON-RPC socket. Its clients are programs of the same user: they are bounded against bugs, not believed. */
import type { Limits } from '../../keys/index.ts';

export const rpcLimits = {
  lineBytes: {
    value: 262_144,
    unit: 'bytes',
    reason:
      'One message or batch. The longest parameters are two keys and a path (21 KB); file bodies never travel here.',
  },
  answerBytes: {
    value: 67_108_864,
    unit: 'bytes',
    reason: 'What a client of ours takes as one line: a list of a hundred thousand jobs.',
  },
  connections: {
    value: 64,
    unit: 'connections',
    reason: 'Each may hold a line and its calls: 16 MiB of lines at most.',
  },
  callsAtOnce: {
    value: 32,
    unit: 'calls per connection',
    reason: 'A page of waiting jobs; a call beyond it is answered with `overloaded`.',
  },
  batchCalls: {
    value: 32,
    unit: 'calls',
    reason: 'A batch that could never run at once is refused as a whole.',
  },
  badLines: {
    value: 16,
    unit: 'lines in a row',
    reason: 'Who sends so many lines that are not JSON speaks another protocol.',
  },
  halfLineMs: {
    value: 30_000,
    unit: 'milliseconds',
    reason:
      'A line that was begun is ended at once by any program; a connection between two lines may idle for ever.',
  },
  connectMs: { value: 5_000, unit: 'milliseconds', reason: 'The socket is on this machine.' },
  drainMs: {
    value: 5_000,
    unit: 'milliseconds',
    reason: 'When the daemon stops, calls that are running may end; then their connections are cut.',
  },
  panicMs: {
    value: 200,
    unit: 'milliseconds',
    reason: '`mimeo panic` waits this long for a daemon to end by itself, then kills it: all in a second.',
  },
  socketPathBytes: {
    value: 107,
    unit: 'bytes',
    reason: 'sun_path of unix(7) without its final zero; longer paths fail with a bare EINVAL.',
  },
} as const satisfies Limits;
