/** What the owner gives of the line is kept, on the wire, whatever is asked (load.md, 3). */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { oldestWaitMs } from '../../../daemon/node/backlog.ts';
import { loadLimits, routingLimits } from '../../../routing/index.ts';
import { type Carried, SocksServer } from '../host/socks-server.ts';
import { TestNode, link, until } from './cluster.ts';
import { hashOfFile, noise, scratch, sha256 } from './content.ts';

const RATE_BYTES = 256 * 1024;
/** What a full bucket gives at once, and the request that empties it. */
const BURST_BYTES = (RATE_BYTES * loadLimits.burstMs.value) / 1_000 + 2 * routingLimits.messageBytes.value;
/** Frames without a block, which are not counted, and what frames are longer than messages. */
const UNCOUNTED = 1.1;
const UNCOUNTED_BYTES = 64 * 1024;

/** A link of `node` that leads through a line on which bytes are counted. */
async function overLine(t: Test, to: TestNode): Promise<{ node: TestNode; carried: Carried }> {
  const line = await SocksServer.start(t);
  const node = await TestNode.start(t, { proxy: line });
  await link(node, to);
  const [carried] = line.carried;
  if (carried === undefined) throw new Error('the link leads through the line');
  return { node, carried };
}

/** Looks on until `done`, at how much more has passed than was allowed; the largest of what it saw, negative if never. */
async function excessBytes(chunks: readonly Buffer[], done: Promise<unknown>): Promise<number> {
  const since = performance.now();
  const before = chunks.reduce((sum, { length }) => sum + length, 0);
  let isDone = false;
  let excess = -Infinity;
  void done.finally(() => (isDone = true));
  await until(() => {
    const passed = chunks.reduce((sum, { length }) => sum + length, 0) - before;
    const allowed = BURST_BYTES + ((performance.now() - since) / 1_000) * RATE_BYTES;
    excess = Math.max(excess, passed - UNCOUNTED * allowed - UNCOUNTED_BYTES);
    return isDone;
  });
  return excess;
}

void t.test(
  'a node takes and gives no more than its owner has said, and what was asked is done',
  async (t) => {
    const limited = await TestNode.start(t, {
      // A name, for a proxy is not asked for loopback.
      addresses: ['limited.example'],
      bandwidth: { upBytesPerSecond: RATE_BYTES, downBytesPerSecond: RATE_BYTES },
    });
    const content = noise(1024 * 1024, 'through a narrow line');
    const giver = await overLine(t, limited);
    const put = giver.node.put(content, { convergence: 'public' });
    t.ok((await excessBytes(giver.carried.up, put)) <= 0, 'what it takes');
    const { uri = '', state } = await put;
    t.equal(state, 'finished');
    const taken = giver.carried.up.reduce((sum, { length }) => sum + length, 0);
    t.ok(taken > content.length && taken > 3 * BURST_BYTES, 'and it was more than a full bucket');

    await giver.node.stop();
    const taker = await overLine(t, limited);
    const path = join(scratch(t), 'got');
    const got = taker.node.get(uri, path);
    t.ok((await excessBytes(taker.carried.down, got)) <= 0, 'what it gives');
    t.match(await got, { state: 'finished' });
    t.equal(hashOfFile(path), sha256(content).toString('hex'));
    const given = taker.carried.down.reduce((sum, { length }) => sum + length, 0);
    t.ok(given > content.length && given > 3 * BURST_BYTES);
  },
);

void t.test('links that wait longest, a quarter, do not say how busy the line is', async (t) => {
  t.equal(oldestWaitMs([]), 0);
  t.equal(oldestWaitMs([7]), 7);
  t.equal(oldestWaitMs([0, 5_000, 0]), 5_000, 'of few none is left out');
  t.equal(oldestWaitMs([0, 5_000, 3, 0]), 3);
  t.equal(oldestWaitMs([9_000, 1, 5_000, 2, 9_000, 3, 4, 8]), 5_000);
});
