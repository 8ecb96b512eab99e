/** Links that stay open and bring nothing, or hardly anything. Docs: docs/spec/routing.md, 9. */
import t from 'tap';
import { NODES, ROUNDS, comesBack, connected, exchange, set } from './link-faults.ts';
import { FaultNet, JOINED, TEST_MS, until } from './net.ts';
import { type LinkState, OPEN, STALLED } from './relay.ts';

/** Seven blocks in 5 s. */
const SLOW: LinkState = { type: 'slow', bytesPerSecond: 50_000 };
/** A block takes 33 s: longer than a node waits for an answer. */
const TOO_SLOW: LinkState = { type: 'slow', bytesPerSecond: 1_000 };

t.setTimeout(TEST_MS);

void t.test('links that stall or are slow', { timeout: TEST_MS }, async (t) => {
  const net = await FaultNet.start(t, NODES);
  await net.joined(JOINED);

  for (let round = 0; round < ROUNDS; round += 1) {
    const node = net.node(1 + round);
    const others = net.nodes.filter((one) => one !== node).slice(0, 4);

    await t.test(
      'a link that stalls in the middle of a file is gone round, and goes on when it can',
      async (t) => {
        const item = await net.node(0).put(`stalled ${round}`, 3_000_000);
        const left = connected(net, node).slice(0, 2);
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
      set(net, slow, { but: connected(net, slow).slice(0, 2), state: TOO_SLOW });
      await exchange(`slow ${round}`, { node: slow, others });
      t.ok(net.relay.slowSlices > before, 'blocks were on their way there');
      await comesBack(t, net, slow);
    });
  }
  const failed = net.nodes.reduce((sum, { jobs }) => sum + jobs.failed, 0);
  t.comment(`${failed} jobs were begun anew`);
});
