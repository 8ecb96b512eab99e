/**
 * Whom a node wants as a peer among strangers, and whom it would give up for that (docs/spec/peers.md, 3). A pure function of the
 * peers that it has.
 *
 * It dials and drops nobody, and it never looks at how often a peer was used: weighing by use was measured to be harmful, and
 * use is what a neighbour can fake.
 *
 * Invariant: never a victim are friends, chosen peers and pins. Of one site there is at most one stranger, of one group at most
 * `groupShare` of all places. Who has just been dropped for another does not win the place back.
 */
import type { Location } from '../../keys/index.ts';
import { routingLimits } from '../limits.ts';
import type { LinkId } from '../peer.ts';
import type { PeerView } from '../peers.ts';
import { type Spot, bySide, gapScores } from './gap.ts';

export interface Applicant {
  readonly identity: string;
  readonly location: Location;
  readonly group: string;
  readonly site: string;
  /** Undefined until there is a link. */
  readonly cost: number | undefined;
  /** What this node remembers of it (`PeerTable.silenceOf`): who was dropped for its silence does not come back as a new face. */
  readonly silence?: number;
}

export interface Places {
  readonly own: Location;
  /** Everybody who is confirmed or wanted, friends and chosen ones included. */
  readonly peers: readonly PeerView[];
}

export type Wanted = { readonly wanted: true; readonly victim?: LinkId } | { readonly wanted: false };

const UNWANTED: Wanted = { wanted: false };

export function wants(applicant: Applicant, { own, peers }: Places): Wanted {
  if (applicant.location === own) return UNWANTED;
  if (peers.some(({ peer }) => peer.identity === applicant.identity)) return UNWANTED;
  const isRival = rivalsOf(applicant, peers);
  if (isRival === 'none needed') return { wanted: true };

  // Scores and pins of all of them together: the same whoever of them has a place and whoever applies.
  const all = peers.map(({ peer, silence }) => placeOf(peer, silence));
  all.push(placeOf(applicant, applicant.silence ?? 0));
  const scores = gapScores(own, all);
  const scoreOf = (index: number): number => (isSilent(all[index]) ? 0 : (scores[index] ?? 0));
  const pins = pinned(own, all);
  let victim: LinkId | undefined;
  let least = Infinity;
  for (let index = 0; index < peers.length; index += 1) {
    const view = peers[index] as PeerView;
    if (view.peer.tie !== 'stranger' || pins.has(index) || !isRival(view)) continue;
    const score = scoreOf(index);
    if (score >= least) continue;
    victim = view.link;
    least = score;
  }
  if (victim === undefined) return UNWANTED;
  const wins = pins.has(peers.length) || scoreOf(peers.length) > routingLimits.hysteresis.value * least;
  return wins ? { wanted: true, victim } : UNWANTED;
}

/** What scores and pins look at. */
export interface Place extends Spot {
  readonly group: string;
  readonly silence: number;
}

function placeOf({ location, group, cost }: Omit<Place, 'silence'>, silence: number): Place {
  return { location, group, cost, silence };
}

/**
 * Those of whom one would have to go. Where the site is taken or the group is full it is one of them, so that a better one of an
 * operator can follow a worse one but never come on top.
 */
function rivalsOf(
  { site, group }: Applicant,
  peers: readonly PeerView[],
): ((stranger: PeerView) => boolean) | 'none needed' {
  const { peers: most, groupShare } = routingLimits;
  let [strangers, ofGroup, siteTaken] = [0, 0, false];
  for (const { peer } of peers) {
    if (peer.tie !== 'stranger') continue;
    strangers += 1;
    if (peer.group === group) ofGroup += 1;
    if (peer.site === site) siteTaken = true;
  }
  // One more would be more than the share, which need not be a whole number of places.
  const groupFull = ofGroup + 1 > most.value * groupShare.value;
  if (!siteTaken && !groupFull && strangers < most.value) return 'none needed';
  return ({ peer }) => (!siteTaken || peer.site === site) && (!groupFull || peer.group === group);
}

/**
 * The indices of the nearest on each side, which make the circle whole. Of one operator only one: he could buy up the neighbourhood.
 */
export function pinned(own: Location, places: readonly Place[]): ReadonlySet<number> {
  const pins = new Set<number>();
  const groups = new Set<string>();
  for (const side of bySide(own, places)) {
    let count = 0;
    for (const index of side) {
      const place = places[index];
      if (place === undefined || isSilent(place) || groups.has(place.group)) continue;
      groups.add(place.group);
      pins.add(index);
      count += 1;
      if (count === routingLimits.pins.value) break;
    }
  }
  return pins;
}

function isSilent(place: { silence: number } | undefined): boolean {
  return place !== undefined && place.silence > routingLimits.silenceMost.value;
}
