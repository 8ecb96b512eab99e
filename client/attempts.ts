/**
 * The requests of one machine that wait for an answer or for their next try, and how long they wait (docs/spec/files.md, 6).
 *
 * It does not decide what an answer means or when to give up: fetches.ts and inserts.ts do. It is bounded by its users' windows.
 *
 * Invariant: a request is in exactly one place, under exactly one token, from `ask` until an answer takes it out.
 */
import { assert, type Random } from '../keys/index.ts';
import type { ClientEffect, Token } from './effect.ts';
import { clientLimits } from './limits.ts';

/** The tokens of one machine, in order. */
export class Tokens {
  #last = 0;

  next(): Token {
    this.#last++;
    return this.#last as Token;
  }
}

export class Attempts<Request> {
  readonly #tokens: Tokens;
  readonly #random: Random;
  readonly #asked = new Map<Token, Request>();
  readonly #postponed = new Map<Token, Request>();

  constructor({ tokens, random }: { tokens: Tokens; random: Random }) {
    this.#tokens = tokens;
    this.#random = random;
  }

  /** Requests in flight or waiting. */
  get size(): number {
    return this.#asked.size + this.#postponed.size;
  }

  /** The token under which `request` goes out now. */
  ask(request: Request): Token {
    const token = this.#tokens.next();
    this.#asked.set(token, request);
    return token;
  }

  /** The request that this answer is for; from now on it is the caller's. */
  answered(token: Token): Request {
    return take(this.#asked, token);
  }

  /** Sets a timer for the next try; `refusals` is how often this request has been refused, 1 after the first time. */
  postpone(
    { now, request, refusals }: { now: number; request: Request; refusals: number },
    effects: ClientEffect[],
  ): void {
    const token = this.#tokens.next();
    this.#postponed.set(token, request);
    effects.push({ type: 'setTimer', token, at: now + backoffMs(refusals, this.#random) });
  }

  /** The request whose time has come. */
  due(token: Token): Request {
    return take(this.#postponed, token);
  }
}

function take<Request>(map: Map<Token, Request>, token: Token): Request {
  const request = map.get(token);
  assert(request !== undefined, 'each token is answered once');
  map.delete(token);
  return request;
}

/**
 * Doubling, capped, and between half and all of it: blocks refused together must not come back together, and the times of
 * retries must not tell that requests belong to one file.
 */
function backoffMs(refusals: number, random: Random): number {
  const { backoffFirstMs, backoffMaxMs } = clientLimits;
  const full = Math.min(backoffMaxMs.value, backoffFirstMs.value * 2 ** (refusals - 1));
  const [high = 0, low = 0] = random.bytes(2);
  return Math.round(full * (0.5 + (high * 256 + low) / 2 ** 17));
}
