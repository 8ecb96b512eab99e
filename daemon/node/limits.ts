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
  callers: {
    value: 128,
    unit: 'connections',
    reason:
      'Connections of others that have not shown who they are; silent ones stay up to a minute. With one more, one of them drawn at random is closed: who holds them all cannot keep the next friend out.',
  },
  strangerLinks: {
    value: 64,
    unit: 'links',
    reason:
      'Strangers that have called and are linked, or may be in a moment: what a node keeps for good, and as many again that ask it for the way.',
  },
  strangersPerGroup: {
    value: 8,
    unit: 'links',
    reason: 'Of those as many of one group: a quarter of the peers may be, and a few more may ask.',
  },
  strangerCalls: {
    value: 64,
    unit: 'calls',
    reason: 'Strangers that are let in at once, after a quiet time; each costs a write to disk.',
  },
  strangerCallEveryMs: {
    value: 500,
    unit: 'milliseconds',
    reason:
      'And one more each half second: 2,464 in the twenty minutes for which the replay guard has 4,096 places.',
  },
  groupCalls: {
    value: 8,
    unit: 'calls',
    reason: 'Of one group at once, so that one operator does not use up the calls of all.',
  },
  groupCallEveryMs: { value: 10_000, unit: 'milliseconds', reason: 'And one more each ten seconds.' },
  callingGroups: {
    value: 1_024,
    unit: 'groups',
    reason: 'Whose calls are counted; the one that has not called for longest is forgotten first.',
  },
  rememberedStrangers: {
    value: 200,
    unit: 'nodes',
    reason: 'Who was a peer lately: of two hundred a few answer even after a month. 100 KiB on disk.',
  },
  referencesRead: {
    value: 512,
    unit: 'references',
    reason:
      'Of others, as they were last found good or bad: the same one again costs no signature. 2 MiB at most.',
  },
  proofBits: {
    value: 18,
    unit: 'zero bits',
    reason: 'A quarter of a million hashes, half a second, for each reference that looks for peers.',
  },
  openInvites: {
    value: 16,
    unit: 'invites',
    reason: 'A circle of friends at once; each is looked at when somebody comes with one.',
  },
  inviteDays: {
    value: 7,
    unit: 'days',
    reason: 'Time for a friend to read a mail; a line that lies around longer is found by somebody else.',
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
  clientCacheShare: {
    value: 10,
    unit: 'per cent of store.size',
    reason: 'What the owner has read lately is there again at once, and nobody else can ask for it.',
  },
  sealedFileBytes: {
    value: 16 * 1024 * 1024,
    unit: 'bytes',
    reason:
      'Sealed state is read and written as a whole; a thousand own keys or peers take less than one of these.',
  },
  ownKeys: {
    value: 1_024,
    unit: 'keys',
    reason: 'Own subspaces lie in one file that each change writes anew: half a megabyte at most.',
  },
  passphraseCharacters: {
    value: 8,
    unit: 'characters at least',
    reason: 'NIST SP 800-63B; with scrypt a guess costs a third of a second and 128 MiB.',
  },
  passphraseBytes: {
    value: 1_024,
    unit: 'bytes',
    reason: 'More than anybody types; a file of the wrong name is not taken for a passphrase.',
  },
  scryptCost: {
    value: 2 ** 17,
    unit: 'scrypt N, r = 8, p = 1',
    reason: 'A third of a second and 128 MiB at each unlock, and for each guess.',
  },
  scryptCostLeast: {
    value: 2 ** 15,
    unit: 'scrypt N',
    reason: 'A file that asks for less was not written by mimeo: it would be guessed.',
  },
  scryptCostMost: {
    value: 2 ** 20,
    unit: 'scrypt N',
    reason: '1 GiB: a file that asks for more would take the memory of the machine.',
  },
  waitsCounted: {
    value: 0.75,
    unit: 'of links',
    reason:
      'In the others messages wait longest for their carriers: a quarter that does not read closes the door to nobody else.',
  },
} as const satisfies Limits;
