/**
 * Fills the file with random slots in the background (docs/spec/store.md, 8): until that is done, the size of the file tells how much
 * was ever stored. A chunk at a time between batches, at a bounded rate; a put that finds no room gets the next chunk at once.
 *
 * Invariant: what is filled is durable, and only what is filled is used.
 */
import { StoreError } from './block-store.ts';
import type { DiskClient } from './disk-client.ts';
import { storeLimits } from './limits.ts';
import type { Retention } from './retention.ts';
import { ID_BYTES, SLOT_BYTES } from './slot.ts';

/** `stuck`: the disk had no room, and is asked again later. `paused`: the store is shrinking or closing. */
type FillState = 'filling' | 'done' | 'stuck' | 'paused';

export class Filler {
  readonly #disk: DiskClient;
  readonly #retention: Retention;
  readonly #wake: () => void;
  #state: FillState = 'paused';
  #isDue = false;
  #timer: NodeJS.Timeout | undefined;

  /** `wake` makes the owner ask `isDue`. */
  constructor(disk: DiskClient, retention: Retention, wake: () => void) {
    this.#disk = disk;
    this.#retention = retention;
    this.#wake = wake;
  }

  get state(): FillState {
    return this.#state;
  }

  start(): void {
    const { filled, capacitySlots } = this.#retention;
    this.#state = filled < capacitySlots ? 'filling' : 'done';
    if (this.#state === 'filling') this.#later(0);
  }

  pause(): void {
    this.#state = 'paused';
    clearTimeout(this.#timer);
  }

  isDue(): boolean {
    return this.#state === 'filling' && this.#isDue;
  }

  /** One chunk. Never throws: a disk without room, or one that fails, is asked again later. */
  async fill(): Promise<void> {
    let added = 0;
    try {
      added = await this.fillOrThrow(storeLimits.fillChunkSlots.value);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
    if (this.#state !== 'filling') return;
    if (this.#retention.filled >= this.#retention.capacitySlots) this.#state = 'done';
    else if (added > 0) this.#later((added * SLOT_BYTES * 1_000) / storeLimits.fillBytesPerSecond.value);
    else this.#stuck();
  }

  /** How many slots there are more; fewer than `slots` when the disk has no more room. @throws StoreError */
  async fillOrThrow(slots: number): Promise<number> {
    const { ids } = await this.#disk.request<'fill'>({ type: 'fill', slots });
    const retention = this.#retention;
    const first = retention.filled;
    const added = ids.length / ID_BYTES;
    retention.setFilled(first + added);
    for (let item = 0; item < added; item++) {
      retention.ids.setId(first + item, ids.subarray(item * ID_BYTES, (item + 1) * ID_BYTES));
      retention.free.add(first + item);
    }
    return added;
  }

  #later(delayMs: number): void {
    this.#isDue = false;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#isDue = true;
      this.#wake();
    }, delayMs);
    this.#timer.unref();
  }

  #stuck(): void {
    this.#state = 'stuck';
    this.#timer = setTimeout(() => {
      if (this.#state === 'stuck') this.start();
    }, storeLimits.fillRetryMs.value);
    this.#timer.unref();
  }
}
