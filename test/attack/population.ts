/**
 * The networks that are attacked: who is linked to whom, who is there when, and who is a spy (docs/spec/attack.md, 1). Everything is
 * drawn from a seed of its own, so that the network is the same with the defence off.
 */
import { asLocation } from '../../keys/index.ts';
import { SeededRandom } from '../sim/random.ts';
import type { Topology } from '../sim/topology.ts';

const [DEGREE_LEAST, DEGREE_MOST] = [10, 25];
/** Nodes on the circle that a long link is drawn for before any free one is taken. */
const DRAWS_MOST = 60;

/** A small world whose nodes have 10 to 25 peers each, drawn evenly; long links are harmonic. */
function variedWorld({ nodes, random }: { nodes: number; random: SeededRandom }): Topology {
  const locations = Array.from({ length: nodes }, () => asLocation(random.fraction())).sort((a, b) => a - b);
  const wanted = locations.map(() => DEGREE_LEAST + random.below(DEGREE_MOST - DEGREE_LEAST + 1));
  const linked = locations.map(() => new Set<number>());
  const lacks = (node: number): boolean => (linked[node]?.size ?? 0) < (wanted[node] ?? 0);
  const link = (a: number, b: number): void => {
    linked[a]?.add(b);
    linked[b]?.add(a);
  };
  for (let node = 0; node < nodes; node += 1) {
    link(node, (node + 1) % nodes);
    link(node, (node + 2) % nodes);
  }
  // Whoever comes first would get all the lengths that he wants.
  const order = [...locations.keys()].sort(() => random.fraction() - 0.5);
  for (let round = 0; round < DEGREE_MOST; round += 1)
    for (const node of order) {
      if (!lacks(node)) continue;
      for (let draw = 0; draw < DRAWS_MOST; draw += 1) {
        const steps = Math.min(nodes - 1, Math.max(2, Math.round((nodes / 2) ** random.fraction())));
        const other = (node + (random.below(2) === 0 ? steps : nodes - steps)) % nodes;
        if (other === node || !lacks(other) || linked[node]?.has(other) === true) continue;
        link(node, other);
        break;
      }
    }
  const links = linked.flatMap((others, node) =>
    [...others].filter((other) => other > node).map((other) => [node, other] as const),
  );
  return { locations, links };
}

/** - `mix`: 37 % always, 33 % a half, 30 % a sixth of the time, as counted in fred's network in 2010. */
type Presence = 'always' | 'mix';

const MIX: readonly { readonly share: number; readonly uptime: number }[] = [
  { share: 0.37, uptime: 0.96 },
  { share: 0.33, uptime: 0.56 },
  { share: 0.3, uptime: 0.16 },
];
const MEAN_UPTIME = MIX.reduce((sum, { share, uptime }) => sum + share * uptime, 0);

export interface PopulationOptions {
  readonly seed: number;
  readonly nodes: number;
  /** Of those that are there, on the average. */
  readonly spyShare: number;
  readonly presence: Presence;
}

/** Who is who, before anything happens. */
export class Population {
  readonly topology: Topology;
  readonly spies: ReadonlySet<number>;
  /** What share of the time each node is there. */
  readonly uptimes: readonly number[];
  readonly peers: readonly (readonly number[])[];
  readonly options: PopulationOptions;
  readonly #random: SeededRandom;

  constructor(options: PopulationOptions) {
    this.options = options;
    const { seed, nodes, spyShare, presence } = options;
    this.topology = variedWorld({ nodes, random: new SeededRandom(seed) });
    this.#random = new SeededRandom(seed ^ 0x61747461);
    const there = presence === 'always' ? 1 : MEAN_UPTIME;
    // Spies are always there: s ÷ (s + honest · there) is to be the share.
    const count = Math.round((spyShare * there * nodes) / (1 - spyShare + spyShare * there));
    const spies = new Set<number>();
    while (spies.size < count) spies.add(this.#random.below(nodes));
    this.spies = spies;
    this.uptimes = Array.from({ length: nodes }, (_, node) => {
      const drawn = this.#random.fraction();
      return presence === 'always' || spies.has(node) ? 1 : uptimeOf(drawn);
    });
    const peers: number[][] = Array.from({ length: nodes }, () => []);
    for (const [a, b] of this.topology.links) {
      peers[a]?.push(b);
      peers[b]?.push(a);
    }
    this.peers = peers;
  }

  /** Who is there at some time; another time's draw has nothing to do with it. */
  draw(): boolean[] {
    return this.uptimes.map((uptime) => uptime === 1 || this.#random.fraction() < uptime);
  }
}

function uptimeOf(drawn: number): number {
  let sum = 0;
  for (const { share, uptime } of MIX) {
    sum += share;
    if (drawn < sum) return uptime;
  }
  return MIX.at(-1)?.uptime ?? 1;
}
