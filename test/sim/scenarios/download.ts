/**
 * What an observer would like to see: some nodes fetch known files, block after block, while everybody else has something to do as
 * well. Made for traces; who asked for what is told to `onTruth` alone.
 */
import type { RoutingKey } from '../../../keys/index.ts';
import { worldOf } from '../networks.ts';
import type { Scenario } from '../scenario.ts';
import { truthLine } from '../trace.ts';
import type { World } from '../world.ts';
import { askersOf, insertSome, leftovers } from './traffic.ts';

const BLOCKS_PER_FILE = 128;
const FILES = 5;
const DOWNLOADERS = 10;
/** Blocks of one download that are asked for at a time. */
const AT_ONCE = 8;
const BACKGROUND_KEYS = 500;
const BACKGROUND_EVERY_MS = 20_000;
const LEAD_MS = 30_000;

type Ask = (what: { node: number; key: RoutingKey; job: string; done?: () => void }) => void;

export const download: Scenario = {
  summary: 'ten nodes fetch one of five known files of 128 blocks, all others have background traffic',
  run: (options) => {
    const { fetches = DOWNLOADERS * BLOCKS_PER_FILE, onTruth } = options;
    const blocks = Math.max(1, Math.round(fetches / DOWNLOADERS));
    const world = worldOf(options);
    const files = Array.from({ length: FILES }, () => insertSome(world, blocks).keys);
    const { keys } = insertSome(world, BACKGROUND_KEYS);
    let found = 0;
    let asked = 0;
    const ask: Ask = ({ node, key, job, done }) => {
      onTruth?.(truthLine({ t: world.now, node, key, job }));
      asked += 1;
      world.fetch(node, key, 0, ({ type }) => {
        if (type === 'found') found += 1;
        done?.();
      });
    };
    const anyone = askersOf(world);
    const downloaders = new Set<number>();
    while (downloaders.size < Math.min(DOWNLOADERS, world.size)) downloaders.add(anyone());
    const left = { downloads: downloaders.size };
    for (let node = 0; node < world.size; node += 1)
      if (!downloaders.has(node)) browse(world, { node, keys, ask, isOver: () => left.downloads === 0 });
    world.run(world.now + LEAD_MS);
    [...downloaders].forEach((node, index) => {
      const file = index % FILES;
      fetchFile(world, {
        node,
        keys: files[file] ?? [],
        job: `file${file}@${node}`,
        ask,
        done: () => (left.downloads -= 1),
      });
    });
    while (left.downloads > 0) world.run(world.now + BACKGROUND_EVERY_MS);
    world.run(world.now + LEAD_MS);
    return {
      worlds: [world],
      metrics: { 'download.found': found / asked, 'download.requests': asked, ...leftovers(world) },
    };
  },
};

function fetchFile(
  world: World,
  what: { node: number; keys: readonly RoutingKey[]; job: string; ask: Ask; done: () => void },
): void {
  const { node, keys, job, ask, done } = what;
  let next = 0;
  let open = 0;
  const more = (): void => {
    while (open < AT_ONCE && next < keys.length) {
      const key = keys[next];
      next += 1;
      if (key === undefined) continue;
      open += 1;
      ask({ node, key, job, done: answered });
    }
    if (open === 0) done();
  };
  const answered = (): void => {
    open -= 1;
    more();
  };
  // Not all in one moment: they would be told apart by it.
  world.at(world.now + world.random.fraction() * LEAD_MS, more);
}

function browse(
  world: World,
  what: { node: number; keys: readonly RoutingKey[]; ask: Ask; isOver: () => boolean },
): void {
  const { node, keys, ask, isOver } = what;
  const step = (): void => {
    if (isOver()) return;
    const key = keys[world.random.below(keys.length)];
    if (key !== undefined) ask({ node, key, job: 'background' });
    world.at(world.now + world.random.exponential(BACKGROUND_EVERY_MS), step);
  };
  world.at(world.now + world.random.exponential(BACKGROUND_EVERY_MS), step);
}
