/**
 * The fetches of one download: asks, asks again after a while, gives up (docs/spec/files.md, 6.2). A block that the network
 * delivers is opened here, so that what does not open is one more failed try and nothing above sees a wrong byte.
 *
 * It does not choose what is fetched or how much at once. Being refused for load costs patience only: a busy network is no
 * reason to call data lost.
 *
 * Invariant: each `begin` is settled exactly once, by one of the four outcomes.
 */
import {
  assertNever,
  type Block,
  ParseError,
  type Random,
  type RoutingKey,
  type Salt,
} from '../keys/index.ts';
import { Attempts, type Tokens } from './attempts.ts';
import type { ClientEffect, Token } from './effect.ts';
import type { FetchResult } from './event.ts';
import { clientLimits } from './limits.ts';

export interface Fetch<Place> {
  /** What the block is for; handed back with the outcome. */
  readonly place: Place;
  readonly key: RoutingKey;
  readonly salt: Salt;
  /** Tries until a block counts as missing. */
  readonly tries: number;
  /** @throws ParseError when the block does not open. */
  readonly decode: (block: Block) => Uint8Array;
}

export interface Settled<Place> {
  readonly place: Place;
  readonly outcome: FetchOutcome;
}

export type FetchOutcome =
  | { readonly type: 'payload'; readonly payload: Uint8Array }
  | { readonly type: 'missing' }
  | { readonly type: 'bad'; readonly message: string }
  | { readonly type: 'noRoute' };

interface Pending<Place> {
  readonly fetch: Fetch<Place>;
  /** Tries that brought nothing usable. */
  failures: number;
  noRoutes: number;
  refusals: number;
}

export class Fetches<Place> {
  readonly #attempts: Attempts<Pending<Place>>;
  #failedTries = 0;

  constructor(options: { tokens: Tokens; random: Random }) {
    this.#attempts = new Attempts(options);
  }

  get pending(): number {
    return this.#attempts.size;
  }

  /** Tries that failed so far, given up or not. */
  get failedTries(): number {
    return this.#failedTries;
  }

  begin(fetch: Fetch<Place>, effects: ClientEffect[]): void {
    this.#send({ fetch, failures: 0, noRoutes: 0, refusals: 0 }, effects);
  }

  retry(token: Token, effects: ClientEffect[]): void {
    this.#send(this.#attempts.due(token), effects);
  }

  /** Undefined: it will be tried again. */
  answered(
    now: number,
    { token, result }: { token: Token; result: FetchResult },
    effects: ClientEffect[],
  ): Settled<Place> | undefined {
    const pending = this.#attempts.answered(token);
    const outcome = this.#judge(pending, result);
    if (outcome !== undefined) return { place: pending.fetch.place, outcome };
    const refusals = pending.failures + pending.noRoutes + pending.refusals;
    this.#attempts.postpone({ now, request: pending, refusals }, effects);
    return undefined;
  }

  #judge(pending: Pending<Place>, result: FetchResult): FetchOutcome | undefined {
    const { fetch } = pending;
    switch (result.type) {
      case 'found': {
        const outcome = open(fetch, result.block);
        return outcome.type === 'payload' ? outcome : this.#failed(pending, outcome);
      }
      case 'notFound':
        return this.#failed(pending, { type: 'missing' });
      case 'noRoute':
        this.#failedTries++;
        pending.noRoutes++;
        return pending.noRoutes >= clientLimits.noRouteFetchTries.value ? { type: 'noRoute' } : undefined;
      case 'overloaded':
        this.#failedTries++;
        pending.refusals++;
        return undefined;
      default:
        return assertNever(result);
    }
  }

  #failed(pending: Pending<Place>, last: FetchOutcome): FetchOutcome | undefined {
    this.#failedTries++;
    pending.failures++;
    return pending.failures >= pending.fetch.tries ? last : undefined;
  }

  #send(pending: Pending<Place>, effects: ClientEffect[]): void {
    const { key, salt } = pending.fetch;
    effects.push({ type: 'fetchBlock', token: this.#attempts.ask(pending), key, salt });
  }
}

function open(fetch: Fetch<unknown>, block: Block): FetchOutcome {
  try {
    return { type: 'payload', payload: fetch.decode(block) };
  } catch (error) {
    if (error instanceof ParseError) return { type: 'bad', message: error.message };
    throw error;
  }
}
