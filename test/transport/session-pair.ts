/** Two sessions face to face without carriers, and what a test has to know of one to stand in for the other side. */
import { identityFromSeed, seed } from '../../keys/index.ts';
import type { Identity } from '../../keys/index.ts';
import { Session } from '../../transport/index.ts';
import type {
  CloseReason,
  Role,
  SessionEffect,
  SessionEvent,
  SessionOptions,
} from '../../transport/index.ts';
import { SeededRandom } from '../sim/random.ts';

export const NETWORK = new Uint8Array(32).fill(9);

export function identityOf(number: number): Identity {
  return identityFromSeed(seed(new Uint8Array(32).fill(number)));
}

/** A session and all that it has wanted so far. */
export class Side {
  readonly session: Session;
  readonly effects: SessionEffect[] = [];
  #unsent = 0;

  constructor(number: number, options: Partial<SessionOptions> = {}) {
    this.session = new Session({
      identity: identityOf(number),
      network: NETWORK,
      versions: { min: 1, max: 1 },
      random: new SeededRandom(number),
      accepts: () => true,
      ...options,
    });
  }

  handle(now: number, event: SessionEvent): void {
    this.session.handle(now, event, this.effects);
  }

  open(role: Role, now = 0): this {
    this.handle(now, { type: 'opened', role });
    return this;
  }

  receive(bytes: Uint8Array, now = 0): void {
    this.handle(now, { type: 'received', bytes });
  }

  /** What it has written since the last call. */
  takeWritten(): Uint8Array {
    const fresh = this.effects.slice(this.#unsent);
    this.#unsent = this.effects.length;
    return Buffer.concat(fresh.flatMap((effect) => (effect.type === 'write' ? [effect.bytes] : [])));
  }

  get delivered(): Uint8Array[] {
    return this.effects.flatMap((effect) => (effect.type === 'deliver' ? [effect.payload] : []));
  }

  get closeReason(): CloseReason | undefined {
    return this.effects.find((effect) => effect.type === 'close')?.reason;
  }

  get established(): Extract<SessionEffect, { type: 'established' }> | undefined {
    return this.effects.find((effect) => effect.type === 'established');
  }

  /** The time that the timer stands at. */
  get timerAt(): number | undefined {
    const last = this.effects.findLast(({ type }) => type === 'setTimer' || type === 'cancelTimer');
    return last?.type === 'setTimer' ? last.at : undefined;
  }
}

/** Carries bytes to and fro until both are quiet. */
export function exchange(left: Side, right: Side, now = 0): void {
  for (;;) {
    const toRight = left.takeWritten();
    const toLeft = right.takeWritten();
    if (toRight.length === 0 && toLeft.length === 0) return;
    if (toRight.length > 0) right.receive(toRight, now);
    if (toLeft.length > 0) left.receive(toLeft, now);
  }
}

/** Two sides after the handshake. */
export function establishedPair(now = 0): [Side, Side] {
  const left = new Side(1).open('dial', now);
  const right = new Side(2).open('listen', now);
  exchange(left, right, now);
  return [left, right];
}
