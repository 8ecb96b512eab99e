/**
 * What the owners of a simulated network asked for, one at a time, and what each question cost: seen from outside, so that scenarios
 * need not know of it. The same questions can then be put to Kademlia and Chord (beside.ts).
 *
 * A fetch is *first* when nobody has fetched its key before: found blocks stay in the caches of their way, so later ones find more
 * copies than the insert has made. Holds only while one request is in work at a time, and with traces on.
 */
import { type Location, location } from '../../../keys/index.ts';
import { LOCAL_LINK, type Effect, type Message, type RouterEvent } from '../../../routing/index.ts';
import { MessageCounts, codeOf } from '../codes.ts';
import type { Observer } from '../host.ts';
import type { End, SimNode } from '../node.ts';
import { HopCounter } from '../scenarios/traffic.ts';

export interface OwnersFetch {
  readonly asker: number;
  readonly place: Location;
  /** - `first`, `again`: of a key that was inserted. - `missing`: of one that was not. */
  readonly of: 'first' | 'again' | 'missing';
  /** Undefined when it was not found. */
  hops: number | undefined;
  /** Without `accepted` and `working`. */
  messages: number;
}

export class Owners implements Observer {
  readonly fetches: OwnersFetch[] = [];
  readonly #known = new Map<string, 'inserted' | 'fetched'>();
  readonly #counts = new MessageCounts();
  readonly #ways = new HopCounter();
  #current: OwnersFetch | undefined;
  #countedBefore = 0;

  heard(_now: number, node: SimNode, event: RouterEvent): void {
    if (event.type !== 'message' || event.link !== LOCAL_LINK) return;
    const { message } = event;
    if (message.type !== 'dataRequest' && message.type !== 'insertRequest') return;
    this.#close();
    const name = `${Buffer.from(message.key).toString('base64')}/${message.salt}`;
    const known = this.#known.get(name);
    if (message.type === 'insertRequest') {
      this.#known.set(name, 'inserted');
      return;
    }
    const of = known === undefined ? 'missing' : known === 'inserted' ? 'first' : 'again';
    if (of === 'first') this.#known.set(name, 'fetched');
    const place = location(message.key, message.salt);
    this.#current = { asker: node.number, place, of, hops: undefined, messages: 0 };
    this.fetches.push(this.#current);
  }

  did(_now: number, node: SimNode, effect: Effect): void {
    if (effect.type !== 'trace') return;
    this.#ways.onTrace(node.number, effect.trace);
    if (!effect.trace.local) return;
    const hops = this.#ways.hops.at(-1);
    this.#ways.clear();
    if (this.#current === undefined) return;
    this.#current.hops = hops;
    this.#current.messages = this.#counts.ofRequests - this.#countedBefore;
  }

  passed(_now: number, _end: End, what: { dir: 'in' | 'out'; message: Message }): void {
    if (what.dir === 'in') this.#counts.add(codeOf(what.message.type));
  }

  /** What has come after an answer still belongs to the question before. */
  #close(): void {
    const counted = this.#counts.ofRequests;
    if (this.#current !== undefined) this.#current.messages = counted - this.#countedBefore;
    this.#current = undefined;
    this.#countedBefore = counted;
  }
}
