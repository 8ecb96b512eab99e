/**
 * The stem of real nodes: what they say of it, what of it outlives a restart, and what waits without it (docs/spec/node.md, 12, and rpc.md, 6).
 * That nothing of the owner's leaves by another way is shown in test/routing/stem and test/sim.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { assert } from '../../../keys/index.ts';
import type { Result } from '../../../client/index.ts';
import type { StemState } from '../../../routing/index.ts';
import { StemFile } from '../../../daemon/node/stem-file.ts';
import { openVault } from '../../../daemon/node/vault.ts';
import { TestNode, link, startLinked, until } from './cluster.ts';
import { hashOfFile, noise, scratch, sha256 } from './content.ts';
import { identityOf, referenceOf } from './raw-peer.ts';

type Anonymity = NonNullable<Result<'node.status'>['anonymity']>;

async function anonymity(node: TestNode): Promise<Anonymity> {
  const { anonymity } = await node.call('node.status', {});
  assert(anonymity !== undefined, 'a node that runs says so');
  return anonymity;
}

async function settled(...nodes: readonly TestNode[]): Promise<void> {
  for (const node of nodes) await until(async () => (await anonymity(node)).guard === 'settled');
}

/** What the disk of a node knows. */
async function kept({ dataDir }: TestNode): Promise<StemState | undefined> {
  const random = { bytes: (count: number) => randomBytes(count) };
  const vault = await openVault(dataDir, { random });
  assert(vault.state === 'open', 'these nodes have no passphrase');
  return new StemFile({ path: join(dataDir, 'stem'), key: vault.master.diskKey('stem'), random }).kept;
}

/** Until its disk knows so many guards. */
async function keptGuards(node: TestNode, count: number): Promise<StemState> {
  await until(async () => (await kept(node))?.guards.length === count);
  const state = await kept(node);
  assert(state !== undefined, 'it has just been there');
  return state;
}

function who({ guards }: StemState): object[] {
  return guards.map(({ identity, drawnAt, endsAt }) => ({ identity, drawnAt, endsAt }));
}

void t.test('a node without peers says that what is asked for waits, what is reduced, and why', async (t) => {
  const node = await TestNode.start(t);
  t.match(await node.call('node.status', {}), {
    anonymity: {
      level: 'waiting',
      reasons: ['no_guard', 'no_friends', 'few_stem_ins'],
      guard: 'none',
      stemIns: 0,
      sentence: 'What you ask for waits: no guard, 0 nodes ask through this one.',
    },
  });
  const { warnings } = await node.call('node.status', {});
  for (const begin of ['What you ask for waits: ', 'Reduced anonymity: '])
    t.equal(warnings.filter((warning) => warning.startsWith(begin)).length, 1, begin);
});

void t.test('among three nodes each has its guards and is a guard, and lacks friends alone', async (t) => {
  const nodes = await startLinked(t, 3);
  await settled(...nodes);
  for (const node of nodes) {
    await until(async () => (await anonymity(node)).stemIns === 2);
    t.match(await anonymity(node), {
      level: 'reduced',
      reasons: ['no_friends'],
      sentence: 'Reduced: settled guard, 2 nodes ask through this one.',
    });
  }
});

void t.test('a friend is a guard, and is no reason to warn', async (t) => {
  const network = { network: 'friends-small' };
  const [inviter, joiner] = [await TestNode.start(t, network), await TestNode.start(t, network)];
  const { invite } = await inviter.call('peer.invite', {});
  await joiner.call('peer.join', { invite });
  await settled(inviter, joiner);
  await until(async () => (await anonymity(inviter)).stemIns === 1);
  t.match(await anonymity(inviter), { level: 'reduced', reasons: ['few_stem_ins'] });
  t.match((await keptGuards(joiner, 1)).guards, [{ kind: 'friend', identity: await inviter.identity() }]);
});

void t.test('a node that was started again has the guards that it had, and draws none', async (t) => {
  const nodes = await startLinked(t, 4);
  const [node] = nodes;
  assert(node !== undefined, 'there are four');
  const before = await keptGuards(node, 3);
  t.equal(before.draws.length, 3);
  for (let run = 0; run < 2; run += 1) {
    await node.stop();
    await node.startAgain();
    await settled(node);
    const after = await keptGuards(node, 3);
    t.same(who(after), who(before), 'the same ones, in their order');
    t.same(after.draws, before.draws);
    t.same(after.secret, before.secret, 'and what is passed on goes the ways that it went');
  }
});

void t.test('a damaged file of the stem is refused with its code, and left as it is', async (t) => {
  const [node] = (await startLinked(t, 2)) as [TestNode];
  await keptGuards(node, 1);
  await node.stop();
  const path = join(node.dataDir, 'stem');
  const bytes = readFileSync(path);
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  await t.rejects(node.startAgain(), { code: 'state_damaged', message: /stem does not open/ });
  t.same(readFileSync(path), bytes);
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  await node.startAgain();
  t.equal((await kept(node))?.guards.length, 1);
});

void t.test(
  'what is asked for waits while no guard is there, says why, and goes on when it comes',
  async (t) => {
    const node = await TestNode.start(t);
    await node.addPeer(referenceOf(identityOf('away')));
    const content = noise(100_000);
    const { id } = await node.call('request.put', { path: node.file(content) });
    const job = () => node.call('request.status', { id });
    await until(async () => (await job()).waiting !== undefined);
    t.match(await job(), {
      state: 'running',
      waiting: { code: 'no_guard', sentence: /^Waits: this node has no guard yet/ },
    });
    t.match(await node.call('request.list', {}), { jobs: [{ id, waiting: { code: 'no_guard' } }] });
    const other = await TestNode.start(t);
    await link(node, other);
    const done = await node.ended(await job());
    t.match(done, { state: 'finished' });
    t.equal(done.waiting, undefined);

    await other.stop();
    await until(async () => (await anonymity(node)).level === 'waiting');
    t.match((await anonymity(node)).reasons, ['guards_away']);
    const get = await node.call('request.get', {
      uri: (await node.put(noise(90_000, 'never inserted'), { keyOnly: true })).uri ?? '',
      path: join(scratch(t), 'got'),
    });
    await until(
      async () => (await node.call('request.status', { id: get.id })).waiting?.code === 'guards_away',
    );
    t.match(await node.call('request.cancel', { id: get.id }), { state: 'cancelled' });
    await other.startAgain();
    await settled(node);
    const path = join(scratch(t), 'got');
    t.match(await node.get(done.uri ?? '', path), { state: 'finished' });
    t.equal(hashOfFile(path), sha256(content).toString('hex'));
  },
);

void t.test('a node that a program has made without the stem says that peers can tell', async (t) => {
  const [a, b] = (await startLinked(t, 2, { stem: 'off' })) as [TestNode, TestNode];
  t.match(await anonymity(a), { level: 'reduced', reasons: ['stem_off'], guard: 'none' });
  const { uri = '' } = await a.put(noise(50_000));
  t.match(await b.get(uri, join(scratch(t), 'got')), { state: 'finished' });
  t.equal(await kept(a), undefined);
});
