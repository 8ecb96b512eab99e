/**
 * The door: when a request is let in that a link has brought, and when it is refused instead (docs/spec/load.md, 3 and 4). Whose turn it is
 * comes from load/fair-queue.ts, how heavy a link weighs from load/service.ts, how much may be let in from load/bucket.ts and from what
 * is in work.
 *
 * The owner's link has a place here like any other one, and no rule asks for it; where there is no stem, its blocks cost no wire.
 *
 * Invariants: at most `pendingRequests` are in work; whoever waits is let in or refused within `queueWaitMs`; while there is room
 * nobody waits, and while nobody waits there is no timer.
 */
import type { Desk } from './desk.ts';
import type { Token } from './effect.ts';
import { TokenBucket } from './load/bucket.ts';
import { FairQueue } from './load/fair-queue.ts';
import { loadLimits } from './load/limits.ts';
import { ServiceLedger } from './load/service.ts';
import { routingLimits } from './limits.ts';
import type { Request } from './messages.ts';
import { LOCAL_LINK, type LinkId } from './peer.ts';
import type { Spent } from './tally.ts';

/** What the owner has said about the line. Of what is not said there is no limit but what the carriers take. */
export interface LoadOptions {
  readonly upBytesPerSecond?: number;
  readonly downBytesPerSecond?: number;
  /** How long the oldest message that the carriers have not taken has waited (docs/spec/load.md, 3). */
  readonly oldestWaitMs?: () => number;
}

export interface Asked {
  readonly from: LinkId;
  readonly request: Request;
  readonly at: number;
}

export interface DoorOptions {
  readonly desk: Pick<Desk, 'now' | 'params' | 'setTimer' | 'cancelTimer'>;
  readonly load: LoadOptions;
  /** Whether the owner's requests count as if their blocks crossed a wire to him: by the stem, where they are to go at the pace of those that are passed on. */
  readonly owner: 'pays' | 'free';
  readonly letIn: (asked: Asked) => void;
  /** It has waited too long. */
  readonly refuse: (asked: Asked) => void;
}

