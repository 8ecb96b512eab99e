/** Limits of load and failure memory; docs/LIMITS.md is generated from here. The measurements are in docs/spec/load.md, 8. */
import type { Limits } from '../../keys/index.ts';

export const loadLimits = {
  queuedPerLink: {
    value: 32,
    unit: 'requests',
    reason: 'What waits at the door for one link, without a block. More than a node serves in `queueWaitMs`.',
  },
  queueWaitMs: {
    value: 500,
    unit: 'milliseconds',
    reason: 'Half of the shortest time in which a hop must accept: who waits here is not taken for silent.',
  },
  realtimeLead: {
    value: 4,
    unit: 'blocks',
    reason:
      'By so much a link with a realtime request goes before its turn, so bulk of others loses no more.',
  },
  debtMost: {
    value: 8,
    unit: 'blocks',
    reason: 'What a link has had while others left room is held against it up to this much of its share.',
  },
  surplusPercent: {
    value: 90,
    unit: 'per cent',
    reason: 'So full is a bucket that nobody wants: then even who has had its share and more is let in.',
  },
  realtimeRun: {
    value: 3,
    unit: 'requests',
    reason: 'Of one link, so many realtime requests go before a bulk one that waits.',
  },
  grantBlocks: {
    value: 256,
    unit: 'blocks',
    reason: 'What a newcomer may take at the weight of the median peer before it has served: 8 MiB.',
  },
  serviceHalfLifeMs: {
    value: 86_400_000,
    unit: 'milliseconds',
    reason: 'What a peer served yesterday counts half: a night offline costs little, last month nothing.',
  },
  weightLeast: {
    value: 1 / 16,
    unit: 'median weights',
    reason: 'A peer that has served nothing gets at least this when all want more than there is.',
  },
  weightMost: {
    value: 4,
    unit: 'median weights',
    reason: 'A peer with a fast line is thanked, but cannot buy up the node.',
  },
  accountsKept: {
    value: 1_024,
    unit: 'identities',
    reason:
      'Peers come back; who was forgotten gets a new grant. The one that was linked longest ago goes first.',
  },
  windowFirst: {
    value: 32,
    unit: 'requests',
    reason:
      'In work at a peer of which nothing is known: what one job has in flight. With 16 a burst of inserts leaves 2 % of the copies at other nodes; under overload a smaller one gains nothing.',
  },
  windowMost: { value: 128, unit: 'requests', reason: 'No node takes more from one link (pendingPerLink).' },
  windowCutPercent: { value: 50, unit: 'per cent', reason: 'What is left of a window after a refusal.' },
  roomWaitMs: {
    value: 5_000,
    unit: 'milliseconds',
    reason:
      'So long a search waits until the best peer has room. An insert through slow links takes as long, so in a burst some end within it; nobody is taken for silent who says that it works.',
  },
  pauseFirstMs: {
    value: 250,
    unit: 'milliseconds',
    reason:
      'A peer that refuses even the only request is asked again after this, ± a half; doubled each time.',
  },
  pauseMostMs: { value: 60_000, unit: 'milliseconds', reason: 'As long as the back-off from a silent peer.' },
  overloadTries: {
    value: 3,
    unit: 'peers',
    reason:
      'A search that so many had no room for ends: looking for room everywhere costs a busy network a fifth of what it does.',
  },
  backlogMs: {
    value: 1_000,
    unit: 'milliseconds',
    reason: 'Without limits of the owner nobody is let in while what is to be sent waits longer than this.',
  },
  backlogLookMs: {
    value: 50,
    unit: 'milliseconds',
    reason:
      'So often a node at which somebody waits looks whether the carriers have taken what was to be sent.',
  },
  burstMs: {
    value: 1_000,
    unit: 'milliseconds',
    reason: 'What a token bucket holds, in time of its rate: admitted at once after idleness.',
  },
  failureKeys: {
    value: 20_000,
    unit: 'keys',
    reason: 'About 10 MiB; at 30 searches a second that end without success it holds 10 minutes.',
  },
  failureKeepMs: {
    value: 600_000,
    unit: 'milliseconds',
    reason: 'How long an offer is of use to who asked; a trace that is kept longer serves nobody.',
  },
  failureAvoidMs: {
    value: 30_000,
    unit: 'milliseconds',
    reason:
      'A peer that has just said "not found" is asked last; after 60 s of it polls find .83 of what was inserted meanwhile.',
  },
  failureLinks: {
    value: 16,
    unit: 'links',
    reason: 'Askers, and peers that failed, remembered for one key; the oldest goes first.',
  },
  offerDelayMs: {
    value: 5_000,
    unit: 'milliseconds',
    reason: 'An offer waits for a random time up to this, so that it does not tell when the block passed.',
  },
} as const satisfies Limits;
