/**
 * What this node has asked its host to do and has no answer to yet: reads, writes, dials, timers. Each has a token, which is used once.
 *
 * Invariant: what was asked is answered at most once; an answer to what was cancelled finds nobody.
 */
import { assert, type Block } from '../keys/index.ts';
import type { Token } from './effect.ts';
import type { WriteOutcome } from './event.ts';

/** What to do when the answer comes. */
type Answered =
  | { readonly type: 'timer'; readonly fired: () => void }
  | { readonly type: 'read'; readonly found: (block: Block | undefined) => void }
  | { readonly type: 'write'; readonly written: (outcome: WriteOutcome) => void }
  | { readonly type: 'dial'; readonly ended: (outcome: 'linked' | 'failed') => void };

export class Awaited {
  readonly #answered = new Map<Token, Answered>();
  #nextToken = 1;

  add(answered: Answered): Token {
    const token = this.#nextToken as Token;
    this.#nextToken += 1;
    this.#answered.set(token, answered);
    return token;
  }

  take<T extends Answered['type']>(token: Token, type: T): Extract<Answered, { type: T }> | undefined {
    const answered = this.#answered.get(token);
    // A timer that was cancelled may still fire when both fell on one moment.
    if (answered === undefined) return undefined;
    assert(answered.type === type, 'an effect is answered by its own kind of event');
    this.#answered.delete(token);
    return answered as Extract<Answered, { type: T }>;
  }

  /** False when it has been answered. */
  cancel(token: Token): boolean {
    return this.#answered.delete(token);
  }
}
