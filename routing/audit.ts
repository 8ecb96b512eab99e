/**
 * A question whose answer is known: some time after a peer has said that a block is stored below it, it is asked for that block,
 * in the form of any other fetch (docs/spec/routing.md, 11). Who lies about visits, about what he stored or about what he found
 * ends the searches of others; this is how a node learns whom to ask last.
 *
 * What comes is looked at and dropped. An audit keeps nothing, answers nobody, and changes nothing but the peer's record. It is
 * the same for the owner's inserts as for those of others: a difference could be seen from outside.
 *
 * Invariant: an audit ends, at the latest with its patience, and is one request on one link.
 */
import { assertNever, type Block, type Location, type RoutingKey, type Salt } from '../keys/index.ts';
import { wireDistance } from './budget.ts';
import type { Desk, HopOwner } from './desk.ts';
import type { Token } from './effect.ts';
import { Hop } from './hop.ts';
import type { Reply, Uid } from './messages.ts';
import type { WindowEnd } from './load/window.ts';
import type { LinkId } from './peer.ts';

/** That of most requests that are passed on. */
const PRIORITY = 'bulk';

export interface AuditOptions {
  /** Who is asked. */
  readonly link: LinkId;
  /** Whose request gave the occasion. */
  readonly asker: LinkId;
  readonly key: RoutingKey;
  readonly salt: Salt;
}

/** Plans an audit, if one is due. */
export function audit(desk: Desk, options: AuditOptions): void {
  const { link, asker } = options;
  const plan = desk.peers.planAudit(link, { asker, now: desk.now });
  if (plan === undefined) return;
  desk.setTimer(desk.now + plan.afterMs, () => {
    if (desk.peers.isConfirmed(link)) new Audit(desk, { ...options, uid: plan.uid }).start();
    else desk.peers.audited(link, 'undecided', desk.now);
  });
}

class Audit implements HopOwner {
  readonly #desk: Desk;
  readonly #link: LinkId;
  readonly #key: RoutingKey;
  readonly #salt: Salt;
  readonly #uid: Uid;
  readonly #target: Location;
  #hop: Hop | undefined;
  #patience: Token | undefined;

  constructor(desk: Desk, options: AuditOptions & { uid: Uid }) {
    this.#desk = desk;
    this.#link = options.link;
    this.#key = options.key;
    this.#salt = options.salt;
    this.#uid = options.uid;
    this.#target = desk.locate(options.key, options.salt);
  }

  start(): void {
    const desk = this.#desk;
    const { params, now } = desk;
    const place = desk.peers.locationOf(this.#link);
    // Nobody who waits is overtaken.
    if (place === undefined || desk.room.ask(this.#link, PRIORITY) !== 'free') {
      desk.peers.audited(this.#link, 'undecided', now);
      return;
    }
    // One that comes back is refused like any other: who could tell an audit by asking back would lie to all else.
    desk.seen.accept(this.#uid, now);
    this.#hop = new Hop(desk, {
      link: this.#link,
      location: place,
      priority: PRIORITY,
      owner: this,
      silent: () => this.#end('undecided', 'silent'),
    });
    // Whoever works for ever has not been caught, but is not believed either.
    this.#patience = desk.setTimer(now + params.deadlineMs, () => this.#end('undecided', 'dropped'));
    desk.send(this.#link, {
      type: 'dataRequest',
      id: this.#hop.id,
      key: this.#key,
      salt: this.#salt,
      priority: PRIORITY,
      deadlineMs: params.deadlineMs - params.hopMarginMs,
      // Like a request that has come a little way, and of which this node is the closest so far.
      route: {
        phase: 'greedy',
        uid: this.#uid,
        htl: Math.max(1, params.htl - params.hintsAfter),
        stall: 0,
        best: wireDistance(desk.location, this.#target),
        visited: [],
      },
    });
  }

  hopSays(reply: Reply): void {
    const hop = this.#hop;
    if (hop === undefined) return;
    const desk = this.#desk;
    switch (reply.type) {
      case 'accepted':
        if (!hop.accepted) hop.accepts();
        return;
      case 'working':
        if (hop.accepted) hop.works();
        return;
      case 'rejectedOverload':
        this.#end('undecided', hop.accepted ? 'dropped' : 'refused');
        return;
      case 'dataFound':
        this.#found(reply.block);
        return;
      case 'dataNotFound':
        desk.peers.answered(this.#link, desk.now);
        this.#end('failed', 'answered');
        return;
      case 'routeNotFound':
        desk.peers.answered(this.#link, desk.now);
        // A dead end has not looked anywhere.
        this.#end(reply.visits > 0 ? 'failed' : 'undecided', 'answered');
        return;
      case 'insertStored':
      case 'insertCollision':
        desk.verdict(this.#link, 'violation');
        this.#end('failed', 'answered');
        return;
      default:
        assertNever(reply);
    }
  }

  hopLost(): void {
    this.#end('undecided', 'dropped');
  }

  #found(block: Block): void {
    this.#desk.peers.answered(this.#link, this.#desk.now);
    const isValid = this.#desk.verify(this.#key, block) !== undefined;
    if (!isValid) this.#desk.verdict(this.#link, 'badData');
    this.#end(isValid ? 'passed' : 'failed', 'answered');
  }

  #end(outcome: 'passed' | 'failed' | 'undecided', how: WindowEnd): void {
    if (this.#hop === undefined) return;
    if (this.#patience !== undefined) this.#desk.cancelTimer(this.#patience);
    this.#hop.close(how);
    this.#hop = undefined;
    this.#desk.seen.answered(this.#uid, this.#desk.now);
    this.#desk.peers.audited(this.#link, outcome, this.#desk.now);
  }
}
