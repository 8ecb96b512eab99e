/**
 * What nodes say to each other (docs/spec/routing.md, 2). Types alone; bytes are codec.ts's.
 *
 * Every request has an `id` of its own on each link, chosen by who sends it, and a `phase`. A greedy request also has a `uid`
 * that stays the same on its whole way, so that a node refuses what it has seen; a stem request has none, so that nothing links
 * its hops. Local requests are the same messages on the virtual peer's link.
 */
import type { Block, Brand, RoutingKey, Salt } from '../keys/index.ts';

/** Names a request on one link, among those that its sender has open there. 32 bits. */
export type RequestId = Brand<number, 'RequestId'>;
/** Names a greedy request wherever it goes: 16 hex digits for 8 random bytes. */
export type Uid = Brand<string, 'Uid'>;
/** A distance on the circle in units of 2^-32, rounded down: what travels, so that both ends compare the same number. */
export type WireDistance = Brand<number, 'WireDistance'>;

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

/** What the one who was asked says; `visits` counts the nodes visited below it. */
export type Reply =
  | { readonly type: 'accepted'; readonly id: RequestId }
  | { readonly type: 'working'; readonly id: RequestId }
  | { readonly type: 'rejectedOverload'; readonly id: RequestId }
  | (Answer & { readonly id: RequestId; readonly visits: number });

export type Message =
  | Request
  | Reply
  /** The data of an insert, sent once it was accepted. */
  | { readonly type: 'insertBlock'; readonly id: RequestId; readonly block: Block }
  /** The receiver does not know a type that is reserved for later. */
  | { readonly type: 'unsupported'; readonly name: string };

/** What came in may also be of a type that is reserved for later; it is answered `unsupported` and the link stays. */
export type IncomingMessage = Message | { readonly type: 'reserved'; readonly name: string };
