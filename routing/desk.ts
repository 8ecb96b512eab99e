/**
 * What a search may do and see while it works at a node: the router's side of the seam, without the router's tables.
 * `now` is the time of the event being handled.
 */
import type { Block, Location, Random, RoutingKey, Salt } from '../keys/index.ts';
import type { Token, Trace, Verdict } from './effect.ts';
import type { WriteOutcome } from './event.ts';
import type { FailureTable } from './failure-table.ts';
import type { WaitingRoom } from './load/room.ts';
import type { Message, Priority, Reply, Request, RequestId, Uid } from './messages.ts';
import type { NetworkParams } from './network.ts';
import type { LinkId } from './peer.ts';
import type { PeerTable } from './peers.ts';
import type { SeenUids } from './seen.ts';
import type { Spent } from './tally.ts';

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
  /** Where searches wait for room at a peer. */
  readonly room: WaitingRoom;
  readonly random: Random;
  /** What was looked for in vain; only greedy requests of peers leave a trace in it. */
  readonly failures: FailureTable;
  /** Uids that have passed here, and those that began here. */
  readonly seen: SeenUids;
  /** How many nodes of a search, from the diffuser on, cache nothing of it. */
  readonly quietHops: number;
  /** Where a key lives. */
  locate(key: RoutingKey, salt: Salt): Location;
  /** What a relay can check without the crypto key; undefined when the block doesn't belong to the key. */
  verify(key: RoutingKey, block: Block): 'chk' | 'ssk' | undefined;
  /** `priority`: of the request whose block is sent. */
  send(link: LinkId, message: Message, priority?: Priority): void;
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
  /** To be called before `dataFound` or `insertStored` goes to `to`, unless the request came by the stem (docs/spec/peers.md, 7). */
  fold(answer: { to: LinkId; id: RequestId; search: HopOwner }): void;
  trace(trace: Trace): void;
  /** The peer has brought a block that was asked for and belongs to its key. */
  served(link: LinkId): void;
  /** The request is answered. */
  ended(ended: {
    from: LinkId;
    request: Request;
    uid: Uid;
    spent: Spent;
    how: 'answered' | 'overloaded';
  }): void;
}
