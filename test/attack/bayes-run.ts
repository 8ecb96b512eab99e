/**
 * Owners ask, once or at several times between which others come and go, and spies reckon who it was (docs/spec/attack.md, 3). What spies have seen comes
 * from requests through the routers; a file has so many blocks that whoever diffuses it is seen by each peer that he has.
 */
import { networks } from '../../routing/index.ts';
import { shortBlock } from '../sim/content.ts';
import { turn, worldOfPopulation } from './attacked.ts';
import { type Verdict, type Witness, judge, posterior } from './bayes.ts';
import { GuardsKnown } from './guards-known.ts';
import { Population, type PopulationOptions } from './population.ts';
import { type Probe, probeAll } from './probing.ts';
import { type Sighting, Spies, Ways } from './spies.ts';
import { type Learned, type Outcome, Walks } from './walks.ts';

/**
 * Everybody knows who is a peer of whom, how much of the time each is there, and the parameters.
 *
 * - `a`: nothing besides.
 * - `b`: the guards of the spies' peers, and who has diffused.
 * - `c`: the guards of everybody, and who has diffused.
 */
type Strength = 'a' | 'b' | 'c';

export interface BayesRunOptions extends PopulationOptions {
  readonly strengths: readonly Strength[];
  /** Files of one owner that are known to be. */
  readonly files: number;
  /** Owners; all that can be had unless given. */
  readonly trials?: number;
  /** Whether spies send requests of their own. */
  readonly probing?: 'none';
}

export interface BayesRun {
  readonly byStrength: Readonly<Record<Strength, readonly Verdict[]>>;
  /** Strength `a`, and draws from who was there whenever something was asked that it was one of these. */
  readonly byPresence: readonly Verdict[];
  /** Of requests of honest owners, how many had a spy for a guard. */
  readonly guard: { readonly requests: number; readonly spies: number };
}

/** So often somebody comes or goes, for each file that is asked of one owner: who is there half of the time asks in these only. */
const TIMES_A_FILE = 2;
const BETWEEN_MS = 400_000;
/** Not all are there often enough. */
const ASKERS_A_TRIAL = 2;
const COIN = 0.25;
const NOTHING_SEEN = 'nothing';

interface Seen {
  readonly outcomes: Readonly<Record<'a' | 'b', { readonly outcome: Outcome; readonly name: string }>>;
}

/** One time: who was there, what was seen of whom. */
interface Time {
  readonly there: readonly boolean[];
  readonly seen: ReadonlyMap<number, Seen>;
  readonly walks: Readonly<Record<Strength, Walks>>;
  /** Of each node, how its ways go on that spies have tried: the names of outcomes. */
  readonly tried: ReadonlyMap<number, readonly string[]>;
  readonly guardsThere: (node: number) => number;
}

export function runBayes(options: BayesRunOptions): BayesRun {
  const { files, strengths, trials = options.nodes } = options;
  const population = new Population(options);
  const isSpy = (node: number): boolean => population.spies.has(node);
  const spies = new Spies(isSpy);
  const ways = new Ways(networks.open.htl);
  const guards = new GuardsKnown();
  let there = population.draw();
  const world = worldOfPopulation(population, { there, observers: [spies, ways, guards] });
  const honest = [...there.keys()].filter((node) => !isSpy(node));
  // Of several files only some ask: the time goes into who comes and goes.
  const askers = drawn(honest, world.random).slice(0, files === 1 ? honest.length : ASKERS_A_TRIAL * trials);
  const guard = { requests: 0, spies: 0 };
  const times: Time[] = [];
  for (let time = 0; time < (files === 1 ? 1 : TIMES_A_FILE * files); time += 1) {
    if (time > 0) {
      there = population.draw();
      turn(world, there);
      world.run(world.now + BETWEEN_MS);
    }
    const now = there;
    const probes = options.probing === 'none' ? [] : probeAll(world, { population, there: now });
    const tried = triedBy(probes, { seen: spies.take(), ways, population, there: now });
    const seen = new Map<number, Seen>();
    for (const asker of askers) {
      if (now[asker] !== true) continue;
      spies.take();
      ways.clear();
      const { key } = shortBlock(world.random.bytes(32));
      world.fetch(asker, key, 0, () => {});
      world.settle();
      const way = ways.of(key);
      const [first] = way?.stem ?? [];
      if (way === undefined || first === undefined) continue;
      guard.requests += 1;
      if (isSpy(first.to)) guard.spies += 1;
      const caught = spies.take().find(({ phase }) => phase === 'stem');
      seen.set(asker, { outcomes: outcomesOf({ caught, diffuser: way.diffuser, population, there: now }) });
    }
    const guardsThere = (node: number): number =>
      guards.of(node).filter((guard) => now[guard] === true).length;
    times.push({ there: now, seen, walks: walksOf({ population, there: now, guards }), tried, guardsThere });
  }
  const byStrength: Record<Strength, Verdict[]> = { a: [], b: [], c: [] };
  const byPresence: Verdict[] = [];
  const shareThere = honest.map(
    (node) => times.filter((one) => one.there[node] === true).length / times.length,
  );
  const uptime = new Map(honest.map((node, index) => [node, shareThere[index] ?? 0]));
  const guardsOf = (node: number): { to: number; weight: number }[] =>
    (population.peers[node] ?? []).map((to) => ({ to, weight: Math.max(0.02, uptime.get(to) ?? 1) }));
  let count = 0;
  for (const asker of askers) {
    const mine = times.filter(({ seen }) => seen.has(asker)).slice(0, files);
    if (mine.length < files || count >= trials) continue;
    count += 1;
    const witnessesOf = (strength: Strength, isPresence: boolean): Witness[] =>
      mine.map((time) => {
        const { there, seen, walks } = time;
        const presence = (node: number): number => (there[node] === true ? 1 : 0);
        const what = seen.get(asker)?.outcomes[strength === 'a' ? 'a' : 'b'];
        if (what === undefined) throw new Error('what an owner asked for was seen or not');
        const learned = learnedBy(time, { name: what.name, strength });
        return {
          walks: walks[strength],
          ...what,
          presence,
          learned,
          ...(isPresence ? { askerPresence: presence } : {}),
        };
      });
    for (const strength of strengths) {
      // Of one file everybody knows who is there now.
      const witnesses = witnessesOf(strength, files === 1);
      byStrength[strength].push(judge(posterior({ suspects: honest, witnesses, guardsOf }), asker));
    }
    if (files > 1)
      byPresence.push(
        judge(posterior({ suspects: honest, witnesses: witnessesOf('a', true), guardsOf }), asker),
      );
  }
  return { byStrength, byPresence, guard };
}

