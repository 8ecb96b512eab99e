/**
 * Which machine works on a request that was let in: a search, or a relay of the stem (docs/spec/stem.md, 4).
 *
 * It answers nothing itself. Invariant: where the stem is on, nothing that the owner asks for becomes a search here, whatever fails.
 */
import { assert, type Block } from '../keys/index.ts';
import { PendingFetches } from './coalesce.ts';
import type { Desk } from './desk.ts';
import { Fetch } from './fetch.ts';
import { Insert } from './insert.ts';
import { LOCAL_LINK } from './peer.ts';
import type { Search, SearchOptions } from './search.ts';
import { StemRelay } from './stem/relay.ts';
import type { Stem } from './stem/stem.ts';
import type { Uplink } from './uplink.ts';

export interface TasksOptions {
  readonly desk: Desk;
  readonly uplink: Uplink;
  readonly stem: Stem | undefined;
  /** A relay has given a request up, and this search has it now. */
  readonly takenOver: (asked: SearchOptions, search: Search) => void;
}

export class Tasks {
  readonly #options: TasksOptions;
  readonly #fetches = new PendingFetches<Fetch>();

  constructor(options: TasksOptions) {
    this.#options = options;
  }

  /** To be started by the caller, when it knows it. */
  begin(asked: SearchOptions): Search | StemRelay {
    const { desk, uplink, stem } = this.#options;
    const { request, from } = asked;
    if (request.route.phase === 'greedy') return this.#search(asked);
    if (uplink.isEdge)
      return new StemRelay(desk, { ...asked, ways: () => uplink.ways(from), failing: 'askNext' });
    if (stem === undefined) return this.#search(asked);
    if (request.type === 'dataRequest' && from !== LOCAL_LINK) stem.arrived(from, request.key);
    if (stem.diffuses(from)) return this.#search(asked);
    return new StemRelay(desk, {
      ...asked,
      ways: () => stem.ways(from),
      failing:
        from === LOCAL_LINK
          ? { waited: () => stem.ownWaited(request) }
          : (block, deadlineMs) => this.#takeOver({ ...asked, request: { ...request, deadlineMs } }, block),
    });
  }

  #search(asked: SearchOptions): Search {
    const { desk, stem } = this.#options;
    assert(stem === undefined || asked.from !== LOCAL_LINK, 'what the owner asks for leaves by the stem');
    return asked.request.type === 'dataRequest'
      ? new Fetch(desk, this.#fetches, asked)
      : new Insert(desk, asked);
  }

  /** A relay diffuses what its guard has failed to do. */
  #takeOver(asked: SearchOptions, block: Block | undefined): void {
    const search = this.#search({ ...asked, isAccepted: true });
    this.#options.takenOver(asked, search);
    search.start();
    if (block !== undefined && search instanceof Insert) search.blockArrived(block);
  }
}
