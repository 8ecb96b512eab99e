/**
 * Nodes that come and go: sessions and absences last exponentially long, so that who is there now says nothing about how long.
 * Churn goes on while `pass` runs and stands still otherwise, so that a scenario can insert and fetch in no time between.
 */
import { SeededRandom } from './random.ts';
import type { Death, World } from './world.ts';

export interface ChurnOptions {
  readonly sessionMs: number;
  readonly absenceMs: number;
  /** Whether a disk survives its node's absence. */
  readonly store: 'kept' | 'lost';
  readonly death: Death;
  /** Nodes that always stay. */
  readonly stays?: (node: number) => boolean;
}

/** Of those that are there, so many are told to who comes back. */
const SEEDS = 3;

export class Churn {
  readonly #world: World;
  readonly #options: ChurnOptions;
  readonly #moving: readonly number[];
  readonly #absent: ReadonlySet<number>;
  readonly #random: SeededRandom;

  /** Those who would be absent in the long run are gone from here on, if they are there. */
  constructor(world: World, options: ChurnOptions) {
    this.#world = world;
    this.#options = options;
    this.#random = new SeededRandom(world.options.seed ^ 0x63687572);
    const { sessionMs, absenceMs, death, stays = () => false } = options;
    this.#moving = Array.from({ length: world.size }, (_, node) => node).filter((node) => !stays(node));
    const absent = absenceMs / (sessionMs + absenceMs);
    this.#absent = new Set(this.#moving.filter(() => this.#random.fraction() < absent));
    for (const node of this.#absent) world.kill(node, death);
  }

  /** Of a world in which nobody is yet: whether it is to be there when all begins. */
  isThereAtFirst(node: number): boolean {
    return !this.#absent.has(node);
  }

  /** Lets time pass, with nodes leaving and coming back. */
  pass(forMs: number): void {
    const world = this.#world;
    const untilMs = world.now + forMs;
    // An exponential time has no memory: what is left of it is drawn as if it began now.
    for (const node of this.#moving) this.#next(node, untilMs);
    world.run(untilMs);
  }

  #next(node: number, untilMs: number): void {
    const world = this.#world;
    const { sessionMs, absenceMs } = this.#options;
    const at = world.now + this.#random.exponential(world.isAlive(node) ? sessionMs : absenceMs);
    if (at > untilMs) return;
    world.at(at, () => {
      this.#turn(node);
      this.#next(node, untilMs);
    });
  }

  #turn(node: number): void {
    const world = this.#world;
    const { death, store } = this.#options;
    if (world.isAlive(node)) world.kill(node, death);
    else world.revive(node, { store, seeds: this.#seeds(node) });
  }

  #seeds(newcomer: number): number[] {
    const world = this.#world;
    const seeds: number[] = [];
    for (let draws = 0; draws < 100 && seeds.length < SEEDS; draws += 1) {
      const node = this.#random.below(world.size);
      if (node !== newcomer && world.isAlive(node)) seeds.push(node);
    }
    return seeds;
  }
}
