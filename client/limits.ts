/**
 * The limits of this room: each has a name, a unit and the reason for its value, and docs/LIMITS.md is generated from here.
 * What defines the format of a file (block and segment sizes) is not a limit: it is in layout.ts.
 */
import type { Limits } from '../keys/index.ts';

export const clientLimits = {
  fileBytes: {
    value: 2 ** 40,
    unit: 'bytes',
    reason:
      'Of a file, compressed or not: 33 million blocks, three levels of keys; nobody has inserted more.',
  },
  splitfileLevels: {
    value: 4,
    unit: 'levels',
    reason:
      'The content and its key lists; three reach the largest file. CBOR may nest eight deep, metadata uses six.',
  },
  checkBlocksPerSegment: {
    value: 128,
    unit: 'blocks',
    reason: 'With 128 data blocks they make 256, what Reed–Solomon over GF(2^8) can tell apart.',
  },
  mimeTypeBytes: {
    value: 255,
    unit: 'bytes',
    reason: 'It becomes a header line of the proxy; registered types have at most 127 with the slash.',
  },
  insertWindow: {
    value: 32,
    unit: 'blocks',
    reason:
      'Inserts in flight of one upload: 1 MiB of memory, and more would only wait in the queue of the node.',
  },
  fetchWindow: {
    value: 32,
    unit: 'blocks',
    reason:
      'Blocks of one download in flight or waiting for their turn: 1 MiB of memory, whatever the reader does.',
  },
  listWindow: {
    value: 2,
    unit: 'blocks',
    reason:
      'Key lists held a level by a download: the one in use, and the next, so that reading does not pause between them.',
  },
  notFoundTries: {
    value: 4,
    unit: 'tries',
    reason: 'Of a block below the top one: routes change between tries, and peers come back within seconds.',
  },
  noRouteFetchTries: {
    value: 4,
    unit: 'tries',
    reason: 'About four seconds: a person waits, and the answer says that trying again later may work.',
  },
  noRouteInsertTries: {
    value: 10,
    unit: 'tries',
    reason: 'About three minutes: an upload survives that the only peers restart.',
  },
  backoffFirstMs: {
    value: 500,
    unit: 'milliseconds',
    reason: 'The first wait after a refusal, before jitter; doubled at each one that follows.',
  },
  backoffMaxMs: {
    value: 60_000,
    unit: 'milliseconds',
    reason: 'The longest wait: a network that was overloaded for hours is used again within a minute.',
  },
} as const satisfies Limits;
