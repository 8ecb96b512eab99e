/**
 * Nodes that swallow requests, guards and relays among them: what is still found (docs/spec/attack.md, 8). They grant places and keep links like good ones, and
 * say nothing to any request.
 */
import type { RoutingKey } from '../../keys/index.ts';
import { SeededRandom } from '../sim/random.ts';
import { type World, shortBlock } from '../sim/world.ts';
import { worldOfPopulation } from './attacked.ts';
import { inParallel, persist } from './jobs.ts';
import { Population } from './population.ts';

export interface DropOptions {
  readonly seed: number;
  readonly nodes: number;
  /** Of the nodes. */
  readonly dropShare: number;
  readonly stem: 'on' | 'off';
  /** Files of 1 MiB: 32 blocks and as many check blocks. */
  readonly files: number;
}

export interface DropResult {
  readonly blocks: number;
  readonly found: number;
  readonly files: number;
  readonly whole: number;
}

const FILE_BLOCKS = 64;
const NEEDED = 32;
const AT_ONCE = 8;
/** So often an insert is tried; a fetch once. */
const INSERT_TRIES = 3;
/** Of each node before anything is measured, one in ten seconds, so that peers have a record. */
const WARM_UP = 3;
const WARM_UP_EVERY_MS = 10_000;

export function runDropping(options: DropOptions): DropResult {
  const { seed, nodes, dropShare, stem, files } = options;
  const population = new Population({ seed, nodes, spyShare: dropShare, presence: 'always' });
  const world = worldOfPopulation(population, {
    role: (node) => (population.spies.has(node) ? 'silent' : 'honest'),
    ...(stem === 'off' ? { defence: 'off' } : {}),
  });
  const honest = population.peers.map((_, node) => node).filter((node) => !population.spies.has(node));
  const random = new SeededRandom(seed ^ 0x64726f70);
  const anyone = (): number => honest[random.below(honest.length)] ?? 0;
  warmUp(world, { honest, random });
  const result = { blocks: 0, found: 0, files: 0, whole: 0 };
  for (let file = 0; file < files; file += 1) {
    const keys = insertFile(world, anyone());
    const found = fetchFile(world, { asker: anyone(), keys });
    result.blocks += keys.length;
    result.found += found;
    result.files += 1;
    if (found >= NEEDED) result.whole += 1;
  }
  return result;
}

function warmUp(world: World, { honest, random }: { honest: readonly number[]; random: SeededRandom }): void {
  for (const node of honest)
    for (let i = 0; i < WARM_UP; i += 1) {
      const { key, block } = shortBlock(world.random.bytes(32));
      world.at(world.now + (i + random.fraction()) * WARM_UP_EVERY_MS, () => {
        if (i % 2 === 0) world.insert(node, { key, block, salt: 0 }, () => {});
        else world.fetch(node, key, 0, () => {});
      });
    }
  world.run(world.now + WARM_UP * WARM_UP_EVERY_MS);
  world.settle();
}

function insertFile(world: World, node: number): RoutingKey[] {
  const contents = Array.from({ length: FILE_BLOCKS }, () => shortBlock(world.random.bytes(32)));
  inParallel(world, contents, {
    atOnce: AT_ONCE,
    begin: (content, done) =>
      persist(world, {
        tries: INSERT_TRIES,
        ask: (answered) => world.insert(node, { ...content, salt: 0 }, answered),
        done,
      }),
  });
  return contents.map(({ key }) => key);
}

function fetchFile(world: World, { asker, keys }: { asker: number; keys: readonly RoutingKey[] }): number {
  let found = 0;
  inParallel(world, keys, {
    atOnce: AT_ONCE,
    begin: (key, done) =>
      persist(world, {
        tries: 1,
        ask: (answered) => world.fetch(asker, key, 0, answered),
        done: ({ type }) => {
          if (type === 'found') found += 1;
          done();
        },
      }),
  });
  return found;
}
