/** A simulated node, one end of a link, and what may happen to them: types that the parts of the world share. */
import type { Block, Location, RoutingKey } from '../../keys/index.ts';
import type { Effect, LinkId, Message, RequestId, Router, Token } from '../../routing/index.ts';
import type { Place } from './addresses.ts';
import type { MemoryStore } from './memory-store.ts';
import type { Mask, Role } from './roles.ts';
import type { Ticket } from './schedule.ts';

export type Candidate = Extract<Effect, { type: 'dial' }>['candidate'];
export type Tie = 'friend' | 'chosen' | 'stranger';

/** One life of a node: who comes back has a new router and the same number. */
export interface SimNode {
  readonly number: number;
  readonly router: Router;
  readonly store: MemoryStore;
  readonly identity: string;
  readonly location: Location;
  readonly place: Place;
  /** Whether others can dial it. */
  readonly dialable: boolean;
  readonly role: Role;
  /** What stands between the network and the router of a node that misbehaves. */
  readonly mask: Mask | undefined;
  readonly ends: Map<LinkId, End>;
  readonly timers: Map<Token, Ticket>;
  readonly requests: Map<RequestId, Pending>;
  nextLink: number;
  nextRequest: number;
  alive: boolean;
  /** For its next life. */
  remembered: readonly Candidate[];
}

/** One node's end of a link. */
export interface End {
  readonly node: SimNode;
  readonly link: LinkId;
  readonly latencyMs: number;
  other: End | undefined;
  /** Whether this node still holds the link; the other one may have lost it. */
  open: boolean;
  /** When the last message of each class that was sent here arrives there: a stream keeps its order. */
  readonly lastAt: { control: number; bulk: number };
}

/** A request of a node's owner. */
export interface Pending {
  readonly block: Block | undefined;
  readonly done: (result: Result) => void;
}

export type Result =
  | { readonly type: 'found' | 'collision'; readonly block: Block }
  | { readonly type: 'stored' | 'notFound' | 'noRoute' | 'overloaded' };

export type Happening =
  /** It is here. */
  | { readonly type: 'message'; readonly to: End; readonly message: Message }
  /** It waits for what the node can take in. */
  | { readonly type: 'arrival'; readonly to: End; readonly message: Message }
  | { readonly type: 'timer'; readonly node: SimNode; readonly token: Token }
  | {
      readonly type: 'read';
      readonly node: SimNode;
      readonly token: Token;
      readonly key: RoutingKey;
      readonly asker: LinkId | undefined;
    }
  | {
      readonly type: 'write';
      readonly node: SimNode;
      readonly write: Extract<Effect, { type: 'writeBlock' }>;
    }
  | { readonly type: 'call'; readonly call: () => void };
