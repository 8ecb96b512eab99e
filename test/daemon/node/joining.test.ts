/** Nodes that join a network of strangers: by one seed, by one invite, by what they remember; and what `status` says meanwhile. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { assert } from '../../../keys/index.ts';
import type { Result } from '../../../client/index.ts';
import { routingLimits } from '../../../routing/index.ts';
import { StrangerBook } from '../../../daemon/node/stranger-book.ts';
import { openVault } from '../../../daemon/node/vault.ts';
import { TestNode, until } from './cluster.ts';
import { hashOfFile, noise, scratch, sha256 } from './content.ts';
import { RawPeer, identityOf, listen, referenceOf } from './raw-peer.ts';

const isFull = process.env['MIMEO_TEST_FULL'] !== undefined;
const COUNT = isFull ? 50 : 12;
/** Peers of a newcomer, friends included. */
const ENOUGH = isFull ? 10 : 6;
/** Strangers, for each node. */
const WANTED = routingLimits.peers.value;
/** Below so many a node goes on announcing itself. */
const FEW = 5;

async function joining(node: TestNode): Promise<Partial<Result<'node.status'>['joining']>> {
  return (await node.call('node.status', {})).joining;
}

async function confirmed(node: TestNode): Promise<number> {
  return (await joining(node))?.confirmed ?? 0;
}

/** How many nodes the disk of a node knows. */
async function remembered(dataDir: string): Promise<number> {
  const random = { bytes: (count: number) => randomBytes(count) };
  const vault = await openVault(dataDir, { random });
  assert(vault.state === 'open', 'these nodes have no passphrase');
  const key = vault.master.diskKey('strangers');
  return new StrangerBook({ path: join(dataDir, 'strangers'), key, random }).nodes.length;
}

/** All of them know the first one, and nothing else. */
async function network(t: Test): Promise<TestNode[]> {
  const first = await TestNode.start(t, { strangers: 'seek' });
  const seeds = [await first.reference()];
  const nodes = [first];
  while (nodes.length < COUNT) nodes.push(await TestNode.start(t, { strangers: 'seek', seeds }));
  await until(async () => (await Promise.all(nodes.map(confirmed))).every((count) => count >= FEW));
  return nodes;
}

void t.test(
  'a network that has grown from one seed takes in whoever has one seed or one invite',
  async (t) => {
    const nodes = await network(t);
    const content = noise(100_000, 'for newcomers');
    const { uri = '' } = (await nodes.at(-1)?.put(content)) ?? {};
    const joins = async (t: Test, newcomer: TestNode, since: number) => {
      const path = join(scratch(t), 'got');
      await until(async () => (await newcomer.connected()) > 0);
      t.match(await newcomer.get(uri, path), { state: 'finished' }, 'its first fetch');
      t.comment(`first fetch after ${Math.round(performance.now() - since)} ms`);
      t.equal(hashOfFile(path), sha256(content).toString('hex'));
      await until(async () => (await newcomer.connected()) >= ENOUGH);
      t.comment(`${ENOUGH} peers after ${Math.round(performance.now() - since)} ms`);
      // Connected is less than wanted by both ends.
      await until(async () => (await joining(newcomer))?.code === 'joined');
      t.match((await joining(newcomer))?.sentence, new RegExp(`^\\d+ of ${WANTED} peers`));
    };

    await t.test('one seed, and no seed when it comes back', async (t) => {
      const since = performance.now();
      const seeds = [(await nodes[3]?.reference()) ?? ''];
      const dataDir = join(scratch(t), 'node');
      const newcomer = await TestNode.start(t, { strangers: 'seek', seeds, dataDir });
      await joins(t, newcomer, since);
      await until(async () => (await remembered(dataDir)) >= FEW);
      await newcomer.stop();
      const back = await TestNode.start(t, { strangers: 'seek', dataDir });
      await until(async () => (await confirmed(back)) >= FEW);
    });

    await t.test('one invite', async (t) => {
      const since = performance.now();
      const { invite = '' } = (await nodes[5]?.call('peer.invite', {})) ?? {};
      const newcomer = await TestNode.start(t, { strangers: 'seek' });
      t.match(await joining(newcomer), { code: 'nobody', sentence: /invite/ });
      await newcomer.call('peer.join', { invite });
      await joins(t, newcomer, since);
      const { peers } = await newcomer.call('peer.list', {});
      t.equal(peers.filter(({ tie }) => tie === 'friend').length, 1, 'and one of them is a friend');
    });

    await t.test('who lets strangers in and looks for none has those that come', async (t) => {
      const quiet = await TestNode.start(t, { strangers: 'accept' });
      t.match(await joining(quiet), { code: 'accepting', confirmed: 0 });
      const seeds = [await quiet.reference()];
      // Listening everywhere, it may be sent to this machine as well: its seed is here.
      const listen = { host: '0.0.0.0', port: 0 };
      const newcomer = await TestNode.start(t, { strangers: 'seek', seeds, listen });
      await until(async () => (await confirmed(newcomer)) === 1 && (await confirmed(quiet)) === 1);
      t.match(await joining(newcomer), {
        code: 'looking',
        sentence: new RegExp(`^Looking for peers: 1 of ${WANTED}, \\w`),
      });
      t.match(await joining(quiet), { code: 'accepting', wanted: WANTED });
    });
  },
);

