/**
 * Whom a request is known to have visited, and what of that a search says to the next node (docs/spec/routing.md, 3): that one tries
 * them last. A third of the messages near a key are refusals of loops without it.
 *
 * Nobody is named where it could be who asked: not by the node that diffuses nor in the first visits after it, and not while there is
 * progress. What replies tell of nodes below is not passed on, and a stranger is told of no friend: neither of one that was asked here
 * nor of what a friend knew.
 */
import type { Location } from '../keys/index.ts';
import { routingLimits } from './limits.ts';

export class Visited {
  /** What came with the request, in the order in which they were visited. */
  readonly came: readonly Location[];
  readonly #cameFrom: 'friend' | 'other';
  /** Whether this node is far enough from who diffused, for all that HTL tells, to name anybody. */
  readonly #mayName: boolean;
  /** Those visited from here. */
  readonly #answered: { readonly place: Location; readonly isFriend: boolean }[] = [];

  constructor(options: { came: readonly Location[]; cameFrom: 'friend' | 'other'; mayName: boolean }) {
    this.came = options.came;
    this.#cameFrom = options.cameFrom;
    this.#mayName = options.mayName;
  }

  answered(place: Location, who: { isFriend: boolean }): void {
    this.#answered.push({ place, ...who });
  }

  /** What to tell; `stalls`: the search goes on without progress. */
  hints(to: { own: Location; isFriend: boolean; stalls: boolean }): readonly Location[] {
    const known = to.isFriend || this.#cameFrom === 'other' ? this.came : [];
    if (!this.#mayName || !to.stalls) return known.slice(-routingLimits.visitedHints.value);
    const answered = this.#answered
      .filter(({ isFriend }) => to.isFriend || !isFriend)
      .map(({ place }) => place);
    return [...known, to.own, ...answered].slice(-routingLimits.visitedHints.value);
  }
}
