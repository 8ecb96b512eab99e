/**
 * The store rule, from outside (routing.md, 6): a block goes into the store where fewer than `storeRank` groups have a usable
 * peer closer to its place, and into the cache otherwise. Whom a router leaves alone only it knows: a peer that was blamed or
 * refused lately may count or not.
 */
import { type Location, type RoutingKey, type Salt, distance, location, toText } from '../../keys/index.ts';
import type {
  Effect,
  LinkId,
  Message,
  NetworkParams,
  Peer,
  Request,
  RouterEvent,
} from '../../routing/index.ts';

interface Neighbour {
  readonly peer: Peer;
  readonly since: number;
  ours: boolean;
  theirs: boolean;
  /** What it said last. */
  uplink: number;
  doubtfulUntil: number;
  /** Ids of questions by which this node learns whom to believe (routing.md, 11). */
  readonly tests: Set<number>;
}

/** Longer than any back-off and any memory of silence. */
const DOUBT_MS = 3_600_000;
const KEYS_MOST = 4_096;

export class Neighbourhood {
  readonly #neighbours = new Map<LinkId, Neighbour>();
  /** By identity, until when who is gone may be remembered: records outlive links. */
  readonly #doubts = new Map<string, number>();
  /** Under which salts a key was asked for here. */
  readonly #salts = new Map<string, Set<Salt>>();

  up(link: LinkId, peer: Peer, since: number): void {
    const friend = peer.tie === 'friend';
    this.#neighbours.set(link, {
      peer,
      since,
      ours: friend,
      theirs: friend,
      uplink: 7,
      doubtfulUntil: this.#doubts.get(peer.identity) ?? -Infinity,
      tests: new Set(),
    });
  }

  down(link: LinkId): void {
    const neighbour = this.#neighbours.get(link);
    if (neighbour !== undefined) this.#doubts.set(neighbour.peer.identity, neighbour.doubtfulUntil);
    this.#neighbours.delete(link);
  }

  heard(link: LinkId, message: Extract<RouterEvent, { type: 'message' }>['message'], now: number): void {
    const neighbour = this.#neighbours.get(link);
    if (neighbour === undefined) return;
    if (message.type === 'wanted' || message.type === 'unwanted')
      neighbour.theirs = message.type === 'wanted';
    if (message.type === 'uplink') neighbour.uplink = message.value;
    if (message.type === 'rejectedOverload') neighbour.doubtfulUntil = now + DOUBT_MS;
    const failed = message.type === 'dataNotFound' || message.type === 'routeNotFound';
    const isOver = failed || message.type === 'insertStored' || message.type === 'dataFound';
    if (isOver && neighbour.tests.delete(message.id) && failed) neighbour.doubtfulUntil = now + DOUBT_MS;
  }

  said(link: LinkId, message: Message): void {
    const neighbour = this.#neighbours.get(link);
    if (neighbour !== undefined && (message.type === 'wanted' || message.type === 'unwanted'))
      neighbour.ours = message.type === 'wanted';
  }

  tested(link: LinkId, id: number): void {
    this.#neighbours.get(link)?.tests.add(id);
  }

  blamed(link: LinkId, now: number): void {
    const neighbour = this.#neighbours.get(link);
    if (neighbour !== undefined) neighbour.doubtfulUntil = now + DOUBT_MS;
  }

  asked(request: Request): void {
    const key = toText(request.key);
    const salts = this.#salts.get(key) ?? new Set();
    this.#salts.delete(key);
    this.#salts.set(key, salts.add(request.salt));
    const [oldest] = this.#salts.keys();
    if (this.#salts.size > KEYS_MOST && oldest !== undefined) this.#salts.delete(oldest);
  }

  wrote(
    write: Extract<Effect, { type: 'writeBlock' }>,
    at: { own: Location; now: number; params: NetworkParams },
  ): string | undefined {
    const salts = this.#salts.get(toText(write.key));
    if (salts === undefined) return 'a block was written that nobody has asked for';
    const { storeRank } = at.params;
    const places = [...salts].map((salt) => this.#closerGroups(write.key, salt, at));
    if (write.into === 'store' && places.every(({ certain }) => certain >= storeRank))
      return `stored with ${places.map(({ certain }) => certain).join()} closer groups`;
    if (write.into === 'cache' && places.every(({ possible }) => possible < storeRank))
      return `cached with ${places.map(({ possible }) => possible).join()} closer groups`;
    return undefined;
  }

  /** How many groups are closer for sure, and how many may count. */
  #closerGroups(
    key: RoutingKey,
    salt: Salt,
    { own, now, params }: { own: Location; now: number; params: NetworkParams },
  ): { certain: number; possible: number } {
    const target = location(key, salt);
    const away = distance(own, target);
    const certain = new Set<string>();
    const possible = new Set<string>();
    const isOpen = [...this.#neighbours.values()].some(
      ({ peer, ours, theirs }) => peer.tie !== 'friend' && ours && theirs,
    );
    for (const { peer, since, ours, theirs, uplink, doubtfulUntil } of this.#neighbours.values()) {
      if (distance(peer.location, target) >= away) continue;
      possible.add(peer.group);
      // Greedy requests don't go there from a node among strangers, nor does it keep what they bring (peers.md, 10).
      if (isOpen && peer.tie === 'friend' && uplink > 0) continue;
      if (ours && theirs && doubtfulUntil <= now && now - since >= params.usableAfterMs)
        certain.add(peer.group);
    }
    return { certain: certain.size, possible: possible.size };
  }
}
