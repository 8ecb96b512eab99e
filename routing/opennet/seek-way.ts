/**
 * Where a seek goes next (docs/spec/peers.md, 5): at random while it walks, then to the peer that is nearest to the target itself or by
 * one that it lists, as long as that is nearer than this node.
 *
 * A seek never goes to a friend: what came back would tell a stranger whom this node knows. Nor to the seeker, who is nearest to
 * its own place and whom others list there.
 */
import { type Location, distance } from '../../keys/index.ts';
import { routingLimits } from '../limits.ts';
import { type Excluded, nearestListed } from '../look-ahead.ts';
import type { LinkId } from '../peer.ts';
import type { PeerView } from '../peers.ts';
import { type PeerDesk, oneOf } from './desk.ts';

export interface Sought {
  readonly target: Location;
  /** Who seeks. */
  readonly identity: string;
  readonly location: Location;
  readonly from: LinkId;
  /** Neither the seeker nor this node can be dialled: it cannot end here. */
  readonly isHopeless: boolean;
}

export function randomStep(desk: PeerDesk, sought: Sought): LinkId | undefined {
  return oneOf(open(desk, sought), desk.random)?.link;
}

export function greedyStep(desk: PeerDesk, sought: Sought): LinkId | undefined {
  const { target } = sought;
  const excluded: Excluded = { locations: [desk.location, sought.location], count: 2, away: undefined };
  let best: LinkId | undefined;
  // The nearest node is often one that the seeker can't dial either. Around it are those who can be.
  const enough = sought.isHopeless ? Infinity : distance(desk.location, target);
  let bestReach = enough;
  let bestAway = Infinity;
  for (const { link, peer, listed } of open(desk, sought)) {
    const away = distance(peer.location, target);
    const reach = Math.min(away, nearestListed(listed, target, excluded));
    if (reach > bestReach || (reach === bestReach && away >= bestAway)) continue;
    best = link;
    bestReach = reach;
    bestAway = away;
  }
  return bestReach < enough ? best : undefined;
}

function open(desk: PeerDesk, { from, identity }: Sought): readonly PeerView[] {
  return desk.peers
    .views(desk.now)
    .filter(
      ({ link, peer, confirmed, silence }) =>
        confirmed &&
        peer.tie !== 'friend' &&
        link !== from &&
        peer.identity !== identity &&
        silence <= routingLimits.silenceMost.value,
    );
}
