/**
 * The node's methods, with those that belong to the process around it: stopping, unlocking, panic, the passphrase, `rpc.discover`,
 * and what the process adds to `node.info` and `node.status`. It checks no parameters; dispatch.ts has.
 *
 * Invariants: once the process stops, every call ends with `daemon_stopping`, those that wait for a job included. While the node
 * is locked, the methods of `answeredLocked` are answered and every other is `locked`.
 */
import { UserError, type Api, type MethodName, type Params, type Result } from '../../client/index.ts';
import { openRpcDocument } from './discover.ts';

/** What this needs of daemon/gate.ts. */
export interface GatedNode {
  readonly state: 'locked' | 'running';
  readonly passphrase: 'none' | 'set';
  /** @throws UserError locked */
  readonly api: Api;
  unlock(passphrase: string): Promise<void>;
  changePassphrase(change: {
    current: string | undefined;
    next: string | undefined;
  }): Promise<'none' | 'set'>;
}

export interface ProcessApiOptions {
  readonly version: string;
  /** What can be said of a node that is locked. */
  readonly place: { readonly dataDir: string; readonly network: string; readonly storeSizeBytes: number };
  readonly stop: () => void;
  /** Destroys the master key at once. */
  readonly destroy: () => 'destroyed' | 'nothing there';
  /** Ends the process at once, after the answer has left. */
  readonly end: () => void;
}

/** Methods that are the process's own, in every state but `stopping`. */
type Own = 'node.stop' | 'node.panic' | 'node.unlock' | 'node.info' | 'node.status';
type Answers = { readonly [M in Own]: (params: Params<M>) => Promise<Result<M>> };

const NO_PASSPHRASE =
  'The key to this disk lies on it: who takes the disk reads it. `mimeo key passphrase` protects it.';

export class ProcessApi implements Api {
  readonly #gate: GatedNode;
  readonly #options: ProcessApiOptions;
  readonly #startedAt = performance.now();
  /** Waits that are cut short when the process stops: they would end with their job, and that may take hours. */
  readonly #waits = new Set<(reason: UserError) => void>();
  #state: 'running' | 'stopping' = 'running';
  fproxy: string | undefined;

  constructor(gate: GatedNode, options: ProcessApiOptions) {
    this.#gate = gate;
    this.#options = options;
  }

  async call<M extends MethodName>(name: M, params: Params<M>): Promise<Result<M>> {
    if (this.#state === 'stopping') throw stopping();
    return (await this.#answer(name, params)) as Result<M>;
  }

  #answer<M extends MethodName>(name: M, params: Params<M>): Promise<object> | object {
    if (isOwn(name)) return (this.#own[name] as (params: Params<M>) => Promise<object>)(params);
    const node = this.#gate.api;
    if (name === 'rpc.discover') return openRpcDocument(this.#options.version);
    if (name === 'key.passphrase') return this.#changePassphrase(params as Params<'key.passphrase'>);
    if (name === 'request.wait') return this.#wait(node.call(name, params));
    return node.call(name, params);
  }

  readonly #own: Answers = {
    'node.stop': async () => {
      // After the answer has left.
      setImmediate(this.#options.stop);
      return { stopping: true };
    },
    'node.panic': async () => {
      try {
        return { destroyed: this.#options.destroy() === 'destroyed' };
      } finally {
        setImmediate(this.#options.end);
      }
    },
    'node.unlock': async ({ passphrase }) => {
      await this.#gate.unlock(passphrase);
      return { state: 'running' };
    },
    'node.info': async () => {
      const { state, passphrase } = this.#gate;
      const info = state === 'locked' ? this.#lockedInfo() : await this.#gate.api.call('node.info', {});
      return { ...info, state, passphrase, ...(this.fproxy !== undefined && { fproxy: this.fproxy }) };
    },
    'node.status': async () => {
      const { state, passphrase } = this.#gate;
      if (state === 'locked') return this.#lockedStatus();
      const status = await this.#gate.api.call('node.status', {});
      const warnings = passphrase === 'none' ? [...status.warnings, NO_PASSPHRASE] : status.warnings;
      return { ...status, state, warnings };
    },
  };

  #lockedInfo(): Result<'node.info'> {
    const { version, place } = this.#options;
    const { dataDir, network } = place;
    return { version, pid: process.pid, dataDir, network, identity: '', location: 0, listen: [] };
  }

  /** Figures of a node that does not run are zero. */
  #lockedStatus(): Result<'node.status'> {
    return {
      sentence:
        'Locked: nothing is served and no peer is connected until the passphrase is given (mimeo unlock).',
      warnings: [],
      state: 'locked',
      uptimeSeconds: Math.round((performance.now() - this.#startedAt) / 1_000),
      peers: { connected: 0, known: 0 },
      requests: { pending: 0 },
      jobs: { running: 0 },
      store: { storeBlocks: 0, cacheBlocks: 0, usedBytes: 0, limitBytes: this.#options.place.storeSizeBytes },
    };
  }

  async #changePassphrase(params: Params<'key.passphrase'>): Promise<Result<'key.passphrase'>> {
    const { current, next } = params;
    return { passphrase: await this.#gate.changePassphrase({ current, next }) };
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

const answeredLocked: ReadonlySet<string> = new Set<Own>([
  'node.stop',
  'node.panic',
  'node.unlock',
  'node.info',
  'node.status',
]);

function isOwn(name: MethodName): name is Own {
  return answeredLocked.has(name);
}

function stopping(): UserError {
  return new UserError('daemon_stopping', 'the daemon is stopping');
}
