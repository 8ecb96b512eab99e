/**
 * How many friendships it is to a node that routes among strangers: what friends tell each other, and by which friends a stem request
 * climbs there (docs/spec/peers.md, 10, and routing.md, 12).
 *
 * It sends no request and keeps none: that is stem.ts. It believes what friends say, because a friend that lies gets no more by it than
 * the requests that it could have had by being open; strangers are neither told nor heard.
 *
 * Invariants: a value is 0 … 7, and 7 after as many rounds when no node is open any more, so values do not count for ever; a friend is not
 * told of a way that leads through itself; nothing is said in a network without strangers.
 */
import { primitives } from '../keys/index.ts';
import type { Token } from './effect.ts';
import { routingLimits } from './limits.ts';
import { type PeerDesk, about } from './opennet/desk.ts';
import { LOCAL_LINK, type LinkId, type Peer } from './peer.ts';

/** No node that routes among strangers is near. */
export const NO_UPLINK = 7;

interface Friend {
  readonly identity: string;
  /** What it said last. */
  heard: number;
  /** What it was told last. */
  told: number;
}

/** The smallest value of all friends, whose it is, and the next one. */
interface Nearest {
  link: LinkId | undefined;
  first: number;
  second: number;
}

export interface UplinkOptions {
  readonly desk: PeerDesk;
  /** Whether this node has peers among strangers, as soon as it finds some. */
  readonly among: 'strangers' | 'friends';
  /** The friends to whom greedy requests go are others than before. */
  readonly routedChanged: () => void;
}

export class Uplink {
  readonly #desk: PeerDesk;
  readonly #options: UplinkOptions;
  readonly #friends = new Map<LinkId, Friend>();
  readonly #strangers = new Set<LinkId>();
  /** Friends that this node sends no greedy requests to: it is open and they are not. */
  #edges: ReadonlySet<LinkId> = new Set();
  #timer: Token | undefined;
  #secret: Uint8Array | undefined;

  constructor(options: UplinkOptions) {
    this.#desk = options.desk;
    this.#options = options;
  }

  /** 0: routes among strangers; 7: nobody near does. */
  get own(): number {
    return this.#without(undefined);
  }

