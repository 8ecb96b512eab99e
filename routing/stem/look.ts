/**
 * When guards are looked at again (docs/spec/stem.md, 2): slowly as long as there are any or somebody who could become one, and sooner when
 * something is known to be due. One timer.
 */
import type { Token } from '../effect.ts';
import { about, type PeerDesk } from '../opennet/desk.ts';
import { stemLimits } from './limits.ts';

export interface LookOptions {
  readonly desk: Pick<PeerDesk, 'now' | 'random' | 'setTimer' | 'cancelTimer'>;
  readonly look: () => void;
  /** A slow one is due as well. It comes first. */
  readonly slow: () => void;
}

export class Look {
  readonly #options: LookOptions;
  #next: { readonly token: Token; readonly at: number } | undefined;
  #slowAt: number | undefined;

  constructor(options: LookOptions) {
    this.#options = options;
  }

  /** The next one is slow, or in `waitMs` if that is sooner. */
  after(waitMs: number): void {
    const { now, random } = this.#options.desk;
    if (this.#slowAt === undefined || this.#slowAt <= now)
      this.#slowAt = now + about(stemLimits.guardLookMs.value, random);
    // Whole milliseconds: what is missing after that much of a fraction would be looked for again at the same moment.
    this.#set(Math.min(this.#slowAt, now + Math.ceil(waitMs)));
  }

  stop(): void {
    this.#slowAt = undefined;
    this.#set(undefined);
  }

  #set(at: number | undefined): void {
    if (this.#next?.at === at) return;
    const { desk, look, slow } = this.#options;
    if (this.#next !== undefined) desk.cancelTimer(this.#next.token);
    this.#next = undefined;
    if (at === undefined) return;
    const token = desk.setTimer(at, () => {
      this.#next = undefined;
      if (this.#slowAt !== undefined && this.#slowAt <= desk.now) {
        this.#slowAt = undefined;
        slow();
      }
      look();
    });
    this.#next = { token, at };
  }
}
