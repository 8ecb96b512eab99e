/**
 * Runs the router: gives it events one after the other and performs its effects with the real clock, store and links. The
 * simulator's counterpart is test/sim/world.ts.
 *
 * It decides nothing about requests. While the node stops, it refuses new ones of peers as overloaded and lets those in work end.
 *
 * Invariant: the router is never entered while it works; what performing an effect leads to waits in the queue.
 */
import type { Logger } from 'pino';
import { assertNever, type Block, type RoutingKey } from '../../keys/index.ts';
import {
  type Candidate,
  type Effect,
  type JoinStep,
  LOCAL_LINK,
  type LinkId,
  type Message,
  type Priority,
  type Router,
  type RouterEvent,
  type StemState,
  type Token,
  type Trace,
  type Verdict,
  type WriteOutcome,
} from '../../routing/index.ts';
import { type BlockStore, StoreError } from '../../store/index.ts';

export interface RouterHostOptions {
  readonly router: Router;
  readonly store: BlockStore;
  readonly log: Logger;
  /** `priority`: of the request whose block it is. */
  readonly sendToPeer: (link: LinkId, message: Message, priority?: Priority) => void;
  readonly sendToOwner: (message: Message) => void;
  readonly verdict: (link: LinkId, verdict: Verdict) => void;
  readonly closeLink: (link: LinkId) => void;
  /** Never fails otherwise than by its outcome. */
  readonly dial: (candidate: Candidate) => Promise<'linked' | 'failed'>;
  readonly remember: (candidates: readonly Candidate[]) => void;
  /** What the stem must know again after a restart. */
  readonly rememberStem: (state: StemState) => void;
  /** Who is at the other end; undefined when the link is gone, and of the owner's. */
  readonly identityOf: (link: LinkId) => string | undefined;
  readonly trace: (trace: Trace) => void;
  /** A block is durable here. */
  readonly kept: (key: RoutingKey) => void;
}

export class RouterHost {
  readonly #options: RouterHostOptions;
  readonly #timers = new Map<Token, NodeJS.Timeout>();
  readonly #queue: RouterEvent[] = [];
  #busy = false;
  #draining = false;
  #closed = false;
  #storeTrouble: StoreError | undefined;

  constructor(options: RouterHostOptions) {
    this.#options = options;
  }

  /** The last refusal of the disk, until a write succeeds again. */
  get storeTrouble(): StoreError | undefined {
    return this.#storeTrouble;
  }

  get pending(): number {
    return this.#options.router.pending;
  }

  /** Confirmed peers. */
  get peerCount(): number {
    return this.#options.router.peerCount;
  }

  /** Friendships to a node that routes among strangers: 0 if this one does, 7 if none is near. */
  get uplink(): number {
    return this.#options.router.uplink;
  }

  /** What is done to get more; undefined where there are no strangers. */
  get joining(): JoinStep | undefined {
    return this.#options.router.joining;
  }

  /** How own requests leave; undefined without the stem. */
  get stem(): Router['stem'] {
    return this.#options.router.stem;
  }

  get now(): number {
    return performance.now();
  }

  dispatch(event: RouterEvent): void {
    // A connection that lingers, or a block that is being read.
    if (this.#closed) return;
    this.#queue.push(event);
    if (this.#busy) return;
    this.#busy = true;
    const effects: Effect[] = [];
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        if (this.#draining && this.#refused(next)) continue;
        this.#options.router.handle(this.now, next, effects);
        for (const effect of effects) this.#perform(effect);
        effects.length = 0;
      }
    } finally {
      this.#busy = false;
    }
  }

  /** Takes no new requests; resolves when none is in work any more or the time is over. */
  async drain(withinMs: number): Promise<void> {
    this.#draining = true;
    const until = this.now + withinMs;
    while (this.pending > 0 && this.now < until) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** What the router would have said later is not lost by stopping before. */
  rememberStem(): void {
    const state = this.#options.router.stemState;
    if (state !== undefined) this.#options.rememberStem(state);
  }

  /** Nothing happens any more, whatever is still heard. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #refused(event: RouterEvent): boolean {
    if (event.type !== 'message') return false;
    const { link, message } = event;
    if (message.type !== 'dataRequest' && message.type !== 'insertRequest') return false;
    this.#send(link, { type: 'rejectedOverload', id: message.id });
    return true;
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        this.#send(effect.link, effect.message, effect.priority);
        return;
      case 'setTimer': {
        const { token, at } = effect;
        const timer = setTimeout(
          () => {
            this.#timers.delete(token);
            this.dispatch({ type: 'timer', token });
          },
          Math.max(0, at - this.now),
        );
        this.#timers.set(token, timer);
        return;
      }
      case 'cancelTimer':
        clearTimeout(this.#timers.get(effect.token));
        this.#timers.delete(effect.token);
        return;
      case 'readBlock':
        void this.#read(effect);
        return;
      case 'writeBlock':
        void this.#write(effect);
        return;
      case 'dial': {
        const { token, candidate } = effect;
        void this.#options
          .dial(candidate)
          .then((outcome) => this.dispatch({ type: 'dialled', token, outcome }));
        return;
      }
      case 'closeLink':
        this.#options.closeLink(effect.link);
        return;
      case 'remember':
        this.#options.remember(effect.candidates);
        return;
      case 'rememberStem':
        this.#options.rememberStem(effect.state);
        return;
      case 'peerVerdict':
        this.#options.verdict(effect.link, effect.verdict);
        return;
      case 'trace':
        this.#options.trace(effect.trace);
        return;
      default:
        assertNever(effect);
    }
  }

  #send(link: LinkId, message: Message, priority?: Priority): void {
    if (link === LOCAL_LINK) this.#options.sendToOwner(message);
    else this.#options.sendToPeer(link, message, priority);
  }

  async #read({ token, key, asker }: Extract<Effect, { type: 'readBlock' }>): Promise<void> {
    const { store, identityOf } = this.#options;
    let block: Block | undefined;
    try {
      block = await store.get(key, asker === undefined ? undefined : identityOf(asker));
    } catch (error) {
      // A disk that can't be read has no block; the search goes on elsewhere.
      this.#diskRefused(error);
    }
    this.dispatch({ type: 'blockRead', token, block });
  }

  async #write({ token, asker, ...what }: Extract<Effect, { type: 'writeBlock' }>): Promise<void> {
    const { key, block, into } = what;
    const { store, identityOf } = this.#options;
    let outcome: WriteOutcome;
    try {
      const from = identityOf(asker);
      let put = await store.put(key, block, { part: into, from });
      // The link has pushed out its share of the store today: what it brings is kept like a block that passed by.
      if (put === 'refused') put = await store.put(key, block, { part: 'cache', from });
      outcome = put === 'collision' ? 'collision' : put === 'refused' ? 'failed' : 'kept';
      // What lay there already says nothing about the disk.
      if (put === 'written') this.#storeTrouble = undefined;
      if (outcome === 'kept') this.#options.kept(key);
    } catch (error) {
      this.#diskRefused(error);
      outcome = 'failed';
    }
    this.dispatch({ type: 'blockWritten', token, outcome });
  }

  #diskRefused(error: unknown): void {
    // Anything else is a bug, and ends the process as an unhandled rejection.
    if (!(error instanceof StoreError)) throw error;
    if (error.code === 'store_closed') return;
    if (this.#storeTrouble?.code !== error.code)
      this.#options.log.warn({ code: error.code }, 'the disk refuses');
    this.#storeTrouble = error;
  }
}
