/**
 * A link that both ends have keys for (docs/spec/links.md, 7 to 10): what is to be sent waits here, is sealed when the carrier takes
 * it, and what comes is opened; keep-alives, silence, and when keys are replaced.
 *
 * It knows no handshake but the one that replaces keys, and does not decide when a listener believes its caller: session.ts does.
 *
 * Invariants: no more than `windowBytes` and one frame are sealed and not yet taken; nothing is sealed or opened under a key that has
 * passed twice the limits of a rekey; after a fault it is not called again.
 */
import { assert, assertNever } from '../keys/index.ts';
import type { Agreement } from './call.ts';
import type { CloseReason, SessionEffect } from './effect.ts';
import type { Role, Urgency } from './event.ts';
import { FrameOpener, FrameSealer } from './frame.ts';
import type { Frame, FrameType } from './frame.ts';
import type { Chunk } from './gather.ts';
import { transportLimits } from './limits.ts';
import { Outbox } from './outbox.ts';
import { Rekey } from './rekey.ts';
import type { NextKeys } from './rekey.ts';
import type { CipherState } from './noise.ts';
import type { RekeyLimits, SessionOptions } from './session-options.ts';

type Rekeying =
  | { readonly state: 'idle' }
  /** The dialler's: message 1 waits or has been sent. */
  | { readonly state: 'asked' }
  /** The dialler's: the last frame under the old key waits. */
  | { readonly state: 'switching'; readonly send: CipherState }
  /** The listener's: message 2, the last frame under its old key, waits. */
  | { readonly state: 'replying'; readonly next: NextKeys }
  /** The listener's: it sends under the new key and the dialler not yet. */
  | { readonly state: 'awaitingSwitch'; readonly receive: CipherState };

const EMPTY = new Uint8Array(0);

export class Link {
  readonly #role: Role;
  readonly #sealer: FrameSealer;
  readonly #opener: FrameOpener;
  readonly #outbox = new Outbox();
  readonly #rekey: Rekey;
  readonly #rekeyLimits: RekeyLimits;
  #rekeying: Rekeying = { state: 'idle' };
  /** When the present keys of both directions came into use. */
  #epochAt: number;
  /** Handed to the carrier since it was last drained. */
  #handedBytes = 0;
  #lastSent: number;
  #lastReceived: number;
  #hasReceived = false;

