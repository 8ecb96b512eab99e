/** Limits of the stem (docs/spec/stem.md). One table, from which docs/LIMITS.md is generated. */
import type { Limits } from '../../keys/index.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const stemLimits = {
  guards: {
    value: 3,
    unit: 'nodes',
    reason: 'One in use and two for when it is away: each more is one more chance for a spy.',
  },
  guardDraws: {
    value: 4,
    unit: 'draws',
    reason:
      'In `guardDrawsMs`, restarts included: who could make a node draw again and again would be drawn in the end.',
  },
  guardDrawsMs: { value: 60 * DAY, unit: 'ms', reason: 'The time in which `guardDraws` are allowed.' },
  guardLifeLeastMs: {
    value: 120 * DAY,
    unit: 'ms',
    reason: 'Long, because it is the guard that decides whether all that is done meanwhile is seen by a spy.',
  },
  guardLifeMostMs: {
    value: 180 * DAY,
    unit: 'ms',
    reason: 'Drawn between the two, so that nobody knows when a node draws.',
  },
  guardUnseenMs: { value: 30 * DAY, unit: 'ms', reason: 'Who was away for so long is not expected back.' },
  guardFullMs: { value: DAY, unit: 'ms', reason: 'Who has had no place is not drawn again for so long.' },
  guardLookMs: {
    value: 10 * MINUTE,
    unit: 'ms',
    reason: 'So often ± a quarter is looked whether a guard has to be replaced or can be drawn.',
  },
  guardSettleMs: {
    value: 1_000,
    unit: 'ms',
    reason:
      'After a peer has come a draw waits so long: of those that come together all have the same chance.',
  },
  guardAnswerMs: {
    value: 30_000,
    unit: 'ms',
    reason: 'Who has not answered `ask` by then has no place for now.',
  },
  guardDialFirstMs: {
    value: MINUTE,
    unit: 'ms',
    reason: 'Until a guard that is away is dialled; doubled each time.',
  },
  guardDialMostMs: {
    value: 30 * MINUTE,
    unit: 'ms',
    reason: 'No longer than this between two dials: who is back is found within the hour.',
  },
  smallNetwork: {
    value: 15,
    unit: 'nodes',
    reason:
      'Below it nobody is hidden among many; a network that begins is not to wait a day for its first guard.',
  },
  provisionalPeers: {
    value: 5,
    unit: 'peers',
    reason: 'So many to draw the first guard of a new node from, so that the first to answer is not the one.',
  },
  provisionalSources: {
    value: 2,
    unit: 'sources',
    reason: 'Peers that one seed has offered may all be its own.',
  },
  provisionalMs: {
    value: 10 * MINUTE,
    unit: 'ms',
    reason: 'Until a new node draws from what it has, and until its own bulk requests begin.',
  },
  provisionalAwayMs: {
    value: 10 * MINUTE,
    unit: 'ms',
    reason: 'Without its only guard for so long, a new node draws a second provisional one, and no third.',
  },
  provisionalGoneMs: {
    value: DAY,
    unit: 'ms',
    reason:
      'A provisional guard that went at once and stays away is replaced as soon as there are candidates.',
  },
  connectedKept: {
    value: 256,
    unit: 'identities',
    reason: 'Peers whose time of connection is kept, those with the longest.',
  },
  stemPlaces: {
    value: 12,
    unit: 'nodes',
    reason:
      'Nodes that may choose this one as a guard; three on average do, five where it is always up (one in 500 is full then).',
  },
  youngPlaces: {
    value: 4,
    unit: 'nodes',
    reason:
      'Of these for nodes that were peers for less than `guardAfterMs`: newcomers need one; who comes with many names gets no more than these at once.',
  },
  groupPlaces: {
    value: 3,
    unit: 'nodes',
    reason: 'Of these for one group: nobody fills the places of others with nodes of one operator.',
  },
  youngUnseenMs: {
    value: HOUR,
    unit: 'ms',
    reason: 'A young place waits so long for its node to come back.',
  },
  placeUnseenMs: {
    value: 30 * DAY,
    unit: 'ms',
    reason: 'As long as the one who has it waits for its guard.',
  },
  stemLinkSteps: {
    value: 8,
    unit: 'messages',
    reason: '`ask` and `end` on one link: an honest node asks once and ends once.',
  },
  stemCoin: {
    value: 0.25,
    unit: 'of the ways',
    reason:
      'End at this node: a mean stem of four hops. Less brings little more (research: L = 8 top-1 .12 instead of .13).',
  },
  stemKeepAfterMs: {
    value: 1_000,
    unit: 'ms',
    reason:
      'After a change what is to outlive the process is written down, once for all changes of that time.',
  },
  loopCheckFirstMs: {
    value: 5_000,
    unit: 'ms',
    reason:
      'After a way has changed, ± a quarter: nodes on one loop check one after the other, and the last one finds it.',
  },
  loopCheckMs: { value: DAY, unit: 'ms', reason: 'Ways change far away as well.' },
  loopCheckLeastMs: {
    value: MINUTE,
    unit: 'ms',
    reason: 'Between two checks of one way: a guard that comes and goes is not to make searches for nothing.',
  },
  loopsKept: {
    value: 64,
    unit: 'ways',
    reason: 'As many inbounds as there are places and friends, and some.',
  },
  stemShare: {
    value: 0.5,
    unit: 'of the line',
    reason: 'What the owner asks for at most, per class: the rest is for others, among whom it is hidden.',
  },
  ownRateMost: {
    value: 1_000,
    unit: 'requests/s',
    reason: 'Of a line of which no limit was said: 33 MB/s, more than a node relays.',
  },
  ownRateFirst: {
    value: 8,
    unit: 'requests/s',
    reason:
      'To begin with, of a line of which no limit was said: no window is full then, and so nothing waits for an answer; test networks begin with the most.',
  },
  ownLookMs: {
    value: 10_000,
    unit: 'ms',
    reason: 'While nobody takes them it is looked again so often: silence wears off without a word.',
  },
  ownRateBusy: {
    value: 16,
    unit: 'requests',
    reason:
      'In work while none waits: the job has its window full, and what it asks for next follows what has come.',
  },
  ownRateLeast: { value: 1, unit: 'requests/s', reason: 'Below it a page would not load.' },
  ownRateEveryMs: {
    value: MINUTE,
    unit: 'ms',
    reason: 'The rate halves or doubles at most so often: it follows the line, not the single answer.',
  },
  ownRateEmpty: {
    value: 0.1,
    unit: 'of the times',
    reason:
      'More of them with nothing to issue, or as many refusals, and the rate is above what the way carries.',
  },
} as const satisfies Limits;
