/** A peer as routing sees it: who it is, where it stands, what it costs, and whose it may be together with others. */
import { locationOfIdentity, toText } from '../../keys/index.ts';
import type { Peer } from '../../routing/index.ts';
import { type NodeReference, parseAddress } from '../../transport/index.ts';

export function routingPeer(
  { identity: key, addresses }: NodeReference,
  { costMs, carrier }: { costMs: number; carrier: Peer['carrier'] },
): Peer {
  const identity = toText(key);
  return {
    identity,
    location: locationOfIdentity(key),
    group: groupOf(addresses, identity),
    cost: costMs,
    carrier,
  };
}

/** Nodes of one /16 may be one operator's. On loopback every node is its own: test networks have no other addresses. */
function groupOf(addresses: readonly string[], identity: string): string {
  const host = addresses[0] === undefined ? '' : parseAddress(addresses[0]).host;
  if (host === '' || host.startsWith('127.') || host === '::1' || host === 'localhost') return identity;
  // Addresses there cost nothing: all of them may be one operator's.
  if (host.endsWith('.onion')) return 'tor';
  const octets = /^(\d+\.\d+)\.\d+\.\d+$/.exec(host);
  return octets?.[1] ?? host;
}
