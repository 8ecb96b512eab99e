/**
 * What stands between the callers and a node that may not be there yet: locked until the passphrase is given, then opening, then
 * open for the rest of the process. It starts and stops the node; the key file is node/vault.ts's.
 *
 * Invariant: while it is not open nothing but the master file has been read, no port listens for peers, and every call of the
 * node is `locked`. At most one attempt at a passphrase is in work, so that whoever reaches the socket guesses no faster than one
 * thread, and memory is bounded; the next one is refused, not queued.
 */
import { assertNever, type Random } from '../keys/index.ts';
import { type Api, type ContentApi, type Job, type OpenedFile, UserError } from '../client/index.ts';
import type { MasterKey } from './node/master-key.ts';
import type { RunningNode } from './node/node.ts';
import { type PassphraseState, type Vault, changePassphrase, openVault } from './node/vault.ts';

export interface GateOptions {
  readonly dataDir: string;
  readonly random: Random;
  readonly start: (master: MasterKey) => Promise<RunningNode>;
  /** After an unlocking, with the node that runs now. */
  readonly opened: (node: RunningNode) => void;
  /** The passphrase was right and the node could not start: the process has to end as it would have at its start. */
  readonly failed: (error: unknown) => void;
}

type State =
  | { readonly type: 'locked' }
  | { readonly type: 'opening'; readonly done: Promise<unknown> }
  | { readonly type: 'open'; readonly node: RunningNode; readonly passphrase: PassphraseState }
  | { readonly type: 'stopped' };

export class Gate implements ContentApi {
  readonly #options: GateOptions;
  #state: State = { type: 'locked' };
  #attempt: 'none' | 'running' = 'none';

  private constructor(options: GateOptions) {
    this.#options = options;
  }

  /** @throws UserError where the node can't start */
  static async from(vault: Vault, options: GateOptions): Promise<Gate> {
    const gate = new Gate(options);
    if (vault.state === 'open') {
      const node = await options.start(vault.master);
      gate.#state = { type: 'open', node, passphrase: vault.passphrase };
    }
    return gate;
  }

  get state(): 'locked' | 'running' {
    return this.#state.type === 'open' ? 'running' : 'locked';
  }

  get passphrase(): PassphraseState {
    return this.#state.type === 'open' ? this.#state.passphrase : 'set';
  }

  /** @throws UserError locked */
  get node(): RunningNode {
    switch (this.#state.type) {
      case 'open':
        return this.#state.node;
      case 'opening':
        throw new UserError('locked', 'this node is being unlocked');
      case 'locked':
        throw new UserError('locked', 'this node is locked: it waits for its passphrase');
      case 'stopped':
        throw new UserError('daemon_stopping', 'the daemon is stopping');
    }
    return assertNever(this.#state);
  }

  get api(): Api {
    return this.node.api;
  }

  async open(uri: string, options: { signal: AbortSignal }): Promise<OpenedFile> {
    return this.node.content.open(uri, options);
  }

  async upload(body: AsyncIterable<Uint8Array>, options: Parameters<ContentApi['upload']>[1]): Promise<Job> {
    return this.node.content.upload(body, options);
  }

  /** Does nothing where it is open. @throws UserError wrong_passphrase, overloaded; what a start throws */
  async unlock(passphrase: string): Promise<void> {
    if (this.#state.type === 'open') return;
    const { dataDir, random } = this.#options;
    const vault = await this.#alone(() => openVault(dataDir, { passphrase, random }));
    // Another attempt can't have opened it meanwhile, but the process may be stopping.
    if (vault.state !== 'open' || this.#state.type !== 'locked') throw this.#refusal();
    const starting = this.#options.start(vault.master);
    this.#state = { type: 'opening', done: starting.catch(() => undefined) };
    try {
      const node = await starting;
      this.#state = { type: 'open', node, passphrase: vault.passphrase };
      this.#options.opened(node);
    } catch (error) {
      this.#options.failed(error);
      throw error;
    }
  }

  /** @throws UserError locked, wrong_passphrase, bad_passphrase, overloaded, … */
  async changePassphrase(change: {
    current: string | undefined;
    next: string | undefined;
  }): Promise<PassphraseState> {
    const { node } = this;
    const { dataDir, random } = this.#options;
    const passphrase = await this.#alone(() => changePassphrase(dataDir, { ...change, random }));
    if (this.#state.type === 'open') this.#state = { type: 'open', node, passphrase };
    return passphrase;
  }

  /** A node that is just starting is waited for and stopped then. */
  async stop(): Promise<void> {
    if (this.#state.type === 'opening') await this.#state.done;
    const state = this.#state;
    this.#state = { type: 'stopped' };
    if (state.type === 'open') await state.node.stop();
  }

  wipe(): void {
    if (this.#state.type === 'open') this.#state.node.wipe();
  }

  async #alone<T>(attempt: () => Promise<T>): Promise<T> {
    if (this.#attempt === 'running')
      throw new UserError('overloaded', 'another passphrase is being tried: one at a time');
    this.#attempt = 'running';
    try {
      return await attempt();
    } finally {
      this.#attempt = 'none';
    }
  }

  #refusal(): UserError {
    return this.#state.type === 'stopped'
      ? new UserError('daemon_stopping', 'the daemon is stopping')
      : new UserError('locked', 'this node is being unlocked');
  }
}
