/**
 * One link as a synchronous machine (docs/spec/links.md): the handshake of either role, then the link. The owner passes in what the
 * carrier and the clock say and performs the effects in order; it owns carrier, timer and disk. The insides: call.ts and answer.ts
 * are the two halves of the handshake, link.ts is what follows.
 *
 * Invariants:
 * - `handle` never throws on anything that the other side sends.
 * - Nothing is delivered before `established`; `established` comes at most once, on the listener after a frame that only the
 *   reader of its reply can have made.
 * - A caller that is not admitted gets no byte, and its carrier is closed at a time that was drawn when it opened, whatever it did.
 * - Writes come before any other effect of a call, so an owner that calls again while it performs `established` or `deliver` does
 *   not bring frames out of order. (It does not call again while it performs writes.)
 * - `close` comes at most once and is the last effect; every later event is ignored.
 */
import { assert, assertNever, equalBytes } from '../keys/index.ts';
import type { PublicKey } from '../keys/index.ts';
import { Answering } from './answer.ts';
import type { Caller } from './answer.ts';
import { Calling } from './call.ts';
import type { CloseReason, SessionEffect, Token } from './effect.ts';
import { draw } from './envelope.ts';
import type { SessionEvent, Verdict } from './event.ts';
import type { Chunk } from './gather.ts';
import { transportLimits } from './limits.ts';
import { Link } from './link.ts';
import type { SessionOptions } from './session-options.ts';
import { negotiateVersion } from './version.ts';

type State =
  | { readonly state: 'new' }
  /** The dialler's: the opening has been sent. */
  | {
      readonly state: 'calling';
      readonly calling: Calling;
      readonly identity: PublicKey;
      readonly deadline: number;
    }
  /** The listener's, one after the other. All of them end at `closeAt`. */
  | {
      readonly state: 'listening';
      readonly answering: Answering;
      /** Wall clock minus `now`. */
      readonly clockOffsetMs: number;
      readonly closeAt: number;
    }
  | {
      readonly state: 'asking';
      readonly answering: Answering;
      readonly caller: Caller;
      readonly closeAt: number;
    }
  | {
      readonly state: 'unconfirmed';
      readonly link: Link;
      readonly identity: PublicKey;
      readonly version: number;
      readonly closeAt: number;
    }
  /** Reads and throws away. */
  | { readonly state: 'deaf'; readonly reason: CloseReason; readonly closeAt: number }
  | { readonly state: 'established'; readonly link: Link }
  | { readonly state: 'closed' };

type Opened = Extract<SessionEvent, { type: 'opened' }>;

/** A session asks once. */
const TOKEN = 1 as Token;

export class Session {
  readonly #options: SessionOptions;
  #state: State = { state: 'new' };
  /** Of an established link: what its timer stands at. */
  #tickAt: number | undefined;

  constructor(options: SessionOptions) {
    assert(
      equalBytes(options.self.agreementKey, options.keys.agreementKey),
      'the own reference names the own keys',
    );
    this.#options = options;
  }

  /** Of messages that wait here for room at the carrier: the owner closes a link that has too many. */
  get queuedBytes(): number {
    return this.#state.state === 'established' ? this.#state.link.queuedBytes : 0;
  }

  /** When the one of them that has waited longest came, by the clock of `handle`; undefined when none waits. */
  get waitingSince(): number | undefined {
    return this.#state.state === 'established' ? this.#state.link.waitingSince : undefined;
  }

