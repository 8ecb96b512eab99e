/**
 * What spies see, and what is true. Spies follow the protocol, are told by nobody, and put together what came to them; `Ways` looks at everybody and is
 * for judging alone. Keys are compared as objects: in the simulator one key is one object on its whole way.
 */
import type { RoutingKey } from '../../keys/index.ts';
import type { Message, Request } from '../../routing/index.ts';
import type { Observer } from '../sim/host.ts';
import type { End } from '../sim/node.ts';

/** A request that has come to a spy. */
export interface Sighting {
  readonly at: number;
  readonly spy: number;
  readonly from: number;
  readonly key: RoutingKey;
  readonly phase: 'stem' | 'greedy';
  /** Of a greedy one. */
  readonly htl: number | undefined;
}

export class Spies implements Observer {
  readonly #isSpy: (node: number) => boolean;
  #seen: Sighting[] = [];

  constructor(isSpy: (node: number) => boolean) {
    this.#isSpy = isSpy;
  }

  passed(now: number, end: End, what: { dir: 'in' | 'out'; message: Message }): void {
    const { message } = what;
    if (what.dir === 'out' || !isRequest(message) || end.other === undefined) return;
    if (!this.#isSpy(end.node.number)) return;
    const { key, route } = message;
    this.#seen.push({
      at: now,
      spy: end.node.number,
      from: end.other.node.number,
      key,
      phase: route.phase,
      htl: route.phase === 'greedy' ? route.htl : undefined,
    });
  }

  /** All since the last time that were not sent by another spy, in the order of time. */
  take(): readonly Sighting[] {
    const seen = this.#seen;
    this.#seen = [];
    return seen.filter(({ from }) => !this.#isSpy(from));
  }
}

/** The way of each request by the stem. */
export interface Way {
  /** From the owner on; of each hop who was asked. */
  readonly stem: { readonly from: number; readonly to: number }[];
  diffuser: number | undefined;
}

export class Ways implements Observer {
  readonly #htl: number;
  #ways = new Map<RoutingKey, Way>();

  constructor(htl: number) {
    this.#htl = htl;
  }

  passed(_now: number, end: End, what: { dir: 'in' | 'out'; message: Message }): void {
    const { message } = what;
    if (what.dir === 'in' || !isRequest(message) || end.other === undefined) return;
    const { route, key } = message;
    const [from, to] = [end.node.number, end.other.node.number];
    if (route.phase === 'stem') this.#of(key).stem.push({ from, to });
    else if (route.htl === this.#htl) this.#of(key).diffuser ??= from;
  }

  of(key: RoutingKey): Way | undefined {
    return this.#ways.get(key);
  }

  clear(): void {
    this.#ways = new Map();
  }

  #of(key: RoutingKey): Way {
    let way = this.#ways.get(key);
    if (way === undefined) this.#ways.set(key, (way = { stem: [], diffuser: undefined }));
    return way;
  }
}

export function isRequest(message: Message): message is Request {
  return message.type === 'dataRequest' || message.type === 'insertRequest';
}
