/**
 * Performs the effects of routers as the daemon does, on virtual time, and tells them what came of it. Every event of every
 * router passes here, in one order, and is written into the digest.
 */
import { type RoutingKey, assertNever } from '../../keys/index.ts';
import {
  type Effect,
  LOCAL_LINK,
  type Message,
  type RouterEvent,
  type StemState,
  type Trace,
} from '../../routing/index.ts';
import { type Clients, DISK_MS } from './client.ts';
import { MessageCounts, codeOf } from './codes.ts';
import { Digest } from './digest.ts';
import type { Links } from './links.ts';
import type { End, Happening, SimNode } from './node.ts';
import type { Schedule } from './schedule.ts';

/** Who looks on: checks, traces. What it is shown it may not change. */
export interface Observer {
  /** Before the router handles it. */
  heard?(now: number, node: SimNode, event: RouterEvent): void;
  did?(now: number, node: SimNode, effect: Effect): void;
  /** After all effects of one event. */
  rested?(now: number, node: SimNode): void;
  /** A message at one end of a link, before any mask: what a spy in that node sees. */
  passed?(now: number, end: End, what: { dir: 'in' | 'out'; message: Message }): void;
}

export interface Surroundings {
  readonly links: Links;
  readonly clients: Clients;
  readonly observers: readonly Observer[];
  readonly dial: (node: SimNode, effect: Extract<Effect, { type: 'dial' }>) => void;
  readonly onTrace: ((node: number, trace: Trace) => void) | undefined;
}

export class Host {
  readonly digest = new Digest();
  /** Messages that arrived, by type; those of virtual peers are not among them. */
  readonly messages = new MessageCounts();
  readonly #schedule: Schedule<Happening>;
  readonly #around: Surroundings;
  readonly #effects: Effect[] = [];
  /** Who was ever told to write a block under a key: looking at the stores of all nodes takes longer than the insert. */
  readonly #writers = new WeakMap<RoutingKey, Set<number>>();
  /** What routers want kept for the next life of their node. */
  readonly #stems = new Map<number, StemState>();
  readonly #isWatched: boolean;

  constructor(schedule: Schedule<Happening>, around: Surroundings) {
    this.#schedule = schedule;
    this.#around = around;
    this.#isWatched = around.observers.length > 0;
  }

  happen(what: Happening): void {
    switch (what.type) {
      case 'message':
        this.#receive(what.to, what.message);
        return;
      case 'arrival':
        this.#around.links.arrive(what.to, what.message);
        return;
      case 'timer':
        what.node.timers.delete(what.token);
        this.handle(what.node, { type: 'timer', token: what.token });
        return;
      case 'read': {
        const { node, token, key, asker } = what;
        const block = node.store.getNow(key, asker === undefined ? undefined : String(asker));
        this.handle(node, { type: 'blockRead', token, block });
        return;
      }
      case 'write': {
        const { node, write } = what;
        this.#wrote(node, write.key);
        const from = String(write.asker);
        let put = node.store.putNow(write.key, write.block, { part: write.into, from });
        if (put === 'refused') put = node.store.putNow(write.key, write.block, { part: 'cache', from });
        const outcome = put === 'collision' ? 'collision' : put === 'refused' ? 'failed' : 'kept';
        this.handle(node, { type: 'blockWritten', token: write.token, outcome });
        return;
      }
      case 'call':
        what.call();
        return;
      default:
        assertNever(what);
    }
  }

  /** Numbers of the nodes that may hold a block under this key, the same object with which it was inserted; undefined when nobody was told to. */
  writersOf(key: RoutingKey): Iterable<number> | undefined {
    return this.#writers.get(key);
  }

  /** What an earlier life of this node has left of its stem. */
  stemOf(number: number): { readonly kept?: StemState } {
    const kept = this.#stems.get(number);
    return kept === undefined ? {} : { kept };
  }

