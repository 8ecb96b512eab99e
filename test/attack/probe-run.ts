/**
 * Whether nodes can be asked for what an owner has fetched (docs/spec/attack.md, 5): the owner's own node, its peers, its guard, the diffuser of its way, and those next
 * to that one. Owners fetch half of some keys; then every target is asked for all of them, by a peer of its own: for its disk alone (htl 1),
 * and as usual, for the time it takes.
 */
import type { RoutingKey } from '../../keys/index.ts';
import { networks } from '../../routing/index.ts';
import { SeededRandom } from '../sim/random.ts';
import { placeSome } from '../sim/scenarios/traffic.ts';
import type { World } from '../sim/world.ts';
import { Answers, type Heard } from './answers.ts';
import { worldOfPopulation } from './attacked.ts';
import { fetchAll } from './count-run.ts';
import { Population } from './population.ts';
import { Ways } from './spies.ts';
import { auc } from './statistics.ts';

export interface ProbeOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly owners: number;
  /** That an owner fetches, and as many that it does not. */
  readonly keys: number;
  readonly stem: 'on' | 'off';
  /** How many hops from the diffuser on cache nothing; what routers do by themselves unless given. */
  readonly quietHops?: number;
}

export const TARGETS = ['owner', 'ownersPeer', 'guard', 'diffuser', 'diffusersPeer'] as const;
export type Target = (typeof TARGETS)[number];

export interface ProbeResult {
  /** Share of what was fetched that is there, less that of what was not. */
  readonly hitDifference: number;
  /** How well the time until the block comes tells what was fetched. */
  readonly latencyAuc: number;
  readonly asked: number;
}

/** A spy passes as somebody in the middle of a way. */
const USUAL_HTL = networks.open.htl - 3;
const REST_MS = 30_000;

export function runProbing(options: ProbeOptions): Record<Target, ProbeResult> {
  const { owners, keys, stem, quietHops } = options;
  const population = new Population({ ...options, spyShare: 0, presence: 'always' });
  const answers = new Answers();
  const ways = new Ways(networks.open.htl);
  const world = worldOfPopulation(population, {
    observers: [answers, ways],
    ...(stem === 'off' ? { defence: 'off' } : {}),
    ...(quietHops === undefined ? {} : { quietHops }),
  });
  const random = new SeededRandom(options.seed ^ 0x70726f62);
  const cases = Array.from({ length: owners }, () => {
    const owner = random.below(options.nodes);
    const fetched = placeSome(world, keys);
    const others = placeSome(world, keys);
    ways.clear();
    fetchAll(world, { asker: owner, keys: fetched });
    const way = ways.of(fetched[0] as RoutingKey);
    const someOf = (node: number): number => {
      const peers = population.peers[node] ?? [];
      return peers[random.below(peers.length)] ?? node;
    };
    const diffuser = way?.diffuser ?? owner;
    const targets: Record<Target, number> = {
      owner,
      ownersPeer: someOf(owner),
      guard: way?.stem[0]?.to ?? owner,
      diffuser,
      diffusersPeer: someOf(diffuser),
    };
    return { fetched, others, targets };
  });
  world.run(world.now + REST_MS);
  // What spies ask for leaves nothing that the next one would find.
  world.freeze();
  const results = TARGETS.map((target) => {
    const hits = { fetched: 0, others: 0 };
    const times: Record<'fetched' | 'others', number[]> = { fetched: [], others: [] };
    for (const one of cases)
      for (const kind of ['fetched', 'others'] as const)
        for (const key of one[kind]) {
          const peer = one.targets[target];
          const spy = population.peers[peer]?.[random.below(population.peers[peer]?.length ?? 1)] ?? 0;
          if (foundAt(ask(world, answers, { spy, peer, key, htl: 1 })) !== undefined) hits[kind] += 1;
          const at = foundAt(ask(world, answers, { spy, peer, key, htl: USUAL_HTL }));
          if (at !== undefined) times[kind].push(at);
        }
    const asked = owners * keys;
    const result: ProbeResult = {
      hitDifference: (hits.fetched - hits.others) / asked,
      // Sooner is what the attacker takes for fetched.
      latencyAuc: auc({ subjects: times.others, others: times.fetched }),
      asked,
    };
    return [target, result] as const;
  });
  return Object.fromEntries(results) as Record<Target, ProbeResult>;
}

const ANSWERED_MS = 5_000;

function ask(
  world: World,
  answers: Answers,
  what: { spy: number; peer: number; key: RoutingKey; htl: number },
): readonly Heard[] {
  const heard = answers.greedy(world, what);
  world.run(world.now + ANSWERED_MS);
  return heard;
}

function foundAt(heard: readonly Heard[]): number | undefined {
  return heard.find(({ type }) => type === 'dataFound')?.afterMs;
}
