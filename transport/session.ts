/**
 * One link as a synchronous machine: frames, handshake, keep-alive (docs/spec/links.md). The owner passes in what the carrier and
 * the clock say and performs the effects in order; it owns carrier and timer.
 *
 * Handshake version 0 is SIGNED, NOT ENCRYPTED: whoever listens on the way reads every message, and whoever can inject into the
 * TCP stream can add messages after the handshake. Noise replaces the insides of this file and leaves its events and effects.
 *
 * Invariants:
 * - `handle` never throws on anything that the other side sends.
 * - Nothing is delivered before `established`; `established` comes at most once.
 * - `close` comes at most once and is the last effect; every later event is ignored.
 * - Before its identity is known, the other side makes us hold `helloBytes` and compute one signature and one verification.
 */
import { ParseError, assert, assertNever, equalBytes, verifySignature } from '../keys/index.ts';
import type { Identity, PublicKey, Random } from '../keys/index.ts';
import { FrameReader, encodeFrame } from './frame.ts';
import {
  NETWORK_BYTES,
  NONCE_BYTES,
  SIGNATURE_BYTES,
  authMessage,
  decodeHello,
  encodeHello,
} from './hello.ts';
import type { Hello, Role } from './hello.ts';
import { transportLimits } from './limits.ts';
import { negotiateVersion } from './version.ts';
import type { VersionRange } from './version.ts';

export interface SessionOptions {
  readonly identity: Identity;
  /** 32 bytes. */
  readonly network: Uint8Array;
  readonly versions: VersionRange;
  readonly random: Random;
  /** Whether to talk to this identity: the one that was dialled, or whoever the node lets in. Asked before anything is signed. */
  readonly accepts: (identity: PublicKey) => boolean;
}

export type SessionEvent =
  | { readonly type: 'opened'; readonly role: Role }
  /** A chunk of any size; not kept. */
  | { readonly type: 'received'; readonly bytes: Uint8Array }
  /** A message of 1 to `frameBytes` bytes, after `established`. */
  | { readonly type: 'send'; readonly payload: Uint8Array }
  /** The time that `setTimer` named has come. */
  | { readonly type: 'timer' }
  | { readonly type: 'carrierClosed' };

export type SessionEffect =
  /** For the carrier, which owns the bytes then. */
  | { readonly type: 'write'; readonly bytes: Uint8Array }
  /** One timer for the session: a new time replaces the one before. */
  | { readonly type: 'setTimer'; readonly at: number }
  | { readonly type: 'cancelTimer' }
  | { readonly type: 'established'; readonly identity: PublicKey; readonly version: number }
  /** The payload is a copy that the receiver owns. */
  | { readonly type: 'deliver'; readonly payload: Uint8Array }
  /** The owner closes the carrier, unless that was the reason. */
  | { readonly type: 'close'; readonly reason: CloseReason };

export type CloseReason =
  | 'frame_too_long'
  | 'bad_hello'
  | 'wrong_network'
  | 'self_connection'
  | 'unexpected_identity'
  | 'no_common_version'
  | 'bad_signature'
  | 'handshake_timeout'
  | 'silent'
  | 'carrier_closed';

type State =
  | { readonly state: 'new' }
  | {
      readonly state: 'awaitingHello';
      readonly role: Role;
      readonly ownHello: Uint8Array;
      readonly deadline: number;
    }
  | {
      readonly state: 'awaitingAuth';
      readonly identity: PublicKey;
      readonly version: number;
      /** What the other side has to have signed. */
      readonly message: Uint8Array;
      readonly deadline: number;
    }
  | { readonly state: 'established'; lastSent: number; lastReceived: number }
  | { readonly state: 'closed' };

const KEEP_ALIVE = new Uint8Array(0);

export class Session {
  readonly #options: SessionOptions;
  readonly #reader = new FrameReader();
  #state: State = { state: 'new' };

  constructor(options: SessionOptions) {
    assert(options.network.length === NETWORK_BYTES, `a network id has ${NETWORK_BYTES} bytes`);
    this.#options = options;
  }