  #wrote(node: SimNode, key: RoutingKey): void {
    const writers = this.#writers.get(key);
    if (writers === undefined) this.#writers.set(key, new Set([node.number]));
    else writers.add(node.number);
  }

  handle(node: SimNode, event: RouterEvent): void {
    if (!node.alive) return;
    const now = this.#schedule.now;
    this.#record(now, node, event);
    if (this.#isWatched) for (const observer of this.#around.observers) observer.heard?.(now, node, event);
    const effects = this.#effects;
    node.router.handle(now, event, effects);
    // The array is reused: performing an effect never makes a router handle anything before the schedule goes on.
    for (let i = 0; i < effects.length; i += 1) this.#perform(node, effects[i] as Effect);
    effects.length = 0;
    if (this.#isWatched) for (const observer of this.#around.observers) observer.rested?.(now, node);
  }

  #record(now: number, node: SimNode, event: RouterEvent): void {
    let code = 0;
    let number = 0;
    if (event.type === 'message') {
      code = codeOf(event.message.type);
      if ('id' in event.message) number = event.message.id;
    } else {
      code = codeOf(event.type);
    }
    this.digest.add({ at: now, node: node.number, code, number });
  }

  #receive(to: End, message: Message): void {
    const { node } = to;
    if (!to.open || !node.alive) return;
    const now = this.#schedule.now;
    this.messages.add(codeOf(message.type));
    if (this.#isWatched)
      for (const observer of this.#around.observers) observer.passed?.(now, to, { dir: 'in', message });
    if (node.mask?.takes(message, (answer) => this.say(to, answer)) === true) return;
    this.handle(node, { type: 'message', link: to.link, message });
  }

  /** A node says something on a link, of its router's accord or of its mask's. */
  say(from: End, message: Message): void {
    if (this.#isWatched)
      for (const observer of this.#around.observers)
        observer.passed?.(this.#schedule.now, from, { dir: 'out', message });
    this.#around.links.send(from, message);
  }

  #perform(node: SimNode, effect: Effect): void {
    if (this.#isWatched)
      for (const observer of this.#around.observers) observer.did?.(this.#schedule.now, node, effect);
    switch (effect.type) {
      case 'send': {
        const { link, message } = effect;
        if (link === LOCAL_LINK) {
          this.#around.clients.answer(node, message);
          return;
        }
        const end = node.ends.get(link);
        if (end !== undefined) this.say(end, node.mask === undefined ? message : node.mask.alters(message));
        return;
      }
      case 'setTimer': {
        const { token } = effect;
        node.timers.set(token, this.#schedule.push(effect.at, { type: 'timer', node, token }));
        return;
      }
      case 'cancelTimer': {
        const ticket = node.timers.get(effect.token);
        if (ticket === undefined) return;
        node.timers.delete(effect.token);
        this.#schedule.cancel(ticket);
        return;
      }
      case 'readBlock': {
        const { token, key, asker } = effect;
        this.#schedule.push(this.#schedule.now + DISK_MS, { type: 'read', node, token, key, asker });
        return;
      }
      case 'writeBlock':
        this.#schedule.push(this.#schedule.now + DISK_MS, { type: 'write', node, write: effect });
        return;
      case 'dial':
        this.#around.dial(node, effect);
        return;
      case 'closeLink':
        this.#close(node, effect.link);
        return;
      case 'remember':
        node.remembered = effect.candidates;
        return;
      case 'rememberStem':
        this.#stems.set(node.number, effect.state);
        return;
      case 'peerVerdict':
        // As the daemon does: who broke a rule that no honest node breaks is shown the door.
        if (effect.verdict !== 'silent') this.#close(node, effect.link);
        return;
      case 'trace':
        this.#around.onTrace?.(node.number, effect.trace);
        return;
      default:
        assertNever(effect);
    }
  }

  #close(node: SimNode, link: Extract<Effect, { type: 'closeLink' }>['link']): void {
    const end = node.ends.get(link);
    // Not at once: the router is still handling what made it close.
    if (end === undefined) return;
    this.#schedule.push(this.#schedule.now, { type: 'call', call: () => this.#around.links.close(end) });
  }
}
