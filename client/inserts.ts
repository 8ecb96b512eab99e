/**
 * The inserts of one upload: a queue in order, a bounded number in flight, tried again after a while (docs/spec/files.md, 6.1).
 *
 * It does not encode and does not know which block is which. Being refused for load costs patience only; having no route is
 * given up after a number of tries, and a collision at once, because the network keeps what it has.
 *
 * Invariant: at most `window` blocks are in flight or wait for their next try; whoever adds only while `hasRoom` holds keeps
 * the queue at what one step adds.
 */
import { assertNever, type Block, type Random, type RoutingKey, type Salt } from '../keys/index.ts';
import { Attempts, type Tokens } from './attempts.ts';
import type { ClientEffect, Token } from './effect.ts';
import type { InsertResult } from './event.ts';
import { clientLimits } from './limits.ts';

export interface Insert {
  readonly key: RoutingKey;
  readonly salt: Salt;
  readonly block: Block;
}

interface Pending {
  readonly insert: Insert;
  noRoutes: number;
  refusals: number;
}

export type InsertOutcome = 'stored' | 'collision' | 'noRoute' | 'postponed';

export class Inserts {
  readonly #window: number;
  readonly #attempts: Attempts<Pending>;
  readonly #queue: Insert[] = [];
  #failedTries = 0;

  constructor({ window, ...options }: { window: number; tokens: Tokens; random: Random }) {
    this.#window = window;
    this.#attempts = new Attempts(options);
  }

  /** Blocks held: queued, in flight or waiting for their next try. */
  get size(): number {
    return this.#queue.length + this.#attempts.size;
  }

  get hasRoom(): boolean {
    return this.#queue.length === 0 && this.#attempts.size < this.#window;
  }

  get failedTries(): number {
    return this.#failedTries;
  }

  add(insert: Insert, effects: ClientEffect[]): void {
    this.#queue.push(insert);
    this.#pump(effects);
  }

  retry(token: Token, effects: ClientEffect[]): void {
    this.#send(this.#attempts.due(token), effects);
  }

  answered(
    now: number,
    { token, result }: { token: Token; result: InsertResult },
    effects: ClientEffect[],
  ): InsertOutcome {
    const pending = this.#attempts.answered(token);
    const outcome = this.#judge(pending, result);
    if (outcome === 'postponed') {
      const refusals = pending.noRoutes + pending.refusals;
      this.#attempts.postpone({ now, request: pending, refusals }, effects);
    }
    if (outcome === 'stored') this.#pump(effects);
    return outcome;
  }

  #judge(pending: Pending, result: InsertResult): InsertOutcome {
    switch (result.type) {
      case 'stored':
        return 'stored';
      case 'collision':
        return 'collision';
      case 'noRoute':
        this.#failedTries++;
        pending.noRoutes++;
        return pending.noRoutes >= clientLimits.noRouteInsertTries.value ? 'noRoute' : 'postponed';
      case 'overloaded':
        this.#failedTries++;
        pending.refusals++;
        return 'postponed';
      default:
        return assertNever(result);
    }
  }

  #pump(effects: ClientEffect[]): void {
    while (this.#attempts.size < this.#window) {
      const insert = this.#queue.shift();
      if (insert === undefined) return;
      this.#send({ insert, noRoutes: 0, refusals: 0 }, effects);
    }
  }

  #send(pending: Pending, effects: ClientEffect[]): void {
    effects.push({ type: 'insertBlock', token: this.#attempts.ask(pending), ...pending.insert });
  }
}
