/**
 * Which requests are in work on which link, under the ids that they have there: those that the peer asks of this node, and those that
 * this node asks of the peer.
 *
 * It decides nothing about them. Invariant: an id names one request of a link until its final answer, or the link's end.
 */
import { assert } from '../keys/index.ts';
import type { HopOwner } from './desk.ts';
import type { RequestId } from './messages.ts';
import type { LinkId } from './peer.ts';
import type { Search } from './search.ts';
import type { StemRelay } from './stem/relay.ts';

export interface LinkRequests {
  /** Requests of the peer that wait or are in work here. */
  readonly asked: Map<RequestId, Search | StemRelay | 'waiting' | 'refused'>;
  /** Requests of ours in work there. */
  readonly asking: Map<RequestId, HopOwner>;
  nextId: number;
}

export class Requests {
  readonly #links = new Map<LinkId, LinkRequests>();

  up(link: LinkId): void {
    assert(!this.#links.has(link), 'a link comes up once');
    this.#links.set(link, { asked: new Map(), asking: new Map(), nextId: 0 });
  }

  /** @returns what was in work on it. */
  down(link: LinkId): LinkRequests | undefined {
    const requests = this.#links.get(link);
    this.#links.delete(link);
    return requests;
  }

  has(link: LinkId): boolean {
    return this.#links.has(link);
  }

  of(link: LinkId): LinkRequests | undefined {
    return this.#links.get(link);
  }

  openHop(to: LinkId, owner: HopOwner): RequestId {
    const link = this.#links.get(to);
    assert(link !== undefined, 'a hop is a peer');
    const id = link.nextId as RequestId;
    link.nextId = (link.nextId + 1) >>> 0;
    link.asking.set(id, owner);
    return id;
  }

  closeHop(to: LinkId, id: RequestId): void {
    this.#links.get(to)?.asking.delete(id);
  }

  /** The link may be gone, and all that was in work on it. */
  ended(from: LinkId, id: RequestId): void {
    this.#links.get(from)?.asked.delete(id);
  }
}