/** Where nobody listens. */
async function closedPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return `127.0.0.1:${port}`;
}

void t.test('status says why no seed answers, and when the next try is', async (t) => {
  const address = await closedPort();
  const seeds = ['one', 'two'].map((name) => referenceOf(identityOf(name), { addresses: [address] }));
  const node = await TestNode.start(t, { strangers: 'seek', seeds });
  await until(async () => (await joining(node))?.failed === 2);
  const { joining: found, warnings } = await node.call('node.status', {});
  t.match(found, {
    code: 'unanswered',
    confirmed: 0,
    lastFailure: /^connection refused/,
    callable: 'machine',
  });
  const words =
    /^No node answers: connection refused: [^(]*\(2 tried, the last one 127\.0\.0\.1:\d+ \d+ s ago, next try in \d+ s\)\.$/;
  t.match(found?.sentence, words);
  t.equal(warnings[0], found?.sentence);
});

void t.test(
  'status says when it calls again after the only peer has gone, which had an address',
  async (t) => {
    const seed = await TestNode.start(t, { strangers: 'accept' });
    const node = await TestNode.start(t, { strangers: 'seek', seeds: [await seed.reference()] });
    await until(async () => (await confirmed(node)) === 1);
    await seed.stop();
    await until(async () => (await joining(node))?.code === 'ended');
    t.match(
      (await joining(node))?.sentence,
      /^No peer is connected: the link with [\d.]+:\d+ has ended.*; next try in \d+ s\.$/,
    );
  },
);

void t.test('status says whom it waits for while nothing answers', async (t) => {
  const mute = await listen(t, () => {});
  const seeds = [referenceOf(identityOf('mute'), { addresses: [mute] })];
  const node = await TestNode.start(t, { strangers: 'seek', seeds });
  await until(async () => (await joining(node))?.code === 'calling');
  t.match(await joining(node), {
    calling: 1,
    failed: 0,
    sentence: 'Calling 1 node.',
    doing: `calling ${mute}`,
  });
});

void t.test('status says that who answered has no place', async (t) => {
  const self = identityOf('full');
  const address = await listen(t, (socket) => {
    const peer = new RawPeer(socket, { identity: self, wants: 'nobody' });
    void until(() => peer.isEstablished).then(() => peer.send({ type: 'unwanted' }));
  });
  const seeds = [referenceOf(self, { addresses: [address] })];
  const node = await TestNode.start(t, { strangers: 'seek', seeds });
  await until(async () => (await joining(node))?.code === 'looking');
  t.match(
    (await joining(node))?.sentence,
    new RegExp(`^Looking for peers: 0 of ${WANTED} \\(1 node connected, none has a place`),
  );
});

void t.test('status says who can not call this node', async (t) => {
  const proxy = { host: '127.0.0.1', port: 9 };
  for (const [settings, callable, warning] of [
    [{ proxy }, 'nobody', /^Nobody can call this node/],
    [{ addresses: ['10.0.0.1'] }, 'network', /^Only its local network/],
    [{ proxy, addresses: ['abc.onion:7'] }, 'world', undefined],
  ] as const) {
    const { joining: found, warnings } = await (
      await TestNode.start(t, { strangers: 'accept', ...settings })
    ).call('node.status', {});
    t.equal(found?.callable, callable);
    t.equal(
      warnings.some((text) => /call this node/.test(text)),
      warning !== undefined,
    );
    if (warning !== undefined) t.ok(warnings.some((text) => warning.test(text)));
  }
});

void t.test(
  'where the owner wants no strangers, or the network has none, status counts no strangers',
  async (t) => {
    const [closed, friends] = [
      await TestNode.start(t),
      await TestNode.start(t, { strangers: 'seek', network: 'friends-small' }),
    ];
    for (const node of [closed, friends]) t.match(await joining(node), { code: 'nobody', wanted: 0 });
  },
);
