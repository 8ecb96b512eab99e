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
  /** Who may be one and the same operator: the /16 of the address, Tor, a circuit's first friend. */
  readonly group: string;
  /** Latency of the link in milliseconds, as far as it is known. */
  readonly cost: number;
  /** What carries the link. */
  readonly carrier: 'tcp' | 'socks5' | 'memory';
}
