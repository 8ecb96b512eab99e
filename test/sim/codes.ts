/** Small numbers for the types of events and messages: what the digest records and what counters are indexed by. */
import type { Message, RouterEvent } from '../../routing/index.ts';

type Type = Exclude<RouterEvent['type'], 'message'> | Message['type'];

/** 1 … 63. A new type gets the next number, so that the digests of old runs stay what they were. */
const CODES: Readonly<Record<Type, number>> = {
  linkUp: 1,
  linkDown: 2,
  dialled: 3,
  candidates: 4,
  blockRead: 5,
  blockWritten: 6,
  timer: 7,
  dataRequest: 8,
  insertRequest: 9,
  insertBlock: 10,
  accepted: 11,
  working: 12,
  rejectedOverload: 13,
  dataFound: 14,
  insertStored: 15,
  insertCollision: 16,
  dataNotFound: 17,
  routeNotFound: 18,
  unsupported: 19,
  wanted: 20,
  unwanted: 21,
  peers: 22,
  seek: 23,
  seekOffer: 24,
  seekEnd: 25,
  introduce: 26,
  introduction: 27,
  noIntroduction: 28,
  fold: 29,
  offered: 30,
  uplink: 31,
  stemLink: 32,
};

/** Without `accepted`, `working` and `insertBlock`, which travel with these, and without what peers say about peers. */
const OF_REQUESTS: readonly Type[] = [
  'dataRequest',
  'insertRequest',
  'rejectedOverload',
  'dataFound',
  'insertStored',
  'insertCollision',
  'dataNotFound',
  'routeNotFound',
  'offered',
];

const codes: ReadonlyMap<string, number> = new Map(Object.entries(CODES));

export function codeOf(type: Type | 'reserved'): number {
  return codes.get(type) ?? 0;
}

/** Counts by type of message. */
export class MessageCounts {
  readonly #counts = new Float64Array(64);

  add(code: number): void {
    this.#counts[code] = (this.#counts[code] ?? 0) + 1;
  }

  of(type: Message['type']): number {
    return this.#counts[CODES[type]] ?? 0;
  }

  /** What requests cost, as the benches count it. */
  get ofRequests(): number {
    let sum = 0;
    for (const type of OF_REQUESTS) sum += this.#counts[CODES[type]] ?? 0;
    return sum;
  }

  get all(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }
}
