/**
 * A fetch at one node: the own store first, then a running fetch for the same key, then the search. What is found goes back the
 * way the request came, and every greedy node on that way keeps a copy: what people want spreads.
 */
import { assert, type Block } from '../keys/index.ts';
import { audit } from './audit.ts';
import type { Desk } from './desk.ts';
import type { PendingFetches } from './coalesce.ts';
import type { Token, Trace } from './effect.ts';
import type { Answer, Overloaded, Reply } from './messages.ts';
import { routingLimits } from './limits.ts';
import { offer } from './offers.ts';
import type { LinkId } from './peer.ts';
import type { Place } from './failure-table.ts';
import type { Choice } from './peers.ts';
import { type Exhausted, Search, type SearchOptions } from './search.ts';

export class Fetch extends Search {
  readonly kind = 'fetch';
  readonly #fetches: PendingFetches<Fetch>;
  /** Fetches of others that wait for this one. */
  readonly #waiters = new Set<Fetch>();
  /** The one that this one waits for. */
  #leader: { readonly fetch: Fetch; readonly patience: Token } | undefined;

  constructor(desk: Desk, fetches: PendingFetches<Fetch>, asked: SearchOptions) {
    super(desk, asked);
    this.#fetches = fetches;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  start(): void {
    this.read(this.isLocal ? undefined : this.from, (block) => {
      if (this.ended) return;
      if (block !== undefined && this.desk.verify(this.key, block) !== undefined) {
        this.#found(block, 'disk');
      } else {
        this.#waitOrLead();
      }
    });
  }

  #waitOrLead(): void {
    const fetch = this.#fetches.leaderFor(this);
    if (fetch === undefined) {
      this.#lead();
      return;
    }
    const patience = this.desk.setTimer(this.desk.now + this.desk.params.coalesceWaitMs, () => {
      fetch.#waiters.delete(this);
      this.#leader = undefined;
      this.#lead();
    });
    this.#leader = { fetch, patience };
    fetch.#waiters.add(this);
  }

  #lead(): void {
    this.#fetches.add(this);
    this.advance();
  }

  protected hopAccepted(): void {
    // Nothing to send: the request has said all.
  }

  protected hopAnswered(link: LinkId, reply: Reply): boolean {
    if (reply.type === 'dataNotFound') {
      this.hopFailed(link);
      this.advance();
      return true;
    }
    if (reply.type !== 'dataFound') return false;
    if (this.desk.verify(this.key, reply.block) === undefined) {
      this.desk.verdict(link, 'badData');
      this.advance();
      return true;
    }
    this.desk.served(link);
    const askers = this.leavesTrace ? this.#contradicted(link) : [];
    if (!this.leavesTrace && !this.isLocal)
      this.desk.failures.found(this.#place, { from: link, now: this.desk.now });
    const { keeps } = this;
    if (keeps !== 'nowhere')
      this.write({ block: reply.block, into: keeps }, (outcome) => {
        if (outcome === 'kept') offer(this.desk, this, askers);
      });
    this.#found(reply.block, 'peer');
    return true;
  }

  /** Whoever says that he has not found it may be right. */
  protected isFalse(): boolean {
    return false;
  }

  protected hopFailed(link: LinkId): void {
    if (!this.isLocal) this.desk.failures.failed(this.#place, { link, now: this.desk.now });
  }

  /** What failed for a stem is remembered for the next try on the same link, and steers nobody else's. */
  get #place(): Place {
    const { key, salt, from: by } = this;
    return this.leavesTrace || this.isLocal ? { key, salt } : { key, salt, by };
  }

  /** Offers steer nothing that the owner asks for: whoever made one would be the first to see who asks. */
  protected remembered(): Pick<Choice, 'avoided' | 'offered'> {
    const { failures, now } = this.desk;
    const avoided = failures.avoided(this.#place, now);
    return this.leavesTrace ? { avoided, offered: failures.offersOf(this, now) } : { avoided };
  }

  /**
   * `finder` has it, so who had it not a moment ago may lie: an occasion to audit, no more, for the block may be new (docs/spec/routing.md, 11).
   * @returns who asked for it here in vain and has not got it now.
   */
  #contradicted(finder: LinkId): LinkId[] {
    const { desk, key, salt } = this;
    const { askers, failures } = desk.failures.found(this, { from: finder, now: desk.now });
    for (const { link, at } of failures) {
      if (link !== finder && desk.now - at < routingLimits.contradictionMs.value)
        audit(desk, { link, asker: this.from, key, salt });
    }
    const served = new Set([this, ...this.#waiters].map(({ from }) => from));
    return askers.filter((asker) => !served.has(asker));
  }

  protected exhausted(why: Exhausted): void {
    // "Not found" would be taken for an answer: the owner gives up after some, and a relay goes another way the next time.
    if (why === 'overload' || this.isCurtailed)
      this.#end({ type: 'rejectedOverload' }, { outcome: 'overloaded', source: undefined });
    else this.#endInVain(why);
    for (const waiter of this.#takeWaiters()) waiter.#lead();
  }

  #endInVain(why: 'spent' | 'deadEnd'): void {
    // To a peer a dead end is a dead end; on the stem it is told whether anybody could be asked, for then nobody else need be.
    const looked = why === 'spent' || (this.phase === 'stem' && this.reached);
    const outcome = looked ? 'notFound' : 'noRoute';
    this.#end({ type: looked ? 'dataNotFound' : 'routeNotFound' }, { outcome, source: undefined });
  }

  #found(block: Block, source: 'disk' | 'peer'): void {
    this.#end({ type: 'dataFound', block }, { outcome: 'found', source });
    for (const waiter of this.#takeWaiters()) waiter.#found(block, source);
  }

  #end(answer: Answer | Overloaded, what: Pick<Trace, 'outcome' | 'source'>): void {
    const { from: link, desk } = this;
    if (this.leavesTrace && answer.type !== 'dataFound') desk.failures.asked(this, { link, now: desk.now });
    this.trace(what);
    this.answer(answer);
  }

  /** They are free from here on: their leader has ended. */
  #takeWaiters(): Fetch[] {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) {
      assert(waiter.#leader?.fetch === this, 'a waiter knows its leader');
      this.desk.cancelTimer(waiter.#leader.patience);
      waiter.#leader = undefined;
    }
    return waiters;
  }

  protected released(): void {
    this.#fetches.remove(this);
    if (this.#leader === undefined) return;
    this.desk.cancelTimer(this.#leader.patience);
    this.#leader.fetch.#waiters.delete(this);
    this.#leader = undefined;
  }
}
