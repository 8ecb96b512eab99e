/**
 * Chord (Stoica et al., 2001) on the ids of a simulated network: each node knows the first node at or after its id + 2^i for every i,
 * and the next few on the circle; a key lies at the first node at or after it. Look-ups are iterative: the asker asks each node of
 * the way for the next one, and the last one for the block.
 *
 * At its best: fingers and successors are right and live. Not modelled: joining, stabilising, churn, lies, NAT.
 */
import { type Location, assert } from '../../../keys/index.ts';
import { Ring, idOf } from './ring.ts';

const ID_BITS = 32;
const CIRCLE = 2 ** ID_BITS;

export interface ChordCost {
  /** Nodes asked, the one that has the block included; 0 when it is the asker. */
  readonly hops: number;
  /** Questions and replies. */
  readonly messages: number;
}

export class Chord {
  readonly #ring: Ring;
  readonly #successors: number;

  /** `successors`: how many of the next nodes each one knows; at least one. */
  constructor(options: { locations: readonly Location[]; successors: number }) {
    assert(options.successors >= 1, 'a circle holds by its successors');
    this.#ring = new Ring(options.locations);
    this.#successors = options.successors;
  }

  /** Number of the node where a key lies. */
  holder(place: Location): number {
    return this.#ring.numbers[this.#ring.successor(idOf(place))] as number;
  }

  /** The same for a key that does not exist: its holder says so. */
  fetch(what: { asker: number; place: Location }): ChordCost {
    const target = idOf(what.place);
    const holder = this.#ring.successor(target);
    let at = this.#ring.ranks[what.asker] as number;
    let hops = 0;
    while (at !== holder) {
      at = this.#next(at, { target, holder });
      hops += 1;
    }
    return { hops, messages: 2 * hops };
  }

  /** Whom a node names: the holder if it is among its successors, else the closest before the target that it knows. */
  #next(at: number, goal: { target: number; holder: number }): number {
    const { size } = this.#ring;
    const onTheWay = (goal.holder - at + size) % size;
    if (onTheWay <= this.#successors) return goal.holder;
    const from = this.#ring.idAt(at);
    const away = (goal.target - from + CIRCLE) % CIRCLE;
    // All between this node and the holder lie before the target, so ranks tell who is the closest.
    let steps = this.#successors;
    for (let bit = Math.floor(Math.log2(away)); bit >= 0; bit -= 1) {
      const finger = (this.#ring.successor(from + 2 ** bit) - at + size) % size;
      // The largest finger before the target is the closest of all fingers.
      if (finger > 0 && finger < onTheWay) {
        steps = Math.max(steps, finger);
        break;
      }
    }
    return (at + steps) % size;
  }
}
