/** The owners of simulated nodes: they ask by the virtual peer, like any client, and are told once. */
import { type Block, type RoutingKey, type Salt, assert, assertNever } from '../../keys/index.ts';
import { LOCAL_LINK, type Message, type RequestId, type RouterEvent } from '../../routing/index.ts';
import type { Pending, Result, SimNode } from './node.ts';

/** Longer than any disk of a node is busy, shorter than any link. */
export const DISK_MS = 0.2;

export class Clients {
  readonly #deadlineMs: number;
  readonly #tell: (node: SimNode, event: RouterEvent) => void;
  readonly #soon: (call: () => void) => void;
  #open = 0;

  constructor(options: {
    deadlineMs: number;
    tell: (node: SimNode, event: RouterEvent) => void;
    soon: (call: () => void) => void;
  }) {
    this.#deadlineMs = options.deadlineMs;
    this.#tell = options.tell;
    this.#soon = options.soon;
  }

  /** Requests that somebody alive still waits for. */
  get open(): number {
    return this.#open;
  }

  ask(
    node: SimNode,
    what: { type: 'dataRequest' | 'insertRequest'; key: RoutingKey; salt: Salt },
    pending: Pending,
  ): void {
    assert(node.alive, 'who asks is alive');
    const id = node.nextRequest as RequestId;
    node.nextRequest += 1;
    node.requests.set(id, pending);
    this.#open += 1;
    const route = { phase: 'stem' } as const;
    const message = { ...what, id, priority: 'realtime', deadlineMs: this.#deadlineMs, route } as const;
    this.#tell(node, { type: 'message', link: LOCAL_LINK, message });
  }

  /** What a router says to its virtual peer. */
  answer(node: SimNode, message: Message): void {
    assert('id' in message, 'the virtual peer is sent answers alone');
    const id = message.id as RequestId;
    const pending = node.requests.get(id);
    assert(pending !== undefined, 'every request is answered once');
    if (message.type === 'working') return;
    if (message.type === 'accepted') {
      if (pending.block !== undefined) this.#sendBlock(node, id, pending.block);
      return;
    }
    const result = resultOf(message);
    if (result === undefined) return;
    this.#soon(() => {
      // Nobody hears what their node knew when it died.
      if (!node.requests.delete(id)) return;
      this.#open -= 1;
      pending.done(result);
    });
  }

  /** The node has died, and its owner's requests with it. */
  forget(node: SimNode): void {
    this.#open -= node.requests.size;
    node.requests.clear();
  }

  #sendBlock(node: SimNode, id: RequestId, block: Block): void {
    const message = { type: 'insertBlock', id, block } as const;
    this.#soon(() => this.#tell(node, { type: 'message', link: LOCAL_LINK, message }));
  }
}

/** Undefined for what is no final answer. */
function resultOf(message: Message): Result | undefined {
  switch (message.type) {
    case 'dataFound':
      return { type: 'found', block: message.block };
    case 'insertCollision':
      return { type: 'collision', block: message.block };
    case 'insertStored':
      return { type: 'stored' };
    case 'dataNotFound':
      return { type: 'notFound' };
    case 'routeNotFound':
      return { type: 'noRoute' };
    case 'rejectedOverload':
      return { type: 'overloaded' };
    case 'accepted':
    case 'working':
    case 'dataRequest':
    case 'insertRequest':
    case 'insertBlock':
    case 'unsupported':
    case 'wanted':
    case 'unwanted':
    case 'peers':
    case 'seek':
    case 'seekOffer':
    case 'seekEnd':
    case 'introduce':
    case 'introduction':
    case 'noIntroduction':
    case 'fold':
    case 'offered':
    case 'uplink':
    case 'stemLink':
      return undefined;
    default:
      return assertNever(message);
  }
}
