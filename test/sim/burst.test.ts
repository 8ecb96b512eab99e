/**
 * Many requests in one moment, in an idle network with few links: windows are full long before anybody has too much to do. What is
 * inserted must lie where a lone insert puts it, and what is there must be found (docs/spec/load.md, 5).
 */
import t from 'tap';
import { type RoutingKey, assert } from '../../keys/index.ts';
import { networks } from '../../routing/index.ts';
import { SeededRandom } from './random.ts';
import { smallWorld } from './topology.ts';
import { type Result, World, shortBlock } from './world.ts';

/** 1, 2 …; ten times as many in the long run. */
function seeds(count: number): readonly number[] {
  const long = process.env['MIMEO_TEST_FULL'] !== undefined;
  return Array.from({ length: long ? 10 * count : count }, (_, index) => index + 1);
}

type Content = ReturnType<typeof shortBlock>;

/** A person's program tries again after this when its own node has no room. */
const AGAIN_MS = 3_000;
const PEERS_TELL_MS = 300_000;

function idleWorld({ nodes, seed, params = networks.open }: Idle): World {
  const world = new World({
    topology: smallWorld({ nodes, degree: 5, random: new SeededRandom(seed) }),
    params,
    seed,
    latency: { type: 'plane' },
    storeBlocks: 4_096,
    cacheBlocks: 4_096,
  });
  world.run(PEERS_TELL_MS);
  return world;
}

interface Idle {
  readonly nodes: number;
  readonly seed: number;
  readonly params?: (typeof networks)[keyof typeof networks];
}

function contents(count: number, seed: number): readonly Content[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, () => shortBlock(random.bytes(32)));
}

function holders(world: World, key: RoutingKey): readonly number[] {
  const found: number[] = [];
  for (let node = 0; node < world.size; node += 1)
    if (world.blockAt(node, key) !== undefined) found.push(node);
  return found;
}

void t.test('inserts of a burst lie where lone ones lie, and the owner hears no other answer', async (t) => {
  for (const seed of seeds(1)) {
    for (const [inserters, count] of [
      [1, 200],
      [10, 600],
    ] as const) {
      const [lone, busy] = [idleWorld({ nodes: 100, seed }), idleWorld({ nodes: 100, seed })];
      let copies = 0;
      let atHome = 0;
      let homes = 0;
      let refused = 0;
      for (const [index, content] of contents(count, seed).entries()) {
        const node = (7 + 13 * (index % inserters)) % 100;
        let home: readonly number[] = [];
        lone.insert(node, { ...content, salt: 0 }, () => (home = holders(lone, content.key)));
        lone.settle();
        homes += home.length;
        const insert = (): void =>
          busy.insert(node, { ...content, salt: 0 }, ({ type }) => {
            if (type === 'overloaded') busy.at(busy.now + AGAIN_MS, insert);
            else if (type !== 'stored') refused += 1;
            // Before anybody fetches it, were it only for an audit.
            const lies = type === 'stored' ? holders(busy, content.key) : [];
            copies += lies.length;
            atHome += lies.filter((node) => home.includes(node)).length;
          });
        insert();
      }
      busy.run(busy.now + 60_000);
      busy.settle();
      t.equal(refused, 0);
      t.ok(atHome / copies >= 0.97, `${atHome} of ${copies} copies lie where lone inserts put them`);
      t.ok(atHome / homes >= 0.97, `${atHome} of ${homes} places of lone inserts have a copy`);
    }
  }
});

/** Asks for one after the other, some at a time; returns the answers that are not `hoped`. */
function several(
  world: World,
  how: { contents: readonly Content[]; atATime: number; hoped: Result['type'] },
  ask: (content: Content, done: (result: Result) => void) => void,
): string[] {
  const bad: string[] = [];
  let next = 0;
  const one = (): void => {
    const content = how.contents[next];
    next += 1;
    if (content === undefined) return;
    ask(content, ({ type }) => {
      if (type !== how.hoped) bad.push(type);
      one();
    });
  };
  for (let i = 0; i < how.atATime; i += 1) one();
  world.settle();
  assert(next >= how.contents.length, 'all were asked for');
  return bad;
}

void t.test(
  'a file of 1,000 blocks goes in and comes out among 25 idle nodes, 8 or 64 blocks at a time',
  async (t) => {
    for (const seed of seeds(2)) {
      for (const atATime of [8, 64]) {
        const world = idleWorld({ nodes: 25, seed, params: networks.testnet });
        const blocks = contents(1_000, seed);
        const stored = several(world, { contents: blocks, atATime, hoped: 'stored' }, (content, done) =>
          world.insert(3, { ...content, salt: 0 }, done),
        );
        const found = several(world, { contents: blocks, atATime, hoped: 'found' }, ({ key }, done) =>
          world.fetch(15, key, 0, done),
        );
        t.strictSame([stored, found], [[], []], `seed ${seed}, ${atATime} at a time`);
      }
    }
  },
);