function outcomesOf(what: {
  caught: { from: number; spy: number } | undefined;
  diffuser: number | undefined;
  population: Population;
  there: readonly boolean[];
}): Seen['outcomes'] {
  const { caught, diffuser, population } = what;
  if (caught !== undefined) {
    const { from, spy } = caught;
    const one = { outcome: { type: 'caught', from, spy }, name: `${from} to ${spy}` } as const;
    return { a: one, b: one };
  }
  const known = {
    outcome: { type: 'passed', diffuser: (node: number) => (node === diffuser ? 1 : 0) },
    name: `diffused by ${diffuser}`,
  } as const;
  // His first hops have all of their HTL, and go to all peers in time.
  const isSeen = (node: number): boolean =>
    population.peers[node]?.some((peer) => population.spies.has(peer)) === true;
  if (diffuser !== undefined && isSeen(diffuser)) return { a: known, b: known };
  const unseen = {
    outcome: { type: 'passed', diffuser: (node: number) => (isSeen(node) ? 0 : 1) },
    name: NOTHING_SEEN,
  } as const;
  return { a: unseen, b: known };
}

/** How the ways go on by which each peer of the spies has sent their keys; of those that it has diffused itself nothing is learned. */
function triedBy(
  probes: readonly Probe[],
  what: { seen: readonly Sighting[]; ways: Ways; population: Population; there: readonly boolean[] },
): Map<number, string[]> {
  const caught = new Map(what.seen.filter(({ phase }) => phase === 'stem').map((one) => [one.key, one]));
  const tried = new Map<number, string[]>();
  for (const { peer, key } of probes) {
    const way = what.ways.of(key);
    if (way === undefined || way.stem.length < 2 || way.diffuser === peer) continue;
    const { name } = outcomesOf({ caught: caught.get(key), diffuser: way.diffuser, ...what }).a;
    if (name === NOTHING_SEEN) continue;
    tried.set(peer, [...(tried.get(peer) ?? []), name]);
  }
  return tried;
}

const MEAN_GUARDS_THERE = 2.5;

function learnedBy(
  { tried, guardsThere }: Time,
  what: { name: string; strength: Strength },
): (node: number) => Learned {
  return (node) => {
    const names = new Set(tried.get(node));
    // Each shows one of its guards that are there; who does not know how many there are takes the usual number.
    const guards = Math.max(names.size, what.strength === 'a' ? MEAN_GUARDS_THERE : guardsThere(node));
    return names.size === 0
      ? { hit: 0, rest: 1 }
      : { hit: names.has(what.name) ? 1 / guards : 0, rest: 1 - names.size / guards };
  };
}

function walksOf(what: {
  population: Population;
  there: readonly boolean[];
  guards: GuardsKnown;
}): Time['walks'] {
  const { population, there, guards } = what;
  const { peers, uptimes, spies } = population;
  const isSpy = (node: number): boolean => spies.has(node);
  const unknown = peers.map((his) =>
    his.filter((peer) => there[peer] === true).map((to) => ({ to, weight: uptimes[to] ?? 1 })),
  );
  const known = peers.map((_, node) =>
    guards
      .of(node)
      .filter((guard) => there[guard] === true)
      .map((to) => ({ to, weight: 1 })),
  );
  const isNear = (node: number): boolean => isSpy(node) || peers[node]?.some(isSpy) === true;
  const near = peers.map((_, node) => (isNear(node) ? known[node] : unknown[node]) ?? []);
  const walks = (outs: typeof known): Walks => new Walks({ outs, isSpy, coin: COIN });
  return { a: walks(unknown), b: walks(near), c: walks(known) };
}

function drawn(nodes: readonly number[], random: { below(end: number): number }): number[] {
  const left = [...nodes];
  return Array.from(nodes, () => left.splice(random.below(left.length), 1)[0] ?? 0);
}
