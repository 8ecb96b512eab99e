/**
 * What a session wants done. The owner performs the effects in order; it owns carrier, timer and disk.
 */
import type { Brand, PublicKey } from '../keys/index.ts';
import type { NodeReference } from './reference.ts';

export type Token = Brand<number, 'SessionToken'>;

export type SessionEffect =
  /** For the carrier, which owns the bytes then. The owner says `drained` when the carrier's backlog is zero. */
  | { readonly type: 'write'; readonly bytes: Uint8Array }
  /** One timer for the session: a new time replaces the one before. */
  | { readonly type: 'setTimer'; readonly at: number }
  | { readonly type: 'cancelTimer' }
  /**
   * Somebody calls who knows our reference and holds the keys of `reference`; answered by `admitted`, which may take its time.
   * Nothing has been sent, and nothing is if it is refused.
   */
  | {
      readonly type: 'admit';
      readonly token: Token;
      readonly identity: PublicKey;
      /** The X25519 key that the caller has shown to hold: key of the replay guard. */
      readonly agreementKey: Uint8Array;
      /** As signed by the caller, of our network. */
      readonly reference: NodeReference;
      readonly timestampMs: number;
      /** 16 bytes: the caller was invited (`inviteId` in invite.ts). */
      readonly inviteId?: Uint8Array;
    }
  | { readonly type: 'established'; readonly identity: PublicKey; readonly version: number }
  /** The payload belongs to the receiver. */
  | { readonly type: 'deliver'; readonly payload: Uint8Array }
  /** Once, last. The owner destroys the carrier, unless that was the reason. */
  | { readonly type: 'close'; readonly reason: CloseReason };

/** For the own log: nothing of it is told to the other side. */
export type CloseReason =
  | CallerFault
  /** The dialler's: no reply in time. A node that does not want us looks like one that is not there. */
  | 'handshake_timeout'
  /** The dialler's: the reply does not open, or is not of the node that was called. */
  | 'bad_reply'
  | 'self_connection'
  | 'no_common_version'
  /** A frame that does not open or is not one. */
  | 'bad_frame'
  | 'rekey_overdue'
  | 'silent'
  | 'carrier_closed';

/** Why a listener left a caller without a reply. It closes 10 to 60 s after the carrier opened, whichever it was. */
type CallerFault =
  /** It sent too little in all that time. */
  | 'no_opening'
  | 'bad_prefix'
  /** Random bytes, or somebody without our probe key. */
  | 'bad_opening'
  /** A clock that differs by more than `clockSkewMs`, or an old opening. */
  | 'bad_time'
  | 'replayed'
  | 'bad_handshake'
  /** Its reference does not parse, is of another network or does not name the key that it holds. */
  | 'bad_caller'
  | 'refused'
  /** The reply was sent, and no frame came that only its receiver can make. */
  | 'unconfirmed';