  /**
   * Neither open nor without a friend that knows an open node: what comes by the stem is passed on and not diffused. Friends that have
   * fallen silent count here: nobody is to be able to make a node diffuse.
   */
  get isEdge(): boolean {
    if (this.#isOpen) return false;
    for (const { heard } of this.#friends.values()) if (heard < NO_UPLINK - 1) return true;
    return false;
  }

  confirmed(link: LinkId, { identity, tie }: Peer): void {
    if (tie === 'friend') {
      this.#friends.set(link, { identity, heard: NO_UPLINK, told: NO_UPLINK });
      // There is nothing to guess from the moment: the link has just come up.
      this.#tell(link);
    } else {
      this.#strangers.add(link);
    }
    this.#changed();
  }

  lost(link: LinkId): void {
    this.#friends.delete(link);
    this.#strangers.delete(link);
    if (this.#friends.size === 0 && this.#timer !== undefined) {
      this.#desk.cancelTimer(this.#timer);
      this.#timer = undefined;
    }
    this.#changed();
  }

  /** How far it is by this friend; where nobody near is among strangers friends go by themselves, and it is not far by any. 7: back here alone. */
  wayBy(link: LinkId): number {
    return this.own === NO_UPLINK ? 0 : (this.#friends.get(link)?.heard ?? NO_UPLINK);
  }

  heard(from: LinkId, value: number): void {
    const friend = this.#friends.get(from);
    if (friend === undefined || this.#desk.params.opennet === 'no') {
      this.#desk.verdict(from, 'violation');
      return;
    }
    if (friend.heard === value) return;
    friend.heard = value;
    this.#changed();
  }

  /**
   * The friends that a stem request from `from` may be passed on to, in the order of asking: two stem-outs nearer to an open node, in an
   * order that is fixed for `from`; then the others that are; then those that are as far as this node; last those that have fallen
   * silent. Who is left alone or silent is no way, so when the nearest are it is the turn of those that are farther. What has come from
   * a friend that is no farther than it was told of here may only climb: it has gone sideways before.
   */
  ways(from: LinkId): readonly LinkId[] {
    // What was learned since by asking is to be told.
    this.#tellLater();
    const own = this.#without(from);
    const asker = this.#friends.get(from);
    const below = asker === undefined || asker.heard > asker.told ? NO_UPLINK : asker.told;
    const up: LinkId[] = [];
    const level: LinkId[] = [];
    const silent: LinkId[] = [];
    for (const [link, { heard }] of this.#friends) {
      if (link === from || heard >= below || heard > own) continue;
      if (this.#valueOf(link, heard) !== heard) silent.push(link);
      else if (heard < own) up.push(link);
      else level.push(link);
    }
    this.#sort(up, '');
    const outs = this.#sort(up.splice(0, routingLimits.stemOuts.value), this.#nameOf(from));
    return [...outs, ...up, ...this.#sort(level, ''), ...this.#sort(silent, '')];
  }

  get #isOpen(): boolean {
    return this.#options.among === 'strangers' && this.#strangers.size > 0;
  }

  /** Who is left alone or silent is no way: otherwise all that is below a black hole would go on believing in it. */
  #valueOf(link: LinkId, heard: number): number {
    const { peers, now } = this.#desk;
    return peers.mayAsk(link, now) && !peers.isShunned(link, now) ? heard : NO_UPLINK;
  }

  /** What this node says to a friend: as if that one were not there. */
  #without(friend: LinkId | undefined, nearest = this.#nearest()): number {
    if (this.#isOpen) return 0;
    return Math.min(NO_UPLINK, 1 + (friend === nearest.link ? nearest.second : nearest.first));
  }

  #nearest(): Nearest {
    const nearest: Nearest = { link: undefined, first: NO_UPLINK, second: NO_UPLINK };
    for (const [link, { heard }] of this.#friends) {
      const value = this.#valueOf(link, heard);
      if (value >= nearest.second) continue;
      if (value < nearest.first) {
        nearest.second = nearest.first;
        nearest.first = value;
        nearest.link = link;
      } else {
        nearest.second = value;
      }
    }
    return nearest;
  }

  #changed(): void {
    if (this.#desk.params.opennet === 'no') return;
    this.#findEdges();
    this.#tellLater();
  }

  #tellLater(): void {
    if (this.#timer !== undefined || !this.#hasNews()) return;
    const { now, random } = this.#desk;
    this.#timer = this.#desk.setTimer(now + about(routingLimits.uplinkAfterMs.value, random), () => {
      this.#timer = undefined;
      const nearest = this.#nearest();
      for (const link of this.#friends.keys()) this.#tell(link, nearest);
    });
  }

  #hasNews(): boolean {
    const nearest = this.#nearest();
    for (const [link, { told }] of this.#friends) if (told !== this.#without(link, nearest)) return true;
    return false;
  }

  #tell(link: LinkId, nearest = this.#nearest()): void {
    const friend = this.#friends.get(link);
    const value = this.#without(link, nearest);
    if (friend === undefined || friend.told === value || this.#desk.params.opennet === 'no') return;
    friend.told = value;
    this.#desk.send(link, { type: 'uplink', value });
  }

  #findEdges(): void {
    const edges = new Set<LinkId>();
    if (this.own === 0) for (const [link, { heard }] of this.#friends) if (heard > 0) edges.add(link);
    if (edges.size === this.#edges.size && [...edges].every((link) => this.#edges.has(link))) return;
    this.#edges = edges;
    this.#desk.peers.setEdges(edges);
    this.#options.routedChanged();
  }

  /** Who is called by the owner's link is the same for all of them. */
  #nameOf(link: LinkId): string {
    return link === LOCAL_LINK ? '' : (this.#friends.get(link)?.identity ?? `link ${link}`);
  }

  /** By a function that nobody else can compute, so that who chooses his identity does not choose his place. */
  #sort(links: LinkId[], inbound: string): LinkId[] {
    if (links.length < 2) return links;
    this.#secret ??= this.#desk.random.bytes(32);
    const secret = this.#secret;
    const ranks = new Map(
      links.map((link) => {
        const friend = Buffer.from(`${inbound}/${this.#nameOf(link)}`);
        return [link, Buffer.from(primitives.sha256(secret, friend)).readUInt32BE()] as const;
      }),
    );
    return links.sort((a, b) => (ranks.get(a) ?? 0) - (ranks.get(b) ?? 0));
  }
}
