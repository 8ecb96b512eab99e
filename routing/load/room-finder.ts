/**
 * What one search does about room at the next hops (docs/spec/load.md, 5): takes the best peer that has room, waits for the best one if
 * that has none, and counts those that had none in time; after some of them nobody is asked any more.
 *
 * It sends nothing, and does not know which peer is best: that is said by whoever has it.
 *
 * Invariant: it waits at one peer at a time, and in vain once.
 */
import type { Desk } from '../desk.ts';
import type { Priority } from '../messages.ts';
import type { LinkId } from '../peer.ts';
import { loadLimits } from './limits.ts';
import type { RoomAnswer, Waiter } from './room.ts';

export interface RoomFinderOptions {
  readonly desk: Pick<Desk, 'peers' | 'room'>;
  readonly priority: Priority;
  /** Whose refusals count. Who has never answered is not overloaded but of no use: searches would end wherever a few refuse everything. */
  readonly believes: 'who has answered' | 'everybody';
  /** The best peer of those not yet asked or passed over, who is taken for asked from now on. */
  readonly best: () => LinkId | undefined;
  /** A wait is over: `link` has room now, or without one `next` is to be asked again. */
  readonly called: (link: LinkId | undefined) => void;
}

export class RoomFinder {
  readonly #options: RoomFinderOptions;
  #refusals = 0;
  #waiter: Waiter | undefined;
  #waitedInVain = false;

  constructor(options: RoomFinderOptions) {
    this.#options = options;
  }

  /** A peer that has room now; undefined when nobody is left or too many had none. With `waits`, `called` follows. */
  next(): LinkId | 'waits' | undefined {
    const { desk, priority, best } = this.#options;
    while (!this.isOverloaded) {
      const link = best();
      if (link === undefined) return undefined;
      const room = desk.room.ask(link, priority);
      if (room === 'free') return link;
      if (room === 'taken' && !this.#waitedInVain) {
        this.#waiter = desk.room.wait({ link, priority }, (answer) => this.#called(link, answer));
        return 'waits';
      }
      this.refused(link);
    }
    return undefined;
  }

  /** A peer had no room. */
  refused(link: LinkId): void {
    const { desk, believes } = this.#options;
    if (believes === 'everybody' || desk.peers.hasAnswered(link)) this.#refusals += 1;
  }

  /** Peers were passed over for want of room: what was not found may be there. */
  get isCurtailed(): boolean {
    return this.#refusals > 0;
  }

  get isOverloaded(): boolean {
    return this.#refusals >= loadLimits.overloadTries.value;
  }

  /** The search has ended. */
  stop(): void {
    if (this.#waiter !== undefined) this.#options.desk.room.leave(this.#waiter);
    this.#waiter = undefined;
  }

  #called(link: LinkId, answer: RoomAnswer): void {
    this.#waiter = undefined;
    if (answer === 'full') {
      this.#waitedInVain = true;
      this.refused(link);
    }
    this.#options.called(answer === 'free' ? link : undefined);
  }
}
