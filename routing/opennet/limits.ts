/**
 * Limits of the opennet machine (docs/spec/peers.md, 9): bounds of its tables and the times of its upkeep. How many peers a node has and
 * which ones it wants is in ../limits.ts.
 */
import type { Limits } from '../../keys/index.ts';

export const opennetLimits = {
  referenceBytes: {
    value: 2_583,
    unit: 'bytes',
    reason: 'A node reference of the longest line that a link accepts (3,456 characters).',
  },
  guests: {
    value: 10,
    unit: 'peers',
    reason:
      'Beside the other places, for nodes that nobody can dial: 6 or 7 hosts for each of them where they are 60 %.',
  },
  courtesyMs: {
    value: 30_000,
    unit: 'ms',
    reason:
      'A full node stays a seed that long: two announcements end in it, and so does most of what a dropped peer has in work.',
  },
  courtesyLinks: {
    value: 64,
    unit: 'links',
    reason: 'Callers that are not peers: one newcomer every half second for a seed; more are closed at once.',
  },
  wordsPerLink: {
    value: 3,
    unit: 'messages',
    reason: 'Unwanted, wanted, unwanted: nobody honest says more about one link.',
  },
  asksPerMinute: {
    value: 60,
    unit: 'messages',
    reason:
      'Seeks and introductions on one link: a busy seed passes on 3 a minute over each; more is refused.',
  },
  listedPeers: {
    value: 64,
    unit: 'locations',
    reason: 'Three times the peers of a node, for friends and chosen ones beside them.',
  },
  peersEveryMs: {
    value: 60_000,
    unit: 'ms',
    reason:
      'Changes are told together: 20 lists of 160 bytes a minute at most. A list that is a minute old costs a wrong hop.',
  },
  seekHtl: {
    value: 24,
    unit: 'nodes',
    reason: 'Walk and greedy part: 99.9 % of the greedy parts end within 10 at 100,000 nodes.',
  },
  seekWalk: {
    value: 4,
    unit: 'steps',
    reason:
      'Announcements through few seeds would otherwise begin in the same places: 4.0 hops without, 3.3 with (prototype, 1,000 nodes); 8 steps give no more.',
  },
  seekHopMs: {
    value: 500,
    unit: 'ms',
    reason:
      'Patience for each node that a seek may still visit: the one before a silent node gives up first.',
  },
  seekOffers: {
    value: 16,
    unit: 'offers',
    reason: 'What one seek brings at most, and so what it costs on the way back; a path offers 5 to 10.',
  },
  seeksPerLink: {
    value: 16,
    unit: 'seeks',
    reason: 'In work for one neighbour at one time; more are refused.',
  },
  seeks: { value: 256, unit: 'seeks', reason: 'In work for all neighbours together: 2 KiB each.' },
  seekKeepMs: {
    value: 120_000,
    unit: 'ms',
    reason: 'How long a node knows a seek again, ten times as long as one lasts.',
  },
  seekUids: {
    value: 4_096,
    unit: 'uids',
    reason: 'As many as 20 links may bring in the time that they are kept.',
  },
  dialsAtOnce: {
    value: 4,
    unit: 'dials',
    reason: 'A dial that fails takes some ten seconds; more at once would look like a scan.',
  },
  dialsWaiting: {
    value: 32,
    unit: 'candidates',
    reason: 'The offers of two seeks. A newer candidate is as good as an old one, so more are forgotten.',
  },
  dialAgainFirstMs: {
    value: 10_000,
    unit: 'ms',
    reason:
      'Who did not answer once: where the own line was down for a moment that is everybody. Doubled each time.',
  },
  dialAgainMs: {
    value: 600_000,
    unit: 'ms',
    reason: 'Who did not answer six times, or did not want us, is off or full for longer than a minute.',
  },
  dialFailures: {
    value: 256,
    unit: 'identities',
    reason: 'Whom not to dial again so soon, the oldest forgotten first.',
  },
  oneSourceShare: {
    value: 1 / 3,
    unit: 'of peers',
    reason: 'What one seed or peer may offer: a liar gives only its own.',
  },
  joinShare: {
    value: 1 / 4,
    unit: 'of peers',
    reason: 'With fewer a node announces itself again; with more probes and neighbours fill it up.',
  },
  announceEveryMs: {
    value: 10_000,
    unit: 'ms',
    reason: 'Pause between two rounds of looking for peers while they bring some.',
  },
  fillShare: {
    value: 3 / 4,
    unit: 'of peers',
    reason: 'From here on a node is in no hurry for more: it finds what it looks for.',
  },
  fillEveryMs: {
    value: 60_000,
    unit: 'ms',
    reason:
      'The pause with few places free. A full node that takes the caller drops another peer, which looks for one in its turn: with 10 s half as many links again come and go.',
  },
  announceMostMs: {
    value: 600_000,
    unit: 'ms',
    reason:
      'The same when they bring none: a network of fewer nodes than one wants peers asks in vain for ever.',
  },
  aloneFirstMs: {
    value: 2_500,
    unit: 'ms',
    reason:
      'Before the first doubling, for a node that knows somebody and has no peer yet: who starts it waits for it.',
  },
  aloneMostMs: {
    value: 60_000,
    unit: 'ms',
    reason:
      'The longest pause of a node without any peer, whose own line may be down: it is back within a minute, for a few dials in each.',
  },
  beyondEveryMs: {
    value: 600_000,
    unit: 'ms',
    reason: 'One call and one seek: two halves of 50 nodes find each other within two minutes.',
  },
  togetherMs: {
    value: 70_000,
    unit: 'ms',
    reason:
      'Peers that are lost within it may be lost by one cause: a link is silent for 65 s before it is given up.',
  },
  breakShare: {
    value: 1 / 4,
    unit: 'of peers',
    reason:
      'So many lost together are a line that broke: of 22 that stay for two hours each 6 go together by chance once in three years.',
  },
  breakLeast: { value: 2, unit: 'peers', reason: 'Where a node has few: one that goes is no break.' },
  missing: {
    value: 64,
    unit: 'nodes',
    reason:
      'Twice the peers of a node, those that only dial included: those of a break, and of the one before.',
  },
  gapProbes: {
    value: 5,
    unit: 'seeks',
    reason: 'After an announcement: 5 bring what traffic would bring in hours, 10 hardly more (prototype).',
  },
  settleMs: {
    value: 3_000,
    unit: 'ms',
    reason:
      'How long a round waits for its dials before it goes on; an address that does not answer takes longer.',
  },
  remembered: {
    value: 200,
    unit: 'nodes',
    reason: 'Peers of the last days: at 50 % availability a hundred of them answer.',
  },
  rememberedTries: {
    value: 12,
    unit: 'dials',
    reason: 'Old peers tried in one round before a seed is asked: three times as many as at once.',
  },
  rememberAfterMs: {
    value: 5_000,
    unit: 'ms',
    reason: 'New peers are written down together; a peer that is not lost within it is worth it.',
  },
  seeds: { value: 64, unit: 'nodes', reason: 'What a configuration may name; each is a dial.' },
  neighbourEveryMs: { value: 60_000, unit: 'ms', reason: 'The lists that it reads change no faster.' },
  vainListings: {
    value: 3,
    unit: 'introductions',
    reason: 'A peer whose listings lead nowhere so often is not asked for a while: it may be inventing them.',
  },
  triedAgainMs: {
    value: 600_000,
    unit: 'ms',
    reason: 'A listed place that led nowhere is not asked for again so soon.',
  },
  triedPlaces: { value: 256, unit: 'locations', reason: 'Two a minute in that time, and room for changes.' },
  foldReset: {
    value: 20,
    unit: '1 in',
    reason:
      'A node on the way puts its own reference in place of the one it got that often, so that the way itself is found as well.',
  },
  foldEveryMs: {
    value: 1_000,
    unit: 'ms',
    reason:
      'A reference costs a signature check of some 100 µs; one a second is more than a full node can use.',
  },
} as const satisfies Limits;
