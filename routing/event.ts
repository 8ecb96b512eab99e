/**
 * What a router is told. `handle(now, event, effects)` is the only way in: synchronous, never throwing on what comes from
 * outside. An event with a token answers the effect that carried it (effect.ts).
 */
import type { Block } from '../keys/index.ts';
import type { Token } from './effect.ts';
import type { IncomingMessage } from './messages.ts';
import type { Candidate, LinkId, Peer } from './peer.ts';

export type RouterEvent =
  /** A session is established and both ends have confirmed it. `since` is when it was first so (cumulated over reconnects). */
  | { readonly type: 'linkUp'; readonly link: LinkId; readonly peer: Peer; readonly since: number }
  | { readonly type: 'linkDown'; readonly link: LinkId }
  /** The dial has ended. When it succeeded, `linkUp` came before. */
  | { readonly type: 'dialled'; readonly token: Token; readonly outcome: 'linked' | 'failed' }
  /** Nodes to begin with: who was a peer before, and seeds. */
  | {
      readonly type: 'candidates';
      readonly from: 'remembered' | 'seeds';
      readonly candidates: readonly Candidate[];
    }
  | { readonly type: 'message'; readonly link: LinkId; readonly message: IncomingMessage }
  | { readonly type: 'blockRead'; readonly token: Token; readonly block: Block | undefined }
  | { readonly type: 'blockWritten'; readonly token: Token; readonly outcome: WriteOutcome }
  | { readonly type: 'timer'; readonly token: Token };

/** `kept`: durable, or there already. `collision`: another block lies there. `failed`: the disk refused, or the link's share is used up. */
export type WriteOutcome = 'kept' | 'collision' | 'failed';