  /** `now` in ms, never less than the time before. Effects are appended. */
  handle(now: number, event: SessionEvent, effects: SessionEffect[]): void {
    if (this.#state.state === 'closed') return;
    switch (event.type) {
      case 'opened':
        this.#open(now, event, effects);
        break;
      case 'received':
        this.#receive(now, { bytes: event.bytes, at: 0 }, effects);
        break;
      case 'admitted':
        this.#admitted(now, event, effects);
        break;
      case 'send': {
        assert(this.#state.state === 'established', 'messages are sent after the handshake');
        const { link } = this.#state;
        this.#goOn(link, { fault: link.send(now, event, effects), effects });
        break;
      }
      case 'drained':
        if (this.#state.state === 'established') {
          const { link } = this.#state;
          this.#goOn(link, { fault: link.drained(now, effects), effects });
        }
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

  #open(now: number, event: Opened, effects: SessionEffect[]): void {
    assert(this.#state.state === 'new', 'a session is opened once');
    if (event.role === 'dial') return this.#call(now, event, effects);
    const { unansweredMsLeast, unansweredMsMost } = transportLimits;
    const range = { least: unansweredMsLeast.value, most: unansweredMsMost.value };
    const closeAt = now + draw(this.#options.random, range);
    const answering = new Answering(this.#options);
    this.#state = { state: 'listening', answering, clockOffsetMs: event.wallMs - now, closeAt };
    effects.push({ type: 'setTimer', at: closeAt });
  }

  #call(now: number, event: Extract<Opened, { role: 'dial' }>, effects: SessionEffect[]): void {
    const { peer, secret, wallMs } = event;
    const { self } = this.#options;
    if (equalBytes(peer.identity, self.identity)) return this.#close('self_connection', effects);
    const calling = new Calling(this.#options, { peer, secret, timestampMs: Math.floor(wallMs) });
    if (!calling.opening) return this.#close('bad_reply', effects);
    const deadline = now + transportLimits.handshakeMs.value;
    this.#state = { state: 'calling', calling, identity: peer.identity, deadline };
    effects.push({ type: 'write', bytes: calling.opening }, { type: 'setTimer', at: deadline });
  }

  #receive(now: number, chunk: Chunk, effects: SessionEffect[]): void {
    const state = this.#state;
    assert(state.state !== 'new', 'a carrier is opened before it receives');
    switch (state.state) {
      case 'calling':
        this.#readReply(now, state, { chunk, effects });
        break;
      case 'listening': {
        const wallMs = now + state.clockOffsetMs;
        const caller = state.answering.next(chunk, { now, wallMs });
        if (caller?.type === 'fault') return this.#ignoreCaller(caller.reason, state);
        if (!caller) return;
        const { answering, closeAt } = state;
        this.#state = { state: 'asking', answering, caller, closeAt };
        this.#askOwner(caller, effects);
        break;
      }
      case 'asking':
        // An honest caller waits for the reply.
        return this.#ignoreCaller('bad_opening', state);
      case 'unconfirmed':
        this.#readFirstFrames(now, state, { chunk, effects });
        break;
      case 'established':
        this.#goOn(state.link, { fault: state.link.receive(now, chunk, effects), effects });
        break;
      case 'deaf':
      case 'closed':
        break;
      default:
        assertNever(state);
    }
  }

  #readReply(
    now: number,
    { calling, identity }: Extract<State, { state: 'calling' }>,
    { chunk, effects }: { chunk: Chunk; effects: SessionEffect[] },
  ): void {
    const called = calling.next(chunk);
    if (called === undefined) return;
    // An honest listener waits for a frame before it sends one.
    const isMore = chunk.at < chunk.bytes.length;
    if (called === 'bad_reply' || isMore) return this.#close('bad_reply', effects);
    const version = negotiateVersion(this.#options.versions, called.theirVersions);
    if (version === undefined) return this.#close('no_common_version', effects);
    const link = new Link(this.#options, { agreement: called.agreement, role: 'dial', now });
    this.#state = { state: 'established', link };
    // At once: it is what the listener waits for.
    const fault = link.sendPadding(now, effects);
    effects.push({ type: 'established', identity, version });
    this.#goOn(link, { fault, effects });
  }

  #askOwner(caller: Caller, effects: SessionEffect[]): void {
    const { reference, agreementKey, timestampMs, inviteId } = caller;
    effects.push({
      type: 'admit',
      token: TOKEN,
      identity: reference.identity,
      agreementKey,
      reference,
      timestampMs,
      ...(inviteId ? { inviteId } : {}),
    });
  }

  #admitted(now: number, { verdict }: { verdict: Verdict }, effects: SessionEffect[]): void {
    const state = this.#state;
    // It may have become deaf while the owner thought.
    if (state.state !== 'asking') return;
    if (verdict.type === 'refused') return this.#ignoreCaller('refused', state);
    const { answering, caller, closeAt } = state;
    assert(this.#options.replay.hasAccepted(caller), 'the guard has accepted whoever is let in');
    const reply = answering.reply(verdict.secret);
    if (!reply) return this.#ignoreCaller('bad_handshake', state);
    effects.push({ type: 'write', bytes: reply.bytes });
    const version = negotiateVersion(this.#options.versions, caller.versions);
    // The reply has told it so: it was let in, and is not left to guess.
    if (version === undefined) return this.#ignoreCaller('no_common_version', state);
    const link = new Link(this.#options, { agreement: reply.agreement, role: 'listen', now });
    const { identity } = caller.reference;
    this.#state = { state: 'unconfirmed', link, identity, version, closeAt };
  }

  #readFirstFrames(
    now: number,
    state: Extract<State, { state: 'unconfirmed' }>,
    { chunk, effects }: { chunk: Chunk; effects: SessionEffect[] },
  ): void {
    const { link } = state;
    const fromFrames: SessionEffect[] = [];
    const fault = link.receive(now, chunk, fromFrames);
    if (!link.hasReceived) {
      if (fault) this.#ignoreCaller('unconfirmed', state);
      return;
    }
    this.#state = { state: 'established', link };
    const { identity, version } = state;
    const isWrite = (effect: SessionEffect) => effect.type === 'write';
    effects.push(...fromFrames.filter(isWrite), { type: 'established', identity, version });
    effects.push(...fromFrames.filter((effect) => !isWrite(effect)));
    this.#goOn(link, { fault, effects });
  }

  #checkTime(now: number, effects: SessionEffect[]): void {
    const state = this.#state;
    switch (state.state) {
      case 'calling':
        if (now >= state.deadline) this.#close('handshake_timeout', effects);
        else effects.push({ type: 'setTimer', at: state.deadline });
        break;
      case 'listening':
      case 'asking':
      case 'unconfirmed':
      case 'deaf':
        if (now >= state.closeAt) this.#close(reasonOf(state), effects);
        else effects.push({ type: 'setTimer', at: state.closeAt });
        break;
      case 'established':
        this.#tickAt = undefined;
        this.#goOn(state.link, { fault: state.link.tick(now, effects), effects });
        break;
      case 'new':
      case 'closed':
        break;
      default:
        assertNever(state);
    }
  }

  /** As if nobody were here: no byte, and the same end as for whoever sends nothing at all. */
  #ignoreCaller(reason: CloseReason, { closeAt }: { readonly closeAt: number }): void {
    this.#state = { state: 'deaf', reason, closeAt };
  }

  /** After all that happens to a link. The timer is not put off by every frame: when it comes, it looks what is due. */
  #goOn(link: Link, { fault, effects }: { fault: CloseReason | undefined; effects: SessionEffect[] }): void {
    if (fault) return this.#close(fault, effects);
    const { nextTick } = link;
    if (this.#tickAt !== undefined && nextTick >= this.#tickAt) return;
    this.#tickAt = nextTick;
    effects.push({ type: 'setTimer', at: nextTick });
  }

  #close(reason: CloseReason, effects: SessionEffect[]): void {
    this.#state = { state: 'closed' };
    effects.push({ type: 'cancelTimer' }, { type: 'close', reason });
  }
}

/** Why a listener's time is over. */
function reasonOf(state: Extract<State, { closeAt: number }>): CloseReason {
  switch (state.state) {
    case 'listening':
      return 'no_opening';
    case 'asking':
      return 'refused';
    case 'unconfirmed':
      return 'unconfirmed';
    case 'deaf':
      return state.reason;
    default:
      return assertNever(state);
  }
}
