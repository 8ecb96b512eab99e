/**
 * Searches of this node that wait until the peer that is best for them has room in its window (docs/spec/load.md, 5): one queue for
 * each peer and class, first come, first served. Whoever would rather not wait asks nobody here.
 *
 * It sends nothing and counts no window. It does not end a search whose time is over: who waits leaves by itself then.
 *
 * Invariants: while somebody waits for a peer nobody is sent there before him; nobody waits longer than `roomWaitMs`; who waits is
 * called once, unless he has left; each search waits at one place, so there are no more of them than requests in work; one timer for
 * all, and none while nobody waits.
 */
import type { Token } from '../effect.ts';
import type { Priority } from '../messages.ts';
import type { LinkId } from '../peer.ts';
import type { PeerTable } from '../peers.ts';
import { loadLimits } from './limits.ts';

/**
 * - `free`: there is room now, for the one who is called.
 * - `full`: there was none in time, or the peer has refused even its only request.
 * - `gone`: the peer can't be asked any more.
 */
export type RoomAnswer = 'free' | 'full' | 'gone';

export interface Waiter {
  readonly called: (answer: RoomAnswer) => void;
  readonly until: number;
  readonly queue: Queue;
}

interface Queue {
  readonly link: LinkId;
  readonly priority: Priority;
  readonly waiters: Set<Waiter>;
}

/** Of desk.ts. */
interface RoomDesk {
  readonly now: number;
  readonly peers: Pick<PeerTable, 'room'>;
  setTimer(at: number, fired: () => void): Token;
  cancelTimer(token: Token): void;
}

export class WaitingRoom {
  readonly #desk: RoomDesk;
  readonly #queues: Readonly<Record<Priority, Map<LinkId, Queue>>> = { bulk: new Map(), realtime: new Map() };
  #alarm: { readonly token: Token; readonly at: number } | undefined;

  constructor(desk: RoomDesk) {
    this.#desk = desk;
  }

  /** What whoever comes now would be told; `taken` when he has to wait for it. */
  ask(link: LinkId, priority: Priority): RoomAnswer | 'taken' {
    const room = this.#desk.peers.room(link, { priority, now: this.#desk.now });
    return room === 'free' && this.#queues[priority].has(link) ? 'taken' : room;
  }

  wait(where: { link: LinkId; priority: Priority }, called: Waiter['called']): Waiter {
    const queues = this.#queues[where.priority];
    const queue = queues.get(where.link) ?? { ...where, waiters: new Set() };
    queues.set(where.link, queue);
    const waiter = { called, queue, until: this.#desk.now + loadLimits.roomWaitMs.value };
    queue.waiters.add(waiter);
    return waiter;
  }

  leave(waiter: Waiter): void {
    const { link, priority, waiters } = waiter.queue;
    waiters.delete(waiter);
    if (waiters.size === 0) this.#queues[priority].delete(link);
  }

  /** Calls those who need not wait any longer. After every event. */
  pump(): void {
    const { realtime, bulk } = this.#queues;
    if (realtime.size > 0) for (const queue of realtime.values()) this.#call(queue);
    if (bulk.size > 0) for (const queue of bulk.values()) this.#call(queue);
    this.#setAlarm();
  }

  #call(queue: Queue): void {
    const { link, priority, waiters } = queue;
    const { peers, now } = this.#desk;
    for (const waiter of waiters) {
      const room = peers.room(link, { priority, now });
      if (room === 'taken' && now < waiter.until) return;
      this.leave(waiter);
      waiter.called(room === 'taken' ? 'full' : room);
    }
  }

  /** One that fires too early looks again. `pump` follows every event, so firing is all it has to do. */
  #setAlarm(): void {
    const { realtime, bulk } = this.#queues;
    if (this.#alarm === undefined && realtime.size === 0 && bulk.size === 0) return;
    const at = Math.min(firstOf(realtime), firstOf(bulk));
    if (this.#alarm !== undefined && this.#alarm.at <= at && at < Infinity) return;
    if (this.#alarm !== undefined) this.#desk.cancelTimer(this.#alarm.token);
    this.#alarm = undefined;
    if (at === Infinity) return;
    const token = this.#desk.setTimer(at, () => (this.#alarm = undefined));
    this.#alarm = { token, at };
  }
}

/** When the first of them has waited long enough; of one queue that is who came first. */
function firstOf(queues: ReadonlyMap<LinkId, Queue>): number {
  let first = Infinity;
  for (const { waiters } of queues.values())
    for (const { until } of waiters) {
      first = Math.min(first, until);
      break;
    }
  return first;
}
