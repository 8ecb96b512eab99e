/**
 * The links that are up, seen as those among whom guards could be drawn: who is confirmed and for how long, which friends count, who had no
 * place (docs/spec/stem.md, 2).
 *
 * It draws nobody and knows no guards. What a peer says comes in at two places alone: the uplink of a friend, and how many nodes peers list.
 *
 * Invariant: an identity is in a scene at most once, over how many links it ever came.
 */
import type { PeerDesk } from '../opennet/desk.ts';
import type { Candidate, LinkId, Peer } from '../peer.ts';
import { Connected } from './connected.ts';
import type { Drawable, Scene } from './draw.ts';
import type { Guard } from './guard.ts';
import type { Up } from './guard.ts';
import { NO_UPLINK } from '../uplink.ts';
import { stemLimits } from './limits.ts';
import type { StemState } from './state.ts';

/** Of one link for a place: each may be followed by an `end`. */
export const ASKS = Math.floor(stemLimits.stemLinkSteps.value / 2);

export interface CompanyOptions {
  readonly desk: Pick<PeerDesk, 'now' | 'params'>;
  /** What an earlier run has left. */
  readonly kept: StemState | undefined;
  /** What the peer has shown of itself. */
  readonly candidateOf: (link: LinkId) => Candidate | undefined;
  /** Who has offered this peer. */
  readonly sourceOf: (identity: string) => string | undefined;
  /** How far a friend says it is from the strangers, 0 … 7. */
  readonly uplinkOf: (link: LinkId) => number;
  /** Peers, those that they list, and this node. */
  readonly knownNodes: () => number;
}

export class Company {
  readonly connected: Connected;
  /** Since when this node has had some link, by the router's time. */
  onlineAt = Infinity;
  readonly #options: CompanyOptions;
  readonly #desk: CompanyOptions['desk'];
  readonly #ups = new Map<LinkId, Up>();
  /** Until when who had no place is not drawn again. */
  readonly #full = new Map<string, number>();
  /** When a peer that is no friend was last confirmed; the beginning of this run counts. */
  #othersAt: number;

  constructor(options: CompanyOptions) {
    this.#options = options;
    this.#desk = options.desk;
    this.#othersAt = options.desk.now;
    this.connected = new Connected(options.desk.params.guardAfterMs, options.kept?.connected ?? []);
  }

  get isEmpty(): boolean {
    return this.#ups.size === 0;
  }

  get(link: LinkId): Up | undefined {
    return this.#ups.get(link);
  }

