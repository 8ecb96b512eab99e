/**
 * The stem on paper: guards, orders and coins as docs/spec/stem.md draws them, without a router. For trying estimators on more ways than routers can be
 * asked for; stem-ways.test.ts shows that the routers' ways are of the same kind. No loops are opened here: who comes back ends.
 */
import { fractionOf, type SeededRandom } from '../sim/random.ts';
import type { Population } from './population.ts';

const GUARDS = 3;
const COIN = 0.25;

export class PaperStem {
  readonly guards: readonly (readonly number[])[];
  readonly #salt: number;

  /** Guards are drawn among those who are `there`; who is away then draws among those that are there at another time. */
  constructor(population: Population, random: SeededRandom) {
    this.#salt = random.uint32();
    const first = population.draw();
    this.guards = population.peers.map((peers, node) => {
      const there = first[node] === true ? first : population.draw();
      const left = peers.filter((peer) => there[peer] === true);
      const drawn: number[] = [];
      while (drawn.length < GUARDS && left.length > 0)
        drawn.push(...left.splice(random.below(left.length), 1));
      return drawn;
    });
  }

  /** The nodes from the owner to the diffuser; undefined when he has no guard. */
  way(owner: number, there: readonly boolean[]): number[] | undefined {
    const isThere = (node: number): boolean => there[node] === true;
    const guard = this.guards[owner]?.find(isThere);
    if (guard === undefined) return undefined;
    const way = [owner, guard];
    const seen = new Set([`${owner}-${guard}`]);
    for (let [from, at] = way as [number, number]; ;) {
      const order = (this.guards[at] ?? [])
        .filter((guard) => guard !== from)
        .sort((a, b) => fractionOf(this.#salt, at, from, a) - fractionOf(this.#salt, at, from, b));
      const next = order.find(isThere);
      const [first] = order;
      if (first === undefined || next === undefined || fractionOf(this.#salt, at, from, first, 1) < COIN)
        return way;
      if (seen.has(`${at}-${next}`)) return way;
      seen.add(`${at}-${next}`);
      way.push(next);
      [from, at] = [at, next];
    }
  }
}
