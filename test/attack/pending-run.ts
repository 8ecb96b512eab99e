/**
 * Whether a spy can learn by asking for a key that a peer has it pending, for its owner or for another link (docs/spec/attack.md, 4). Compared is what he hears
 * while that peer has it with what he hears while somebody else far away has: that it is asked for somewhere is no secret.
 */
import { SeededRandom } from '../sim/random.ts';
import { shortBlock } from '../sim/content.ts';
import type { World } from '../sim/world.ts';
import { Answers, type Heard } from './answers.ts';
import { worldOfPopulation } from './attacked.ts';
import { tellApart } from './classifier.ts';
import { Population } from './population.ts';
import { Ways } from './spies.ts';

export interface PendingOptions {
  readonly seed: number;
  readonly nodes: number;
  /** Of each kind. */
  readonly trials: number;
  readonly stem: 'on' | 'off';
}

const SUBJECTS = ['owner', 'link'] as const;
const FORMS = ['stem', 'greedy'] as const;

/** The spy asks so much later, at most: while the search goes on, or just after. */
const LATER_MS = 800;
const REST_MS = 20_000;

/** @returns of each kind how well what is heard tells who has it pending: `owner.stem`, `owner.greedy`, `link.stem`, `link.greedy` */
export function runPending(options: PendingOptions): Record<string, number> {
  const { trials, stem, seed } = options;
  const population = new Population({ ...options, spyShare: 0, presence: 'always' });
  const answers = new Answers();
  const ways = new Ways(20);
  const world = worldOfPopulation(population, {
    observers: [answers, ways],
    ...(stem === 'off' ? { defence: 'off' } : {}),
  });
  const random = new SeededRandom(seed ^ 0x70656e64);
  const firstHop = guardsInUse(world, { population, ways });
  // Each peer has one spy, who takes his place once.
  if (stem === 'on')
    population.peers.forEach(([spy], peer) => world.say(spy ?? 0, peer, { type: 'stemLink', step: 'ask' }));
  world.run(world.now + REST_MS);
  const results: Record<string, number> = {};
  for (const subject of stem === 'on' ? SUBJECTS : (['link'] as const))
    for (const form of stem === 'on' ? FORMS : (['greedy'] as const)) {
      const has: number[][] = [];
      const hasNot: number[][] = [];
      for (let trial = 0; trial < 2 * trials; trial += 1) {
        const peer = random.below(options.nodes);
        const spy = population.peers[peer]?.[0] ?? 0;
        const asker =
          subject === 'owner' || stem === 'off' ? peer : bringsTo({ peer, spy, firstHop, random });
        const elsewhere = random.below(options.nodes);
        if (asker === undefined || elsewhere === peer || elsewhere === spy || firstHop[elsewhere] === peer)
          continue;
        const isSubject = trial % 2 === 0;
        const { key } = shortBlock(world.random.bytes(32));
        const holder = isSubject ? asker : elsewhere;
        if (stem === 'on') world.fetch(holder, key, 0, () => {});
        // Without a stem the owner's request is compared with none, but a neighbour's is.
        else answers.greedy(world, { spy: population.peers[holder]?.[1] ?? 0, peer: holder, key, htl: 18 });
        world.run(world.now + random.fraction() * LATER_MS);
        const heard =
          form === 'stem'
            ? answers.stem(world, { spy, peer, key })
            : answers.greedy(world, { spy, peer, key, htl: 18 });
        world.run(world.now + REST_MS);
        (isSubject ? has : hasNot).push(featuresOf(heard));
      }
      results[`${subject}.${form}`] = tellApart(has, hasNot, random);
    }
  return results;
}

/** Whose own requests come to the peer, as one that is not the spy. */
function bringsTo(what: {
  peer: number;
  spy: number;
  firstHop: readonly (number | undefined)[];
  random: SeededRandom;
}): number | undefined {
  const { peer, spy, firstHop, random } = what;
  const bringers = [...firstHop.keys()].filter((node) => firstHop[node] === peer && node !== spy);
  return bringers[random.below(bringers.length)];
}

function guardsInUse(
  world: World,
  { population, ways }: { population: Population; ways: Ways },
): (number | undefined)[] {
  return population.peers.map((_, node) => {
    const { key } = shortBlock(world.random.bytes(32));
    world.fetch(node, key, 0, () => {});
    world.settle();
    return ways.of(key)?.stem[0]?.to;
  });
}

const KINDS = [
  'accepted',
  'working',
  'dataFound',
  'dataNotFound',
  'routeNotFound',
  'rejectedOverload',
] as const;

function featuresOf(heard: readonly Heard[]): number[] {
  const first = heard[0]?.afterMs ?? REST_MS;
  const last = heard.at(-1)?.afterMs ?? REST_MS;
  const counts = KINDS.map((kind) => heard.filter(({ type }) => type === kind).length);
  return [first, last, last - first, heard.length, ...counts];
}
