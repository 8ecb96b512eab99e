/**
 * What must hold at every honest node in every run, checked from outside: by what a router is told and what it wants, never by
 * its tables (docs/spec/simulator.md, 4). A breach is collected, not thrown, so that one run shows all.
 *
 * It is no second router: where only the router's own memory can tell (whom it leaves alone), the check allows both.
 */
import { assert, toText } from '../../keys/index.ts';
import {
  type Effect,
  LOCAL_LINK,
  type LinkId,
  type Message,
  type NetworkParams,
  type Request,
  type RouterEvent,
  routingLimits,
} from '../../routing/index.ts';
import { type Sent, firstBreach, laterBreach } from './check-budget.ts';
import { Neighbourhood } from './check-store.ts';
import type { Observer } from './host.ts';
import type { SimNode } from './node.ts';

export type Rule = 'once' | 'budget' | 'answers' | 'store' | 'bounds' | 'stem';

export interface Breach {
  readonly rule: Rule;
  readonly at: number;
  readonly node: number;
  readonly what: string;
}

/** What is looked at of a node. */
export type Watched = Pick<SimNode, 'number' | 'location' | 'role'> & {
  /** False once this life is over: who comes back is another one. */
  readonly alive?: boolean;
  readonly router: { readonly pending: number };
};

interface Open {
  readonly request: Request;
  readonly at: number;
  /** Its uid was seen before, so it must look like a dead end. */
  readonly again: boolean;
  /** When it was. */
  accepted: number | undefined;
}

interface Uid {
  /** As it was accepted; undefined for one that this node has drawn. */
  readonly request: Request | undefined;
  /** When it was answered; while it is in work, Infinity. */
  answeredAt: number;
  sent: Sent | undefined;
}

interface Record {
  readonly open: Map<LinkId, Map<number, Open>>;
  readonly uids: Map<string, Uid>;
  readonly around: Neighbourhood;
  /** Places that peers have asked for here. */
  readonly came: Set<string>;
}

const BREACHES_MOST = 100;
/** An insert may wait for the disk beyond its deadline, and the last node for its own time-out. */
const ANSWER_GRACE_MS = 5_000;

export class Checks implements Observer {
  readonly #params: NetworkParams;
  readonly #stem: 'on' | 'off';
  readonly #records = new Map<Watched, Record>();
  readonly breaches: Breach[] = [];

  constructor(params: NetworkParams, { stem = 'off' }: { stem?: 'on' | 'off' } = {}) {
    this.#params = params;
    this.#stem = stem;
  }

