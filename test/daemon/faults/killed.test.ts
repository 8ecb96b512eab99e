/**
 * Daemons that are killed with -9 in the middle of inserts and fetches, and started again on the same data directory. Docs:
 * docs/spec/node.md, 11 (who was a peer is kept) and docs/spec/peers.md, 8.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import t from 'tap';
import { assert } from '../../../keys/index.ts';
import { StrangerBook } from '../../../daemon/node/stranger-book.ts';
import { openVault } from '../../../daemon/node/vault.ts';
import { FaultNet, type FaultNode, type Item, JOINED, TEST_MS, isFull, until } from './net.ts';

const NODES = isFull ? 50 : 9;
const ROUNDS = isFull ? 12 : 3;
/** Killed at one moment. */
const VICTIMS = isFull ? 8 : 2;
/** All but the seed and the two that are busy. */
const GROUPS = Math.floor((NODES - 3) / VICTIMS);
/** Of the traffic, while they are away and again when they are back. */
const MEANWHILE = 4;

t.setTimeout(TEST_MS);

/** How many nodes the disk of a node knows. */
async function remembered({ dataDir }: FaultNode): Promise<number> {
  const random = { bytes: (count: number) => randomBytes(count) };
  const vault = await openVault(dataDir, { random });
  assert(vault.state === 'open', 'these nodes have no passphrase');
  const key = vault.master.diskKey('strangers');
  return new StrangerBook({ path: join(dataDir, 'strangers'), key, random }).nodes.length;
}

/** One file after the other goes in at one node and comes out at the other one, until it is told to stop. */
class Traffic {
  readonly items: Item[] = [];
  readonly #ended: Promise<void>;
  #isOver = false;

  constructor(writer: FaultNode, reader: FaultNode) {
    this.#ended = this.#run(writer, reader);
    // Whoever waits for the traffic hears of it.
    this.#ended.catch(() => {});
  }

  /** Until so many more files have gone in and come out. */
  async goesOn(more: number): Promise<void> {
    const enough = this.items.length + more;
    const failed = this.#ended.then(() => Promise.reject(new Error('the traffic has ended')));
    await Promise.race([until(`${more} more files`, () => this.items.length >= enough), failed]);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#ended;
  }

  async #run(writer: FaultNode, reader: FaultNode): Promise<void> {
    while (!this.#isOver) {
      const item = await writer.put(`${writer.number} ${this.items.length}`);
      await reader.get(item);
      this.items.push(item);
    }
  }
}

void t.test(
  'nodes that are killed while inserts and fetches go on come back by their own memory, and nothing that was inserted is lost',
  { timeout: TEST_MS },
  async (t) => {
    const net = await FaultNet.start(t, NODES);
    await net.joined(JOINED);
    const [seed, writer, reader, ...others] = net.nodes;
    assert(seed !== undefined && writer !== undefined && reader !== undefined, 'there are so many');
    const before = [await writer.put('small'), await reader.put('of ten blocks', 300_000)];
    for (const node of others)
      await until('it has written down its peers', async () => (await remembered(node)) >= JOINED);

    await seed.kill();
    const traffic = [new Traffic(writer, reader), new Traffic(reader, writer)];
    const goOn = async () => Promise.all(traffic.map((one) => one.goesOn(MEANWHILE)));
    for (let round = 0; round < ROUNDS; round += 1) {
      const victims = others.filter((_, at) => Math.floor(at / VICTIMS) === round % GROUPS);
      await goOn();
      await Promise.all(victims.map((node) => node.kill()));
      await goOn();
      for (const node of victims) await node.start({ seeds: [] });
      await net.joined(JOINED, [...victims, writer, reader]);
      await goOn();
    }
    await Promise.all(traffic.map((one) => one.stop()));
    // It was the seed of all others, and has none.
    await seed.start({ seeds: [] });
    await net.joined(JOINED);

    const items = [...before, ...traffic.flatMap((one) => one.items)];
    const [comer] = others;
    assert(comer !== undefined, 'there is one that was killed');
    for (const item of items) await comer.get(item);
    for (const item of before) await seed.get(item);
    const began = net.nodes.reduce((sum, { jobs }) => sum + jobs.begun, 0);
    const failed = net.nodes.reduce((sum, { jobs }) => sum + jobs.failed, 0);
    t.comment(`${items.length} files, ${began} jobs, ${failed} of them begun anew`);
    t.ok(items.length >= before.length + ROUNDS * 3 * 2 * MEANWHILE, 'traffic went on all the time');
  },
);
