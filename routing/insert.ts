/**
 * An insert at one node: it takes the block, passes it on depth first until HTL or stall ends the search, keeps it, and answers.
 * A success below never ends it: a node that claims to have stored a block may lie, and more copies survive (measured: 1 copy
 * survives the loss of half of all nodes with .5, the four to five of the store rule with .94).
 *
 * SSK and KSK blocks are written on the way back only: a node that holds another valid block under the key answers with that
 * one, everybody on the path keeps it, and nothing is overwritten. A CHK can't collide (its key is its hash), so it is written
 * while the search goes on, and the disks of a path work at the same time instead of one after the other.
 *
 * Only nodes among the closest keep an inserted block. Copies on the whole way are made by those who fetch: caching inserts as
 * well doubles the writes (10 copies instead of 5 in a small world of 1,000) and pushes out of the caches what people want.
 *
 * Invariant: `insertStored` is said only when the block is durable here or some node below has said the same.
 */
import { assertNever, type Block, equalBytes } from '../keys/index.ts';
import { audit } from './audit.ts';
import type { Desk } from './desk.ts';
import type { Token } from './effect.ts';
import type { WriteOutcome } from './event.ts';
import type { Reply, RequestId } from './messages.ts';
import { offer } from './offers.ts';
import type { LinkId } from './peer.ts';
import type { Choice } from './peers.ts';
import { type Exhausted, Search, type SearchOptions } from './search.ts';

type Write = 'not begun' | 'pending' | 'kept' | 'failed';

export class Insert extends Search {
  readonly kind = 'insert';
  #block: Block | undefined;
  #blockPatience: Token;
  #storedBelow = false;
  /** The same bytes lay here before. */
  #present = false;
  #write: Write = 'not begun';
  /** How the search ended; then only the own disk is waited for. */
  #end: 'spent' | 'deadEnd' | undefined;

  constructor(desk: Desk, asked: SearchOptions) {
    super(desk, asked);
    const patienceMs = desk.params.blockPatienceMs;
    this.#blockPatience = desk.setTimer(desk.now + patienceMs, () => {
      this.desk.verdict(this.from, 'silent');
      this.#refuse();
    });
  }

  start(): void {
    // The block comes by itself, as an answer to `accepted`.
  }

  /** The data from the asker. */
  blockArrived(block: Block): void {
    if (this.#block !== undefined || this.ended) return;
    this.tally.fromAsker();
    const kind = this.desk.verify(this.key, block);
    if (kind === undefined) {
      this.desk.verdict(this.from, 'badData');
      this.#refuse();
      return;
    }
    this.#block = block;
    this.desk.cancelTimer(this.#blockPatience);
    this.read(undefined, (present) => {
      if (this.ended) return;
      if (present !== undefined && this.#isOther(present)) {
        this.#collide(present, 'disk');
        return;
      }
      this.#present = present !== undefined && equalBytes(present, block);
      if (kind === 'chk') this.#keep();
      this.advance();
    });
  }

  protected hopAccepted(link: LinkId, id: RequestId): void {
    if (this.#block === undefined) return;
    this.tally.toHop();
    this.desk.send(link, { type: 'insertBlock', id, block: this.#block }, this.priority);
  }

  protected hopAnswered(link: LinkId, reply: Reply): boolean {
    switch (reply.type) {
      case 'insertStored':
        this.#storedBelow = true;
        // Not among the closest, this node keeps nothing, so somebody below must have it.
        if (this.part === 'cache')
          audit(this.desk, { link, asker: this.from, key: this.key, salt: this.salt });
        this.advance();
        return true;
      case 'dataNotFound':
        this.advance();
        return true;
      case 'insertCollision':
        if (this.#isOther(reply.block)) {
          this.#collide(reply.block, 'peer');
        } else {
          this.desk.verdict(link, 'badData');
          this.advance();
        }
        return true;
      case 'accepted':
      case 'working':
      case 'rejectedOverload':
      case 'dataFound':
      case 'routeNotFound':
        return false;
      default:
        return assertNever(reply);
    }
  }

  /** A search that must arrive where the block belongs ends at nodes that keep it, and this node is not one of them (docs/spec/routing.md, 11). */
  protected isFalse(reply: Reply): boolean {
    const isLost = reply.type === 'dataNotFound' || reply.type === 'routeNotFound';
    return isLost && !this.#storedBelow && this.mustArrive && this.part === 'cache';
  }

  protected hopFailed(): void {
    // That a block is not stored there says nothing about who has it.
  }

  /** Nothing: readers ask for an edition until it comes, so those who have failed are those who are to have it. */
  protected remembered(): Pick<Choice, 'avoided' | 'offered'> {
    return {};
  }

  protected exhausted(why: Exhausted): void {
    if (why === 'overload' && !this.reached) {
      this.#overloaded();
      return;
    }
    // Somebody has it already, or may have: what is here is kept, as when nobody is left.
    this.#end = why === 'spent' ? 'spent' : 'deadEnd';
    this.#keep();
    this.#conclude();
  }

  /** Writes the block where the store rule says so, unless that was begun. */
  #keep(): void {
    if (!this.mayKeep || this.part === 'cache' || this.#block === undefined || this.#write !== 'not begun')
      return;
    this.#write = 'pending';
    this.write({ block: this.#block, into: 'store' }, (outcome) => this.#written(outcome));
  }

  #written(outcome: WriteOutcome): void {
    if (outcome === 'kept' && this.leavesTrace) {
      const { desk } = this;
      // It is new: who has failed for it has not lied.
      offer(desk, this, desk.failures.found(this, { from: this.from, now: desk.now }).askers);
    }
    if (this.ended) return;
    switch (outcome) {
      case 'kept':
      case 'failed':
        this.#write = outcome;
        this.#conclude();
        return;
      case 'collision':
        // Another block came in while this one was on its way.
        this.#write = 'failed';
        this.read(undefined, (present) => {
          if (this.ended) return;
          if (present !== undefined && this.#isOther(present)) this.#collide(present, 'disk');
          else this.#conclude();
        });
    }
  }

  #conclude(): void {
    if (this.#end === undefined || this.#write === 'pending') return;
    const stored = this.#storedBelow || this.#present || this.#write === 'kept';
    // "Not stored" would be taken for an answer, as with a fetch.
    if (!stored && this.isCurtailed) {
      this.#overloaded();
      return;
    }
    this.trace({ outcome: stored ? 'stored' : 'noRoute', source: undefined });
    // As for a fetch, a search that ended here was a visit, and a dead end was none.
    this.answer({ type: stored ? 'insertStored' : this.#end === 'spent' ? 'dataNotFound' : 'routeNotFound' });
  }

  #overloaded(): void {
    this.trace({ outcome: 'overloaded', source: undefined });
    this.answer({ type: 'rejectedOverload' });
  }

  #isOther(block: Block): boolean {
    if (this.#block === undefined || equalBytes(block, this.#block)) return false;
    return this.desk.verify(this.key, block) !== undefined;
  }

  #collide(found: Block, source: 'disk' | 'peer'): void {
    const { keeps } = this;
    if (keeps !== 'nowhere' && source === 'peer') this.write({ block: found, into: keeps }, () => {});
    this.trace({ outcome: 'collision', source });
    this.answer({ type: 'insertCollision', block: found });
  }

  #refuse(): void {
    if (this.ended) return;
    this.trace({ outcome: 'refused', source: undefined });
    this.answer({ type: 'routeNotFound' });
  }

  protected released(): void {
    this.desk.cancelTimer(this.#blockPatience);
  }
}
