/** A peer as routing sees it: who it is, where it stands, what it costs, and whose it may be together with others. */
import { locationOfIdentity, toText } from '../../keys/index.ts';
import type { Peer } from '../../routing/index.ts';
import type { NodeReference } from '../../transport/index.ts';
import type { Place } from './place.ts';

export function routingPeer(
  { identity: key }: NodeReference,
  { place, costMs, ...link }: { place: Place; costMs: number } & Pick<Peer, 'tie' | 'carrier'>,
): Peer {
  return { identity: toText(key), location: locationOfIdentity(key), ...place, ...link, cost: costMs };
}
