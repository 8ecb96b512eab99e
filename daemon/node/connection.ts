/**
 * One connection to another node: a session on a carrier, with the clock. What it delivers are payloads of an established
 * session; what they mean is links.ts.
 *
 * Invariant: `closed` is said once, last, whatever ended the connection.
 */
import type { PublicKey } from '../../keys/index.ts';
import {
  type Carrier,
  type CarrierListener,
  type Role,
  Session,
  type SessionEffect,
  type SessionEvent,
  type SessionOptions,
  type Urgency,
  type Verdict,
} from '../../transport/index.ts';
import { nodeLimits } from './limits.ts';

/** Somebody who calls: what the session has found out, before anything is answered. */
export type Caller = Extract<SessionEffect, { type: 'admit' }>;
/** Whom a connection that is dialled calls. */
export type Called = Pick<Extract<SessionEvent, { type: 'opened'; role: 'dial' }>, 'peer' | 'secret'>;

export interface ConnectionListener {
  /** Whether to answer; only asked by connections that others opened. */
  admit(caller: Caller): Promise<Verdict>;
  established(identity: PublicKey, version: number): void;
  delivered(payload: Uint8Array): void;
  /** Why, in a word for the log and for `peer list`. */
  closed(reason: string): void;
}

export class Connection implements CarrierListener {
  readonly role: Role;
  readonly openedAt = performance.now();
  readonly #session: Session;
  readonly #listener: ConnectionListener;
  readonly #wallClock: () => number;
  readonly #queue: SessionEvent[] = [];
  #carrier: Carrier | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reason: string | undefined;
  #busy = false;
  #closed = false;

  constructor(options: {
    role: Role;
    session: SessionOptions;
    listener: ConnectionListener;
    /** Unix time in ms; the system's unless given. */
    wallClock?: () => number;
  }) {
    this.#wallClock = options.wallClock ?? Date.now;
    this.role = options.role;
    this.#session = new Session(options.session);
    this.#listener = options.listener;
  }

  /** Begins on a carrier that has just opened; `called` is given by who dialled. */
  open(carrier: Carrier, called?: Called): void {
    this.#carrier = carrier;
    const wallMs = this.#wallClock();
    if (called === undefined) this.#handle({ type: 'opened', role: 'listen', wallMs });
    else this.#handle({ type: 'opened', role: 'dial', wallMs, ...called });
  }

  send(payload: Uint8Array, urgency: Urgency): void {
    if (this.#closed || this.#carrier === undefined) return;
    this.#handle({ type: 'send', payload, urgency });
    const waitingBytes = this.#session.queuedBytes + this.#carrier.backlogBytes;
    if (waitingBytes > nodeLimits.linkBacklogBytes.value) this.destroy('stuck');
  }

  /** How long the message has waited that the carrier has not taken longest; 0 when it takes all. */
  get oldestWaitMs(): number {
    const since = this.#session.waitingSince;
    return since === undefined ? 0 : performance.now() - since;
  }

  /** Sends what the carrier has first. */
  close(reason: string): void {
    this.#reason ??= reason;
    this.#carrier?.close();
  }

  destroy(reason: string): void {
    this.#reason ??= reason;
    this.#carrier?.destroy();
  }

  received(bytes: Uint8Array): void {
    this.#handle({ type: 'received', bytes });
  }

  drained(): void {
    this.#handle({ type: 'drained' });
  }

  closed(reason: string): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#handle({ type: 'carrierClosed' });
    this.#listener.closed(this.#reason ?? reason);
  }

  /** A session is never entered while it works: what performing an effect leads to waits in the queue. */
  #handle(event: SessionEvent): void {
    this.#queue.push(event);
    if (this.#busy) return;
    this.#busy = true;
    const effects: SessionEffect[] = [];
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        this.#session.handle(performance.now(), next, effects);
        let wrote = false;
        for (const effect of effects.splice(0)) {
          wrote ||= effect.type === 'write';
          this.#perform(effect);
        }
        // A carrier that took everything at once has nothing to say later.
        if (wrote && this.#carrier?.backlogBytes === 0) this.#queue.push({ type: 'drained' });
      }
    } finally {
      this.#busy = false;
    }
  }

  #perform(effect: SessionEffect): void {
    switch (effect.type) {
      case 'write':
        this.#carrier?.write(effect.bytes);
        return;
      case 'setTimer':
        clearTimeout(this.#timer);
        this.#timer = setTimeout(
          () => this.#handle({ type: 'timer' }),
          Math.max(0, effect.at - performance.now()),
        );
        return;
      case 'cancelTimer':
        clearTimeout(this.#timer);
        return;
      case 'admit': {
        const { token } = effect;
        void this.#listener
          .admit(effect)
          .then((verdict) => this.#handle({ type: 'admitted', token, verdict }));
        return;
      }
      case 'established':
        this.#listener.established(effect.identity, effect.version);
        return;
      case 'deliver':
        this.#listener.delivered(effect.payload);
        return;
      case 'close':
        if (!this.#closed) this.destroy(effect.reason);
    }
  }
}