  newestOf(identity: string): Up | undefined {
    return [...this.#ups.values()].findLast(({ peer }) => peer.identity === identity);
  }

  /** Whether everybody is a candidate. */
  get isSmall(): boolean {
    return this.smallInMs <= 0;
  }

  /**
   * When that will be, in milliseconds, as things stand. Not at once: the first peers of any node have listed nobody yet, and the first of
   * all may be a spy that never does.
   */
  get smallInMs(): number {
    // Nobody is there whom the owner has not added.
    if (this.#desk.params.opennet === 'no') return 0;
    if (this.#options.knownNodes() >= stemLimits.smallNetwork.value) return Infinity;
    return stemLimits.provisionalMs.value - (this.#desk.now - this.onlineAt);
  }

  /** Connected for long enough, altogether. */
  isOld(identity: string): boolean {
    return this.connected.isEnough(identity, this.#desk.now);
  }

  // --- events -----------------------------------------------------------------------------------------------------------------

  up(link: LinkId, peer: Peer, since: number): Up {
    const { now } = this.#desk;
    if (this.isEmpty) this.onlineAt = now;
    const up: Up = {
      link,
      peer,
      earlierMs: Math.max(0, now - since),
      confirmedAt: undefined,
      step: 'none',
      asks: 0,
      askedAt: now,
      askedAsPeer: false,
    };
    this.#ups.set(link, up);
    return up;
  }

  down(up: Up): void {
    this.uncount(up);
    this.#ups.delete(up.link);
    if (this.isEmpty) this.onlineAt = Infinity;
  }

  confirmed(up: Up): void {
    up.confirmedAt = this.#desk.now - up.earlierMs;
    this.count(up);
  }

  /** What has a place counts as connected nevertheless. */
  lost(up: Up): void {
    up.confirmedAt = undefined;
    if (up.peer.tie !== 'friend') this.#othersAt = this.#desk.now;
    if (up.step !== 'granted') this.uncount(up);
  }

  /** It is connected from now on. */
  count(up: Up): void {
    const { link, peer, earlierMs } = up;
    this.connected.begin(link, peer.identity, { now: this.#desk.now, earlierMs });
    up.earlierMs = 0;
  }

  uncount({ link }: Up): void {
    this.connected.end(link, this.#desk.now);
  }

  /** Who was drawn has no place, or says nothing. */
  hadNone({ peer }: Up): void {
    const { guardFullMs, connectedKept } = stemLimits;
    const { now } = this.#desk;
    this.#full.delete(peer.identity);
    this.#full.set(peer.identity, now + guardFullMs.value);
    for (const [identity, until] of this.#full)
      if (until <= now || this.#full.size > connectedKept.value) this.#full.delete(identity);
  }

  // --- for a draw -------------------------------------------------------------------------------------------------------------

  scene(guards: Scene['guards']): Scene {
    const { now, params } = this.#desk;
    const friends = this.friends();
    const peers = new Map<string, Drawable>();
    let isOfFriends = params.opennet === 'no' || now - this.#othersAt >= stemLimits.provisionalMs.value;
    for (const up of this.#ups.values()) {
      if (up.confirmedAt === undefined) continue;
      const { identity, tie } = up.peer;
      if (tie !== 'friend') isOfFriends = params.opennet === 'no';
      else if (!friends.has(identity)) continue;
      const isFull = up.asks >= ASKS || (this.#full.get(identity) ?? -Infinity) > now;
      if (isFull || guards.some((guard) => guard.identity === identity)) continue;
      peers.set(identity, this.#drawable(up, now - up.confirmedAt));
    }
    return {
      ...this.standing(guards),
      peers: [...peers.values()],
      friends,
      isOfFriends,
      isSmall: this.isSmall,
    };
  }

  /** What tells who of the guards would go. */
  standing(guards: readonly Guard[]): Pick<Scene, 'guards' | 'deadEnds' | 'onlineAt'> {
    const deadEnds = new Set(guards.filter((guard) => this.isDeadEnd(guard)));
    return { guards, deadEnds, onlineAt: this.onlineAt };
  }

  /** A friend that has no way but back: what goes there comes to nobody. */
  isDeadEnd({ kind, up }: Guard): boolean {
    return kind === 'friend' && up !== undefined && !this.hasWay(up.link);
  }

  /** Until own bulk requests may go to a guard, in milliseconds. */
  bulkInMs({ identity, isProvisional }: Guard): number {
    if (!isProvisional) return 0;
    const { params, now } = this.#desk;
    return Math.min(stemLimits.provisionalMs.value, params.guardAfterMs) - this.connected.msOf(identity, now);
  }

  /** Those that are there and count. */
  friends(): ReadonlySet<string> {
    const friends = new Set<string>();
    for (const { link, peer, confirmedAt } of this.#ups.values()) {
      if (peer.tie !== 'friend' || confirmedAt === undefined) continue;
      if (this.hasWay(link)) friends.add(peer.identity);
    }
    return friends;
  }

  /** Whether a friend has another way to the strangers than through this node; where there are none all have. */
  hasWay(link: LinkId): boolean {
    return this.#desk.params.opennet === 'no' || this.#options.uplinkOf(link) < NO_UPLINK;
  }

  #drawable({ link, peer }: Up, thereMs: number): Drawable {
    const { identity, group, tie } = peer;
    return {
      identity,
      link,
      group,
      isFriend: tie === 'friend',
      isOld: this.isOld(identity),
      isFindable: tie === 'chosen' || this.#options.candidateOf(link)?.dialable === true,
      thereMs,
      source: this.#options.sourceOf(identity),
    };
  }
}
