/**
 * The neighbour check (docs/spec/peers.md, 6): peers list their peers, and one that is nearer than this node's own second nearest on
 * its side is worth knowing. It is introduced by who lists it, and then dialled like every candidate. This closes the circle: of all
 * sources of candidates it matters most after the announcement.
 *
 * Introductions given to others are here as well. A node introduces confirmed strangers and chosen peers, never friends, and only to
 * confirmed peers: nobody learns of a peer here who may not be listed to them.
 */
import { type Location, assert, distance } from '../../keys/index.ts';
import type { Token } from '../effect.ts';
import { routingLimits } from '../limits.ts';
import type { SeekId } from '../messages.ts';
import type { Candidate, LinkId } from '../peer.ts';
import type { Agreement } from './agreement.ts';
import { Allowance } from './allowance.ts';
import type { Asks, SeekReply } from './asks.ts';
import { type OpennetOptions, type PeerDesk, about } from './desk.ts';
import type { Dials } from './dials.ts';
import { isClockwise } from './gap.ts';
import { placeInWidestGap } from './widest-gap.ts';
import { opennetLimits } from './limits.ts';

interface Listing {
  readonly place: Location;
  readonly lister: LinkId;
}

/** How the peer has introduced whom it lists. */
interface Lister {
  /** Introductions that led nowhere, one after the other. */
  vain: number;
  vainUntil: number;
  readonly allowance: Allowance;
}

export class Neighbours {
  readonly #desk: PeerDesk;
  readonly #options: OpennetOptions;
  readonly #agreement: Agreement;
  readonly #asks: Asks;
  readonly #dials: Dials;
  readonly #listers = new Map<LinkId, Lister>();
  /** Places asked for, until when not again. */
  readonly #tried = new Map<Location, number>();
  /** Asked and not answered. */
  readonly #open = new Map<SeekId, LinkId>();
  #timer: Token | undefined;

  constructor(
    desk: PeerDesk,
    options: OpennetOptions,
    parts: { agreement: Agreement; asks: Asks; dials: Dials },
  ) {
    this.#desk = desk;
    this.#options = options;
    this.#agreement = parts.agreement;
    this.#asks = parts.asks;
    this.#dials = parts.dials;
  }

  /** There are peers whose lists can be looked at. */
  begin(): void {
    if (this.#timer !== undefined) return;
    const { now, random } = this.#desk;
    this.#timer = this.#desk.setTimer(now + about(opennetLimits.neighbourEveryMs.value, random), () => {
      this.#timer = undefined;
      if (this.#agreement.confirmed === 0) return;
      this.check();
      this.begin();
    });
  }

  /** Asks for one node on each side at most, and for a few more while places are free. */
  check(): void {
    for (const [id, link] of this.#open) this.#asks.close(link, id);
    this.#open.clear();
    const held = this.#agreement.held();
    const places = new Set(held.map(({ peer }) => peer.location));
    for (const side of ['ahead', 'behind'] as const) this.#askFor(this.#nearest(side, places), places);
    const free = Math.min(routingLimits.peers.value - this.#agreement.taken, opennetLimits.dialsAtOnce.value);
    for (let i = 0; i < free; i += 1) this.#askFor(this.#inWidestGap(places), places);
  }

  #askFor(found: Listing | undefined, places: Set<Location>): void {
    if (found === undefined) return;
    places.add(found.place);
    this.#ask(found);
  }

  /** Somebody asks for one of this node's peers. */
  introduce(from: LinkId, asked: { id: SeekId; location: Location }): void {
    const { id } = asked;
    const view = this.#desk.peers
      .views(this.#desk.now)
      .find(
        ({ peer, confirmed, link }) =>
          confirmed && peer.tie !== 'friend' && peer.location === asked.location && link !== from,
      );
    const candidate = view === undefined ? undefined : this.#agreement.candidateOf(view.link);
    const may = this.#agreement.isConfirmed(from) && this.#lister(from).allowance.take(this.#desk.now);
    this.#desk.send(
      from,
      candidate !== undefined && may
        ? { type: 'introduction', id, reference: candidate.reference }
        : { type: 'noIntroduction', id },
    );
  }

  /** Where a place led nowhere it may lead somewhere now. */
  forgetTried(): void {
    this.#tried.clear();
  }

  down(link: LinkId): void {
    this.#listers.delete(link);
  }

  #nearest(side: 'ahead' | 'behind', held: ReadonlySet<Location>): Listing | undefined {
    const own = this.#desk.location;
    const isOnSide = (place: Location): boolean => isClockwise(own, place) === (side === 'ahead');
    const distances = [...held]
      .filter(isOnSide)
      .map((place) => distance(own, place))
      .sort((a, b) => a - b);
    const within = distances[1] ?? 1;
    return this.#listedNear({ place: own, within }, (place) => !held.has(place) && isOnSide(place));
  }

