/**
 * Who may ask this node by the stem: the places that it gives as a guard (docs/spec/stem.md, 3).
 *
 * It looks at nothing but the order in which they come: who could be sent away, or be preferred, would tell by it what he carries.
 *
 * Invariants: at most `stemPlaces` beside those of friends; a place outlives the link, and the process, until its node was away for
 * `placeUnseenMs` or gives it up; no more steps are heard on a link than `stemLinkSteps`.
 */
import type { LinkId, Peer } from '../peer.ts';
import type { StemStep } from '../messages.ts';
import { stemLimits } from './limits.ts';
import type { StemState } from './state.ts';

interface Place {
  seenAt: number;
  readonly isFriend: boolean;
}

export interface PlacesOptions {
  readonly kept: StemState['places'];
  /** Milliseconds of the wall clock. */
  readonly wallNow: () => number;
  readonly answer: (link: LinkId, step: 'grant' | 'full') => void;
  readonly violation: (link: LinkId) => void;
  /** A place was given or given up. */
  readonly changed: (link: LinkId) => void;
}

export class Places {
  readonly #options: PlacesOptions;
  /** By identity, in the order in which they were given. */
  readonly #places = new Map<string, Place>();
  readonly #links = new Map<LinkId, { readonly peer: Peer; steps: number; asked: boolean }>();

  constructor(options: PlacesOptions) {
    this.#options = options;
    for (const { identity, seenAt } of options.kept.slice(0, stemLimits.stemPlaces.value))
      this.#places.set(identity, { seenAt, isFriend: false });
  }

  linkUp(link: LinkId, peer: Peer): void {
    this.#links.set(link, { peer, steps: 0, asked: false });
  }

  linkDown(link: LinkId): void {
    const end = this.#links.get(link);
    this.#links.delete(link);
    if (end === undefined) return;
    const place = this.#places.get(end.peer.identity);
    if (place !== undefined) place.seenAt = this.#options.wallNow();
    if (end.asked) this.#options.changed(link);
  }

  /** `ask` or `end`. */
  heard(link: LinkId, step: StemStep): void {
    const end = this.#links.get(link);
    if (end === undefined) return;
    end.steps += 1;
    if (end.steps > stemLimits.stemLinkSteps.value) {
      this.#options.violation(link);
      return;
    }
    if (step === 'ask') {
      end.asked = this.#give(end.peer);
      this.#options.answer(link, end.asked ? 'grant' : 'full');
    } else {
      end.asked = false;
      this.#places.delete(end.peer.identity);
    }
    this.#options.changed(link);
  }

  /** Whether it may ask by the stem: it has a place, and has said on this link that it wants it. */
  has(link: LinkId): boolean {
    return this.#links.get(link)?.asked ?? false;
  }

  /** Whether its link is to stay up although nobody wants it as a peer. Who has not asked yet on this one may be about to. */
  holds(link: LinkId): boolean {
    const end = this.#links.get(link);
    return end !== undefined && this.#places.has(end.peer.identity);
  }

  /** Links of those who have a place. */
  links(): LinkId[] {
    return [...this.#links].flatMap(([link, { asked }]) => (asked ? [link] : []));
  }

  keep(): StemState['places'] {
    const now = this.#options.wallNow();
    const up = new Set([...this.#links.values()].map(({ peer }) => peer.identity));
    return [...this.#places].flatMap(([identity, { seenAt, isFriend }]) =>
      isFriend ? [] : [{ identity, seenAt: up.has(identity) ? now : seenAt }],
    );
  }

  #give({ identity, tie }: Peer): boolean {
    const now = this.#options.wallNow();
    if (this.#places.has(identity)) return true;
    const up = new Set([...this.#links.values()].map(({ peer }) => peer.identity));
    let strangers = 0;
    for (const [other, { seenAt, isFriend }] of this.#places) {
      if (!up.has(other) && now - seenAt > stemLimits.placeUnseenMs.value) this.#places.delete(other);
      else if (!isFriend) strangers += 1;
    }
    if (tie !== 'friend' && strangers >= stemLimits.stemPlaces.value) return false;
    this.#places.set(identity, { seenAt: now, isFriend: tie === 'friend' });
    return true;
  }
}
