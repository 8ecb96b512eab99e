/**
 * How likely a way of the stem is, to somebody who does not know the ways (docs/spec/attack.md, 3): from a node it goes to one of those that it may go
 * to, not back, and ends at each node but the owner's with the chance of the coin. Exact over all ways that meet no node twice, as a linear system
 * on directed links, solved by repetition. Pure.
 *
 * What is known of nodes' guards comes in as weights: 0 for who is no guard.
 */
export interface WalkOptions {
  /** For each node whom it may pass a request on to, with a weight; those who are not there are not named. */
  readonly outs: readonly (readonly { readonly to: number; readonly weight: number }[])[];
  readonly isSpy: (node: number) => boolean;
  /** Chance that a node diffuses what comes from one neighbour. */
  readonly coin: number;
}

/** What spies have seen of the requests of one file. */
export type Outcome =
  /** The first of them that it came to, and from whom. */
  | { readonly type: 'caught'; readonly from: number; readonly spy: number }
  /** None of them passed it on; how likely what they saw of the search is if that node has diffused it, up to a factor. */
  | { readonly type: 'passed'; readonly diffuser: (node: number) => number };

/** What own requests have shown of a node's ways (docs/spec/attack.md, 3). */
export interface Learned {
  /** Chance that it takes a way of which it is known that it ends so. */
  readonly hit: number;
  /** Chance that it takes a way of which nothing is known. */
  readonly rest: number;
}

const NOTHING: Learned = { hit: 0, rest: 1 };

/** What is left of a way after so many steps is .75^40 = 10^-5. */
const STEPS = 40;

export class Walks {
  readonly #from: Int32Array;
  readonly #to: Int32Array;
  readonly #weight: Float64Array;
  /** The same link the other way; -1 where nothing goes back. */
  readonly #back: Int32Array;
  readonly #firstOf: Int32Array;
  readonly #sums: Float64Array;
  readonly #options: WalkOptions;

  constructor(options: WalkOptions) {
    this.#options = options;
    const { outs } = options;
    const count = outs.reduce((sum, one) => sum + one.length, 0);
    this.#from = new Int32Array(count);
    this.#to = new Int32Array(count);
    this.#weight = new Float64Array(count);
    this.#back = new Int32Array(count).fill(-1);
    this.#firstOf = new Int32Array(outs.length + 1);
    this.#sums = new Float64Array(outs.length);
    const index = new Map<number, number>();
    let at = 0;
    outs.forEach((ways, node) => {
      this.#firstOf[node] = at;
      for (const { to, weight } of ways) {
        this.#from[at] = node;
        this.#to[at] = to;
        this.#weight[at] = weight;
        this.#sums[node] = (this.#sums[node] ?? 0) + weight;
        index.set(node * outs.length + to, at);
        at += 1;
      }
    });
    this.#firstOf[outs.length] = at;
    for (let link = 0; link < count; link += 1) {
      const [from, to] = [this.#from[link] ?? 0, this.#to[link] ?? 0];
      this.#back[link] = index.get(to * outs.length + from) ?? -1;
    }
  }

  /** For each node and each to which it may go first: the likelihood of what was seen, if it asks and goes there. */
  likelihoods(
    outcome: Outcome,
    learned: (node: number) => Learned = () => NOTHING,
  ): (
    node: number,
  ) => readonly { readonly to: number; readonly weight: number; readonly likelihood: number }[] {
    const values = this.#solve(outcome, learned);
    return (node) => {
      const { hit, rest } = learned(node);
      const ways: { to: number; weight: number; likelihood: number }[] = [];
      for (let link = this.#firstOf[node] ?? 0; link < (this.#firstOf[node + 1] ?? 0); link += 1)
        ways.push({
          to: this.#to[link] ?? 0,
          weight: this.#weight[link] ?? 0,
          likelihood: hit + rest * (values[link] ?? 0),
        });
      return ways;
    };
  }

  /** The likelihood of what was seen if `node` asks. */
  likelihoodOf(outcome: Outcome, learned?: (node: number) => Learned): (node: number) => number {
    const of = this.likelihoods(outcome, learned);
    return (node) => {
      let sum = 0;
      let weights = 0;
      for (const { weight, likelihood } of of(node)) {
        sum += weight * likelihood;
        weights += weight;
      }
      return weights === 0 ? 0 : sum / weights;
    };
  }

  /** For each link: how likely what was seen is, once a request goes along it. */
  #solve(outcome: Outcome, learned: (node: number) => Learned): Float64Array {
    const { outs, isSpy, coin } = this.#options;
    const links = this.#from.length;
    const ends = new Float64Array(outs.length);
    if (outcome.type === 'passed')
      for (let node = 0; node < outs.length; node += 1) ends[node] = isSpy(node) ? 0 : outcome.diffuser(node);
    const known = outs.map((_, node) => learned(node));
    const isCatch = (link: number): boolean =>
      outcome.type === 'caught' && this.#from[link] === outcome.from && this.#to[link] === outcome.spy;
    const atSpy = new Uint8Array(links);
    let values = new Float64Array(links);
    for (let link = 0; link < links; link += 1)
      if (isSpy(this.#to[link] ?? 0)) {
        atSpy[link] = 1;
        values[link] = isCatch(link) ? 1 : 0;
      }
    const sums = new Float64Array(outs.length);
    let next = values.slice();
    for (let step = 0; step < STEPS; step += 1) {
      sums.fill(0);
      for (let link = 0; link < links; link += 1)
        sums[this.#from[link] as number] =
          (sums[this.#from[link] as number] as number) +
          (this.#weight[link] as number) * (values[link] as number);
      for (let link = 0; link < links; link += 1) {
        if (atSpy[link] === 1) continue;
        const node = this.#to[link] as number;
        const back = this.#back[link] as number;
        let weights = this.#sums[node] as number;
        let sum = sums[node] as number;
        if (back >= 0) {
          weights -= this.#weight[back] as number;
          sum -= (this.#weight[back] as number) * (values[back] as number);
        }
        const end = ends[node] as number;
        // Who has nobody but the asker to pass it on to diffuses it.
        const { hit, rest } = known[node] as Learned;
        next[link] =
          weights <= 1e-9 ? end : coin * end + (1 - coin) * (hit + (rest * Math.max(0, sum)) / weights);
      }
      [values, next] = [next, values];
    }
    return values;
  }
}
