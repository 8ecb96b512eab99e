/**
 * A network that falls into two halves for a while: no byte passes from one to the other, and each goes on alone. Whose guards are all in
 * the other half waits for them (docs/spec/stem.md, 2). Docs: docs/spec/peers.md, 8 (coming back).
 */
import t from 'tap';
import { assert } from '../../../keys/index.ts';
import { FaultNet, type FaultNode, type Item, JOINED, TEST_MS, isFull, until } from './net.ts';
import { stemLimits } from '../../../routing/stem/limits.ts';
import { CUT, OPEN, type LinkState, STALLED } from './relay.ts';

const NODES = isFull ? 50 : 10;
const FILES = 6;
/** Much longer than the halves were apart, and much less than the ten minutes for which some things are not tried again. */
const HEALED_MS = isFull ? 900_000 : 180_000;

t.setTimeout(TEST_MS);

interface Halves {
  readonly net: FaultNet;
  /** The seed of all is in the first. */
  readonly halves: readonly [readonly FaultNode[], readonly FaultNode[]];
}

function between({ net, halves: [left, right] }: Halves, state: LinkState): void {
  for (const a of left) for (const b of right) net.relay.set([a.number, b.number], state);
}

async function across({ net, halves: [left, right] }: Halves): Promise<number[]> {
  return [...(await net.links(left, right)), ...(await net.links(right, left))];
}

/** Who has a guard in its half, and who has all that it will have in the other one: nobody draws a fourth. */
async function guardedIn(net: FaultNet, half: readonly FaultNode[]) {
  const [guarded, waiting]: [FaultNode[], FaultNode[]] = [[], []];
  for (const node of half) {
    const guards = await net.guardsOf(node);
    if (guards.some((guard) => half.includes(guard))) guarded.push(node);
    else if (guards.length === stemLimits.guards.value) waiting.push(node);
  }
  return { guarded, waiting };
}

/** Whether all its blocks are kept in this half. */
function isIn(
  half: readonly FaultNode[],
  blocks: ReadonlySet<string>,
  holders: Map<string, Set<number>>,
): boolean {
  return [...blocks].every((key) => half.some(({ number }) => holders.get(key)?.has(number)));
}

for (const [kind, state] of [
  ['reset', CUT],
  // Takes a minute longer: so long a link may be silent.
  ...(isFull ? ([['silent', STALLED]] as const) : []),
] as const) {
  void t.test(
    `two halves with all links between them ${kind} answer for what they have, and grow together when the links are back`,
    { timeout: TEST_MS },
    async (t) => {
      const net = await FaultNet.start(t, NODES);
      await net.joined(JOINED);
      const halves: Halves['halves'] = [
        net.nodes.filter(({ number }) => number % 2 === 0),
        net.nodes.filter(({ number }) => number % 2 === 1),
      ];
      const both: Halves = { net, halves };
      const items: { readonly item: Item; readonly blocks: ReadonlySet<string> }[] = [];
      for (let number = 0; number < FILES; number += 1) {
        const publisher = net.node(number);
        const before = net.insertedBy(publisher);
        const item = await publisher.put(`before ${number}`);
        items.push({
          item,
          blocks: new Set([...net.insertedBy(publisher)].filter((key) => !before.has(key))),
        });
      }
      const linksBefore = await across(both);
      const peersBefore = await Promise.all(net.nodes.map((node) => node.confirmed()));
      t.comment(`peers ${peersBefore.join(' ')}, across ${linksBefore.join(' ')}`);

      between(both, state);
      await until('no link leads across', async () => (await across(both)).every((count) => count === 0));
      const holders = net.holders();
      const meanwhile: Item[] = [];
      const fetching: Promise<number>[] = [];
      for (const half of halves) {
        const { guarded, waiting } = await guardedIn(net, half);
        const [writer, reader] = guarded;
        assert(writer !== undefined && reader !== undefined, 'a half has two nodes with guards');
        const own = items.filter(({ blocks }) => isIn(half, blocks, holders));
        t.ok(own.length > 0, `a half has ${own.length} of ${FILES} files`);
        for (const { item } of own) for (const node of guarded) await node.get(item);
        for (const node of waiting) {
          const { anonymity } = await node.call('node.status', {});
          t.match(anonymity, { level: 'waiting', reasons: ['guards_away'] });
          for (const { item } of items) fetching.push(node.get(item));
        }
        const item = await writer.put(`meanwhile ${writer.number}`, 100_000);
        await reader.get(item);
        meanwhile.push(item);
      }
      // Who has failed is left alone for a while: without that there would be little to heal.
      // Once each, not all at one moment: a call that succeeds begins the count anew.
      const inVain = new Set<number>();
      await until('each node has called others in vain', async () => {
        const calls = await Promise.all(net.nodes.map((node) => node.call('node.status', {})));
        for (const [number, { joining }] of calls.entries())
          if ((joining?.failed ?? 0) > 0) inVain.add(number);
        return inVain.size === net.nodes.length;
      });
      t.ok(
        (await across(both)).every((count) => count === 0),
        'and no link led across, all the time',
      );

      const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0);
      const isWhole = async () => {
        const now = await across(both);
        return now.every((count) => count > 0) && sum(now) >= sum(linksBefore) / 2;
      };
      t.notOk(await isWhole());
      between(both, OPEN);
      const healedAt = performance.now();
      const healing = until('each node has a link across, and there are half as many as before', isWhole, {
        withinMs: HEALED_MS,
      });
      await healing.catch(() => {});
      const seconds = Math.round((performance.now() - healedAt) / 1_000);
      t.comment(`after ${seconds} s across ${(await across(both)).join(' ')}`);
      await healing;
      await net.joined(JOINED);
      await Promise.all(fetching);
      t.comment(`${fetching.length} fetches have waited for a guard`);
      for (const [at, half] of halves.entries()) {
        const item = meanwhile[1 - at];
        assert(item !== undefined, 'the other half has put in one');
        for (const node of half) await node.get(item);
      }
      const failed = net.nodes.reduce((sum, { jobs }) => sum + jobs.failed, 0);
      t.comment(`${failed} jobs were begun anew`);
    },
  );
}