  /** `now` in ms, never less than the time before. Effects are appended. */
  handle(now: number, event: SessionEvent, effects: SessionEffect[]): void {
    if (this.#state.state === 'closed') return;
    switch (event.type) {
      case 'opened':
        this.#open(now, event.role, effects);
        break;
      case 'received':
        this.#receive(now, event.bytes, effects);
        break;
      case 'send':
        this.#send(now, event.payload, effects);
        break;
      case 'timer':
        this.#checkTime(now, effects);
        break;
      case 'carrierClosed':
        this.#close('carrier_closed', effects);
        break;
      default:
        assertNever(event);
    }
  }

  #open(now: number, role: Role, effects: SessionEffect[]): void {
    assert(this.#state.state === 'new', 'a session is opened once');
    const { identity, network, versions, random } = this.#options;
    const hello: Hello = {
      identity: identity.publicKey,
      network,
      nonce: random.bytes(NONCE_BYTES),
      versions,
    };
    const ownHello = encodeFrame(encodeHello(hello), transportLimits.helloBytes.value);
    const deadline = now + transportLimits.handshakeMs.value;
    this.#state = { state: 'awaitingHello', role, ownHello, deadline };
    // A copy, because the carrier owns what is written and the signature needs it again.
    effects.push({ type: 'write', bytes: ownHello.slice() }, { type: 'setTimer', at: deadline });
  }

  #receive(now: number, bytes: Uint8Array, effects: SessionEffect[]): void {
    assert(this.#state.state !== 'new', 'a carrier is opened before it receives');
    if (this.#state.state === 'established') this.#state.lastReceived = now;
    const chunk = { bytes, at: 0 };
    for (;;) {
      const frame = this.#reader.next(chunk, this.#longestFrame());
      if (frame === undefined) return;
      if (frame === 'too_long') return this.#close('frame_too_long', effects);
      this.#receiveFrame(now, frame, effects);
      if (this.#isClosed()) return;
    }
  }

  #longestFrame(): number {
    if (this.#state.state === 'awaitingHello') return transportLimits.helloBytes.value;
    if (this.#state.state === 'awaitingAuth') return SIGNATURE_BYTES;
    return transportLimits.frameBytes.value;
  }

  #receiveFrame(now: number, frame: Uint8Array, effects: SessionEffect[]): void {
    const state = this.#state;
    switch (state.state) {
      case 'awaitingHello':
        this.#receiveHello(state, frame, effects);
        break;
      case 'awaitingAuth': {
        const { identity, message, version } = state;
        if (!verifySignature({ publicKey: identity, message, signature: frame })) {
          return this.#close('bad_signature', effects);
        }
        this.#state = { state: 'established', lastSent: now, lastReceived: now };
        effects.push({ type: 'established', identity, version });
        effects.push({ type: 'setTimer', at: now + transportLimits.keepAliveMs.value });
        break;
      }
      case 'established':
        if (frame.length > 0) effects.push({ type: 'deliver', payload: frame });
        break;
      case 'new':
      case 'closed':
        throw new Error(`no frame is read in state ${state.state}`);
      default:
        assertNever(state);
    }
  }

  #receiveHello(
    { role, ownHello, deadline }: Extract<State, { state: 'awaitingHello' }>,
    frame: Uint8Array,
    effects: SessionEffect[],
  ): void {
    const hello = parseHello(frame);
    if (!hello) return this.#close('bad_hello', effects);
    const { identity, network, versions, accepts } = this.#options;
    if (!equalBytes(hello.network, network)) return this.#close('wrong_network', effects);
    if (equalBytes(hello.identity, identity.publicKey)) return this.#close('self_connection', effects);
    if (!accepts(hello.identity)) return this.#close('unexpected_identity', effects);
    const version = negotiateVersion(versions, hello.versions);
    if (version === undefined) return this.#close('no_common_version', effects);
    const theirHello = encodeFrame(frame, transportLimits.helloBytes.value);
    const frames =
      role === 'dial'
        ? { dialHello: ownHello, listenHello: theirHello }
        : { dialHello: theirHello, listenHello: ownHello };
    const signature = identity.sign(authMessage(role, frames));
    effects.push({ type: 'write', bytes: encodeFrame(signature, SIGNATURE_BYTES) });
    const message = authMessage(role === 'dial' ? 'listen' : 'dial', frames);
    this.#state = { state: 'awaitingAuth', identity: hello.identity, version, message, deadline };
  }

  #send(now: number, payload: Uint8Array, effects: SessionEffect[]): void {
    assert(this.#state.state === 'established', 'messages are sent after the handshake');
    assert(payload.length > 0, 'an empty frame is a keep-alive');
    this.#state.lastSent = now;
    effects.push({ type: 'write', bytes: encodeFrame(payload, transportLimits.frameBytes.value) });
  }

  /** The timer is not moved by every frame: when it comes, it looks when the next thing is due. */
  #checkTime(now: number, effects: SessionEffect[]): void {
    const state = this.#state;
    switch (state.state) {
      case 'awaitingHello':
      case 'awaitingAuth':
        if (now >= state.deadline) this.#close('handshake_timeout', effects);
        else effects.push({ type: 'setTimer', at: state.deadline });
        break;
      case 'established': {
        const silentAt = state.lastReceived + transportLimits.silenceMs.value;
        if (now >= silentAt) return this.#close('silent', effects);
        if (now >= state.lastSent + transportLimits.keepAliveMs.value) {
          effects.push({ type: 'write', bytes: encodeFrame(KEEP_ALIVE, 0) });
          state.lastSent = now;
        }
        const at = Math.min(silentAt, state.lastSent + transportLimits.keepAliveMs.value);
        effects.push({ type: 'setTimer', at });
        break;
      }
      case 'new':
      case 'closed':
        break;
      default:
        assertNever(state);
    }
  }

  #close(reason: CloseReason, effects: SessionEffect[]): void {
    this.#state = { state: 'closed' };
    effects.push({ type: 'cancelTimer' }, { type: 'close', reason });
  }

  #isClosed(): boolean {
    return this.#state.state === 'closed';
  }
}

function parseHello(frame: Uint8Array): Hello | undefined {
  try {
    return decodeHello(frame);
  } catch (error) {
    if (error instanceof ParseError) return undefined;
    throw error;
  }
}
