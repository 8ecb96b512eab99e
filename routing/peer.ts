/**
 * What routing knows of a neighbour, and of the connection to it. Nothing here knows addresses: a carrier is TCP, SOCKS5 or a
 * circuit, and routing treats them alike.
 */
import type { Brand, Location } from '../keys/index.ts';

/** Names one connection; a peer that comes back has another one. */
export type LinkId = Brand<number, 'LinkId'>;

/** The virtual peer: what the owner of this node asks for enters here, and nowhere else. It is always up. */
export const LOCAL_LINK = 0 as LinkId;

/** What routing knows of a neighbour. Nothing here knows addresses. */
export interface Peer {
  /** Text form of the identity's public key. */
  readonly identity: string;
  readonly location: Location;
  /** How the link came to be: friends share a secret, `chosen` peers were named by the owner, strangers were found. */
  readonly tie: 'friend' | 'chosen' | 'stranger';
  /** Who may be one and the same operator: the /16 of the address, Tor, a circuit's first friend. */
  readonly group: string;
  /** Where only one peer is wanted: the /24 of the address. */
  readonly site: string;
  /** Latency of the link in milliseconds, as far as it is known. */
  readonly cost: number;
  /** What carries the link. */
  readonly carrier: 'tcp' | 'socks5' | 'memory';
}

/** A node that could become a peer: what its reference says, checked by whoever read it. */
export interface Candidate {
  readonly identity: string;
  readonly location: Location;
  readonly group: string;
  readonly site: string;
  /** Whether the reference names an address that this node can dial. */
  readonly dialable: boolean;
  /** Signed; opaque here. */
  readonly reference: Uint8Array;
}
