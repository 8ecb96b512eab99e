/**
 * Looks whether the way of what a neighbour brings comes back to it: a fetch for a key that means nothing is sent along it, and if it
 * comes in again by the same neighbour the way is cut (docs/spec/stem.md, 5). A way opens when its first check is sent: of the nodes on a
 * loop the last one to send its own finds all others open, so it gets it back, and before that nothing goes round. What goes round fills
 * the windows on the loop, and then no check gets through either.
 *
 * No other request is compared with anything: whoever asks for a key of his own would learn what is pending. A key of a check is known
 * to nobody before it is sent, so who sends one here learns what he knew.
 *
 * Invariants: at most one check of an inbound at a time and one in `loopCheckLeastMs`; a check looks to its hop like anything passed on, and
 * waits for room there like that.
 */
import { assertNever, type RoutingKey, routingKey, salt, toText } from '../../keys/index.ts';
import type { Desk, HopOwner } from '../desk.ts';
import type { Token } from '../effect.ts';
import { Hop } from '../hop.ts';
import type { Waiter } from '../load/room.ts';
import type { WindowEnd } from '../load/window.ts';
import type { Reply } from '../messages.ts';
import { about } from '../opennet/desk.ts';
import type { LinkId } from '../peer.ts';
import { stemLimits } from './limits.ts';

/** That of most requests that are passed on. */
const PRIORITY = 'bulk';

export interface LoopChecksOptions {
  readonly desk: Desk;
  /** Where what comes by this link goes once its way is open; undefined when this node diffuses it. */
  readonly wayOf: (inbound: LinkId) => LinkId | undefined;
  readonly cut: (inbound: LinkId) => void;
}

interface Inbound {
  timer: Token;
  at: number;
  checkedAt: number;
  /** The one whose way leads on there; those that were open before stay so. */
  readonly open: Set<LinkId>;
  waiter: Waiter | undefined;
  check: Check | undefined;
}

export class LoopChecks {
  readonly #options: LoopChecksOptions;
  readonly #inbounds = new Map<LinkId, Inbound>();

  constructor(options: LoopChecksOptions) {
    this.#options = options;
  }

  /** The way of this inbound is new, or another one than before. */
  changed(link: LinkId): void {
    const { desk } = this.#options;
    const at = desk.now + about(stemLimits.loopCheckFirstMs.value, desk.random);
    const inbound = this.#inbounds.get(link);
    if (inbound === undefined) {
      this.#inbounds.set(link, {
        timer: this.#setTimer(link, at),
        at,
        checkedAt: -Infinity,
        open: new Set(),
        waiter: undefined,
        check: undefined,
      });
      return;
    }
    const soonest = Math.max(at, inbound.checkedAt + stemLimits.loopCheckLeastMs.value);
    if (inbound.at <= soonest) return;
    desk.cancelTimer(inbound.timer);
    this.#schedule(link, inbound, soonest);
  }

  /** Whether what comes by `link` may go on to `to`. */
  isOpen(link: LinkId, to: LinkId): boolean {
    return this.#inbounds.get(link)?.open.has(to) ?? false;
  }

  /** Nothing comes by it any more. */
  gone(link: LinkId): void {
    const inbound = this.#inbounds.get(link);
    if (inbound === undefined) return;
    this.#inbounds.delete(link);
    this.#options.desk.cancelTimer(inbound.timer);
    this.#stop(inbound);
  }

  /** Nothing goes on by it any more. */
  lost(to: LinkId): void {
    for (const { open } of this.#inbounds.values()) open.delete(to);
  }

  /** A stem fetch has come in. */
  arrived(link: LinkId, key: RoutingKey): void {
    const inbound = this.#inbounds.get(link);
    if (inbound?.check?.isFor(key) !== true) return;
    this.#options.cut(link);
  }

  #setTimer(link: LinkId, at: number): Token {
    return this.#options.desk.setTimer(at, () => {
      const inbound = this.#inbounds.get(link);
      if (inbound !== undefined) this.#check(link, inbound);
    });
  }

  #schedule(link: LinkId, inbound: Inbound, at: number): void {
    inbound.at = at;
    inbound.timer = this.#setTimer(link, at);
  }

  #check(link: LinkId, inbound: Inbound): void {
    const { desk, wayOf } = this.#options;
    this.#schedule(link, inbound, desk.now + about(stemLimits.loopCheckMs.value, desk.random));
    const to = wayOf(link);
    if (to === undefined) return;
    this.#stop(inbound);
    const room = desk.room.ask(to, PRIORITY);
    // Nobody who waits is overtaken.
    if (room === 'taken')
      inbound.waiter = desk.room.wait({ link: to, priority: PRIORITY }, (answer) => {
        inbound.waiter = undefined;
        if (answer === 'free') this.#send(link, inbound, to);
        else this.#again(link, inbound);
      });
    else if (room === 'free') this.#send(link, inbound, to);
    else this.#again(link, inbound);
  }

  #send(link: LinkId, inbound: Inbound, to: LinkId): void {
    const { desk } = this.#options;
    const wasOpen = inbound.open.has(to);
    inbound.open.add(to);
    inbound.checkedAt = desk.now;
    inbound.check = Check.send(desk, to, (how) => {
      if (how === 'answered') return;
      // Nobody knows whether it would have come back.
      if (!wasOpen) inbound.open.delete(to);
      if (inbound.check !== undefined) this.#again(link, inbound);
    });
  }

  /** It was not sent, or has come to nothing. */
  #again(link: LinkId, inbound: Inbound): void {
    const { desk } = this.#options;
    desk.cancelTimer(inbound.timer);
    this.#schedule(link, inbound, desk.now + about(stemLimits.loopCheckLeastMs.value, desk.random));
  }

  #stop(inbound: Inbound): void {
    if (inbound.waiter !== undefined) this.#options.desk.room.leave(inbound.waiter);
    const { check } = inbound;
    inbound.waiter = undefined;
    inbound.check = undefined;
    check?.end('dropped');
  }
}

