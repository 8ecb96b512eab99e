/**
 * Whether the guard of a node can tell by what passes between them that the node fetches a file for its owner and not for a neighbour (docs/spec/attack.md, 6). The guard
 * is a spy and knows the keys of the file. Everybody else asks for something now and then.
 */
import type { RoutingKey } from '../../keys/index.ts';
import { networks } from '../../routing/index.ts';
import type { Observer } from '../sim/host.ts';
import type { End } from '../sim/node.ts';
import { SeededRandom } from '../sim/random.ts';
import { placeSome } from '../sim/scenarios/traffic.ts';
import { shortBlock } from '../sim/content.ts';
import type { World } from '../sim/world.ts';
import type { Message } from '../../routing/index.ts';
import { worldOfPopulation } from './attacked.ts';
import { inParallel, persist } from './jobs.ts';
import { Population } from './population.ts';
import { Ways } from './spies.ts';
import { type Passed, featuresOf } from './trace-features.ts';

export interface TraceOptions {
  readonly seed: number;
  readonly nodes: number;
  /** Of each kind. */
  readonly traces: number;
  readonly stem: 'on' | 'off';
  /** How much more the lines carry than the owners let in; 1 unless given. */
  readonly lineOverLimit?: number;
}

export interface Traces {
  readonly own: readonly (readonly number[])[];
  readonly relayed: readonly (readonly number[])[];
}

const FILE_BLOCKS = 48;
const AT_ONCE = 32;
const UP = (256 * 1_024) / 1_000;
const DOWN = 4 * UP;
const BACKGROUND_KEYS = 300;
const BACKGROUND_EVERY_MS = 20_000;
const BETWEEN_MS = 20_000;

/** All that passes between two nodes, as one of them sees it. */
class Tap implements Observer {
  #spy = -1;
  #peer = -1;
  #passed: Passed[] = [];

  on(spy: number, peer: number): void {
    [this.#spy, this.#peer, this.#passed] = [spy, peer, []];
  }

  take(): readonly Passed[] {
    return this.#passed;
  }

  passed(now: number, end: End, what: { dir: 'in' | 'out'; message: Message }): void {
    if (end.node.number === this.#spy && end.other?.node.number === this.#peer)
      this.#passed.push({ at: now, ...what });
  }
}

export function runTraces(options: TraceOptions): Traces {
  const { nodes, traces, stem, seed, lineOverLimit = 1 } = options;
  const population = new Population({ seed, nodes, spyShare: 0, presence: 'always' });
  const tap = new Tap();
  const ways = new Ways(networks.open.htl);
  const world = worldOfPopulation(population, {
    observers: [tap, ways],
    latency: { type: 'pairs', minMs: 20, maxMs: 200 },
    bandwidth: () => ({ up: UP * lineOverLimit, down: DOWN * lineOverLimit }),
    load: () => ({ upBytesPerSecond: UP * 1_000, downBytesPerSecond: DOWN * 1_000 }),
    ...(stem === 'off' ? { defence: 'off' } : {}),
  });
  const random = new SeededRandom(seed ^ 0x74726163);
  const paths = stem === 'on' ? waysOf(world, { nodes, ways }) : greedyPaths(population);
  let isOver = false;
  browse(world, { nodes, keys: placeSome(world, BACKGROUND_KEYS), isOver: () => isOver });
  const own: (readonly number[])[] = [];
  const relayed: (readonly number[])[] = [];
  const trace = (asker: number, { spy, peer }: { spy: number; peer: number }): readonly number[] => {
    const keys = placeSome(world, FILE_BLOCKS);
    world.run(world.now + BETWEEN_MS * (0.5 + random.fraction()));
    tap.on(spy, peer);
    fetchFile(world, { asker, keys });
    return featuresOf(tap.take(), keys);
  };
  // Both on one link: who taps another one is told by how much else goes by it, which is no trace of a flow (docs/spec/attack.md, 4).
  const longer = [...paths.keys()].filter((node) => {
    const [, peer = -1, next] = paths[node] ?? [];
    return next !== undefined && (stem === 'off' || paths[peer]?.[1] === next);
  });
  while (relayed.length < traces && longer.length > 0) {
    // The same node, once for itself and once for the one that brings it.
    const neighbour = longer[random.below(longer.length)] ?? 0;
    const [, peer = 0, next = 0] = paths[neighbour] ?? [];
    relayed.push(trace(neighbour, { spy: next, peer }));
    const [, guard = 0] = paths[peer] ?? [];
    own.push(trace(peer, { spy: guard, peer }));
  }
  isOver = true;
  return { own, relayed };
}

/** For each owner the nodes that its requests go by. */
function waysOf(world: World, { nodes, ways }: { nodes: number; ways: Ways }): number[][] {
  return Array.from({ length: nodes }, (_, owner) => {
    const { key } = shortBlock(world.random.bytes(32));
    world.fetch(owner, key, 0, () => {});
    world.settle();
    return [owner, ...(ways.of(key)?.stem ?? []).map(({ to }) => to)];
  });
}

/** Without a stem requests go to all peers; a spy looks at any. */
function greedyPaths({ peers }: Population): number[][] {
  return peers.map((his, owner) => {
    const [peer = 0] = his;
    const next = peers[peer]?.find((other) => other !== owner) ?? 0;
    return [owner, peer, next];
  });
}

function fetchFile(world: World, { asker, keys }: { asker: number; keys: readonly RoutingKey[] }): void {
  inParallel(world, keys, {
    atOnce: AT_ONCE,
    begin: (key, done) =>
      persist(world, { tries: 1, ask: (answered) => world.fetch(asker, key, 0, answered), done }),
  });
}

function browse(
  world: World,
  what: { nodes: number; keys: readonly RoutingKey[]; isOver: () => boolean },
): void {
  const { nodes, keys, isOver } = what;
  const step = (node: number): void => {
    if (isOver()) return;
    const key = keys[world.random.below(keys.length)];
    if (key !== undefined) world.fetch(node, key, 0, () => {});
    world.at(world.now + world.random.exponential(BACKGROUND_EVERY_MS), () => step(node));
  };
  for (let node = 0; node < nodes; node += 1)
    world.at(world.now + world.random.exponential(BACKGROUND_EVERY_MS), () => step(node));
}
