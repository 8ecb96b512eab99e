/**
 * One router on a bench: peers are brought up by their distance from the content's key, messages come and go as bytes through
 * the codec, time passes on command, and the disk is a map that answers at once or when it is told to. A judge (judge.ts) sees
 * every event and effect.
 *
 * The clock begins at a fraction of a millisecond because real clocks have fractions.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Block, type Location, type RoutingKey, assert, toText, verifyBlock } from '../../keys/index.ts';
import { Router, decodeMessage, encodeMessage, networks } from '../../routing/index.ts';
import {
  type Effect,
  LOCAL_LINK,
  type LinkId,
  type LoadOptions,
  type Message,
  type NetworkParams,
} from '../../routing/index.ts';
import type { Peer, Request, RouterEvent, Token, Trace, Verdict } from '../../routing/index.ts';
import type { WriteOutcome } from '../../routing/index.ts';
import { loadLimits } from '../../routing/load/limits.ts';
import type { IncomingMessage, Reply, RequestId, Uid, WireDistance } from '../../routing/messages.ts';
import { SeededRandom } from '../sim/random.ts';
import { type Content, page, placeAt } from './content.ts';
import { Judge } from './judge.ts';

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;
/** What a hop says, but for the id, which is the request's. */
export type Words = WithoutId<Reply>;

/** A request that this router sent to a peer. */
export interface Hop {
  readonly link: LinkId;
  readonly request: Request;
}

export interface Asking {
  readonly type?: Request['type'];
  readonly content?: Content;
  readonly id?: RequestId;
  readonly salt?: Request['salt'];
  readonly priority?: Request['priority'];
  readonly deadlineMs?: number;
  readonly phase?: 'stem' | 'greedy';
  readonly uid?: Uid;
  readonly htl?: number;
  readonly stall?: number;
  readonly best?: WireDistance;
  readonly visited?: readonly Location[];
}

/** A friend, unless told otherwise: a link to a friend counts at once. */
export interface PeerOptions {
  readonly group?: string;
  readonly since?: number;
  readonly tie?: Peer['tie'];
}

export interface RigOptions {
  readonly content?: Content;
  /** How far this node is from the content's key. */
  readonly away?: number;
  readonly params?: NetworkParams;
  /** `held`: reads and writes wait for `diskAnswers`. */
  readonly disk?: 'prompt' | 'held';
  readonly seed?: number;
  readonly load?: LoadOptions;
  /** `on`: what comes by the stem, the owner's own included, goes on by guards; otherwise this node diffuses it at once. */
  readonly stem?: 'on';
}

interface Write {
  readonly into: 'store' | 'cache';
  readonly key: RoutingKey;
  readonly block: Block;
}

/** As far away as a place on the circle can be: every node is progress. */
export const FARTHEST = (2 ** 31) as WireDistance;

/** No request waits so long; the failure table does. */
const FORGETTING_MS = loadLimits.failureKeepMs.value;

export class Rig {
  readonly params: NetworkParams;
  readonly router: Router;
  readonly judge: Judge;
  readonly verdicts: { readonly link: LinkId; readonly verdict: Verdict }[] = [];
  readonly traces: Trace[] = [];
  /** Everything that was to be written, in order. */
  readonly writes: Write[] = [];
  /** Whose requests brought them, in the same order. */
  readonly writers: LinkId[] = [];
  /** Of the requests whose blocks were sent, in order. */
  readonly priorities: (Effect & { type: 'send' })['priority'][] = [];
  /** For whom blocks were read, in order. */
  readonly readers: (LinkId | undefined)[] = [];
  now = 1_000.25;
  /** What the disk says to the next writes; when it is empty, what is true. */
  readonly outcomes: WriteOutcome[] = [];
  readonly #content: Content;
  readonly #disk: 'prompt' | 'held';
  readonly #blocks = new Map<string, Block>();
  readonly #diskWork: (() => RouterEvent)[] = [];
  readonly #timers = new Map<Token, number>();
  readonly #upkeep = new Set<Token>();
  readonly #told = new Map<LinkId, Message[]>();
  readonly #hops: Hop[] = [];
  #nextLink = LOCAL_LINK + 1;
  #nextId = 1_000;
  #nextUid = 1;