/** One stem fetch for a key that means nothing. */
export class Check implements HopOwner {
  readonly #desk: Desk;
  readonly #key: RoutingKey;
  readonly #name: string;
  #hop: Hop | undefined;
  #patience: Token | undefined;
  readonly #ended: ((how: WindowEnd) => void) | undefined;

  /** Sends it; `ended` is called once, unless nobody is at the link. */
  static send(desk: Desk, link: LinkId, ended?: (how: WindowEnd) => void): Check {
    return new Check(desk, link, ended);
  }

  private constructor(desk: Desk, link: LinkId, ended?: (how: WindowEnd) => void) {
    this.#desk = desk;
    this.#ended = ended;
    const { random, params, now } = desk;
    this.#key = routingKey(random.bytes(32));
    this.#name = toText(this.#key);
    const location = desk.peers.locationOf(link);
    if (location === undefined) return;
    const silent = (): void => this.end('silent');
    this.#hop = new Hop(desk, { link, location, priority: PRIORITY, owner: this, silent });
    this.#patience = desk.setTimer(now + params.deadlineMs, () => this.end('dropped'));
    const [which = 0] = random.bytes(1);
    desk.send(link, {
      type: 'dataRequest',
      id: this.#hop.id,
      key: this.#key,
      salt: salt(which % 3),
      priority: PRIORITY,
      deadlineMs: params.deadlineMs,
      route: { phase: 'stem' },
    });
  }

  isFor(key: RoutingKey): boolean {
    return this.#hop !== undefined && toText(key) === this.#name;
  }

  hopSays(reply: Reply): void {
    const hop = this.#hop;
    if (hop === undefined) return;
    switch (reply.type) {
      case 'accepted':
        if (!hop.accepted) hop.accepts();
        return;
      case 'working':
        if (hop.accepted) hop.works();
        return;
      case 'rejectedOverload':
        this.end(hop.accepted ? 'dropped' : 'refused');
        return;
      case 'dataFound':
      case 'insertStored':
      case 'insertCollision':
        // Nobody can have it.
        this.#desk.verdict(hop.link, reply.type === 'dataFound' ? 'badData' : 'violation');
        this.end('answered');
        return;
      case 'dataNotFound':
      case 'routeNotFound':
        this.#desk.peers.answered(hop.link, this.#desk.now);
        this.end('answered');
        return;
      default:
        assertNever(reply);
    }
  }

  hopLost(): void {
    this.end('dropped');
  }

  end(how: WindowEnd): void {
    const hop = this.#hop;
    if (hop === undefined) return;
    hop.close(how);
    this.#hop = undefined;
    if (this.#patience !== undefined) this.#desk.cancelTimer(this.#patience);
    this.#ended?.(how);
  }
}
