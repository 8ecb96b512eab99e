/**
 * The main thread's end of the disk's thread: sends a request, gives its answer. One request is under way at a time (the caller's
 * duty), so answers need no numbers.
 *
 * Invariant: when the thread has died, every request, pending or later, fails with `disk_failed`.
 */
import { Worker } from 'node:worker_threads';
import { StoreError } from './block-store.ts';
import type { DiskAnswer, DiskRequest, DiskResults, DiskWorkerData, FoundSlots } from './messages.ts';
import { assert } from '../keys/index.ts';

/** Built packages have `.js` where the sources have `.ts`; `new Worker` is not rewritten by a compiler. */
function workerEntry(): URL {
  return import.meta.url.endsWith('.ts')
    ? new URL('./disk-worker.ts', import.meta.url)
    : new URL('./disk-worker.js', import.meta.url);
}

export class DiskClient {
  readonly #worker: Worker;
  readonly #onRebuilt: (found: FoundSlots) => void;
  #pending: PromiseWithResolvers<DiskAnswer> | undefined;
  #isDead = false;

  /** `onRebuilt` is called before the request during which it happened is answered. */
  constructor(data: DiskWorkerData, onRebuilt: (found: FoundSlots) => void) {
    this.#onRebuilt = onRebuilt;
    // The process's own flags and NODE_OPTIONS (loaders of a test runner, a debugger's port) are not for this thread.
    this.#worker = new Worker(workerEntry(), { workerData: data, execArgv: [], env: {} });
    this.#worker.on('message', (answer: DiskAnswer) => {
      const pending = this.#pending;
      this.#pending = undefined;
      this.#worker.unref();
      pending?.resolve(answer);
    });
    // No listener for 'error': a bug in the thread is an uncaught exception of the process.
    this.#worker.on('exit', () => {
      this.#isDead = true;
      this.#pending?.reject(died());
      this.#pending = undefined;
    });
    this.#worker.unref();
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
    this.#worker.ref();
    this.#worker.postMessage(request, transfer);
    const { result, error, rebuilt } = await this.#pending.promise;
    if (rebuilt) this.#onRebuilt(rebuilt);
    if (error) throw new StoreError(error.code, error.message);
    return result as DiskResults[Type];
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

function died(): StoreError {
  return new StoreError('disk_failed', "the disk's thread has ended");
}
