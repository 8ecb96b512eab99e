/**
 * How a node gets its peers, and gets them back (docs/spec/peers.md, 8). It works in rounds: old peers first, then an announcement, then
 * probes into its widest gaps, then a look at its neighbours; and it rests until the next round while peers are missing.
 *
 *   resting ──► remembered ──► announcement ──► probe … probe ──► neighbour check ──► resting
 *      │  few peers                 ▲                ▲
 *      └────────────────────────────┴── not few ─────┘        full: no timer, until a peer is lost
 *
 * It says who is asked, and when. What candidates are worth is policy.ts, and dialling them dials.ts.
 *
 * Invariant: one round at a time, one seek at a time; each step ends by itself; rounds that bring nothing become rare.
 */
import type { Token } from '../effect.ts';
import type { Location } from '../../keys/index.ts';
import { routingLimits } from '../limits.ts';
import type { Candidate, LinkId } from '../peer.ts';
import type { Agreement } from './agreement.ts';
import type { Asks } from './asks.ts';
import { type OpennetOptions, type PeerDesk, about, fraction, oneOf } from './desk.ts';
import type { Dials } from './dials.ts';
import { placeInWidestGap } from './widest-gap.ts';
import { opennetLimits } from './limits.ts';
import type { Memory } from './memory.ts';
import { Missing } from './missing.ts';
import type { Neighbours } from './neighbours.ts';
import { OwnSeek } from './own-seek.ts';

export type JoinStep =
  /** `nextAt` undefined: nothing is missing, or there is nobody to ask. */
  | { readonly step: 'resting'; readonly nextAt: number | undefined }
  | { readonly step: 'dialling'; readonly whom: 'remembered' }
  | { readonly step: 'calling'; readonly seed: string }
  | { readonly step: 'announcing' | 'probing'; readonly via: string }
  | { readonly step: 'settling' };

interface Parts {
  readonly agreement: Agreement;
  readonly asks: Asks;
  readonly dials: Dials;
  readonly memory: Memory;
  readonly neighbours: Neighbours;
}

export class Joining {
  readonly #desk: PeerDesk;
  readonly #options: OpennetOptions;
  readonly #parts: Parts;
  #seeds: readonly Candidate[] = [];
  #nextSeed = 0;
  /** Whether the next announcement goes through a seed, where there is a choice. */
  #preferSeed = false;
  #step: JoinStep = { step: 'resting', nextAt: undefined };
  #timer: Token | undefined;
  /** Of the next look beyond. */
  #beyond: Token | undefined;
  /** Until then; short after a break. */
  #beyondMs: number = opennetLimits.beyondEveryMs.value;
  readonly #missing = new Missing();
  #pauseMs: number = opennetLimits.aloneFirstMs.value;
  #hasBegun = false;
  /** Confirmed peers when the round began. */
  #before = 0;

  constructor(desk: PeerDesk, options: OpennetOptions, parts: Parts) {
    this.#desk = desk;
    this.#options = options;
    this.#parts = parts;
  }

  get step(): JoinStep {
    return this.#step;
  }

