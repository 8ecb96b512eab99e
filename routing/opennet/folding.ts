/**
 * Path folding (docs/spec/peers.md, 7): before the answer of a request comes the reference of who had it, or of somebody on the way. So
 * those who are asked often through each other become peers.
 *
 * It never travels on a friend's link, in either direction: it would tell strangers who is behind this node. Nor does the stem carry
 * it; a search says nothing here while it is on the stem.
 */
import { type OpennetOptions, type PeerDesk, fraction } from './desk.ts';
import type { Dials } from './dials.ts';
import { opennetLimits } from './limits.ts';

export class Folding {
  readonly #desk: PeerDesk;
  readonly #options: OpennetOptions;
  readonly #dials: Dials;
  /** By the search that it came to; it goes with the search. */
  readonly #got = new WeakMap<object, Uint8Array>();
  #nextLook = -Infinity;

  constructor(desk: PeerDesk, options: OpennetOptions, dials: Dials) {
    this.#desk = desk;
    this.#options = options;
    this.#dials = dials;
  }

  /** A hop of `search` has sent a reference; the first counts. */
  heard(search: object, reference: Uint8Array): void {
    if (this.#got.has(search)) return;
    this.#got.set(search, reference);
    if (this.#desk.now < this.#nextLook) return;
    this.#nextLook = this.#desk.now + opennetLimits.foldEveryMs.value;
    const candidate = this.#options.readReference(reference);
    if (candidate !== undefined) this.#dials.consider(candidate);
  }

  /** What goes up before the answer of `search`; nothing from a node that nobody can dial and that got none. */
  forAnswer(search: object): Uint8Array | undefined {
    const got = this.#got.get(search);
    const isReset = fraction(this.#desk.random) * opennetLimits.foldReset.value < 1;
    if (got !== undefined && !isReset) return got;
    const own = this.#options.own();
    return own.dialable ? own.reference : got;
  }
}
