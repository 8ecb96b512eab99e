/**
 * Daemons that are stopped in their tracks (SIGSTOP): their sockets stay open and take what is sent, and nothing ever answers. Docs:
 * docs/spec/routing.md, 9 (who is silent is left alone, and tried last).
 */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { assert } from '../../../keys/index.ts';
import { FaultNet, type FaultNode, type Item, JOINED, TEST_MS, isFull, until } from './net.ts';

const NODES = isFull ? 50 : 9;
const ROUNDS = isFull ? 4 : 1;
/** A third of the nodes. */
const STOPPED = Math.floor(NODES / 3);
/** Of different nodes, for each round. */
const FILES = isFull ? 12 : 4;

t.setTimeout(TEST_MS);

function isStopped({ pid }: FaultNode): boolean {
  return /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

/**
 * Which of `nodes` keep the most of these blocks, as long as of each block a copy is left elsewhere, and of the guards of each other
 * node one: without any it would wait until they wake up.
 */
function thirdOf(
  nodes: readonly FaultNode[],
  { blocks, guards }: { blocks: readonly Set<number>[]; guards: ReadonlyMap<number, Set<number>> },
): FaultNode[] {
  const chosen = new Set<number>();
  const holds = ({ number }: FaultNode) => blocks.filter((holders) => holders.has(number)).length;
  for (const { number } of [...nodes].sort((a, b) => holds(b) - holds(a))) {
    const isLeft = (of: Set<number>) => [...of].some((one) => one !== number && !chosen.has(one));
    const awake = [...guards].filter(([owner]) => owner !== number && !chosen.has(owner));
    const leaves = blocks.every(isLeft) && awake.every(([, of]) => isLeft(of));
    if (leaves && chosen.size < STOPPED) chosen.add(number);
  }
  return nodes.filter(({ number }) => chosen.has(number));
}

async function guardsOfAll(net: FaultNet): Promise<Map<number, Set<number>>> {
  const guards = new Map<number, Set<number>>();
  for (const node of net.nodes)
    guards.set(node.number, new Set((await net.guardsOf(node)).map(({ number }) => number)));
  return guards;
}

void t.test(
  'fetches and inserts go round a third of the nodes that fall silent at one moment, and when these wake up they are nodes like all others',
  { timeout: TEST_MS },
  async (t) => {
    const net = await FaultNet.start(t, NODES);
    await net.joined(JOINED);
    for (let round = 0; round < ROUNDS; round += 1) {
      const items: Item[] = [];
      for (let number = 0; number < FILES; number += 1)
        items.push(await net.node(number).put(`${round}/${number}`, number === 0 ? 200_000 : 20_000));
      const holders = net.holders();
      const blocks = net.nodes
        .flatMap((node) => [...net.insertedBy(node)])
        .map((key) => holders.get(key) ?? new Set<number>());
      const guards = await guardsOfAll(net);
      const silent = thirdOf(net.nodes.slice(1), { blocks, guards });
      const awake = net.nodes.filter((node) => !silent.includes(node));
      t.equal(silent.length, STOPPED, 'so many without whom copies and guards are left');
      const held = blocks.filter((at) => silent.some(({ number }) => at.has(number))).length;
      t.comment(`${silent.map(({ number }) => number).join(', ')} keep ${held} of ${blocks.length} blocks`);

      for (const node of silent) node.signal('SIGSTOP');
      await until('they are stopped', () => silent.every(isStopped));
      let tries = 0;
      for (const node of awake) for (const item of items) tries += await node.get(item);
      t.comment(`${tries} tries for ${awake.length * items.length} fetches`);
      const [writer, reader] = awake;
      assert(writer !== undefined && reader !== undefined, 'two thirds are awake');
      const meanwhile = await writer.put(`${round}/meanwhile`);
      await reader.get(meanwhile);
      t.ok(silent.every(isStopped), 'and they were, all the time');

      for (const node of silent) node.signal('SIGCONT');
      for (const node of silent) for (const item of [...items, meanwhile]) await node.get(item);
      const after = await silent[0]?.put(`${round}/after`);
      assert(after !== undefined, 'one was silent');
      for (const node of net.nodes) if (node !== silent[0]) await node.get(after);
      // Links that were silent for longer than a minute are gone, and others have come.
      await net.joined(JOINED);
    }
    const failed = net.nodes.reduce((sum, { jobs }) => sum + jobs.failed, 0);
    t.comment(`${failed} jobs were begun anew`);
  },
);
