/**
 * Single links that are reset and can't be had again for a while, that stall, or that hardly bring anything. Docs: docs/spec/peers.md, 8
 * (coming back) and docs/spec/routing.md, 9 (silence). All in one network, because starting it is most of the work.
 */
import t, { type Test } from 'tap';
import { assert } from '../../../keys/index.ts';
import { FaultNet, type FaultNode, type Item, JOINED, TEST_MS, isFull, until } from './net.ts';
import { CUT, type LinkState, OPEN, STALLED } from './relay.ts';

const NODES = isFull ? 30 : 8;
const ROUNDS = isFull ? 2 : 1;
/** Much longer than a link was away, and much less than the ten minutes for which some things are not tried again. */
const BACK_MS = isFull ? 900_000 : 180_000;
/** A block takes a second and a half. */
const SLOW: LinkState = { type: 'slow', bytesPerSecond: 20_000 };
/** A block takes 33 s: longer than a node waits for an answer. */
const TOO_SLOW: LinkState = { type: 'slow', bytesPerSecond: 1_000 };
/** A dozen blocks: some of them are there and some are not for seconds, over slow links. */
const STALLED_BYTES = 400_000;

t.setTimeout(TEST_MS);

/** All links of a node but those to these. */
function set(
  net: FaultNet,
  node: FaultNode,
  { but, state }: { but: readonly FaultNode[]; state: LinkState },
): void {
  for (const other of net.nodes)
    if (other !== node && !but.includes(other)) net.relay.set([node.number, other.number], state);
}

/** Other nodes to which there is a connection now. */
function connected(net: FaultNet, node: FaultNode): FaultNode[] {
  return net.nodes.filter((other) => other !== node && net.relay.between([node.number, other.number]) > 0);
}

/** Some of those, and of its guards the last one alone: without any a node waits, and asks nobody else. */
async function someOf(net: FaultNet, node: FaultNode, count: number): Promise<FaultNode[]> {
  const guards = await net.guardsOf(node);
  const links = connected(net, node);
  const last = guards.findLast((guard) => links.includes(guard));
  assert(last !== undefined, 'a guard of it is there');
  const others = links.filter((one) => !guards.includes(one));
  return links.filter((one) => one === last || others.slice(0, count - 1).includes(one));
}

/** What a node puts in others can fetch, and the other way round. */
async function exchange(
  name: string,
  { node, others }: { node: FaultNode; others: readonly FaultNode[] },
): Promise<void> {
  const [other] = others;
  assert(other !== undefined, 'there are others');
  const [own, foreign]: [Item, Item] = await Promise.all([
    node.put(`${name} 1`, 60_000),
    other.put(`${name} 2`, 60_000),
  ]);
  await Promise.all([node.get(foreign), ...others.slice(1).map((one) => one.get(own))]);
}

/** All links of the node are open again. Who has some peers looks for the others at leisure. */
async function comesBack(t: Test, net: FaultNet, node: FaultNode): Promise<void> {
  set(net, node, { but: [], state: OPEN });
  const since = performance.now();
  const isBack = async () => (await node.confirmed()) >= JOINED;
  await until(`node ${node.number} has ${JOINED} peers again`, isBack, { withinMs: BACK_MS });
  t.comment(`${JOINED} peers again after ${Math.round((performance.now() - since) / 1_000)} s`);
}

void t.test('links that are cut, stall or are slow', { timeout: TEST_MS }, async (t) => {
  const net = await FaultNet.start(t, NODES);
  await net.joined(JOINED);

  for (let round = 0; round < ROUNDS; round += 1) {
    const node = net.node(1 + round);
    const others = net.nodes.filter((one) => one !== node).slice(0, 4);

    await t.test(
      'a node all of whose links but two are reset gives and gets through these, and has peers again when the others are back',
      async (t) => {
        const left = await someOf(net, node, 2);
        t.equal(left.length, 2);
        set(net, node, { but: left, state: CUT });
        await until('it has two links', async () => (await node.linked()).length <= 2);
        await exchange(`cut ${round}`, { node, others });
        t.same(connected(net, node), left);
        await comesBack(t, net, node);
      },
    );

    await t.test(
      'a node whose line is down until it has called in vain has peers again when it is back',
      async (t) => {
        set(net, node, { but: [], state: CUT });
        await until('it has called in vain', async () => {
          const { joining } = await node.call('node.status', {});
          return joining?.code === 'unanswered' && joining.failed > 1;
        });
        await comesBack(t, net, node);
        await exchange(`back ${round}`, { node, others });
      },
    );

    await t.test(
      'a link that stalls in the middle of a file is gone round, and goes on when it can',
      async (t) => {
        const item = await net.node(0).put(`stalled ${round}`, STALLED_BYTES);
        const left = await someOf(net, node, 2);
        const progress = async () => {
          const { jobs } = await node.call('request.list', {});
          return jobs.find(({ uri }) => uri === item.uri);
        };
        // Else it is there before anything can stall.
        set(net, node, { but: [], state: SLOW });
        const fetching = node.get(item);
        await until('a part of it is there', async () => ((await progress())?.progress.succeeded ?? 0) > 1);
        set(net, node, { but: left, state: STALLED });
        t.match(await progress(), { state: 'running' });
        for (const other of left) net.relay.set([node.number, other.number], OPEN);
        await fetching;
        await exchange(`stalled ${round}`, { node, others });
        await comesBack(t, net, node);
        await exchange(`no longer stalled ${round}`, { node, others });
      },
    );

    await t.test('links that are too slow for a block do not keep it from coming another way', async (t) => {
      // Nobody has found this one silent so far.
      const slow = net.node(NODES - 1 - round);
      const before = net.relay.slowSlices;
      // With nine in ten of them useless each insert tries a dozen in vain, and takes minutes.
      const count = Math.max(2, Math.floor(connected(net, slow).length / 3));
      set(net, slow, { but: await someOf(net, slow, count), state: TOO_SLOW });
      await exchange(`slow ${round}`, { node: slow, others });
      t.ok(net.relay.slowSlices > before, 'blocks were on their way there');
      await comesBack(t, net, slow);
    });
  }
  const failed = net.nodes.reduce((sum, { jobs }) => sum + jobs.failed, 0);
  t.comment(`${failed} jobs were begun anew`);
});
