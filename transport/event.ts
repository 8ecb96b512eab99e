/**
 * What a session is told. `handle(now, event, effects)` is the only way in: synchronous, never throwing on what the other side
 * sends. `now` is monotonic milliseconds; the wall clock comes in once, with `opened`. An event with a token answers the effect that
 * carried it (effect.ts).
 */
import type { Token } from './effect.ts';
import type { NodeReference } from './reference.ts';

/** Who opened the carrier. The dialler knows whom it calls, the listener does not know who calls. */
export type Role = 'dial' | 'listen';

/** What two nodes share beside their keys: it goes into the handshake, and a link whose ends differ in it is never established. */
export type LinkSecret =
  /** Nothing: whoever knows the reference can call. */
  | { readonly type: 'stranger' }
  /** Friends (`pairSecret` in invite.ts). 32 bytes. */
  | { readonly type: 'pair'; readonly pairSecret: Uint8Array }
  /** The first link after an invite; the dialler is the one that was invited. 32 bytes. */
  | { readonly type: 'invite'; readonly inviteSecret: Uint8Array };

/** The owner's answer to `admit`. The caller does not learn which of the two it was unless it is let in. */
export type Verdict =
  { readonly type: 'refused' } | { readonly type: 'accepted'; readonly secret: LinkSecret };

/**
 * What has not been handed to the carrier is overtaken: realtime and bulk by control, bulk by realtime up to a share (outbox.ts). Within
 * an urgency nothing overtakes.
 */
export type Urgency = 'control' | 'realtime' | 'bulk';

export type SessionEvent =
  /** The carrier is open. `wallMs` is Unix time: openings carry one. */
  | {
      readonly type: 'opened';
      readonly role: 'dial';
      readonly wallMs: number;
      readonly peer: NodeReference;
      readonly secret: LinkSecret;
    }
  | { readonly type: 'opened'; readonly role: 'listen'; readonly wallMs: number }
  /**
   * Answers `admit`. Before accepting, the owner has called `ReplayGuard.accept` with what the effect said, got true, and made the
   * guard's state durable.
   */
  | { readonly type: 'admitted'; readonly token: Token; readonly verdict: Verdict }
  /** A chunk of any size; not kept. */
  | { readonly type: 'received'; readonly bytes: Uint8Array }
  /** A message of 1 to `frameBytes` bytes, after `established`. The session owns it from here on. */
  | { readonly type: 'send'; readonly payload: Uint8Array; readonly urgency: Urgency }
  /**
   * The carrier has passed on all that was written: its backlog is zero. Said after every `write`, at once or later; until then no
   * more than `windowBytes` are handed over.
   */
  | { readonly type: 'drained' }
  /** The time that `setTimer` named has come. */
  | { readonly type: 'timer' }
  | { readonly type: 'carrierClosed' };