  seeds(candidates: readonly Candidate[]): void {
    const others = candidates.filter(({ location }) => location !== this.#desk.location);
    this.#seeds = others.slice(0, opennetLimits.seeds.value);
    this.#nextSeed = Math.floor(fraction(this.#desk.random) * this.#seeds.length);
    // Whoever is new among them may answer.
    const { aloneFirstMs, announceEveryMs } = opennetLimits;
    this.#pauseMs = this.#isAlone ? aloneFirstMs.value : announceEveryMs.value;
    this.begin();
  }

  /** Begins a round unless one is on. */
  begin(): void {
    if (this.#step.step !== 'resting') return;
    this.#stopTimer();
    if (this.#isFull) {
      this.#step = { step: 'resting', nextAt: undefined };
      return;
    }
    this.#hasBegun = true;
    this.#lookBeyondLater();
    this.#before = this.#parts.agreement.confirmed;
    if (!this.#isFew) {
      this.#probe(1);
      return;
    }
    this.#step = { step: 'dialling', whom: 'remembered' };
    let tries: number = opennetLimits.rememberedTries.value;
    const { dials, memory } = this.#parts;
    for (const candidate of dials.longestUntried(memory.candidates)) {
      if (tries === 0) break;
      if (dials.consider(candidate)) tries -= 1;
    }
    this.#settle(() => {
      if (this.#isFew) this.#announce();
      else this.#probe(opennetLimits.gapProbes.value);
    });
  }

  /** A peer is gone, and may be called again: what rounds have brought before says nothing now. */
  lost(): void {
    this.#pauseMs = this.#shortMs;
    this.changed();
  }

  /** Peers have come or gone: a rest that would take long is cut short. The first peer of all, mostly a friend, begins it. */
  changed(): void {
    if (this.#step.step !== 'resting' || this.#isFull) return;
    if (!this.#hasBegun) {
      this.begin();
      return;
    }
    const { now, random } = this.#desk;
    const soon = now + about(this.#shortMs, random);
    if (this.#step.nextAt === undefined || this.#step.nextAt > soon) this.#restUntil(soon);
  }

  /** The link of a peer has broken. */
  broke(candidate: Candidate): void {
    const { agreement } = this.#parts;
    if (this.#missing.lost(candidate, { now: this.#desk.now, left: agreement.confirmed }))
      this.#lookBeyondSoon();
  }

  /**
   * A node has a link. One that was lost together with others is back: so may they be, and what failed meanwhile says nothing now.
   */
  appeared(identity: string): void {
    if (!this.#missing.isBack(identity)) return;
    const { dials, neighbours } = this.#parts;
    dials.forgetUnanswered();
    neighbours.forgetTried();
    for (const candidate of this.#missing.candidates) dials.consider(candidate);
    this.#lookBeyondSoon();
    this.lost();
  }

  get #isFull(): boolean {
    return this.#parts.agreement.taken >= routingLimits.peers.value;
  }

  get #isAlone(): boolean {
    return !this.#desk.peers.views(this.#desk.now).some((view) => view.confirmed);
  }

  get #isFew(): boolean {
    const held = this.#parts.agreement.held().filter(({ peer }) => peer.tie !== 'friend');
    return held.length < routingLimits.peers.value * opennetLimits.joinShare.value;
  }

  /** The pause between two rounds that bring something. With a few places free there is no hurry: what fills them mostly leaves one elsewhere. */
  get #shortMs(): number {
    const { announceEveryMs, fillEveryMs, fillShare } = opennetLimits;
    const isNearlyFull = this.#parts.agreement.taken >= routingLimits.peers.value * fillShare.value;
    return isNearlyFull ? fillEveryMs.value : announceEveryMs.value;
  }

  #announce(): void {
    const via = this.#anyPeer();
    const throughSeed = this.#seeds.length > 0 && (via === undefined || this.#preferSeed);
    this.#preferSeed = !throughSeed;
    if (throughSeed) this.#throughSeed(this.#seeds.length);
    else if (via === undefined) this.#rest();
    else this.#announceVia(via);
  }

  /** A seed that does not answer is followed by the next one, each once. */
  #throughSeed(left: number): void {
    const seed = this.#seeds[this.#nextSeed];
    if (seed === undefined || left === 0) {
      this.#rest();
      return;
    }
    this.#nextSeed = (this.#nextSeed + 1) % this.#seeds.length;
    this.#through(seed, () => this.#throughSeed(left - 1));
  }

  /** Calls a node, wanted as a peer or not, and announces this one through it. */
  #through(other: Candidate, inVain: () => void): void {
    this.#step = { step: 'calling', seed: other.identity };
    this.#parts.dials.call(other, (outcome) => {
      const link = this.#parts.agreement.linkOf(other.identity);
      if (outcome === 'linked' && link !== undefined) this.#announceVia(link);
      else inVain();
    });
  }

  #announceVia(via: LinkId): void {
    const step = { step: 'announcing', via: this.#nameOf(via) } as const;
    const way = { via, target: this.#desk.location, walk: opennetLimits.seekWalk.value };
    this.#seek(step, way, () => this.#probe(opennetLimits.gapProbes.value));
  }

  #probe(left: number): void {
    const via = this.#anyPeer();
    if (left === 0 || via === undefined || this.#isFull) {
      this.#parts.neighbours.check();
      this.#rest();
      return;
    }
    const places = this.#parts.agreement.held().map(({ peer }) => peer.location);
    const target = placeInWidestGap(this.#desk.location, places, this.#desk.random);
    this.#seek({ step: 'probing', via: this.#nameOf(via) }, { via, target, walk: 0 }, () =>
      this.#probe(left - 1),
    );
  }

  #seek(step: JoinStep, way: { via: LinkId; target: Location; walk: number }, then: () => void): void {
    this.#step = step;
    const source = this.#nameOf(way.via);
    const { asks, dials } = this.#parts;
    void new OwnSeek({ desk: this.#desk, options: this.#options, asks }, way, {
      offered: (reference) => {
        const candidate = this.#options.readReference(reference);
        if (candidate !== undefined) dials.consider(candidate, source);
      },
      ended: () => this.#settle(then),
    });
  }

  /** Waits for the dials, but not for addresses that do not answer. */
  #settle(then: () => void): void {
    if (this.#step.step !== 'dialling') this.#step = { step: 'settling' };
    let isOver = false;
    const go = (): void => {
      if (isOver) return;
      isOver = true;
      this.#stopTimer();
      then();
    };
    this.#timer = this.#desk.setTimer(this.#desk.now + opennetLimits.settleMs.value, () => {
      this.#timer = undefined;
      go();
    });
    this.#parts.dials.whenIdle(go);
  }

  /**
   * The network may have been in two for a while, and each half has filled its places since: then nobody looks for peers, and no list
   * names anybody on the other side. Who was a peer before still stands in memory.
   */
  #lookBeyondLater(): void {
    if (this.#beyond !== undefined) return;
    const { now, random } = this.#desk;
    this.#beyond = this.#desk.setTimer(now + about(this.#beyondMs, random), () => {
      this.#beyond = undefined;
      if (this.#step.step === 'resting') this.#lookBeyond((this.#step.nextAt ?? Infinity) - this.#desk.now);
      this.#lookBeyondLater();
    });
  }

  #lookBeyondSoon(): void {
    this.#beyondMs = opennetLimits.announceEveryMs.value;
    if (this.#beyond !== undefined) this.#desk.cancelTimer(this.#beyond);
    this.#beyond = undefined;
    this.#lookBeyondLater();
  }

  /** Soon after a break somebody who is missing, later and otherwise anybody who was a peer once. */
  #lookBeyond(roundInMs: number): void {
    const { agreement, memory } = this.#parts;
    const mostMs = opennetLimits.beyondEveryMs.value;
    const missing = this.#missing.candidates.filter(({ dialable }) => dialable);
    const known =
      this.#beyondMs < mostMs && missing.length > 0 ? missing : [...this.#seeds, ...memory.candidates];
    this.#beyondMs = Math.min(mostMs, 2 * this.#beyondMs);
    const away = known.filter(({ identity }) => agreement.linkOf(identity) === undefined);
    const other = oneOf(away, this.#desk.random);
    if (other === undefined) return;
    this.#stopTimer();
    this.#before = agreement.confirmed;
    // In vain it says nothing about rounds: the next one comes when it would have.
    this.#through(other, () => this.#restFor(Math.min(this.#pauseMs, roundInMs)));
  }

  #rest(): void {
    const { announceMostMs, aloneMostMs } = opennetLimits;
    const most = this.#isAlone ? aloneMostMs : announceMostMs;
    const brought = this.#parts.agreement.confirmed > this.#before;
    this.#pauseMs = brought ? this.#shortMs : Math.min(most.value, 2 * this.#pauseMs);
    this.#restFor(this.#pauseMs);
  }

  #restFor(ms: number): void {
    this.#step = { step: 'resting', nextAt: undefined };
    const hasWhom =
      this.#seeds.length > 0 || this.#parts.memory.candidates.length > 0 || this.#anyPeer() !== undefined;
    if (hasWhom && !this.#isFull) this.#restUntil(this.#desk.now + about(ms, this.#desk.random));
  }

  #restUntil(nextAt: number): void {
    this.#stopTimer();
    this.#step = { step: 'resting', nextAt };
    this.#timer = this.#desk.setTimer(nextAt, () => {
      this.#timer = undefined;
      this.begin();
    });
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) this.#desk.cancelTimer(this.#timer);
    this.#timer = undefined;
  }

  /** A confirmed peer at random, a friend only when there is no other one. */
  #anyPeer(): LinkId | undefined {
    const confirmed = this.#desk.peers.views(this.#desk.now).filter((view) => view.confirmed);
    const strangers = confirmed.filter(({ peer }) => peer.tie !== 'friend');
    return oneOf(strangers.length > 0 ? strangers : confirmed, this.#desk.random)?.link;
  }

  #nameOf(link: LinkId): string {
    return this.#parts.agreement.peerOf(link)?.identity ?? '';
  }
}
