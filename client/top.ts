/**
 * Finds the top block of a file at its three places (docs/spec/files.md, 6.2). For a CHK or an SSK the first answer that opens
 * is the file. Under a keyword anybody may insert, so all three places are asked and the payload that most of them hold wins.
 *
 * It asks nobody itself: it says where to ask next and takes what came of it.
 */
import { assert, equalBytes, type Random, type Salt, SALTS, salt } from '../keys/index.ts';
import type { FetchOutcome } from './fetches.ts';
import type { GetTarget } from './target.ts';

export class TopSearch {
  readonly #all: boolean;
  /** In the order in which they are asked: a random first, so that readers spread over the three places. */
  readonly #order: readonly Salt[];
  readonly #answers = new Map<Salt, FetchOutcome>();

  constructor({ target, random }: { target: GetTarget; random: Random }) {
    this.#all = target.type === 'ksk';
    const [high = 0, low = 0] = random.bytes(2);
    this.#order = SALTS.map((value) => salt((value + high * 256 + low) % SALTS.length));
  }

  /** Where to ask at once. */
  get first(): readonly Salt[] {
    return this.#all ? this.#order : this.#order.slice(0, 1);
  }

  /** What came of asking one place. The answer: where to ask next, the end of the search, or undefined while others are open. */
  settled(place: Salt, outcome: FetchOutcome): { ask: Salt } | { end: FetchOutcome } | undefined {
    this.#answers.set(place, outcome);
    if (this.#answers.size === SALTS.length) return { end: this.#choose() };
    if (this.#all) return undefined;
    // Without a route to one place there is none to the others: routes are the node's, not the key's.
    if (outcome.type === 'payload' || outcome.type === 'noRoute') return { end: outcome };
    const ask = this.#order[this.#answers.size];
    assert(ask !== undefined, 'a place is left');
    return { ask };
  }

  /** By number of equal payloads, then by lowest salt; without any, by what says most: it does not open, nobody was asked. */
  #choose(): FetchOutcome {
    const outcomes = SALTS.flatMap((salt) => this.#answers.get(salt) ?? []);
    const found = outcomes.filter((outcome) => outcome.type === 'payload');
    const votes = ({ payload }: { payload: Uint8Array }) =>
      found.filter((other) => equalBytes(other.payload, payload)).length;
    const best = found.toSorted((a, b) => votes(b) - votes(a))[0];
    return (
      best ??
      outcomes.find(({ type }) => type === 'bad') ??
      outcomes.find(({ type }) => type === 'noRoute') ?? { type: 'missing' }
    );
  }
}
