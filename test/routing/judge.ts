/**
 * Watches one router from outside and throws when it breaks a rule that holds at every moment: whoever asks gets `accepted`
 * and then one answer of a fitting kind, nothing goes to a link that is down, a request goes on with less HTL and to nobody
 * twice, a block belongs to its key, tokens are not used twice. Which answer is right is each test's affair.
 */
import { assert, assertNever, toText, verifyBlock } from '../../keys/index.ts';
import { type Effect, LOCAL_LINK, type LinkId, type Message } from '../../routing/index.ts';
import type { Request, RouterEvent, Token, Uid } from '../../routing/index.ts';
import { loadLimits } from '../../routing/load/limits.ts';

interface Asked {
  readonly request: Request;
  readonly at: number;
  accepted: boolean;
}

/** Where a request may still go. */
interface Way {
  /** What it must stay below. */
  htl: number;
  /** The request that brought it here; undefined for one of the stem, and when its link is gone. */
  owner: string | undefined;
  readonly visited: Set<LinkId>;
}

export class Judge {
  readonly #mostHtl: number;
  readonly #up = new Set<LinkId>([LOCAL_LINK]);
  readonly #friends = new Set<LinkId>();
  readonly #granted = new Set<LinkId>();
  /** Requests to the router without an answer yet, by link and id. */
  readonly #open = new Map<string, Asked>();
  /** Requests of the router, by link and id. */
  readonly #hops = new Map<string, Asked>();
  /** Places that a link has asked for greedily and in vain: those alone it may be offered. The owner never asks greedily. */
  readonly #sought = new Set<string>();
  readonly #ways = new Map<Uid, Way>();
  /** Until when a uid that was answered is refused. */
  readonly #refusedUntil = new Map<Uid, number>();
  readonly #seenKeepMs: number;
  #now = 0;
  readonly #tokens = new Set<Token>();
  readonly #timers = new Set<Token>();

  constructor(options: { mostHtl: number; seenKeepMs: number }) {
    this.#mostHtl = options.mostHtl;
    this.#seenKeepMs = options.seenKeepMs;
  }

