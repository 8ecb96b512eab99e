/**
 * One request of this node in work at one peer: its id there, how long the peer is waited for, and its place in the peer's window
 * (docs/spec/routing.md, 9, and load.md, 5). A search and an audit ask in the same way, so that nobody can tell them apart by it.
 *
 * It sends nothing and judges no answer but for its time.
 *
 * Invariant: whatever happens, it is closed once, and leaves neither a timer nor a place in the window behind.
 */
import type { Location } from '../keys/index.ts';
import type { Desk, HopOwner } from './desk.ts';
import type { Token } from './effect.ts';
import type { WindowEnd } from './load/window.ts';
import type { Priority, RequestId } from './messages.ts';
import type { LinkId } from './peer.ts';

export interface HopOptions {
  readonly link: LinkId;
  readonly location: Location;
  readonly priority: Priority;
  readonly owner: HopOwner;
  /** It has not accepted in time, or has stopped working; what it is blamed for was said. The hop is to be closed. */
  readonly silent: () => void;
}

export class Hop {
  readonly #desk: Desk;
  readonly #options: HopOptions;
  readonly id: RequestId;
  readonly #round: number;
  readonly #askedAt: number;
  #accepted = false;
  #watch: Token;

  constructor(desk: Desk, options: HopOptions) {
    const { link, priority, owner } = options;
    this.#desk = desk;
    this.#options = options;
    this.#askedAt = desk.now;
    this.#round = desk.peers.sent(link, priority);
    this.id = desk.openHop(link, owner);
    this.#watch = this.#silentAfter(desk.peers.acceptWithinMs(link));
  }

  get link(): LinkId {
    return this.#options.link;
  }

  get location(): Location {
    return this.#options.location;
  }

  get accepted(): boolean {
    return this.#accepted;
  }

  /** It says that it searches. Once: a second time means nothing. */
  accepts(): void {
    this.#accepted = true;
    this.#desk.peers.accepted(this.link, this.#desk.now - this.#askedAt);
    this.works();
  }

  /** It says that it still does. */
  works(): void {
    this.#desk.cancelTimer(this.#watch);
    this.#watch = this.#silentAfter(this.#desk.params.workingPatienceMs);
  }

  close(how: WindowEnd): void {
    const { link, priority } = this.#options;
    this.#desk.cancelTimer(this.#watch);
    this.#desk.closeHop(link, this.id);
    this.#desk.peers.left(link, { priority, how, round: this.#round, now: this.#desk.now });
  }

  #silentAfter(ms: number): Token {
    return this.#desk.setTimer(this.#desk.now + ms, () => {
      this.#desk.verdict(this.link, 'silent');
      this.#desk.peers.silent(this.link, this.#desk.now);
      this.#options.silent();
    });
  }
}
