/**
 * Which way a node passes on what a neighbour brings by the stem: its order of the guards, and whether it is the diffuser instead
 * (docs/spec/stem.md, 4). A pure function of a secret, the neighbour and the guards: who has chosen whom never depends on a request.
 *
 * It knows no links and whether anybody is up: that is stem.ts.
 *
 * Invariants: the same as long as the guards are the same, over restarts too; another guard changes the way of those neighbours alone
 * that come to it or had it; nobody who does not know the secret can choose an identity for its way.
 */
import { primitives } from '../../keys/index.ts';
import { stemLimits } from './limits.ts';

export interface Way {
  /** Identities of the guards without the inbound, the first one first. */
  readonly order: readonly string[];
  /** Before loops are looked at. */
  readonly coin: 'diffuse' | 'pass';
}

export class Ways {
  readonly secret: Uint8Array;
  readonly #ways = new Map<string, Way>();
  /** In the order in which they were found. */
  readonly #loops: Set<string>;
  #guards: readonly string[] = [];

  constructor(secret: Uint8Array, loops: readonly string[]) {
    this.secret = secret;
    this.#loops = new Set(loops);
  }

  /** Ways that came back, as they are kept. */
  get loops(): readonly string[] {
    return [...this.#loops];
  }

  /** Identities, in any order. @returns whether any way may have changed. */
  setGuards(guards: readonly string[]): boolean {
    if (guards.length === this.#guards.length && guards.every((guard) => this.#guards.includes(guard)))
      return false;
    this.#guards = guards;
    this.#ways.clear();
    return true;
  }

  of(inbound: string): Way {
    const known = this.#ways.get(inbound);
    if (known !== undefined) return known;
    const others = this.#guards.filter((guard) => guard !== inbound);
    const ranks = new Map(others.map((guard) => [guard, this.#draw('order', inbound, guard)]));
    const order = others.sort((a, b) => (ranks.get(a) ?? 0) - (ranks.get(b) ?? 0));
    const [first] = order;
    const diffuses =
      first === undefined ||
      this.#loops.has(loopName(inbound, first)) ||
      this.#draw('coin', inbound, first) < stemLimits.stemCoin.value * 2 ** 32;
    const way: Way = { order, coin: diffuses ? 'diffuse' : 'pass' };
    this.#ways.set(inbound, way);
    return way;
  }

  /** A check has come back by it. */
  cut(inbound: string): void {
    const [first] = this.of(inbound).order;
    if (first === undefined) return;
    this.#loops.add(loopName(inbound, first));
    const [oldest] = this.#loops;
    if (this.#loops.size > stemLimits.loopsKept.value && oldest !== undefined) this.#loops.delete(oldest);
    this.#ways.clear();
  }

  #draw(what: 'order' | 'coin', inbound: string, guard: string): number {
    return Buffer.from(
      primitives.sha256(this.secret, Buffer.from(`/${what}/${inbound}/${guard}`)),
    ).readUInt32BE();
  }
}

function loopName(inbound: string, first: string): string {
  return `${inbound}/${first}`;
}