  /** What is one step away need not be sought. */
  #inWidestGap(held: ReadonlySet<Location>): Listing | undefined {
    const place = placeInWidestGap(this.#desk.location, [...held], this.#desk.random);
    return this.#listedNear({ place, within: 1 }, (listed) => !held.has(listed));
  }

  #listedNear(
    where: { place: Location; within: number },
    isWanted: (place: Location) => boolean,
  ): Listing | undefined {
    const { now, location: own, peers } = this.#desk;
    let best: Listing | undefined;
    let bestAway = where.within;
    for (const { link, listed, confirmed } of peers.views(now)) {
      if (!confirmed || (this.#listers.get(link)?.vainUntil ?? -Infinity) > now) continue;
      for (const place of listed) {
        const away = distance(where.place, place);
        if (away >= bestAway || place === own || !isWanted(place)) continue;
        if ((this.#tried.get(place) ?? -Infinity) > now) continue;
        best = { place, lister: link };
        bestAway = away;
      }
    }
    return best;
  }

  #ask({ place, lister }: Listing): void {
    this.#remember(place);
    const id: SeekId = this.#asks.open(lister, {
      says: (reply) => {
        this.#asks.close(lister, id);
        this.#open.delete(id);
        this.#answered(lister, place, reply);
      },
      lost: () => void this.#open.delete(id),
    });
    this.#open.set(id, lister);
    this.#desk.send(lister, { type: 'introduce', id, location: place });
  }

  #answered(link: LinkId, place: Location, reply: SeekReply): void {
    const lister = this.#lister(link);
    const candidate = reply.type === 'introduction' ? this.#read(reply.reference, place) : undefined;
    if (candidate === undefined) {
      lister.vain += 1;
      if (lister.vain < opennetLimits.vainListings.value) return;
      lister.vain = 0;
      lister.vainUntil = this.#desk.now + opennetLimits.triedAgainMs.value;
      return;
    }
    lister.vain = 0;
    this.#dials.consider(candidate, this.#agreement.peerOf(link)?.identity);
  }

  #read(reference: Uint8Array, place: Location): Candidate | undefined {
    const candidate = this.#options.readReference(reference);
    return candidate?.location === place ? candidate : undefined;
  }

  #remember(place: Location): void {
    this.#tried.delete(place);
    this.#tried.set(place, this.#desk.now + opennetLimits.triedAgainMs.value);
    if (this.#tried.size <= opennetLimits.triedPlaces.value) return;
    const [oldest] = this.#tried.keys();
    assert(oldest !== undefined, 'there are too many');
    this.#tried.delete(oldest);
  }

  #lister(link: LinkId): Lister {
    let lister = this.#listers.get(link);
    if (lister === undefined) {
      lister = { vain: 0, vainUntil: -Infinity, allowance: new Allowance(opennetLimits.asksPerMinute.value) };
      this.#listers.set(link, lister);
    }
    return lister;
  }
}
