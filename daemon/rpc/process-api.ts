/**
 * The node's methods, with those that belong to the process around it: `node.stop`, `rpc.discover`, the web address in
 * `node.info`. It checks no parameters; dispatch.ts has.
 *
 * Invariant: once the process stops, every call ends with `daemon_stopping`, those that wait for a job included.
 */
import { UserError, type Api, type MethodName, type Params, type Result } from '../../client/index.ts';
import { openRpcDocument } from './discover.ts';

export class ProcessApi implements Api {
  readonly #node: Api;
  readonly #version: string;
  readonly #stop: () => void;
  /** Waits that are cut short when the process stops: they would end with their job, and that may take hours. */
  readonly #waits = new Set<(reason: UserError) => void>();
  #state: 'running' | 'stopping' = 'running';
  fproxy: string | undefined;

  constructor(node: Api, options: { version: string; stop: () => void }) {
    this.#node = node;
    this.#version = options.version;
    this.#stop = options.stop;
  }

  async call<M extends MethodName>(name: M, params: Params<M>): Promise<Result<M>> {
    if (this.#state === 'stopping') throw stopping();
    return (await this.#answer(name, params)) as Result<M>;
  }

  #answer<M extends MethodName>(name: M, params: Params<M>): Promise<object> | object {
    if (name === 'rpc.discover') return openRpcDocument(this.#version);
    if (name === 'node.info') return this.#info();
    if (name === 'request.wait') return this.#wait(this.#node.call(name, params));
    if (name !== 'node.stop') return this.#node.call(name, params);
    // After the answer has left.
    setImmediate(this.#stop);
    return { stopping: true };
  }

  async #info(): Promise<Result<'node.info'>> {
    const info = await this.#node.call('node.info', {});
    return this.fproxy === undefined ? info : { ...info, fproxy: this.fproxy };
  }

  async #wait<T>(answer: Promise<T>): Promise<T> {
    const cut = Promise.withResolvers<T>();
    this.#waits.add(cut.reject);
    answer.then(cut.resolve, cut.reject);
    try {
      return await cut.promise;
    } finally {
      this.#waits.delete(cut.reject);
    }
  }

  refuse(): void {
    this.#state = 'stopping';
    for (const cut of this.#waits) cut(stopping());
  }
}

function stopping(): UserError {
  return new UserError('daemon_stopping', 'the daemon is stopping');
}
