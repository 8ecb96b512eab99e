/**
 * What the owner asks for, until its time comes (docs/spec/stem.md, 6): held here, and let go at random times that no answer moves.
 *
 * A client that asks for the next block when one has come shows by it that the block has come to its end; a relay's requests come when
 * they come. So requests go out at random times, of a rate that follows the line by halves and doubles, once a minute at most. They keep
 * half of the mean gap between them: what comes closer is spread by the door of each relay, and who was spread twice was passed on.
 *
 * It does not know who takes them; nobody tells it when a guard's silence has worn off, so while nobody does it looks again now and then.
 * Invariants: what is held goes out in its order and its class, or not at all; the end of a request moves
 * no other one; between two changes of a rate there are `ownRateEveryMs`, and none is more than a factor of two; no timer while nothing is
 * held.
 */
import type { Random } from '../../keys/index.ts';
import type { Token } from '../effect.ts';
import type { Priority, Request } from '../messages.ts';
import { fraction } from '../opennet/desk.ts';
import { stemLimits } from './limits.ts';

export interface OwnRequestsOptions {
  readonly desk: {
    readonly now: number;
    readonly random: Random;
    setTimer(at: number, fired: () => void): Token;
    cancelTimer(token: Token): void;
  };
  /** Requests a second. */
  readonly first: number;
  readonly most: number;
  /** Whether there is somebody to take it now. */
  readonly mayGo: (priority: Priority) => boolean;
  readonly go: (request: Request) => void;
}

class Pace {
  readonly held: Request[] = [];
  rate: number;
  inWork = 0;
  timer: Token | undefined;
  waitsFor: 'its time' | 'somebody' = 'its time';
  /** Of this period: when it began, and what has passed in it. */
  since = 0;
  gone = 0;
  refused = 0;
  /** How long nothing was held although as much was in work as one job has in work at most. */
  starvedMs = 0;
  activeMs = 0;
  /** How long something was held: the rate, and nothing else, kept it. */
  heldMs = 0;
  lookedAt = 0;
  /** When the last one went. */
  goneAt = -Infinity;

  constructor(rate: number) {
    this.rate = rate;
  }
}

export class OwnRequests {
  readonly #options: OwnRequestsOptions;
  readonly #paces: Readonly<Record<Priority, Pace>>;

  constructor(options: OwnRequestsOptions) {
    this.#options = options;
    this.#paces = { bulk: new Pace(options.first), realtime: new Pace(options.first) };
  }

  /** Requests that wait because nobody takes them. */
  get waiting(): number {
    const { mayGo } = this.#options;
    const { bulk, realtime } = this.#paces;
    return (mayGo('bulk') ? 0 : bulk.held.length) + (mayGo('realtime') ? 0 : realtime.held.length);
  }

  /** Requests a second. */
  rateOf(priority: Priority): number {
    return this.#paces[priority].rate;
  }

  hold(request: Request): void {
    const pace = this.#paces[request.priority];
    this.#look(pace);
    pace.held.push(request);
    this.#wait(request.priority);
  }

  /** One that went has ended. */
  ended({ priority }: Request, how: 'answered' | 'overloaded'): void {
    const pace = this.#paces[priority];
    this.#look(pace);
    pace.inWork -= 1;
    if (how === 'overloaded') pace.refused += 1;
  }

  /** One has had to wait for room: it went when an answer had come, which can be seen. More of them, and the rate is too high. */
  waited({ priority }: Request): void {
    this.#paces[priority].refused += 1;
  }

  /** Somebody may take them now who did not before. */
  mayGo(): void {
    this.#wait('bulk');
    this.#wait('realtime');
  }

  #wait(priority: Priority): void {
    const { desk, mayGo } = this.#options;
    const pace = this.#paces[priority];
    if (pace.held.length === 0) return;
    const may = mayGo(priority);
    if (pace.timer !== undefined) {
      if (pace.waitsFor === 'its time' || !may) return;
      desk.cancelTimer(pace.timer);
    }
    pace.waitsFor = may ? 'its time' : 'somebody';
    const waitMs = may ? this.#gapMs(pace) : stemLimits.ownLookMs.value;
    pace.timer = desk.setTimer(desk.now + waitMs, () => {
      pace.timer = undefined;
      this.#look(pace);
      // Whoever was to take it may have gone.
      if (pace.waitsFor === 'its time' && mayGo(priority)) {
        const request = pace.held.shift();
        if (request !== undefined) {
          pace.inWork += 1;
          pace.gone += 1;
          pace.goneAt = desk.now;
          this.#options.go(request);
        }
      }
      this.#wait(priority);
    });
  }

  /** Half of the mean at least since the last one, and an exponential time of half the mean: closer ones the next door would hold up. */
  #gapMs({ rate, goneAt }: Pace): number {
    const { now, random } = this.#options.desk;
    const halfMs = 500 / rate;
    return Math.max(0, goneAt + halfMs - now) - Math.log(1 - fraction(random)) * halfMs;
  }

  /** Counts what has passed since the last look, and changes the rate when its time has come. */
  #look(pace: Pace): void {
    const { now } = this.#options.desk;
    const passedMs = now - pace.lookedAt;
    pace.lookedAt = now;
    if (pace.held.length > 0 || pace.inWork > 0) pace.activeMs += passedMs;
    if (pace.held.length > 0) pace.heldMs += passedMs;
    if (pace.held.length === 0 && pace.inWork >= stemLimits.ownRateBusy.value) pace.starvedMs += passedMs;
    const periodMs = now - pace.since;
    if (periodMs < stemLimits.ownRateEveryMs.value) return;
    const most = stemLimits.ownRateEmpty.value;
    const isAbove = pace.starvedMs > most * pace.activeMs || pace.refused > most * pace.gone;
    if (pace.gone > 0 && isAbove) pace.rate = Math.max(stemLimits.ownRateLeast.value, pace.rate / 2);
    // Somebody who asks for a page now and then needs no more than before.
    else if (pace.heldMs > (1 - most) * periodMs) pace.rate = Math.min(this.#options.most, pace.rate * 2);
    pace.since = now;
    pace.gone = 0;
    pace.refused = 0;
    pace.starvedMs = 0;
    pace.activeMs = 0;
    pace.heldMs = 0;
  }
}