  heard(now: number, node: Watched, event: RouterEvent): void {
    const record = this.#of(node);
    if (event.type === 'linkUp') record.around.up(event.link, event.peer, event.since);
    if (event.type === 'linkDown') {
      record.around.down(event.link);
      record.open.delete(event.link);
    }
    if (event.type !== 'message') return;
    const { link, message } = event;
    record.around.heard(link, message, now);
    if (message.type !== 'dataRequest' && message.type !== 'insertRequest') return;
    const open = openOf(record, link);
    // The router closes the link for it.
    if (open.has(message.id)) return;
    open.set(message.id, {
      request: message,
      at: now,
      again: this.#isAgain(record, message, now),
      accepted: undefined,
    });
    if (link !== LOCAL_LINK && this.#stem === 'on') record.came.add(placeOf(message));
    record.around.asked(message);
  }

  did(now: number, node: Watched, effect: Effect): void {
    const record = this.#of(node);
    const breach = (rule: Rule, what: string): void =>
      this.#breach({ rule, at: now, node: node.number, what });
    if (effect.type === 'peerVerdict') record.around.blamed(effect.link, now);
    if (effect.type === 'writeBlock') {
      const what = record.around.wrote(effect, { own: node.location, now, params: this.#params });
      if (what !== undefined) breach('store', what);
    }
    if (effect.type !== 'send') return;
    const { link, message } = effect;
    record.around.said(link, message);
    if (message.type === 'dataRequest' || message.type === 'insertRequest') {
      const what = this.#sent(record, node, { link, request: message });
      if (what !== undefined) breach('budget', what);
      const leaks = this.#leaks(record, message);
      if (leaks !== undefined) breach('stem', leaks);
      return;
    }
    const what = this.#answered(record, { link, message, now });
    if (what !== undefined) breach(what.rule, what.what);
  }

  rested(now: number, node: Watched): void {
    const { pendingRequests, pendingPerLink } = routingLimits;
    const breach = (what: string): void => this.#breach({ rule: 'bounds', at: now, node: node.number, what });
    if (node.router.pending > pendingRequests.value) breach(`${node.router.pending} requests in work`);
    for (const [link, { size }] of this.#of(node).open)
      if (size > pendingPerLink.value) breach(`${size} requests of link ${link} in work`);
  }

  /** In the end: whoever was accepted long ago has been answered. `isAlive` tells who still had to. */
  finish(now: number, isAlive: (node: number) => boolean): void {
    for (const [node, { open }] of this.#records) {
      if (node.role !== 'honest' || node.alive === false || !isAlive(node.number)) continue;
      for (const [link, requests] of open)
        for (const { request, at: asked, accepted } of requests.values()) {
          // What the owner asks for waits until somebody takes it.
          if (link === LOCAL_LINK && this.#stem === 'on' && accepted === undefined) continue;
          const at = link === LOCAL_LINK ? (accepted ?? asked) : asked;
          if (now - at > Math.min(request.deadlineMs, this.#params.deadlineMs) + ANSWER_GRACE_MS)
            this.#breach({
              rule: 'answers',
              at: now,
              node: node.number,
              what: `${request.type} ${request.id} of link ${link} was never answered`,
            });
        }
    }
  }

  #of(node: Watched): Record {
    let record = this.#records.get(node);
    if (record === undefined) {
      record = { open: new Map(), uids: new Map(), around: new Neighbourhood(), came: new Set() };
      this.#records.set(node, record);
    }
    return record;
  }

  #breach(breach: Breach): void {
    if (this.breaches.length < BREACHES_MOST) this.breaches.push(breach);
  }

  /** Whether this node must refuse it; if not, it is remembered as accepted. */
  #isAgain(record: Record, request: Request, now: number): boolean {
    if (request.route.phase === 'stem') return false;
    const { uid } = request.route;
    const known = record.uids.get(uid);
    if (known !== undefined && known.answeredAt + this.#params.seenKeepMs > now) return true;
    record.uids.set(uid, { request, answeredAt: Infinity, sent: undefined });
    return false;
  }

  #sent(
    record: Record,
    node: Watched,
    { link, request }: { link: LinkId; request: Request },
  ): string | undefined {
    const { route } = request;
    if (route.phase === 'stem') return undefined;
    // Who loses an insert may be in doubt from then on, and so may who fails an audit.
    if (request.type === 'insertRequest') record.around.tested(link, request.id);
    let uid = record.uids.get(route.uid);
    if (uid === undefined) {
      // Drawn here. When its own request ends is not known: it counts as in work.
      uid = { request: undefined, answeredAt: Infinity, sent: undefined };
      record.uids.set(route.uid, uid);
      if (route.htl < this.#params.htl) record.around.tested(link, request.id);
    }
    const sent = { htl: route.htl, stall: route.stall, best: route.best };
    const what =
      uid.sent === undefined
        ? firstBreach({ sent, came: uid.request?.route, request, own: node.location, params: this.#params })
        : laterBreach(uid.sent, sent);
    uid.sent = sent;
    return what === undefined ? undefined : `${request.type} ${route.uid}: ${what}`;
  }

  /** What the owner asks for goes greedily nowhere: whatever does is for a place that some peer has asked for here, or an audit of one. */
  #leaks(record: Record, request: Request): string | undefined {
    if (this.#stem === 'off') return undefined;
    if (request.route.phase === 'stem') return undefined;
    return record.came.has(placeOf(request)) ? undefined : `${request.type} ${request.id} came from nobody`;
  }

  #answered(
    record: Record,
    answer: { link: LinkId; message: Message; now: number },
  ): { rule: Rule; what: string } | undefined {
    const { link, message, now } = answer;
    if (!isReply(message)) return undefined;
    const requests = record.open.get(link);
    const open = requests?.get(message.id);
    if (open === undefined || requests === undefined)
      return { rule: 'answers', what: `${message.type} ${message.id} on link ${link} answers nothing` };
    if (message.type === 'working')
      return open.accepted !== undefined ? undefined : { rule: 'answers', what: 'working before accepted' };
    if (message.type === 'accepted') {
      if (open.accepted !== undefined)
        return { rule: 'answers', what: `request ${message.id} was accepted twice` };
      open.accepted = now;
      return open.again && open.request.type === 'insertRequest'
        ? { rule: 'once', what: 'an insert seen before was accepted' }
        : undefined;
    }
    requests.delete(message.id);
    const { route } = open.request;
    if (open.again) {
      const looksDead =
        message.type === 'rejectedOverload' || (message.type === 'routeNotFound' && message.visits === 0);
      return looksDead ? undefined : { rule: 'once', what: `a uid seen before was answered ${message.type}` };
    }
    if (route.phase === 'stem') return undefined;
    const uid = record.uids.get(route.uid);
    assert(uid !== undefined, 'what is open and was not seen before was remembered');
    // What was refused at the door has not been seen.
    if (message.type === 'rejectedOverload' && open.accepted === undefined) record.uids.delete(route.uid);
    else uid.answeredAt = now;
    return undefined;
  }
}

type Reply = Extract<
  Message,
  {
    type:
      | 'accepted'
      | 'working'
      | 'rejectedOverload'
      | 'routeNotFound'
      | 'dataNotFound'
      | 'dataFound'
      | 'insertStored'
      | 'insertCollision';
  }
>;

const REPLIES: ReadonlySet<Message['type']> = new Set<Reply['type']>([
  'accepted',
  'working',
  'rejectedOverload',
  'routeNotFound',
  'dataNotFound',
  'dataFound',
  'insertStored',
  'insertCollision',
]);

function isReply(message: Message): message is Reply {
  return REPLIES.has(message.type);
}

function placeOf({ key, salt }: Request): string {
  return toText(key) + salt;
}

function openOf(record: Record, link: LinkId): Map<number, Open> {
  let open = record.open.get(link);
  if (open === undefined) {
    open = new Map();
    record.open.set(link, open);
  }
  return open;
}
