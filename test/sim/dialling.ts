/**
 * Dials: a session takes two round trips (the carrier's and the handshake's), and fails after a time-out when nobody answers.
 * Two dials that cross make one link. A reference is the number of a node in 4 bytes, a proof is empty work.
 */
import { type Location, assert } from '../../keys/index.ts';
import type { Effect, Router, RouterEvent } from '../../routing/index.ts';
import type { Links } from './links.ts';
import type { Candidate, Happening, SimNode } from './node.ts';
import type { Schedule } from './schedule.ts';
import type { Place } from './addresses.ts';

/** links.md, 10. */
const DIAL_TIMEOUT_MS = 10_000;
const ONE_WAYS = 4;
const REFERENCE_BYTES = 4;
const NO_PROOF = new Uint8Array(8);

type OpennetOptions = NonNullable<ConstructorParameters<typeof Router>[0]['opennet']>;

/** What can be known of a node without asking it. */
export interface Known {
  readonly location: Location;
  readonly place: Place;
  readonly dialable: boolean;
}

/** The phone book: who hides behind a reference. */
export class References {
  readonly #known: (node: number) => Known | undefined;
  readonly #candidates = new Map<number, Candidate>();

  constructor(known: (node: number) => Known | undefined) {
    this.#known = known;
  }

  of(node: number): Uint8Array {
    return this.candidate(node).reference;
  }

  candidate(node: number): Candidate {
    let candidate = this.#candidates.get(node);
    if (candidate === undefined) {
      const known = this.#known(node);
      assert(known !== undefined, `there is a node ${node}`);
      const { location, place, dialable } = known;
      const reference = new Uint8Array(REFERENCE_BYTES);
      new DataView(reference.buffer).setUint32(0, node);
      candidate = { identity: `n${node}`, location, ...place, dialable, reference };
      this.#candidates.set(node, candidate);
    }
    return candidate;
  }

  read(reference: Uint8Array): number | undefined {
    if (reference.length !== REFERENCE_BYTES) return undefined;
    const node = new DataView(reference.buffer, reference.byteOffset).getUint32(0);
    return this.#known(node) === undefined ? undefined : node;
  }

  /** What a node's router needs to be one among strangers. */
  opennet(node: number, upkeep: 'on' | 'quiet'): OpennetOptions {
    return {
      own: () => ({ reference: this.of(node), proof: NO_PROOF, dialable: this.candidate(node).dialable }),
      readReference: (reference) => {
        const other = this.read(reference);
        return other === undefined ? undefined : this.candidate(other);
      },
      isPaid: () => true,
      upkeep,
    };
  }
}

export class Dialling {
  readonly #schedule: Schedule<Happening>;
  readonly #links: Links;
  readonly #references: References;
  readonly #living: (node: number) => SimNode | undefined;
  readonly #tell: (node: SimNode, event: RouterEvent) => void;
  /** Dials that were begun, and that came to a link. */
  readonly counts = { begun: 0, linked: 0 };

  constructor(options: {
    schedule: Schedule<Happening>;
    links: Links;
    references: References;
    living: (node: number) => SimNode | undefined;
    tell: (node: SimNode, event: RouterEvent) => void;
  }) {
    this.#schedule = options.schedule;
    this.#links = options.links;
    this.#references = options.references;
    this.#living = options.living;
    this.#tell = options.tell;
  }

  dial(from: SimNode, effect: Extract<Effect, { type: 'dial' }>): void {
    this.counts.begun += 1;
    const { token } = effect;
    const began = this.#schedule.now;
    const target = this.#references.read(effect.candidate.reference);
    const answered = (outcome: 'linked' | 'failed'): void =>
      this.#tell(from, { type: 'dialled', token, outcome });
    const fail = (): void =>
      void this.#schedule.push(began + DIAL_TIMEOUT_MS, { type: 'call', call: () => answered('failed') });
    if (target === undefined || target === from.number || !this.#references.candidate(target).dialable) {
      fail();
      return;
    }
    const call = (): void => {
      const there = this.#living(target);
      if (!from.alive) return;
      if (there === undefined || !this.#links.canReach(from.number, target)) {
        fail();
        return;
      }
      this.#link(from, there);
      this.counts.linked += 1;
      answered('linked');
    };
    const takes = ONE_WAYS * this.#links.latencyMs(from.number, target);
    this.#schedule.push(began + takes, { type: 'call', call });
  }

  #link(from: SimNode, there: SimNode): void {
    const mine = this.#links.endAt(from, there.number);
    const theirs = this.#links.endAt(there, from.number);
    // Whoever dialled first has made it.
    if (mine?.open === true && mine.other === theirs) return;
    // One of them still holds a link to an earlier life of the other, or has not heard that it was closed.
    if (mine !== undefined) this.#links.drop(mine);
    if (theirs !== undefined) this.#links.drop(theirs);
    this.#links.connect(from, there, { tie: 'stranger', since: this.#schedule.now });
  }
}
