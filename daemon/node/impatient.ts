/**
 * The network for somebody who waits in front of a page: what would wait for a guard is answered with `noRoute` at once, so that after a
 * few tries the page says why nothing comes (docs/spec/node.md, 6). Jobs wait as long as it takes.
 */
import type { Network } from './client-cache.ts';
import type { Ask } from './virtual-peer.ts';

export class Impatient implements Network {
  readonly #network: Network;
  readonly #isHeldUp: () => boolean;

  constructor(network: Network, isHeldUp: () => boolean) {
    this.#network = network;
    this.#isHeldUp = isHeldUp;
  }

  ask(ask: Ask): () => void {
    if (!this.#isHeldUp()) return this.#network.ask(ask);
    let isDropped = false;
    queueMicrotask(() => {
      if (!isDropped) ask.done({ type: 'noRoute' });
    });
    return () => {
      isDropped = true;
    };
  }
}
