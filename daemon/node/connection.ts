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
} from '../../transport/index.ts';
import { nodeLimits } from './limits.ts';

export interface ConnectionListener {
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
  readonly #effects: SessionEffect[] = [];
  #carrier: Carrier | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reason: string | undefined;
  #closed = false;

  constructor(options: { role: Role; session: SessionOptions; listener: ConnectionListener }) {
    this.role = options.role;
    this.#session = new Session(options.session);
    this.#listener = options.listener;
  }

  /** Begins the handshake on a carrier that has just opened. */
  open(carrier: Carrier): void {
    this.#carrier = carrier;
    this.#handle({ type: 'opened', role: this.role });
  }

  send(payload: Uint8Array): void {
    if (this.#closed || this.#carrier === undefined) return;
    this.#handle({ type: 'send', payload });
    if (this.#carrier.backlogBytes > nodeLimits.linkBacklogBytes.value) this.destroy('stuck');
  }

  /** Sends what is queued first. */
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
    // The backlog is bounded by what a link may have open; nothing waits for it.
  }

  closed(reason: string): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#handle({ type: 'carrierClosed' });
    this.#listener.closed(this.#reason ?? reason);
  }

  #handle(event: SessionEvent): void {
    const effects = this.#effects;
    this.#session.handle(performance.now(), event, effects);
    for (const effect of effects.splice(0)) this.#perform(effect);
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
