/**
 * What a search may do and see while it works at a node: the router's side of the seam, without the router's tables.
 * `now` is the time of the event being handled.
 */
import type { Block, Location, RoutingKey } from '../keys/index.ts';
import type { Token, Trace, Verdict } from './effect.ts';
import type { WriteOutcome } from './event.ts';
import type { Message, Reply, RequestId, Uid } from './messages.ts';
import type { NetworkParams } from './network.ts';
import type { LinkId } from './peer.ts';
import type { PeerTable } from './peers.ts';

/** Who waits for what a hop says. */
export interface HopOwner {
  hopSays(reply: Reply): void;
  hopLost(): void;
}

export interface Desk {
  readonly now: number;
  readonly params: NetworkParams;
  readonly location: Location;
  readonly peers: PeerTable;
  /** What a relay can check without the crypto key; undefined when the block doesn't belong to the key. */
  verify(key: RoutingKey, block: Block): 'chk' | 'ssk' | undefined;
  send(link: LinkId, message: Message): void;
  /** Reserves an id on the link; replies to it reach `owner`. */
  openHop(link: LinkId, owner: HopOwner): RequestId;
  closeHop(link: LinkId, id: RequestId): void;
  setTimer(at: number, fired: () => void): Token;
  /** Does nothing when the timer has fired. */
  cancelTimer(token: Token): void;
  /** `asker`: who gets the block, if a peer does (effect.ts). */
  read(what: { key: RoutingKey; asker: LinkId | undefined }, found: (block: Block | undefined) => void): void;
  write(
    what: { key: RoutingKey; block: Block; into: 'store' | 'cache'; asker: LinkId },
    written: (outcome: WriteOutcome) => void,
  ): void;
  verdict(link: LinkId, verdict: Verdict): void;
  trace(trace: Trace): void;
  /** The request is answered. */
  ended(request: { from: LinkId; id: RequestId; uid: Uid }): void;
}
