/** Links that are reset and can't be had again for a while. Docs: docs/spec/peers.md, 8. */
import t from 'tap';
import { NODES, ROUNDS, comesBack, connected, exchange, set } from './link-faults.ts';
import { FaultNet, JOINED, TEST_MS, until } from './net.ts';
import { CUT } from './relay.ts';

t.setTimeout(TEST_MS);

void t.test('links that are cut', { timeout: TEST_MS }, async (t) => {
  const net = await FaultNet.start(t, NODES);
  await net.joined(JOINED);

  for (let round = 0; round < ROUNDS; round += 1) {
    const node = net.node(1 + round);
    const others = net.nodes.filter((one) => one !== node).slice(0, 4);

    await t.test(
      'a node all of whose links but two are reset gives and gets through these, and has peers again when the others are back',
      async (t) => {
        const left = connected(net, node).slice(0, 2);
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
  }
  const failed = net.nodes.reduce((sum, { jobs }) => sum + jobs.failed, 0);
  t.comment(`${failed} jobs were begun anew`);
});
