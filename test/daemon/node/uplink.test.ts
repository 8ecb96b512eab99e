/** Real nodes with friends alone, whose friends, or theirs, have peers among strangers (docs/spec/peers.md, 10). */
import { join } from 'node:path';
import t from 'tap';
import { TestNode, until } from './cluster.ts';
import { hashOfFile, noise, scratch, sha256 } from './content.ts';

async function says(node: TestNode): Promise<string> {
  return (await node.call('node.status', {})).joining?.sentence ?? '';
}

/** A new node that keeps to friends, and `inviter` as its friend. */
async function friendOf(inviter: TestNode): Promise<TestNode> {
  const node = await TestNode.start(t, { strangers: 'none' });
  const { invite } = await inviter.call('peer.invite', {});
  await node.call('peer.join', { invite });
  await until(async () => (await node.connected()) === 1);
  return node;
}

void t.test('friends of an open node store and fetch through it, and keep nothing', async (t) => {
  const open = await TestNode.start(t, { strangers: 'seek' });
  const other = await TestNode.start(t, { strangers: 'seek', seeds: [await open.reference()] });
  await until(async () => ((await open.call('node.status', {})).joining?.confirmed ?? 0) === 1);

  const near = await friendOf(open);
  await until(async () => /through friends, one step away/u.test(await says(near)));
  const far = await friendOf(near);
  await until(async () => /through friends, 2 steps away/u.test(await says(far)));
  t.notMatch(await says(open), /through friends/u);

  const content = noise(100_000, 'by friends of friends');
  const { uri = '' } = await far.put(content);
  const path = join(scratch(t), 'got');
  t.match(await other.get(uri, path), { state: 'finished' });
  t.equal(hashOfFile(path), sha256(content).toString('hex'));
  const again = join(scratch(t), 'again');
  t.match(await near.get(uri, again), { state: 'finished' });
  t.equal(hashOfFile(again), sha256(content).toString('hex'));
  for (const node of [near, far]) {
    const { store } = await node.call('node.status', {});
    t.same([store.storeBlocks, store.cacheBlocks], [0, 0]);
  }
});