  constructor({
    content = page(),
    away = 0.2,
    params = networks.open,
    disk = 'prompt',
    seed = 1,
    load = {},
    stem,
  }: RigOptions = {}) {
    this.#content = content;
    this.#disk = disk;
    this.params = params;
    this.judge = new Judge({ mostHtl: params.htl, seenKeepMs: params.seenKeepMs });
    this.router = new Router({
      stem: stem === 'on' ? { epochMs: 0 } : 'off',
      beginsAt: this.now,
      params,
      location: placeAt(content.key, away),
      random: new SeededRandom(seed),
      verify: verifyBlock,
      traced: 'traced',
      load,
    });
  }

  /** Brings up a peer that lies `away` from the key. */
  peer(away: number, { group, since = -Infinity, tie = 'friend' }: PeerOptions = {}): LinkId {
    const link = this.#nextLink as LinkId;
    this.#nextLink += 1;
    const peer: Peer = {
      identity: `peer ${link}`,
      location: placeAt(this.#content.key, away),
      tie,
      group: group ?? `group ${link}`,
      site: `site ${link}`,
      cost: 10,
      carrier: 'memory',
    };
    this.#handle({ type: 'linkUp', link, peer, since });
    return link;
  }

  /** What a peer says its peers are: nodes that lie so far from the key. */
  lists(link: LinkId, ...aways: number[]): void {
    const list = aways.map((away) => placeAt(this.#content.key, away)).sort((a, b) => a - b);
    this.receive(link, { type: 'peers', list });
  }

  down(link: LinkId): void {
    this.#handle({ type: 'linkDown', link });
  }

  freshUid(): Uid {
    this.#nextUid += 1;
    return this.#nextUid.toString(16).padStart(16, '0') as Uid;
  }

  /** A request of a peer, or of the owner on the virtual peer's link. */
  ask(from: LinkId, asking: Asking = {}): RequestId {
    this.#nextId += 1;
    const { id = this.#nextId as RequestId, content = this.#content } = asking;
    const { type = 'dataRequest', phase = from === LOCAL_LINK ? 'stem' : 'greedy' } = asking;
    const { uid = this.freshUid(), htl = this.params.htl, stall = 0, best = FARTHEST, visited = [] } = asking;
    this.receive(from, {
      type,
      id,
      key: content.key,
      salt: asking.salt ?? 0,
      priority: asking.priority ?? 'realtime',
      deadlineMs: asking.deadlineMs ?? this.params.deadlineMs,
      route: phase === 'stem' ? { phase } : { phase, uid, htl, stall, best, visited },
    });
    return id;
  }

  /** An insert, and its block as soon as it was accepted. */
  insert(from: LinkId, asking: Omit<Asking, 'type'> = {}): RequestId {
    const id = this.ask(from, { ...asking, type: 'insertRequest' });
    const accepted = this.#told.get(from)?.some((said) => said.type === 'accepted' && said.id === id);
    assert(accepted, 'an insert is accepted before its block travels');
    this.receive(from, { type: 'insertBlock', id, block: (asking.content ?? this.#content).block });
    return id;
  }

  /** What a hop says to the request that it got. */
  says(hop: Hop, ...words: Words[]): void {
    for (const word of words) this.receive(hop.link, { ...word, id: hop.request.id });
  }

  receive(link: LinkId, message: IncomingMessage): void {
    const arrived = message.type === 'reserved' ? message : decodeMessage(encodeMessage(message));
    this.#handle({ type: 'message', link, message: arrived });
  }

  /** What was said to a link since this was last asked, requests apart. */
  told(link: LinkId): Message[] {
    const told = this.#told.get(link) ?? [];
    this.#told.delete(link);
    return told;
  }

  /** The same by types. */
  toldTypes(link: LinkId): string[] {
    return this.told(link).map(({ type }) => type);
  }

  /** Requests that went out since this was last asked. */
  hops(): Hop[] {
    return this.#hops.splice(0);
  }

  /** The one request that went out since then. */
  hop(): Hop {
    const [hop, ...more] = this.hops();
    assert(hop !== undefined && more.length === 0, `one request went out, not ${hop ? 1 + more.length : 0}`);
    return hop;
  }

  /** The link to which the one request went; then `words` are said. */
  hopSays(...words: Words[]): LinkId {
    const hop = this.hop();
    this.says(hop, ...words);
    return hop.link;
  }

  /** Says `words` to every request that goes out, until none does any more; returns how many there were. */
  allHopsSay(...words: Words[]): number {
    let count = 0;
    for (let hops = this.hops(); hops.length > 0; hops = this.hops()) {
      for (const hop of hops) this.says(hop, ...words);
      count += hops.length;
    }
    return count;
  }

  keep({ key, block }: Content): void {
    this.#blocks.set(toText(key), block);
  }

  kept(key: RoutingKey): Block | undefined {
    return this.#blocks.get(toText(key));
  }

  /** The disk does what it was told, oldest first unless another is chosen; false when there was nothing to do. */
  diskAnswers(which = 0): boolean {
    const [work] = this.#diskWork.splice(which, 1);
    if (work === undefined) return false;
    this.#handle(work());
    return true;
  }

  get diskWaiting(): number {
    return this.#diskWork.length;
  }

  /** Those of requests: not what a link coming up or going down has set, nor what makes the node forget. */
  get timers(): number {
    return [...this.#timers.keys()].filter((token) => !this.#upkeep.has(token)).length;
  }

  /** Lets time pass, and fires what falls due on the way. */
  pass(ms: number): void {
    const until = this.now + ms;
    for (let due = this.#due(); due !== undefined && due.at <= until; due = this.#due()) {
      this.now = Math.max(this.now, due.at);
      this.#timers.delete(due.token);
      this.#handle({ type: 'timer', token: due.token });
    }
    this.now = until;
  }

  /** Lets everything come to an end: the disk does its work, and time passes until nobody waits any more. */
  rest(): void {
    for (;;) {
      if (this.diskAnswers()) continue;
      const due = this.#due();
      if (due === undefined) return;
      this.pass(Math.max(0, due.at - this.now));
    }
  }

  #due(): { token: Token; at: number } | undefined {
    let first: { token: Token; at: number } | undefined;
    for (const [token, at] of this.#timers) if (first === undefined || at < first.at) first = { token, at };
    return first;
  }

  #handle(event: RouterEvent): void {
    const effects: Effect[] = [];
    this.judge.before(this.now, event);
    this.router.handle(this.now, event, effects);
    this.judge.after(effects);
    const aboutLinks = event.type === 'linkUp' || event.type === 'linkDown';
    for (const effect of effects)
      if (effect.type === 'setTimer' && (aboutLinks || effect.at - this.now >= FORGETTING_MS))
        this.#upkeep.add(effect.token);
    for (const effect of effects) this.#perform(effect);
    if (this.#disk === 'prompt') while (this.diskAnswers());
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        if ('block' in effect.message) this.priorities.push(effect.priority);
        this.#sent(effect.link, effect.message);
        return;
      case 'setTimer':
        this.#timers.set(effect.token, effect.at);
        return;
      case 'cancelTimer':
        this.#timers.delete(effect.token);
        return;
      case 'readBlock': {
        const { token, key, asker } = effect;
        this.readers.push(asker);
        this.#diskWork.push(() => ({ type: 'blockRead', token, block: this.kept(key) }));
        return;
      }
      case 'writeBlock': {
        const { token, key, block, into } = effect;
        this.writes.push({ into, key, block });
        this.writers.push(effect.asker);
        this.#diskWork.push(() => ({ type: 'blockWritten', token, outcome: this.#write({ key, block }) }));
        return;
      }
      case 'dial':
      case 'closeLink':
      case 'remember':
        assert(false, `without strangers there is no ${effect.type}`);
        return;
      case 'rememberStem':
        return;
      case 'peerVerdict':
        this.verdicts.push({ link: effect.link, verdict: effect.verdict });
        return;
      case 'trace':
        this.traces.push(effect.trace);
    }
  }

  #write(content: Content): WriteOutcome {
    const present = this.kept(content.key);
    const truth =
      present === undefined || Buffer.compare(present, content.block) === 0 ? 'kept' : 'collision';
    const outcome = this.outcomes.shift() ?? truth;
    if (outcome === 'kept') this.keep(content);
    return outcome;
  }

  #sent(link: LinkId, message: Message): void {
    assert(isDeepStrictEqual(decodeMessage(encodeMessage(message)), message), 'what is sent can be read');
    if (message.type === 'dataRequest' || message.type === 'insertRequest') {
      this.#hops.push({ link, request: message });
      return;
    }
    // Lists and the words about links are tested in test/routing/opennet.
    if (message.type === 'peers' || message.type === 'wanted' || message.type === 'unwanted') return;
    const told = this.#told.get(link);
    if (told === undefined) this.#told.set(link, [message]);
    else told.push(message);
  }
}
