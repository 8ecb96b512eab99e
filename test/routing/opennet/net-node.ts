/** The nodes and links of net.ts: what it keeps about each, and what follows from that alone. */
import type { Location } from '../../../keys/index.ts';
import type { Candidate, LinkId, Message, Peer, Router, Token, Verdict } from '../../../routing/index.ts';

export interface NodeOptions {
  readonly at?: Location;
  readonly dialable?: boolean;
  readonly group?: string;
  readonly site?: string;
  /** Undefined: a network without strangers. */
  readonly opennet?: 'on' | 'quiet' | undefined;
  /** Peers from before. */
  readonly remembered?: readonly Candidate[];
  readonly seeds?: readonly Node[];
}

export interface Node {
  readonly index: number;
  readonly router: Router;
  readonly candidate: Candidate;
  readonly proof: Uint8Array;
  /** Links that are up. */
  readonly links: Map<LinkId, Wire>;
  readonly timers: Set<Token>;
  readonly verdicts: Verdict[];
  remembered: readonly Candidate[];
  nextLink: number;
  alive: boolean;
  dials: number;
  closed: number;
  readonly x: number;
  readonly y: number;
}

/** One end's view of a connection. */
export interface Wire {
  readonly to: Node;
  readonly toLink: LinkId;
  readonly tie: Peer['tie'];
  readonly ms: number;
  /** The last words of each end, as this end knows them. */
  said: string;
  heard: string;
}

/** What was sent over a link. */
export interface Said {
  readonly from: Node;
  readonly to: Node;
  readonly tie: Peer['tie'];
  readonly message: Message;
}

export function peerOf({ candidate }: Node, tie: Peer['tie'], ms: number): Peer {
  const { identity, location, group, site } = candidate;
  return { identity, location, group, site, tie, cost: 2 * ms, carrier: 'memory' };
}

export function keyOf(reference: Uint8Array): string {
  return Buffer.from(reference).toString('hex');
}

export function isWord({ type }: Message): boolean {
  return type === 'wanted' || type === 'unwanted';
}

export function isConfirmed({ tie, said, heard }: Wire): boolean {
  return tie === 'friend' || (said === 'wanted' && heard === 'wanted');
}
