/**
 * What peers tell each other about their peers (docs/spec/peers.md, 4): the whole list at once when a link is confirmed, later when
 * it has changed, but seldom, and to all of them at one moment.
 *
 * Friends are never listed to strangers, nor to chosen peers: who knows whom is what a friends' network hides.
 *
 * Invariant: no list is sent on a link that is not confirmed, nor taken from one; a timer is set only while something has changed.
 */
import type { Location } from '../../keys/index.ts';
import type { Token } from '../effect.ts';
import type { LinkId } from '../peer.ts';
import type { PeerView } from '../peers.ts';
import { type PeerDesk, about } from './desk.ts';
import { opennetLimits } from './limits.ts';

const NOBODY: readonly Location[] = [];

export class Lists {
  readonly #desk: PeerDesk;
  readonly #told = new Map<LinkId, readonly Location[]>();
  #timer: Token | undefined;

  constructor(desk: PeerDesk) {
    this.#desk = desk;
  }

  confirmed(link: LinkId): void {
    const views = this.#views();
    const view = views.find((view) => view.link === link);
    if (view !== undefined) this.#tell(view, views);
    this.#changed();
  }

  lost(link: LinkId): void {
    this.#told.delete(link);
    this.#changed();
  }

  /** Other friends than before are listed to friends. */
  routedChanged(): void {
    this.#changed();
  }

  heard(link: LinkId, list: readonly Location[]): void {
    if (this.#desk.peers.isConfirmed(link)) this.#desk.peers.setList(link, list);
  }

  #views(): readonly PeerView[] {
    return this.#desk.peers.views(this.#desk.now).filter(({ confirmed }) => confirmed);
  }

  #changed(): void {
    if (this.#timer !== undefined || this.#desk.peers.count === 0) return;
    const { now, random } = this.#desk;
    this.#timer = this.#desk.setTimer(now + about(opennetLimits.peersEveryMs.value, random), () => {
      this.#timer = undefined;
      const views = this.#views();
      for (const view of views) this.#tell(view, views);
    });
  }

  #tell(to: PeerView, views: readonly PeerView[]): void {
    const list = listFor(to, views);
    if (isSame(list, this.#told.get(to.link) ?? NOBODY)) return;
    this.#told.set(to.link, list);
    this.#desk.send(to.link, { type: 'peers', list });
  }
}

/** Who is listed to this peer, itself left out: it knows that it is one. */
function listFor(to: PeerView, views: readonly PeerView[]): readonly Location[] {
  const shown = views.filter(
    ({ link, peer, isEdge }) =>
      link !== to.link && !isEdge && (to.peer.tie === 'friend' || peer.tie !== 'friend'),
  );
  const ordered = shown.toSorted((a, b) => rank(a) - rank(b)).slice(0, opennetLimits.listedPeers.value);
  const places = ordered.map(({ peer }) => peer.location).sort((a, b) => a - b);
  return places.filter((place, index) => place !== places[index - 1]);
}

/** When there are too many, those whom others can reach as well. */
function rank({ peer }: PeerView): number {
  return peer.tie === 'friend' ? 1 : 0;
}

function isSame(a: readonly Location[], b: readonly Location[]): boolean {
  return a.length === b.length && a.every((place, index) => place === b[index]);
}