export class Door {
  readonly #options: DoorOptions;
  readonly #queue: FairQueue<Asked>;
  readonly #ledger = new ServiceLedger();
  readonly #identities = new Map<LinkId, string>();
  readonly #up: TokenBucket | undefined;
  readonly #down: TokenBucket | undefined;
  #inWork = 0;
  #alarm: { readonly token: Token; readonly at: number } | undefined;

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#queue = new FairQueue((link) => this.#weightOf(link));
    this.#up = bucketOf(options.load.upBytesPerSecond);
    this.#down = bucketOf(options.load.downBytesPerSecond);
  }

  get inWork(): number {
    return this.#inWork;
  }

  linkUp(link: LinkId, identity: string): void {
    this.#identities.set(link, identity);
    this.#ledger.linked(identity, this.#options.desk.now);
  }

  /** What waits from there is forgotten. */
  linkDown(link: LinkId): void {
    this.#queue.drop(link);
    const identity = this.#identities.get(link);
    this.#identities.delete(link);
    // A peer that comes back may have its new link before the old one is gone.
    if (identity !== undefined && ![...this.#identities.values()].includes(identity))
      this.#ledger.unlinked(identity);
  }

  /** The peer has brought a block that was asked for and belongs to its key. */
  served(link: LinkId): void {
    const identity = this.#identities.get(link);
    if (identity !== undefined) this.#ledger.served(identity, this.#options.desk.now);
  }

  /** False when it is to be refused at once. Otherwise `pump` is to be called. */
  comes(asked: Asked): boolean {
    const { desk } = this.#options;
    const { priority, route, deadlineMs } = asked.request;
    return this.#queue.push(
      {
        link: asked.from,
        priority,
        phase: route.phase,
        cost: this.#estimate(asked).cost,
        // With less than that nobody can be asked any more; then it need not wait.
        deadlineMs: Math.max(0, deadlineMs - 2 * desk.params.hopMarginMs),
        item: asked,
      },
      desk.now,
    );
  }

  /** What was let in has ended and has cost this. `pump` is to be called. */
  ended(asked: Pick<Asked, 'from' | 'request'>, spent: Spent): void {
    this.#inWork -= 1;
    const { now } = this.#options.desk;
    const estimate = this.#estimate(asked);
    this.#spend({ up: spent.up - estimate.up, down: spent.down - estimate.down });
    this.#queue.charge(asked.from, spent.cost - estimate.cost);
    const identity = this.#identities.get(asked.from);
    if (identity !== undefined) this.#ledger.took(identity, { blocks: spent.cost, now });
  }

  /** Lets in whose turn it is while there is room, and refuses who has waited too long. */
  pump(): void {
    if (this.#queue.waiting > 0) {
      const { desk, letIn, refuse } = this.#options;
      for (const { item } of this.#queue.expired(desk.now)) refuse(item);
      while (this.#inWork < routingLimits.pendingRequests.value) {
        const fullness = this.#fullness();
        const next = fullness > 0 ? this.#queue.take(desk.now, fullness) : undefined;
        if (next === undefined) break;
        this.#inWork += 1;
        this.#spend(this.#estimate(next.item));
        letIn(next.item);
      }
    }
    this.#setAlarm();
  }

  /** What a request will probably cost, in blocks. */
  #estimate({ from, request }: Pick<Asked, 'from' | 'request'>): Spent {
    const wire = from === LOCAL_LINK && this.#options.owner === 'free' ? 0 : 1;
    return request.type === 'dataRequest' ? { cost: 1, up: wire, down: 1 } : { cost: 2, up: 2, down: wire };
  }

  #weightOf(link: LinkId): number {
    if (link === LOCAL_LINK) return 1;
    const identity = this.#identities.get(link);
    return identity === undefined
      ? loadLimits.weightLeast.value
      : this.#ledger.weightOf(identity, this.#options.desk.now);
  }

  /** What is unused of what this node can do, 1 at most. */
  #fullness(): number {
    const { desk, load } = this.#options;
    // A line may be slower than its owner has said, or than one direction of which nothing was said.
    const backlog =
      load.oldestWaitMs === undefined ? 1 : 1 - load.oldestWaitMs() / loadLimits.backlogMs.value;
    return Math.min(backlog, this.#up?.fullness(desk.now) ?? 1, this.#down?.fullness(desk.now) ?? 1);
  }

  #spend(blocks: { readonly up: number; readonly down: number }): void {
    const { now } = this.#options.desk;
    const bytes = routingLimits.messageBytes.value;
    this.#up?.spend(blocks.up * bytes, now);
    this.#down?.spend(blocks.down * bytes, now);
  }

  /** One timer while somebody waits, for when that may change without anything else happening. */
  #setAlarm(): void {
    const { desk } = this.#options;
    const at = this.#queue.waiting > 0 ? this.#nextAt() : undefined;
    // One that fires too early looks again.
    if (at !== undefined && this.#alarm !== undefined && this.#alarm.at <= at) return;
    if (this.#alarm !== undefined) desk.cancelTimer(this.#alarm.token);
    this.#alarm = undefined;
    if (at === undefined) return;
    const token = desk.setTimer(at, () => {
      // `pump` follows every event.
      this.#alarm = undefined;
    });
    this.#alarm = { token, at };
  }

  #nextAt(): number {
    const { desk, load } = this.#options;
    const { now } = desk;
    const needed = this.#queue.needed(now);
    const { expiresAt } = this.#queue;
    if (needed === undefined || this.#inWork >= routingLimits.pendingRequests.value) return expiresAt;
    const full = Math.max(this.#up?.fullAt(now, needed) ?? now, this.#down?.fullAt(now, needed) ?? now);
    if (full > now) return Math.min(expiresAt, full);
    // Nobody tells when the carriers have taken what waits.
    return load.oldestWaitMs === undefined
      ? expiresAt
      : Math.min(expiresAt, now + loadLimits.backlogLookMs.value);
  }
}

function bucketOf(bytesPerSecond: number | undefined): TokenBucket | undefined {
  if (bytesPerSecond === undefined) return undefined;
  // A burst of less than one request would let nobody in at full weight.
  const burstBytes = Math.max(
    (bytesPerSecond * loadLimits.burstMs.value) / 1_000,
    2 * routingLimits.messageBytes.value,
  );
  return new TokenBucket({ bytesPerSecond, burstBytes, now: 0 });
}
