/**
 * What the owner has fetched, kept apart from what the node keeps for others: a store of its own under a key of its own, asked
 * before the network and by the owner alone. No peer's question ever reaches it, so nobody can learn from it what was read here.
 *
 * Only blocks whose key is their hash are kept. What lies under the key of an SSK or a KSK can differ from place to place, and
 * the owner wants to see what the network has now (docs/spec/node.md, 7).
 *
 * Invariant: an answer from here and one from the network look alike to the job that asked.
 */
import { type Block, type RoutingKey, verifyBlock } from '../../keys/index.ts';
import type { FetchResult } from '../../client/index.ts';
import { type BlockStore, StoreError } from '../../store/index.ts';
import type { Ask } from './virtual-peer.ts';

export interface Network {
  /** @returns a function that drops the call: its answer comes to nobody. */
  ask(ask: Ask): () => void;
}

export class ClientCache implements Network {
  readonly #network: Network;
  readonly #store: BlockStore;

  constructor(network: Network, store: BlockStore) {
    this.#network = network;
    this.#store = store;
  }

  ask(ask: Ask): () => void {
    if (ask.type === 'insert') return this.#network.ask(ask);
    let dropped = false;
    let drop = () => {
      dropped = true;
    };
    void this.#find(ask.key).then((block) => {
      if (dropped) return;
      if (block !== undefined) ask.done({ type: 'found', block });
      else drop = this.#network.ask({ ...ask, done: (result: FetchResult) => this.#answered(ask, result) });
    });
    return () => drop();
  }

  #answered(ask: Extract<Ask, { type: 'fetch' }>, result: FetchResult): void {
    if (result.type === 'found') void this.#keep(ask.key, result.block);
    ask.done(result);
  }

  async #find(key: RoutingKey): Promise<Block | undefined> {
    return this.#store.get(key, OWNER).catch(nothing);
  }

  async #keep(key: RoutingKey, block: Block): Promise<void> {
    if (verifyBlock(key, block) !== 'chk') return;
    await this.#store.put(key, block, { part: 'cache' }).catch(nothing);
  }
}

/** Everything here is asked for by one: it only says that the block was used. */
const OWNER = 'owner';

/** A cache that can't be read or written is slower and no failure; the store beside it says when the disk has trouble. */
function nothing(error: unknown): undefined {
  if (!(error instanceof StoreError)) throw error;
  return undefined;
}
