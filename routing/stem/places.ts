/**
 * Who may ask this node by the stem: the places that it gives as a guard (docs/spec/stem.md, 3).
 *
 * It looks at nothing but the order in which they come, for how long they were peers, and whose they may be: who could be sent away for
 * what he asks, or be preferred, would tell by it what he carries.
 *
 * Invariants: at most `stemPlaces` beside those of friends, of these `youngPlaces` of nodes that were not peers for long and
 * `groupPlaces` of one group; who is no peer gets none, and a young one is over when its node is no peer any more. An old one outlives the
 * link, and the process, until its node was away for `placeUnseenMs` or gives it up.
 */
import type { LinkId, Peer } from '../peer.ts';
import type { StemStep } from '../messages.ts';
import { stemLimits } from './limits.ts';
import type { StemState } from './state.ts';

interface Place {
  readonly group: string;
  readonly isFriend: boolean;
  seenAt: number;
  isOld: boolean;
}

interface End {
  readonly peer: Peer;
  steps: number;
  asked: boolean;
}

export interface PlacesOptions {
  readonly kept: StemState['places'];
  /** Milliseconds of the wall clock. */
  readonly wallNow: () => number;
  /** Whether both ends want the link. */
  readonly isPeer: (link: LinkId) => boolean;
  /** Whether a node was connected for long enough to be drawn as a guard. */
  readonly isOld: (identity: string) => boolean;
  readonly answer: (link: LinkId, step: 'grant' | 'full') => void;
  readonly violation: (link: LinkId) => void;
  /** A place was given or given up. */
  readonly changed: (link: LinkId) => void;
}

export class Places {
  readonly #options: PlacesOptions;
  /** By identity, in the order in which they were given. */
  readonly #places = new Map<string, Place>();
  readonly #links = new Map<LinkId, End>();

  constructor(options: PlacesOptions) {
    this.#options = options;
    for (const { identity, group, seenAt } of options.kept.slice(0, stemLimits.stemPlaces.value))
      this.#places.set(identity, { group, seenAt, isFriend: false, isOld: true });
  }

  linkUp(link: LinkId, peer: Peer): void {
    this.#links.set(link, { peer, steps: 0, asked: false });
  }

  linkDown(link: LinkId): void {
    const end = this.#links.get(link);
    this.#links.delete(link);
    if (end === undefined) return;
    const place = this.#places.get(end.peer.identity);
    if (!end.asked) return;
    if (place !== undefined) place.seenAt = this.#options.wallNow();
    this.#options.changed(link);
  }

  /** It is no peer any more: a place that it has had for a short time only is over. */
  lost(link: LinkId): void {
    const end = this.#links.get(link);
    const place = end === undefined ? undefined : this.#places.get(end.peer.identity);
    if (end === undefined || place === undefined || place.isFriend || this.#isOld(end.peer)) return;
    this.#places.delete(end.peer.identity);
    if (!end.asked) return;
    end.asked = false;
    this.#options.answer(link, 'full');
    this.#options.changed(link);
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
      end.asked = this.#give(link, end.peer);
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

  /** Old ones: a young one that is away has to be asked for anew. */
  keep(): StemState['places'] {
    const now = this.#options.wallNow();
    const up = this.#up();
    return [...this.#places].flatMap(([identity, { group, seenAt, isFriend, isOld }]) => {
      if (isFriend || !(isOld || this.#options.isOld(identity))) return [];
      return [{ identity, group, seenAt: up.has(identity) ? now : seenAt }];
    });
  }

  #give(link: LinkId, { identity, group, tie }: Peer): boolean {
    const { isOld, isPeer, wallNow } = this.#options;
    if (this.#places.has(identity)) return true;
    const place = { group, seenAt: wallNow(), isFriend: tie === 'friend', isOld: isOld(identity) };
    if (tie !== 'friend' && (!isPeer(link) || !this.#hasRoomFor(place))) return false;
    this.#places.set(identity, place);
    return true;
  }

  #hasRoomFor({ group, isOld }: Place): boolean {
    const { placeUnseenMs, youngUnseenMs, stemPlaces, youngPlaces, groupPlaces } = stemLimits;
    const now = this.#options.wallNow();
    const up = this.#up();
    let [all, young, ofGroup] = [0, 0, 0];
    for (const [other, place] of this.#places) {
      if (place.isFriend) continue;
      place.isOld ||= this.#options.isOld(other);
      const patienceMs = (place.isOld ? placeUnseenMs : youngUnseenMs).value;
      if (!up.has(other) && now - place.seenAt > patienceMs) {
        this.#places.delete(other);
        continue;
      }
      all += 1;
      if (!place.isOld) young += 1;
      if (place.group === group) ofGroup += 1;
    }
    return all < stemPlaces.value && ofGroup < groupPlaces.value && (isOld || young < youngPlaces.value);
  }

  #isOld({ identity }: Peer): boolean {
    const place = this.#places.get(identity);
    if (place === undefined) return false;
    place.isOld ||= this.#options.isOld(identity);
    return place.isOld;
  }

  /** Who has given this node up and is an ordinary peer now is not there as one that has a place. */
  #up(): ReadonlySet<string> {
    return new Set([...this.#links.values()].flatMap(({ peer, asked }) => (asked ? peer.identity : [])));
  }
}
