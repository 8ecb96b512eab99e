/**
 * What nodes say to each other (docs/spec/routing.md, 2). Types alone; bytes are codec.ts's.
 *
 * Every request has an `id` of its own on each link, chosen by who sends it, and a `phase`. A greedy request also has a `uid`
 * that stays the same on its whole way, so that a node refuses what it has seen; a stem request has none, so that nothing links
 * its hops. Local requests are the same messages on the virtual peer's link.
 */
import type { Block, Brand, Location, RoutingKey, Salt } from '../keys/index.ts';

/** Names a request on one link, among those that its sender has open there. 32 bits. */
export type RequestId = Brand<number, 'RequestId'>;
/** Names a greedy request wherever it goes: 16 hex digits for 8 random bytes. */
export type Uid = Brand<string, 'Uid'>;
/** A distance on the circle in units of 2^-32, rounded down: what travels, so that both ends compare the same number. */
export type WireDistance = Brand<number, 'WireDistance'>;

/** Names a `seek` or an `introduce` on one link: a numbering apart from that of requests. 32 bits. */
export type SeekId = Brand<number, 'SeekId'>;

export type Priority = 'bulk' | 'realtime';

export type Route =
  | { readonly phase: 'stem' }
  | {
      readonly phase: 'greedy';
      readonly uid: Uid;
      /** Nodes that may still be visited, the receiver included. ≥ 1. */
      readonly htl: number;
      /** Nodes visited since one was closer than all before. */
      readonly stall: number;
      /** Distance of the closest node visited so far. */
      readonly best: WireDistance;
      /** Nodes known to have been visited, the last ones; they are tried last. At most `visitedHints`. */
      readonly visited: readonly Location[];
    };

/** A fetch, or the announcement of an insert: its block follows when it was accepted. */
export interface Request {
  readonly type: 'dataRequest' | 'insertRequest';
  readonly id: RequestId;
  readonly key: RoutingKey;
  readonly salt: Salt;
  readonly priority: Priority;
  /** Milliseconds after which the sender no longer waits. */
  readonly deadlineMs: number;
  readonly route: Route;
}

/** How a request ends. */
export type Answer =
  | { readonly type: 'dataFound'; readonly block: Block }
  /** The search was ended here by HTL, stall or time. */
  | { readonly type: 'dataNotFound' }
  /** A dead end, or a request seen before: from outside the two are the same (docs/spec/routing.md, 5). */
  | { readonly type: 'routeNotFound' }
  | { readonly type: 'insertStored' }
  | { readonly type: 'insertCollision'; readonly block: Block };

/** There was no room, at the door or below: nothing was learned. */
export type Overloaded = { readonly type: 'rejectedOverload' };

/** What the one who was asked says; `visits` counts the nodes visited below it. */
export type Reply =
  | { readonly type: 'accepted'; readonly id: RequestId }
  | { readonly type: 'working'; readonly id: RequestId }
  | (Overloaded & { readonly id: RequestId })
  | (Answer & { readonly id: RequestId; readonly visits: number });

export type Message =
  | Request
  | Reply
  /** The data of an insert, sent once it was accepted. */
  | { readonly type: 'insertBlock'; readonly id: RequestId; readonly block: Block }
  /** The block that the receiver has asked for here in vain can be had now (docs/spec/load.md, 7). */
  | { readonly type: 'offered'; readonly key: RoutingKey; readonly salt: Salt }
  | PeerMessage
  /** The receiver does not know a type that is reserved for later. */
  | { readonly type: 'unsupported'; readonly name: string };

/**
 * What nodes say about links and about each other (docs/spec/peers.md). None can name a key of content, and only these travel on a
 * link that is not confirmed. `reference` is a node reference as bytes: routing passes it on and never looks inside.
 */
export type PeerMessage =
  /** With the sender's own reference as it stands now; of no bytes where there are no strangers. */
  | { readonly type: 'wanted'; readonly reference: Uint8Array }
  | { readonly type: 'unwanted' }
  /** The sender's own confirmed peers, all of them, ascending. */
  | { readonly type: 'peers'; readonly list: readonly Location[] }
  | Seek
  | { readonly type: 'seekOffer'; readonly id: SeekId; readonly reference: Uint8Array }
  | { readonly type: 'seekEnd'; readonly id: SeekId }
  | { readonly type: 'introduce'; readonly id: SeekId; readonly location: Location }
  | { readonly type: 'introduction'; readonly id: SeekId; readonly reference: Uint8Array }
  | { readonly type: 'noIntroduction'; readonly id: SeekId }
  /** To a friend: how many friendships it is from the sender to a node that routes among strangers, 0 … 7. */
  | { readonly type: 'uplink'; readonly value: number }
  /** About the places of a guard (docs/spec/stem.md, 3): of the node that has chosen it, `ask` and `end`; of the guard the others. */
  | { readonly type: 'stemLink'; readonly step: StemStep }
  /** Before the final answer of a request: the node that had the block, or one on the way. */
  | { readonly type: 'fold'; readonly id: RequestId; readonly reference: Uint8Array };

export type StemStep = 'ask' | 'grant' | 'full' | 'end';

/** An announcement, whose target is the seeker's own location, or a gap probe. */
export interface Seek {
  readonly type: 'seek';
  readonly id: SeekId;
  readonly uid: Uid;
  readonly target: Location;
  /** Random steps that are left before it goes by closeness. */
  readonly walk: number;
  readonly htl: number;
  readonly reference: Uint8Array;
  /** 8 bytes: what the seeker has paid (docs/spec/peers.md, 5). */
  readonly proof: Uint8Array;
}

/** What came in may also be of a type that is reserved for later; it is answered `unsupported` and the link stays. */
export type IncomingMessage = Message | { readonly type: 'reserved'; readonly name: string };