  /** Requests that came over a link that is up and have no answer yet. */
  get unanswered(): number {
    return this.#open.size;
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** To be told before the router is. */
  before(now: number, event: RouterEvent): void {
    this.#now = now;
    switch (event.type) {
      case 'linkUp':
        this.#up.add(event.link);
        if (event.peer.tie === 'friend') this.#friends.add(event.link);
        return;
      case 'linkDown':
        this.#linkDown(event.link);
        return;
      case 'timer':
        this.#timers.delete(event.token);
        return;
      case 'message':
        if (event.message.type === 'dataRequest' || event.message.type === 'insertRequest')
          this.#came(event.link, event.message);
        else if (event.message.type === 'accepted') this.#hopAccepted(event.link, event.message.id);
        else if (event.message.type === 'stemLink' && event.message.step === 'grant')
          this.#granted.add(event.link);
        return;
      case 'dialled':
      case 'candidates':
      case 'blockRead':
      case 'blockWritten':
    }
  }

  /** To be told what the router wants done. */
  after(effects: readonly Effect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case 'send':
          assert(this.#up.has(effect.link), `${effect.message.type} goes to a link that is up`);
          this.#sent(effect.link, effect.message);
          break;
        case 'peerVerdict':
          assert(effect.link !== LOCAL_LINK, 'the owner is not judged');
          assert(this.#up.has(effect.link), 'nobody is judged who is gone');
          break;
        case 'cancelTimer':
          assert(this.#timers.delete(effect.token), 'what is cancelled is set');
          break;
        case 'setTimer':
          this.#timers.add(effect.token);
          this.#fresh(effect.token);
          break;
        case 'readBlock':
          this.#fresh(effect.token);
          break;
        case 'writeBlock':
          assert(verifyBlock(effect.key, effect.block) !== undefined, 'what is written belongs to its key');
          this.#fresh(effect.token);
          break;
        case 'dial':
          this.#fresh(effect.token);
          break;
        case 'closeLink':
        case 'remember':
        case 'rememberStem':
        case 'trace':
          break;
        default:
          assertNever(effect);
      }
    }
  }

  #fresh(token: Token): void {
    assert(!this.#tokens.has(token), 'a token is used once');
    this.#tokens.add(token);
  }

  #linkDown(link: LinkId): void {
    if (link === LOCAL_LINK) return;
    this.#up.delete(link);
    for (const name of this.#open.keys()) {
      if (!name.startsWith(`${link}/`)) continue;
      this.#open.delete(name);
      for (const way of this.#ways.values()) if (way.owner === name) way.owner = undefined;
    }
  }

  #came(link: LinkId, request: Request): void {
    const name = nameOf(link, request.id);
    if (!this.#up.has(link) || this.#open.has(name)) return;
    this.#open.set(name, { request, at: this.#now, accepted: false });
    if (request.route.phase === 'stem' || this.#isRefused(request.route.uid)) return;
    const way = this.#ways.get(request.route.uid);
    if (way === undefined) {
      this.#ways.set(request.route.uid, { htl: request.route.htl, owner: name, visited: new Set() });
    } else if (way.owner === undefined) {
      // The search of somebody who is gone: it may still be on, or have ended unseen.
      way.htl = Infinity;
      way.visited.clear();
    }
  }

  #hopAccepted(link: LinkId, id: number): void {
    const hop = this.#hops.get(nameOf(link, id));
    if (hop !== undefined) hop.accepted = true;
  }

  #sent(link: LinkId, message: Message): void {
    switch (message.type) {
      case 'offered':
        assert(
          this.#sought.delete(placeOf(link, message)),
          'an offer goes once to who has asked for it in vain',
        );
        return;
      case 'dataRequest':
      case 'insertRequest':
        this.#forwarded(link, message);
        return;
      case 'insertBlock':
        assert(this.#hops.get(nameOf(link, message.id))?.accepted, 'a block follows `accepted`');
        return;
      case 'wanted':
      case 'unwanted':
      case 'peers':
      case 'seek':
      case 'seekOffer':
      case 'seekEnd':
      case 'introduce':
      case 'introduction':
      case 'noIntroduction':
      case 'fold':
      case 'uplink':
      case 'stemLink':
      case 'unsupported':
        return;
      case 'accepted':
      case 'working':
      case 'rejectedOverload':
      case 'dataFound':
      case 'dataNotFound':
      case 'routeNotFound':
      case 'insertStored':
      case 'insertCollision':
        this.#replied(link, message);
        return;
      default:
        assertNever(message);
    }
  }

  #forwarded(link: LinkId, request: Request): void {
    const { route } = request;
    assert(link !== LOCAL_LINK, 'nothing is routed to the owner');
    const name = nameOf(link, request.id);
    assert(!this.#hops.has(name), 'an id names one request');
    this.#hops.set(name, { request, at: this.#now, accepted: false });
    if (route.phase === 'stem') {
      assert(
        this.#friends.has(link) || this.#granted.has(link),
        'a stem goes on to friends, and to who has given a place',
      );
      return;
    }
    assert(!this.#isRefused(route.uid), 'what was answered goes nowhere until it is forgotten');
    let way = this.#ways.get(route.uid);
    if (way === undefined) {
      way = { htl: this.#mostHtl + 1, owner: undefined, visited: new Set() };
      this.#ways.set(route.uid, way);
    }
    assert(route.htl < way.htl && route.htl <= this.#mostHtl, 'HTL falls');
    assert(!way.visited.has(link), 'nobody is asked twice');
    way.visited.add(link);
  }

  #replied(link: LinkId, message: Extract<Message, { id: unknown }>): void {
    const name = nameOf(link, message.id);
    const asked = this.#open.get(name);
    assert(asked !== undefined, `${message.type} answers a request that is open`);
    const { accepted, request, at } = asked;
    const waited = this.#now - at;
    const isFetch = request.type === 'dataRequest';
    switch (message.type) {
      case 'accepted':
        assert(!accepted, 'accepted once');
        assert(
          name.startsWith(`${LOCAL_LINK}/`) || waited <= loadLimits.queueWaitMs.value,
          'nobody waits at the door for long; the owner waits for his turn and a guard before it',
        );
        asked.accepted = true;
        return;
      case 'working':
        assert(accepted, 'accepted before working');
        return;
      case 'rejectedOverload':
        assert(
          accepted || name.startsWith(`${LOCAL_LINK}/`) || waited <= loadLimits.queueWaitMs.value,
          'nobody waits at the door for long',
        );
        break;
      case 'routeNotFound':
        assert(accepted || !isFetch, 'a fetch is accepted before it is answered');
        break;
      case 'dataFound':
        assert(verifyBlock(request.key, message.block) !== undefined, 'what is found belongs to its key');
        assert(accepted && isFetch, 'found by a fetch');
        break;
      case 'dataNotFound':
        assert(accepted, 'accepted before it has searched');
        break;
      case 'insertCollision':
        assert(verifyBlock(request.key, message.block) !== undefined, 'what collides belongs to the key');
        assert(accepted && !isFetch, 'collided in an insert');
        break;
      case 'insertStored':
        assert(accepted && !isFetch, 'stored by an insert');
        break;
      case 'dataRequest':
      case 'insertRequest':
      case 'insertBlock':
      case 'seek':
      case 'seekOffer':
      case 'seekEnd':
      case 'introduce':
      case 'introduction':
      case 'noIntroduction':
      case 'fold':
        assert(false, `${message.type} is no reply`);
    }
    this.#open.delete(name);
    if (isFetch && request.route.phase === 'greedy' && message.type !== 'dataFound')
      this.#sought.add(placeOf(link, request));
    if (request.route.phase === 'greedy' && this.#ways.get(request.route.uid)?.owner === name) {
      this.#ways.delete(request.route.uid);
      // Refused for overload, it was never taken.
      if (accepted) this.#refusedUntil.set(request.route.uid, this.#now + this.#seenKeepMs);
    }
  }

  #isRefused(uid: Uid): boolean {
    return (this.#refusedUntil.get(uid) ?? -Infinity) > this.#now;
  }
}

function placeOf(link: LinkId, { key, salt }: Pick<Request, 'key' | 'salt'>): string {
  return `${link}/${toText(key)}/${salt}`;
}

function nameOf(link: LinkId, id: number): string {
  return `${link}/${id}`;
}
