/**
 * Kademlia (Maymounkov and Mazières, 2002) on the ids of a simulated network: iterative look-ups by the XOR metric, alpha = 3 questions
 * at a time, k = 20 contacts a bucket and a reply. What it costs to find a block, to set beside what routing here costs.
 *
 * At its best: buckets are as full as they can be, with contacts drawn evenly, and all of them live; a round of questions takes as
 * long as its slowest reply; the block lies at exactly the `replicas` closest nodes. Not modelled: joining, upkeep, churn, lies, NAT.
 */
import type { Location } from '../../../keys/index.ts';
import { fractionOf } from '../random.ts';
import { Ring, idOf } from './ring.ts';

export const K = 20;
const ALPHA = 3;
const ID_BITS = 32;

export interface KademliaCost {
  readonly found: boolean;
  /** Of questions sent together; 0 when the asker has the block itself. */
  readonly rounds: number;
  /** Questions and replies. */
  readonly messages: number;
  /** Nodes asked that have the block: with it in the reply, so many copies are sent. */
  readonly holdersAsked: number;
}

export class Kademlia {
  readonly #ring: Ring;
  readonly #seed: number;
  readonly #buckets = new Map<number, readonly number[]>();

  constructor(options: { locations: readonly Location[]; seed: number }) {
    this.#ring = new Ring(options.locations);
    this.#seed = options.seed;
  }

  /** Numbers of the `replicas` nodes closest to a place, the closest first. */
  holders(place: Location, replicas: number): number[] {
    return this.#closest(idOf(place), replicas).map((rank) => this.#ring.numbers[rank] as number);
  }

  /** `replicas` 0: the block does not exist, and the search ends when the k closest nodes seen have been asked. */
  fetch(what: { asker: number; place: Location; replicas: number }): KademliaCost {
    const target = idOf(what.place);
    const holders = new Set(this.#closest(target, what.replicas));
    const asker = this.#ring.ranks[what.asker] as number;
    if (holders.has(asker)) return { found: true, rounds: 0, messages: 0, holdersAsked: 0 };
    const seen = new Set([asker]);
    const asked = new Set<number>();
    let nearest: readonly number[] = [];
    const learn = (contacts: readonly number[]): void => {
      const news = contacts.filter((rank) => !seen.has(rank));
      for (const rank of news) seen.add(rank);
      nearest = this.#sorted([...nearest, ...news], target).slice(0, K);
    };
    learn(this.#reply(asker, target));
    for (let rounds = 1; ; rounds += 1) {
      const batch = nearest.filter((rank) => !asked.has(rank)).slice(0, ALPHA);
      if (batch.length === 0)
        return { found: false, rounds: rounds - 1, messages: 2 * asked.size, holdersAsked: 0 };
      for (const rank of batch) asked.add(rank);
      const holdersAsked = batch.filter((rank) => holders.has(rank)).length;
      if (holdersAsked > 0) return { found: true, rounds, messages: 2 * asked.size, holdersAsked };
      for (const rank of batch) learn(this.#reply(rank, target));
    }
  }

  /** What a node answers: the k contacts in its table that are closest to the target. */
  #reply(rank: number, target: number): readonly number[] {
    // A node that differs from the target in bit b knows closest those who share more bits with it …
    const shared = Math.clz32((this.#ring.idAt(rank) ^ target) >>> 0);
    const contacts = [...this.#bucket(rank, shared)];
    if (contacts.length < K)
      // … then those who differ from it in the same bit as the node does …
      for (let bucket = shared + 1; bucket < ID_BITS; bucket += 1)
        contacts.push(...this.#bucket(rank, bucket));
    // … then the rest, each bucket farther than the one before.
    for (let bucket = shared - 1; bucket >= 0 && contacts.length < K; bucket -= 1)
      contacts.push(...this.#bucket(rank, bucket));
    return this.#sorted(contacts, target).slice(0, K);
  }

  /** Contacts that share exactly `shared` bits with a node: all there are, or K of them, the same each time. */
  #bucket(rank: number, shared: number): readonly number[] {
    if (shared >= ID_BITS) return [];
    const name = rank * ID_BITS + shared;
    const known = this.#buckets.get(name);
    if (known !== undefined) return known;
    const other = (this.#ring.idAt(rank) ^ (1 << (ID_BITS - 1 - shared))) >>> 0;
    const { from, to } = this.#ring.sharing(other, shared + 1);
    const bucket =
      to - from <= K
        ? Array.from({ length: to - from }, (_, i) => from + i)
        : this.#draw({ from, to, rank, shared });
    this.#buckets.set(name, bucket);
    return bucket;
  }

  #draw(range: { from: number; to: number; rank: number; shared: number }): readonly number[] {
    const { from, to, rank, shared } = range;
    const drawn = new Set<number>();
    for (let i = 0; drawn.size < K; i += 1)
      drawn.add(from + Math.floor(fractionOf(this.#seed, rank, shared, i) * (to - from)));
    return [...drawn];
  }

  /** The closest of all nodes. */
  #closest(target: number, count: number): number[] {
    let bits = ID_BITS;
    let range = this.#ring.sharing(target, bits);
    while (range.to - range.from < count && bits > 0) {
      bits -= 1;
      range = this.#ring.sharing(target, bits);
    }
    const { from, to } = range;
    const near = Array.from({ length: to - from }, (_, i) => from + i);
    return this.#sorted(near, target).slice(0, count);
  }

  #sorted(ranks: readonly number[], target: number): number[] {
    const away = (rank: number): number => (this.#ring.idAt(rank) ^ target) >>> 0;
    return [...ranks].sort((a, b) => away(a) - away(b) || a - b);
  }
}