  constructor(
    options: Pick<SessionOptions, 'keys' | 'random' | 'rekey'>,
    { agreement, role, now }: { agreement: Agreement; role: Role; now: number },
  ) {
    this.#role = role;
    this.#sealer = new FrameSealer(agreement.send);
    this.#opener = new FrameOpener(agreement.receive);
    this.#rekey = new Rekey(options, agreement);
    this.#rekeyLimits = options.rekey ?? {
      afterMs: transportLimits.rekeyMs.value,
      afterBytes: transportLimits.rekeyBytes.value,
    };
    this.#epochAt = this.#lastSent = this.#lastReceived = now;
  }

  /** Of messages that wait to be sealed. */
  get queuedBytes(): number {
    return this.#outbox.queuedBytes;
  }

  /** When the one of them that has waited longest came. */
  get waitingSince(): number | undefined {
    return this.#outbox.oldestAt;
  }

  /** Whether a frame has come: a proof that the other side has the keys too. */
  get hasReceived(): boolean {
    return this.#hasReceived;
  }

  /** A frame without content. */
  sendPadding(now: number, effects: SessionEffect[]): CloseReason | undefined {
    this.#outbox.push({ type: 'padding', payload: EMPTY }, { urgency: 'control', now });
    return this.#handOver(now, effects);
  }

  send(
    now: number,
    { payload, urgency }: { readonly payload: Uint8Array; readonly urgency: Urgency },
    effects: SessionEffect[],
  ): CloseReason | undefined {
    const limit = transportLimits.frameBytes.value;
    assert(payload.length > 0 && payload.length <= limit, `a message has 1 to ${limit} bytes`);
    this.#outbox.push({ type: 'message', payload }, { urgency, now });
    return this.#handOver(now, effects);
  }

  /** Writes come before what is delivered: the owner may answer a message while it performs the effects, in another call. */
  receive(now: number, chunk: Chunk, effects: SessionEffect[]): CloseReason | undefined {
    this.#lastReceived = now;
    const delivered: SessionEffect[] = [];
    const fault = this.#openAll(now, { chunk, delivered }) ?? this.#handOver(now, effects);
    effects.push(...delivered);
    return fault;
  }

  #openAll(
    now: number,
    { chunk, delivered }: { chunk: Chunk; delivered: SessionEffect[] },
  ): CloseReason | undefined {
    for (;;) {
      const frame = this.#opener.next(chunk);
      if (frame === 'bad_frame' || frame === undefined) return frame;
      this.#hasReceived = true;
      if (frame.type === 'message') {
        if (frame.payload.length === 0) return 'bad_frame';
        delivered.push({ type: 'deliver', payload: frame.payload });
      } else if (!this.#receiveOther(now, { type: frame.type, payload: frame.payload })) {
        return 'bad_frame';
      }
      if (this.#opener.openedBytes > 2 * this.#rekeyLimits.afterBytes) return 'rekey_overdue';
    }
  }

  drained(now: number, effects: SessionEffect[]): CloseReason | undefined {
    this.#handedBytes = 0;
    return this.#handOver(now, effects);
  }

  /** Does what is due at `now`. */
  tick(now: number, effects: SessionEffect[]): CloseReason | undefined {
    if (now >= this.#lastReceived + transportLimits.silenceMs.value) return 'silent';
    if (now >= this.#epochAt + 2 * this.#rekeyLimits.afterMs) return 'rekey_overdue';
    if (now < this.#lastSent + transportLimits.keepAliveMs.value) return this.#handOver(now, effects);
    // What waits for the carrier will tell the other side as much, once it can.
    this.#lastSent = now;
    return this.#outbox.isEmpty ? this.sendPadding(now, effects) : this.#handOver(now, effects);
  }

  /** When `tick` is due, if nothing happens until then. */
  get nextTick(): number {
    const { afterMs } = this.#rekeyLimits;
    const isAskingDue = this.#role === 'dial' && this.#rekeying.state === 'idle';
    return Math.min(
      this.#lastReceived + transportLimits.silenceMs.value,
      this.#lastSent + transportLimits.keepAliveMs.value,
      this.#epochAt + (isAskingDue ? afterMs : 2 * afterMs),
    );
  }

  /** Seals as much of what waits as the window has room for. */
  #handOver(now: number, effects: SessionEffect[]): CloseReason | undefined {
    this.#askIfDue(now);
    while (this.#handedBytes < transportLimits.windowBytes.value) {
      const frame = this.#outbox.shift();
      if (!frame) break;
      if (this.#sealer.sealedBytes >= 2 * this.#rekeyLimits.afterBytes) return 'rekey_overdue';
      const bytes = this.#sealer.seal(frame);
      this.#handedBytes += bytes.length;
      effects.push({ type: 'write', bytes });
      this.#lastSent = now;
      this.#afterSealing(now, frame);
      this.#askIfDue(now);
    }
    return undefined;
  }

  #askIfDue(now: number): void {
    if (this.#role !== 'dial' || this.#rekeying.state !== 'idle') return;
    if (this.#epochShare(now) < 1) return;
    this.#outbox.push({ type: 'rekey', payload: this.#rekey.ask() }, { urgency: 'control', now });
    this.#rekeying = { state: 'asked' };
  }

  /** How much of the life of the present keys is over; 1 when they are due. */
  #epochShare(now: number): number {
    const { afterMs, afterBytes } = this.#rekeyLimits;
    return Math.max(
      (now - this.#epochAt) / afterMs,
      this.#sealer.sealedBytes / afterBytes,
      this.#opener.openedBytes / afterBytes,
    );
  }

  /** Key changes follow the frame that announces them, at once. */
  #afterSealing(now: number, { type }: Frame): void {
    const rekeying = this.#rekeying;
    if (type === 'rekeyReply' && rekeying.state === 'replying') {
      this.#sealer.replaceKey(rekeying.next.send);
      this.#rekeying = { state: 'awaitingSwitch', receive: rekeying.next.receive };
    } else if (type === 'switch' && rekeying.state === 'switching') {
      this.#sealer.replaceKey(rekeying.send);
      this.#rekeying = { state: 'idle' };
      this.#epochAt = now;
    }
  }

  /** False for what the other side may not send now. */
  #receiveOther(
    now: number,
    { type, payload }: { type: Exclude<FrameType, 'message'>; payload: Uint8Array },
  ): boolean {
    const rekeying = this.#rekeying;
    switch (type) {
      case 'padding':
        return true;
      case 'rekey': {
        // Four agreements for one frame: a dialler may have that when the keys have lived half their life, not all the time.
        const isEarly = this.#epochShare(now) < 1 / 2;
        if (this.#role !== 'listen' || rekeying.state !== 'idle' || isEarly) return false;
        const answer = this.#rekey.answer(payload);
        if (!answer) return false;
        this.#outbox.push({ type: 'rekeyReply', payload: answer.reply }, { urgency: 'control', now });
        this.#rekeying = { state: 'replying', next: answer.next };
        return true;
      }
      case 'rekeyReply': {
        const next = rekeying.state === 'asked' ? this.#rekey.complete(payload) : undefined;
        if (!next) return false;
        this.#opener.replaceKey(next.receive);
        this.#outbox.push({ type: 'switch', payload: EMPTY }, { urgency: 'control', now });
        this.#rekeying = { state: 'switching', send: next.send };
        return true;
      }
      case 'switch':
        if (rekeying.state !== 'awaitingSwitch') return false;
        this.#opener.replaceKey(rekeying.receive);
        this.#rekeying = { state: 'idle' };
        this.#epochAt = now;
        return true;
      default:
        return assertNever(type);
    }
  }
}
