/**
 * Networks that fall into two halves, or lose one node's line, and heal (docs/spec/peers.md, 8). Before nodes remembered who was lost
 * together, the halves of 25 and 50 nodes met after 2 to 9 minutes whatever the seed, and of 10 nodes the last link came after as many.
 */
import t from 'tap';
import { asLocation } from '../../keys/index.ts';
import { networks } from '../../routing/index.ts';
import type { SimNode } from './node.ts';
import { SeededRandom } from './random.ts';
import { World, shortBlock } from './world.ts';

const isFull = process.env['MIMEO_TEST_FULL'] !== undefined;
const SEEDS = isFull ? Array.from({ length: 20 }, (_, index) => index + 1) : [1, 2];
const JOIN_EVERY_MS = 2_000;
const UPKEEP_MS = 60_000;
/** Twice what was measured for 20 seeds each. */
const TOGETHER_MS = 60_000;
/** A node all by itself asks no more often than that. */
const BACK_MS = 120_000;
const FILES = 8;

class Grown {
  readonly world: World;
  readonly numbers: readonly number[];
  readonly #nodes = new Map<number, SimNode>();

  constructor(count: number, seed: number) {
    const random = new SeededRandom(seed);
    this.numbers = Array.from({ length: count }, (_, number) => number);
    const world = new World({
      topology: { locations: this.numbers.map(() => asLocation(random.fraction())), links: [] },
      params: networks.open,
      seed,
      latency: { type: 'plane' },
      storeBlocks: 1_000,
      cacheBlocks: 1_000,
      opennet: 'on',
      present: () => false,
      observers: [{ heard: (_, node) => void this.#nodes.set(node.number, node) }],
    });
    this.world = world;
    for (const number of this.numbers) {
      world.revive(number, { store: 'lost', seeds: number === 0 ? [] : [0] });
      world.run(world.now + JOIN_EVERY_MS);
    }
    world.run(world.now + UPKEEP_MS);
  }

  /** At once, as when connections are reset. */
  part(partOf: (node: number) => number): void {
    this.world.part(partOf);
    for (const a of this.numbers)
      for (const b of this.numbers) if (partOf(a) !== partOf(b)) this.world.cut(a, b);
  }

  peers(number: number): number {
    return this.#nodes.get(number)?.router.peerCount ?? 0;
  }

  /** Until it is so, at most as long. */
  within(ms: number, isSo: () => boolean): boolean {
    const until = this.world.now + ms;
    while (!isSo() && this.world.now < until) this.world.run(this.world.now + 1_000);
    return isSo();
  }
}

const half = (node: number): number => node % 2;

for (const count of [10, 25, 50]) {
  for (const apartMs of [15_000, 60_000, 300_000]) {
    void t.test(
      `halves of ${count} nodes that were apart for ${apartMs / 1_000} s are one network within a minute`,
      async (t) => {
        for (const seed of SEEDS) {
          const net = new Grown(count, seed);
          const { world, numbers } = net;
          const across = (node: number) =>
            world.neighboursOf(node).filter((peer) => half(peer) !== half(node)).length;
          const all = () => numbers.reduce((sum, node) => sum + across(node), 0);
          const before = all();
          net.part(half);
          world.run(world.now + apartMs);
          t.equal(all(), 0, 'they were apart');
          const files = Array.from({ length: FILES }, () => shortBlock(world.random.bytes(32)));
          for (const [at, file] of files.entries()) world.insert(at, { ...file, salt: 0 }, () => {});
          world.settle();

          world.part(undefined);
          const least = Math.min(10, count - 1);
          const isWhole = () =>
            numbers.every((node) => across(node) > 0 && net.peers(node) >= least) && all() >= before / 2;
          t.ok(net.within(TOGETHER_MS, isWhole), `seed ${seed}: ${all()} of ${before} links across`);
          const open = new Map(files.map((file, at) => [file, count - 1 - at]));
          const fetch = (): boolean => {
            for (const [file, node] of open)
              world.fetch(node, file.key, 0, ({ type }) => type === 'found' && open.delete(file));
            world.settle();
            return open.size === 0;
          };
          net.within(TOGETHER_MS, fetch);
          t.same(open, new Map(), `seed ${seed}: what was put in meanwhile is there for the other half`);
        }
      },
    );
  }
}

void t.test('a node whose line was down, for whatever time, has peers within two minutes', async (t) => {
  for (const seed of SEEDS) {
    for (const apartMs of [60_000, 3_600_000]) {
      const net = new Grown(10, seed);
      net.part((node) => (node === 3 ? 1 : 0));
      net.world.run(net.world.now + apartMs);
      t.equal(net.peers(3), 0);
      net.world.part(undefined);
      t.ok(
        net.within(BACK_MS, () => net.peers(3) === 9),
        `${net.peers(3)} peers after ${apartMs / 1_000} s away`,
      );
    }
  }
});
