/**
 * One guard: what is kept of it, which link it has now, and when it is due for another one (docs/spec/stem.md, 2).
 *
 * It is dialled from here while it is away. Drawing and replacing is guards.ts.
 */
import type { Token } from '../effect.ts';
import { about, fraction, type PeerDesk } from '../opennet/desk.ts';
import type { Candidate, LinkId, Peer } from '../peer.ts';
import { stemLimits } from './limits.ts';
import type { KeptGuard } from './state.ts';

/** A link that is up, to a guard or to anybody else. */
export interface Up {
  readonly link: LinkId;
  readonly peer: Peer;
  /** For how long it had counted when it came, as the host says; 0 once that is in the sum. */
  earlierMs: number;
  confirmedAt: number | undefined;
  step: 'none' | 'asked' | 'granted' | 'full';
  /** How often it was asked for a place, and when last. */
  asks: number;
  askedAt: number;
  /** Whether it was confirmed then: who is no peer gets no new place. */
  askedAsPeer: boolean;
}

export interface GuardDesk {
  readonly desk: Pick<PeerDesk, 'now' | 'random' | 'setTimer' | 'cancelTimer'>;
  /** Milliseconds of the wall clock when the router's time was 0. */
  readonly epochMs: number;
  /** Dials it. */
  readonly call: (reference: Uint8Array) => void;
}

export class Guard {
  readonly identity: string;
  readonly drawnAt: number;
  readonly endsAt: number;
  group: string;
  kind: KeptGuard['kind'];
  isProvisional: boolean;
  /** Its newest link. */
  up: Up | undefined;
  readonly #desk: GuardDesk;
  #reference: Uint8Array | undefined;
  /** By the wall clock, when it last had a place for this node. */
  #seenAt: number;
  /** The same by the router's; when that was in an earlier run, long ago. */
  #goneAt = -Infinity;
  #dial: Token | undefined;

  /** Times that lie ahead, because the clock went back, count as now. */
  constructor(desk: GuardDesk, kept: KeptGuard) {
    this.#desk = desk;
    const wallNow = this.#wallNow;
    this.identity = kept.identity;
    this.group = kept.group;
    this.kind = kept.kind;
    this.isProvisional = kept.isProvisional;
    this.drawnAt = Math.min(kept.drawnAt, wallNow);
    this.endsAt = Math.min(kept.endsAt, wallNow + stemLimits.guardLifeMostMs.value);
    this.#reference = kept.reference;
    this.#seenAt = Math.min(kept.seenAt, wallNow);
  }

  /** How long its life is is drawn as well. */
  static drawn(desk: GuardDesk, up: Up, kind: 'provisional' | 'settled'): Guard {
    const { guardLifeLeastMs, guardLifeMostMs } = stemLimits;
    const { now, random } = desk.desk;
    const wallNow = desk.epochMs + now;
    const span = guardLifeMostMs.value - guardLifeLeastMs.value;
    const guard = new Guard(desk, {
      identity: up.peer.identity,
      group: up.peer.group,
      reference: undefined,
      kind: kindOf(up.peer.tie),
      isProvisional: kind === 'provisional',
      drawnAt: wallNow,
      endsAt: wallNow + guardLifeLeastMs.value + fraction(random) * span,
      seenAt: wallNow,
    });
    guard.up = up;
    return guard;
  }

  get #wallNow(): number {
    return this.#desk.epochMs + this.#desk.desk.now;
  }

  /** Whether its link is up and it has granted a place. */
  get hasPlace(): boolean {
    return this.up?.step === 'granted';
  }

  keep(): KeptGuard {
    const { identity, group, kind, isProvisional, drawnAt, endsAt } = this;
    const seenAt = this.hasPlace ? this.#wallNow : this.#seenAt;
    return { identity, group, reference: this.#reference, kind, isProvisional, drawnAt, endsAt, seenAt };
  }

  /** It shows itself, perhaps elsewhere than before. Friends and chosen peers are dialled by the host. @returns whether that is new */
  learn({ tie, group }: Peer, candidate: Candidate | undefined): boolean {
    const kind = kindOf(tie);
    let reference: Uint8Array | undefined;
    if (tie === 'stranger') reference = candidate?.dialable ? candidate.reference : this.#reference;
    const isNew = kind !== this.kind || group !== this.group || !isSame(reference, this.#reference);
    this.kind = kind;
    this.group = group;
    this.#reference = reference;
    return isNew;
  }

  /** It had a place until now. */
  gone(): void {
    this.#seenAt = this.#wallNow;
    this.#goneAt = this.#desk.desk.now;
  }

  /** How long this node has been without it, the times apart in which it had no link to anybody. */
  awayMs(onlineAt: number): number {
    return this.hasPlace ? 0 : this.#desk.desk.now - Math.max(this.#goneAt, onlineAt);
  }

  /**
   * Whether it is not expected back. A node that was off itself for months must have tried to reach it first, and so must one whose
   * clock has leapt.
   */
  isLost(onlineAt: number): boolean {
    const { guardUnseenMs, provisionalGoneMs, guardDialMostMs } = stemLimits;
    const patienceMs = (this.isProvisional ? provisionalGoneMs : guardUnseenMs).value;
    if (this.hasPlace || this.#wallNow - this.#seenAt < patienceMs) return false;
    return this.awayMs(onlineAt) >= guardDialMostMs.value;
  }

  get hasEnded(): boolean {
    return this.#wallNow >= this.endsAt;
  }

  // --- dialling ---------------------------------------------------------------------------------------------------------------

  /** Then after twice as long, and so on. */
  dialLater(waitMs: number): void {
    const reference = this.#reference;
    if (reference === undefined || this.#dial !== undefined || this.up !== undefined) return;
    const { desk, call } = this.#desk;
    const { guardDialFirstMs, guardDialMostMs } = stemLimits;
    this.#dial = desk.setTimer(desk.now + about(waitMs, desk.random), () => {
      this.#dial = undefined;
      call(reference);
      this.dialLater(Math.min(guardDialMostMs.value, Math.max(guardDialFirstMs.value, 2 * waitMs)));
    });
  }

  stopDialling(): void {
    if (this.#dial !== undefined) this.#desk.desk.cancelTimer(this.#dial);
    this.#dial = undefined;
  }
}

function kindOf(tie: Peer['tie']): KeptGuard['kind'] {
  return tie === 'friend' ? 'friend' : 'other';
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;
}
