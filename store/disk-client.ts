/**
 * The main thread's end of the disk's thread: sends a request, gives its answer. One request is under way at a time (the caller's
 * duty), so answers need no numbers.
 *
 * Invariant: when the thread has died, every request, pending or later, fails with `disk_failed`.
 */
import type { MessagePort } from 'node:worker_threads';
import { StoreError } from './block-store.ts';
import { DiskThread } from './disk-thread.ts';
import type { DiskAnswer, DiskRequest, DiskResults, DiskServiceData, FoundSlots } from './messages.ts';
import { assert } from '../keys/index.ts';

export class DiskClient {
  readonly #thread: DiskThread;
  readonly #port: MessagePort;
  readonly #onRebuilt: (found: FoundSlots) => void;
  #pending: PromiseWithResolvers<DiskAnswer> | undefined;
  #isDead = false;

  /** `onRebuilt` is called before the request during which it happened is answered. */
  constructor(data: DiskServiceData, onRebuilt: (found: FoundSlots) => void) {
    this.#onRebuilt = onRebuilt;
    const { thread, port } = DiskThread.join(data);
    this.#thread = thread;
    this.#port = port;
    port.on('message', (answer: DiskAnswer) => {
      const pending = this.#pending;
      this.#pending = undefined;
      port.unref();
      pending?.resolve(answer);
    });
    // The other end has gone, and the thread with it.
    port.on('close', () => {
      this.#isDead = true;
      this.#pending?.reject(died());
      this.#pending = undefined;
    });
    port.unref();
  }

  /** @throws StoreError */
  async request<Type extends DiskRequest['type']>(
    request: Extract<DiskRequest, { readonly type: Type }>,
    transfer: ArrayBuffer[] = [],
  ): Promise<DiskResults[Type]> {
    if (this.#isDead) throw died();
    assert(!this.#pending, 'the disk does one thing at a time');
    this.#pending = Promise.withResolvers<DiskAnswer>();
    // An idle store keeps no process alive, a pending answer does.
    this.#port.ref();
    this.#port.postMessage(request, transfer);
    const { result, error, rebuilt } = await this.#pending.promise;
    if (rebuilt) this.#onRebuilt(rebuilt);
    if (error) throw new StoreError(error.code, error.message);
    return result as DiskResults[Type];
  }

  async stop(): Promise<void> {
    this.#port.close();
    await this.#thread.leave();
  }
}

function died(): StoreError {
  return new StoreError('disk_failed', "the disk's thread has ended");
}
