/**
 * What a router is told. `handle(now, event, effects)` is the only way in: synchronous, never throwing on what comes from
 * outside. An event with a token answers the effect that carried it (effect.ts).
 */
import type { Block, Brand, Location } from '../keys/index.ts';
import type { Token } from './effect.ts';
import type { IncomingMessage } from './messages.ts';

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
  readonly carrier: 'tcp' | 'memory';
}

export type RouterEvent =
  /** A session is established and both ends have confirmed it. `since` is when it was first so (cumulated over reconnects). */
  | { readonly type: 'linkUp'; readonly link: LinkId; readonly peer: Peer; readonly since: number }
  | { readonly type: 'linkDown'; readonly link: LinkId }
  | { readonly type: 'message'; readonly link: LinkId; readonly message: IncomingMessage }
  | { readonly type: 'blockRead'; readonly token: Token; readonly block: Block | undefined }
  | { readonly type: 'blockWritten'; readonly token: Token; readonly outcome: WriteOutcome }
  | { readonly type: 'timer'; readonly token: Token };

/** `kept`: durable, or there already. `collision`: another block lies there. `failed`: the disk refused. */
export type WriteOutcome = 'kept' | 'collision' | 'failed';
