/**
 * Places for nodes that nobody can dial (docs/spec/peers.md, 3). They find peers only among those that can be dialled, and where they
 * are the majority the usual places do not suffice: without these places a node in a row of such neighbours has no peer at all, and
 * what lies there is lost (measured: 6 % of the keys at 60 %, peers.md, 9).
 *
 * A guest is kept because it is near: who is looked for there is reached through this node.
 *
 * Invariant: at most `guests`, of one site one, of one group `groupShare`; a nearer one takes the place of the farthest that may go.
 */
import { type Location, distance } from '../../keys/index.ts';
import { routingLimits } from '../limits.ts';
import type { PeerView } from '../peers.ts';
import { opennetLimits } from './limits.ts';
import type { Wanted } from './policy.ts';

interface Guest {
  readonly location: Location;
  readonly group: string;
  readonly site: string;
}

export function wantsGuest(
  guest: Guest,
  { own, guests, others }: { own: Location; guests: readonly PeerView[]; others: readonly PeerView[] },
): Wanted {
  const most = opennetLimits.guests.value;
  if (others.some(({ peer }) => peer.tie === 'stranger' && peer.site === guest.site))
    return { wanted: false };
  const ofSite = guests.filter(({ peer }) => peer.site === guest.site);
  const ofGroup = guests.filter(({ peer }) => peer.group === guest.group);
  const isGroupFull = ofGroup.length + 1 > most * routingLimits.groupShare.value;
  if (ofSite.length === 0 && !isGroupFull && guests.length < most) return { wanted: true };
  const rivals = ofSite.length > 0 ? ofSite : isGroupFull ? ofGroup : guests;
  const farthest = rivals.reduce((a, b) => (away(own, b.peer) > away(own, a.peer) ? b : a));
  return away(own, guest) < away(own, farthest.peer)
    ? { wanted: true, victim: farthest.link }
    : { wanted: false };
}

function away(own: Location, { location }: { location: Location }): number {
  return distance(own, location);
}
