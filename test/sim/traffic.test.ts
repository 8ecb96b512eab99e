/** Traffic in worlds that go wrong: two versions of one key, links cut and nodes killed in the middle of it. */
import t, { type Test } from 'tap';
import { type Block, type RoutingKey, equalBytes, verifyBlock } from '../../keys/index.ts';
import { networks } from '../../routing/index.ts';
import { edition } from '../routing/content.ts';
import { SeededRandom } from './random.ts';
import { smallWorld } from './topology.ts';
import { type Result, World, shortBlock } from './world.ts';

/** 1, 2 …; ten times as many in the long run. */
function seeds(count: number): readonly number[] {
  const long = process.env['MIMEO_TEST_FULL'] !== undefined;
  return Array.from({ length: long ? 10 * count : count }, (_, index) => index + 1);
}

interface WorldOfOurs {
  readonly nodes: number;
  readonly seed: number;
  readonly verify?: (key: RoutingKey, block: Block) => 'chk' | 'ssk' | undefined;
}

function worldOf({ nodes, seed, verify }: WorldOfOurs): World {
  return new World({
    topology: smallWorld({ nodes, degree: 8, random: new SeededRandom(seed) }),
    params: networks.open,
    seed,
    latency: { type: 'pairs', minMs: 10, maxMs: 100 },
    check: 'checked',
    storeBlocks: 100,
    cacheBlocks: 100,
    ...(verify === undefined ? {} : { verify }),
  });
}

const [old, young] = [edition('old'), edition('young')];

/** Lets time pass in small steps and checks at each that no node exchanges the block it holds. */
function runWithoutOverwriting(t: Test, world: World): void {
  const held = new Map<number, Block>();
  for (let idle = 0; idle < 200; idle += 1) {
    world.run(world.now + 20);
    for (let node = 0; node < world.size; node += 1) {
      const block = world.blockAt(node, old.key);
      const before = held.get(node);
      if (block === undefined) continue;
      if (before === undefined) held.set(node, block);
      else if (!equalBytes(before, block)) t.fail(`node ${node} has exchanged its block`);
    }
  }
  world.rest();
}

function holders(world: World, block: Block): number {
  let count = 0;
  for (let node = 0; node < world.size; node += 1) {
    const held = world.blockAt(node, old.key);
    if (held !== undefined && equalBytes(held, block)) count += 1;
  }
  return count;
}

void t.test(
  'collision: who inserts another version later gets the one that is there, and nothing is overwritten',
  async (t) => {
    for (const seed of seeds(4)) {
      const world = worldOf({ nodes: 60, seed, verify: verifyBlock });
      const results: Result[] = [];
      world.insert(0, { ...old, salt: 0 }, (result) => results.push(result));
      runWithoutOverwriting(t, world);
      world.insert(30, { ...young, salt: 0 }, (result) => results.push(result));
      runWithoutOverwriting(t, world);
      t.strictSame(results, [{ type: 'stored' }, { type: 'collision', block: old.block }]);
      t.equal(holders(world, young.block), 0);
      t.ok(holders(world, old.block) >= networks.open.storeRank);
      world.insert(45, { ...old, salt: 0 }, (result) => results.push(result));
      world.rest();
      t.strictSame(results.at(-1), { type: 'stored' }, 'the same bytes again are a success');
      t.equal(world.unanswered + world.pending, 0);
    }
  },
);

void t.test(
  'collision: of two versions inserted at one moment each node keeps the one it met first',
  async (t) => {
    for (const seed of seeds(4)) {
      const world = worldOf({ nodes: 60, seed, verify: verifyBlock });
      const results: Result[] = [];
      world.insert(0, { ...old, salt: 0 }, (result) => results.push(result));
      world.insert(30, { ...young, salt: 0 }, (result) => results.push(result));
      runWithoutOverwriting(t, world);
      t.equal(results.length, 2);
      for (const { type } of results) t.match(type, /^(?:stored|collision)$/u);
      t.ok(holders(world, old.block) + holders(world, young.block) >= networks.open.storeRank);
      let found = 0;
      for (let node = 0; node < 60; node += 1) {
        world.fetch(node, old.key, 0, (result) => {
          if (result.type === 'found' && verifyBlock(old.key, result.block) === 'ssk') found += 1;
        });
        world.rest();
      }
      t.equal(found, 60, 'one of them is found from everywhere');
      t.equal(world.unanswered + world.pending, 0);
    }
  },
);

void t.test(
  'links that are cut and nodes that die in the middle of it: all the living are answered',
  async (t) => {
    for (const seed of seeds(5)) {
      const nodes = 80;
      const world = worldOf({ nodes, seed });
      const content = Array.from({ length: 20 }, () => shortBlock(world.random.bytes(32)));
      for (const one of content) world.insert(world.random.below(nodes), { ...one, salt: 0 }, () => {});
      world.rest();

      const asked: number[] = [];
      const answered: number[] = [];
      let found = 0;
      for (let round = 0; round < 40; round += 1) {
        for (let i = 0; i < 5; i += 1) {
          const asker = world.random.below(nodes);
          const one = content[world.random.below(content.length)];
          if (!world.isAlive(asker) || one === undefined) continue;
          asked.push(asker);
          const done = (result: Result): void => {
            answered.push(asker);
            if (result.type === 'found') found += 1;
          };
          if (i === 0) world.insert(asker, { ...shortBlock(world.random.bytes(32)), salt: 0 }, done);
          else world.fetch(asker, one.key, 0, done);
        }
        // Less than a hop takes, so that everything is on its way.
        world.run(world.now + 40);
        if (round % 4 === 0) world.kill(world.random.below(nodes));
        const [a, b] = [world.random.below(nodes), world.random.below(nodes)];
        world.cut(a, b);
        world.cut(a, (a + 1) % nodes);
      }
      world.rest();
      const living = (askers: readonly number[]): number[] =>
        askers.filter((node) => world.isAlive(node)).sort((a, b) => a - b);
      t.strictSame(living(answered), living(asked), 'each once');
      t.equal(world.unanswered, 0);
      t.equal(world.pending, 0);
      t.ok(found > asked.length / 2, `${found} of ${asked.length} were found in spite of it`);
    }
  },
);
