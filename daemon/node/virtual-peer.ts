/**
 * The owner of the node as a peer: what jobs ask for becomes requests on the router's local link, in the messages of every other
 * peer and under the same limits (docs/spec/routing.md, 1). It knows requests by their id on that link and nothing of routing.
 *
 * Invariant: every call is answered exactly once, unless it is dropped; never more requests are open than a link may have.
 */
import { assert, assertNever, type Block, type RoutingKey, type Salt } from '../../keys/index.ts';
import type { FetchResult, InsertResult } from '../../client/index.ts';
import {
  LOCAL_LINK,
  type Message,
  type Priority,
  type RequestId,
  type RouterEvent,
  routingLimits,
} from '../../routing/index.ts';
import { nodeLimits } from './limits.ts';

/** What a job asks the network for. */
export type Ask =
  | {
      readonly type: 'fetch';
      readonly key: RoutingKey;
      readonly salt: Salt;
      readonly priority: Priority;
      readonly done: (result: FetchResult) => void;
    }
  | {
      readonly type: 'insert';
      readonly key: RoutingKey;
      readonly salt: Salt;
      readonly priority: Priority;
      readonly block: Block;
      readonly done: (result: InsertResult) => void;
    };

export interface VirtualPeerOptions {
  readonly deadlineMs: number;
  /** Gives an event to the router. */
  readonly dispatch: (event: RouterEvent) => void;
}

export class VirtualPeer {
  readonly #options: VirtualPeerOptions;
  readonly #open = new Map<RequestId, Ask>();
  readonly #waiting = new Set<Ask>();
  #nextId = 0;

  constructor(options: VirtualPeerOptions) {
    this.#options = options;
  }

  /** @returns a function that drops the call: its answer comes to nobody. */
  ask(ask: Ask): () => void {
    if (this.#open.size < routingLimits.pendingPerLink.value) {
      this.#send(ask);
    } else if (this.#waiting.size < nodeLimits.waitingRequests.value) {
      this.#waiting.add(ask);
    } else {
      queueMicrotask(() => ask.done({ type: 'overloaded' }));
    }
    return () => this.#waiting.delete(ask);
  }

  /** What the router sends to the local link. */
  receive(message: Message): void {
    assert('id' in message, 'the virtual peer is sent answers alone');
    const ask = this.#open.get(message.id as RequestId);
    assert(ask !== undefined, 'every request is answered once');
    switch (message.type) {
      case 'accepted':
        if (ask.type === 'insert') {
          const { id } = message;
          this.#options.dispatch({
            type: 'message',
            link: LOCAL_LINK,
            message: { type: 'insertBlock', id, block: ask.block },
          });
        }
        return;
      case 'working':
        return;
      case 'dataFound':
        assert(ask.type === 'fetch', 'data answer a fetch');
        this.#close(message.id);
        ask.done({ type: 'found', block: message.block });
        return;
      case 'insertStored':
        assert(ask.type === 'insert', 'storing answers an insert');
        this.#close(message.id);
        ask.done({ type: 'stored' });
        return;
      case 'insertCollision':
        assert(ask.type === 'insert', 'a collision answers an insert');
        this.#close(message.id);
        ask.done({ type: 'collision', block: message.block });
        return;
      case 'dataNotFound':
        this.#close(message.id);
        // Of an insert it says that nodes were reached and none has kept the block.
        if (ask.type === 'fetch') ask.done({ type: 'notFound' });
        else ask.done({ type: 'noRoute' });
        return;
      case 'routeNotFound':
        this.#close(message.id);
        ask.done({ type: 'noRoute' });
        return;
      case 'rejectedOverload':
        this.#close(message.id);
        ask.done({ type: 'overloaded' });
        return;
      case 'dataRequest':
      case 'insertRequest':
      case 'insertBlock':
      case 'seek':
      case 'seekOffer':
      case 'seekEnd':
      case 'introduce':
      case 'introduction':
      case 'noIntroduction':
      case 'fold':
        assert(false, 'nothing is routed to the owner, who is nobody to introduce either');
        return;
      default:
        assertNever(message);
    }
  }

  #send(ask: Ask): void {
    const id = this.#nextId as RequestId;
    this.#nextId = (this.#nextId + 1) >>> 0;
    this.#open.set(id, ask);
    const { key, salt, priority } = ask;
    const type = ask.type === 'fetch' ? 'dataRequest' : 'insertRequest';
    const { deadlineMs } = this.#options;
    const message = { type, id, key, salt, priority, deadlineMs, route: { phase: 'stem' } } as const;
    this.#options.dispatch({ type: 'message', link: LOCAL_LINK, message });
  }

  #close(id: RequestId): void {
    this.#open.delete(id);
    for (const next of this.#waiting) {
      this.#waiting.delete(next);
      this.#send(next);
      return;
    }
  }
}
