/**
 * What a router wants done, in order. Whoever performs it (daemon/node, test/sim) answers each effect that has a token with one
 * event with that token; a timer that was cancelled is not answered. Tokens are never used twice.
 */
import type { Block, Brand, RoutingKey } from '../keys/index.ts';
import type { Candidate, LinkId } from './peer.ts';
import type { Message, Priority, Uid } from './messages.ts';
import type { StemState } from './stem/state.ts';

export type Token = Brand<number, 'RouterToken'>;

export type Effect =
  | {
      readonly type: 'send';
      readonly link: LinkId;
      readonly message: Message;
      /** Of the request whose block is sent: the carrier may send others first. */
      readonly priority?: Priority | undefined;
    }
  | { readonly type: 'setTimer'; readonly token: Token; readonly at: number }
  | { readonly type: 'cancelTimer'; readonly token: Token }
  | {
      readonly type: 'readBlock';
      readonly token: Token;
      readonly key: RoutingKey;
      /** For whom it is fetched; undefined when nobody gets it, or the owner: their interest leaves no trace in the store. */
      readonly asker: LinkId | undefined;
    }
  | {
      readonly type: 'writeBlock';
      readonly token: Token;
      readonly key: RoutingKey;
      readonly block: Block;
      readonly into: 'store' | 'cache';
      /** Whose request brought it: what the block pushes out is counted against this link. */
      readonly asker: LinkId;
    }
  /** To be answered by `dialled`. */
  | { readonly type: 'dial'; readonly token: Token; readonly candidate: Candidate }
  /** Neither end wants the link any more, or never did. */
  | { readonly type: 'closeLink'; readonly link: LinkId }
  /** Who was a peer lately, the last confirmed first: to be kept and given back as `candidates` after a restart. */
  | { readonly type: 'remember'; readonly candidates: readonly Candidate[] }
  /** What the stem must know after a restart: to be kept and given to the next router (RouterOptions.stem). */
  | { readonly type: 'rememberStem'; readonly state: StemState }
  | { readonly type: 'peerVerdict'; readonly link: LinkId; readonly verdict: Verdict }
  | { readonly type: 'trace'; readonly trace: Trace };

/**
 * - `silent`: accepted nothing or stopped working in time; it counts in its score and is left alone for a while.
 * - `badData`: sent a block that doesn't match its key.
 * - `violation`: broke a rule that no honest node breaks. The link is closed, as for `badData`.
 */
export type Verdict = 'silent' | 'badData' | 'violation';

/** What happened to a request at this node: for measuring in test networks and simulations alone. Never leaves the machine. */
export interface Trace {
  readonly uid: Uid;
  readonly key: RoutingKey;
  readonly kind: 'fetch' | 'insert';
  /** Whether the virtual peer asked. */
  readonly local: boolean;
  readonly outcome: 'found' | 'notFound' | 'noRoute' | 'stored' | 'collision' | 'refused' | 'overloaded';
  /** How the block came here, when one was found. */
  readonly source: 'disk' | 'peer' | undefined;
}
