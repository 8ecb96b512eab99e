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
  peers: {
    value: 22,
    unit: 'peers',
    reason:
      'Strangers: 10 cost half as many hops again, 30 save a sixth; with 20 one way in 16 is longer than 3 at 1,000 nodes, with 22 one in 33. Friends and chosen peers come on top.',
  },
  groupShare: {
    value: 0.25,
    unit: 'of peers',
    reason: 'Of one /16, or all that come by Tor: one operator holds no more of the view of a node.',
  },
  pins: {
    value: 2,
    unit: 'peers a side',
    reason: 'The nearest are never dropped: they make the circle whole, and without it there are dead ends.',
  },
  hysteresis: {
    value: 2,
    unit: 'times',
    reason:
      'A new peer must be this much better than the one that goes for it, which has to find another one then: with 1.3 a third more links come and go, and ways are no shorter.',
  },
  costLeastMs: {
    value: 20,
    unit: 'ms',
    reason:
      'Peers closer than this are alike to the policy: who rents a machine next door gains no more by it.',
  },
  costMostMs: {
    value: 500,
    unit: 'ms',
    reason: 'Peers slower than this are alike: at worst a peer counts a fifth of the fastest.',
  },
  visitedHints: {
    value: 8,
    unit: 'locations',
    reason:
      'Carried near the key only: 22 messages for a key that does not exist instead of 27 (1,000 nodes).',
  },
  uplinkAfterMs: {
    value: 20_000,
    unit: 'ms',
    reason:
      'Friends are told of a change ± a quarter of this later, all at once: who sees a link end does not see here what hung on it.',
  },
  stemOuts: {
    value: 2,
    unit: 'friends',
    reason: 'Nearer to an open node, and asked first: as few as possible see what this node passes on.',
  },
  stemHopMs: {
    value: 4_000,
    unit: 'ms',
    reason:
      'By so much each node of a stem shortens the deadline: 29 are asked at most for one request, and no count travels.',
  },
  stemVisits: {
    value: 12,
    unit: 'nodes',
    reason:
      'With 10 % of black holes 99.8 % and more of the ways to an open node are found with so many (10,000 nodes).',
  },
  lookAheadChoices: {
    value: 200,
    unit: 'choices',
    reason: 'The window in which the share of a peer is counted.',
  },
  lookAheadShare: {
    value: 0.3,
    unit: 'of the choices',
    reason: 'An honest peer gets a quarter at most; who lists all places gets no more than this by his list.',
  },
  silenceWeight: {
    value: 0.4,
    unit: 'of the score',
    reason: 'Two silences in a row, and a peer is tried last.',
  },
  silenceMost: {
    value: 0.5,
    unit: 'score',
    reason: 'Above it a peer is tried last, does not count for the store rule and may be dropped.',
  },
  silenceHalfLifeMs: {
    value: 600_000,
    unit: 'ms',
    reason:
      'Who was silent and is back gets a new try within minutes; who stays silent costs one time-out in that time.',
  },
  doubtWeight: {
    value: 0.5,
    unit: 'of the score',
    reason:
      'One failed audit, and a peer is tried last: liars fail all of them, honest nodes one in a hundred.',
  },
  doubtMost: {
    value: 0.35,
    unit: 'score',
    reason:
      'Above it a peer is tried last. It is never dropped for that: else audits could be used to isolate a node.',
  },
  doubtHalfLifeMs: {
    value: 604_800_000,
    unit: 'ms',
    reason:
      'A failed audit counts for half a week unless one is passed: each new trust costs the searches that end at a liar.',
  },
  auditsAtFirst: {
    value: 4,
    unit: 'audits',
    reason: 'Of a peer of which nothing is known, at each occasion; as many as 30 requests a node give.',
  },
  auditEvery: {
    value: 8,
    unit: 'occasions',
    reason: 'Later one in eight, at random: a tenth more blocks travel than for the inserts alone.',
  },
  auditAskerMs: {
    value: 600_000,
    unit: 'ms',
    reason:
      'One link gives occasion for one audit of a peer in this time: it could choose keys that an honest peer does not find.',
  },
  auditSoonestMs: { value: 10_000, unit: 'ms', reason: 'Late enough that the insert has ended.' },
  auditLatestMs: {
    value: 600_000,
    unit: 'ms',
    reason: 'The key of an insert is kept no longer than that for an audit.',
  },
  contradictionMs: {
    value: 60_000,
    unit: 'ms',
    reason:
      'Who has not found what is found so soon after is worth an audit; the block may be new after longer.',
  },
  auditsAtOnce: {
    value: 64,
    unit: 'audits',
    reason: 'Planned or in work; a timer and a key each. What comes beyond is not audited.',
  },
  recordsKept: {
    value: 1_024,
    unit: 'identities',
    reason: 'Scores outlive a link, so that nobody sheds them by hanging up; 100 kB.',
  },
  quietHops: {
    value: 2,
    unit: 'nodes',
    reason:
      'From the diffuser on, that keep nothing of what is fetched: with 1 it can be told there by the time that an answer takes.',
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
