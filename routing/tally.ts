/** What a request costs at this node, counted in blocks while it is in work (docs/spec/load.md, 3). All else travels for nothing. */

/** In the account of its link, and sent and received over a wire. */
export interface Spent {
  readonly cost: number;
  readonly up: number;
  readonly down: number;
}

/** A request that moves no block is not free: else a link could ask for what does not exist as much as it likes. */
const LEAST_COST = 0.25;
export const NOTHING_MOVED: Spent = { cost: LEAST_COST, up: 0, down: 0 };

export class Tally {
  /** The owner's link is no wire. */
  readonly #asker: 'owner' | 'peer';
  #toHops = 0;
  #received = 0;

  constructor(asker: 'owner' | 'peer') {
    this.#asker = asker;
  }

  fromAsker(): void {
    if (this.#asker === 'peer') this.#received += 1;
  }

  fromHop(): void {
    this.#received += 1;
  }

  toHop(): void {
    this.#toHops += 1;
  }

  /** When it is answered, with a block or without. */
  spent(answer: { readonly type: string } | { readonly block: unknown }): Spent {
    const given = 'block' in answer ? 1 : 0;
    return {
      cost: Math.max(LEAST_COST, given + this.#toHops),
      up: this.#toHops + (this.#asker === 'peer' ? given : 0),
      down: this.#received,
    };
  }
}
