/**
 * A token bucket in bytes: what this node may still send or receive now without passing its owner's limit
 * (docs/spec/load.md, 3). A request is charged what it will probably cost when it is let in, and the difference when it has
 * ended: what was let in never queues behind what nobody has counted.
 *
 * It refuses nothing and orders nothing: who is let in next is fair-queue.ts.
 *
 * Invariant: who spends only while there is something in it spends, in any time t, at most rate × t + burst + one charge.
 */
import { assert } from '../../keys/index.ts';

export class TokenBucket {
  readonly #bytesPerMs: number;
  readonly #burstBytes: number;
  #level: number;
  #at: number;

  constructor(options: { bytesPerSecond: number; burstBytes: number; now: number }) {
    assert(options.bytesPerSecond > 0 && options.burstBytes > 0, 'a bucket is filled and holds something');
    this.#bytesPerMs = options.bytesPerSecond / 1_000;
    this.#burstBytes = options.burstBytes;
    this.#level = options.burstBytes;
    this.#at = options.now;
  }

  /** What is in it, 1 when full. Who is let in may cost more than that: it is then 0 or less until that is paid. */
  fullness(now: number): number {
    this.#fill(now);
    return this.#level / this.#burstBytes;
  }

  /** When there is more than `fullness` in it if nothing else is spent. Below 1. */
  fullAt(now: number, fullness: number): number {
    const missing = (fullness - this.fullness(now)) * this.#burstBytes;
    // Rounded up: a timer that fires a hair too early would find it as it was and be set again for the same moment.
    // More than the last bits of the division: after a long debt they are worth more than the hair.
    return missing < 0 ? now : now + Math.floor((missing / this.#bytesPerMs) * (1 + 2 ** -40)) + 1;
  }

  /** A positive number of bytes is taken out, a negative one put back, up to the burst. */
  spend(bytes: number, now: number): void {
    this.#fill(now);
    this.#level = Math.min(this.#burstBytes, this.#level - bytes);
  }

  #fill(now: number): void {
    this.#level = Math.min(this.#burstBytes, this.#level + (now - this.#at) * this.#bytesPerMs);
    this.#at = now;
  }
}
