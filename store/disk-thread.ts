/**
 * The thread that does what blocks. All stores of a process share one, because each costs 37 MiB (`npm run bench -- network`, idle
 * daemon: 128 MiB with two, 91 with one; one run of the latter). A store whose disk is wrapped by a test or a bench has one of its own, which the wrapper may end.
 *
 * Invariant: it lives from the first store that joins to the last one that leaves.
 */
import { MessageChannel, Worker } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { assert } from '../keys/index.ts';
import type { DiskJoin, DiskServiceData } from './messages.ts';

/** Built packages have `.js` where the sources have `.ts`; `new Worker` is not rewritten by a compiler. */
function workerEntry(): URL {
  return import.meta.url.endsWith('.ts')
    ? new URL('./disk-worker.ts', import.meta.url)
    : new URL('./disk-worker.js', import.meta.url);
}

let shared: DiskThread | undefined;

export class DiskThread {
  readonly #worker: Worker;
  #stores = 0;

  private constructor() {
    // The process's own flags and NODE_OPTIONS (loaders of a test runner, a debugger's port) are not for this thread.
    this.#worker = new Worker(workerEntry(), { execArgv: [], env: {} });
    // No listener for 'error': a bug in the thread is an uncaught exception of the process.
    this.#worker.unref();
  }

  static join(data: DiskServiceData): { readonly thread: DiskThread; readonly port: MessagePort } {
    const thread = data.io ? new DiskThread() : (shared ??= new DiskThread());
    thread.#stores += 1;
    const { port1, port2 } = new MessageChannel();
    const join: DiskJoin = { port: port2, data };
    thread.#worker.postMessage(join, [port2]);
    return { thread, port: port1 };
  }

  /** Once for each store. */
  async leave(): Promise<void> {
    assert(this.#stores > 0, 'a store leaves once');
    this.#stores -= 1;
    if (this.#stores > 0) return;
    if (shared === this) shared = undefined;
    await this.#worker.terminate();
  }
}
