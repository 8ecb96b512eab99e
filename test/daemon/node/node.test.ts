/** A node as a whole: what it says about itself, a network that is not there, a disk that is full, and stopping in the middle. */
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type Socket, createServer } from 'node:net';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { mock } from 'node:test';
import t, { type Test } from 'tap';
import { toText } from '../../../keys/index.ts';
import type { Job } from '../../../client/index.ts';
import type { IncomingMessage } from '../../../routing/messages.ts';
import { api } from '../../../client/api.ts';
import { TestNode, link, startLinked, until } from './cluster.ts';
import { hashOfFile, noise, scratch, sha256 } from './content.ts';
import { RawPeer, identityOf, listen, referenceOf } from './raw-peer.ts';
import { smallDisk } from './small-disk.ts';

const MIB = 1024 * 1024;

/** How a job ends when nobody has to wait for its pauses. */
async function endedOutOfTime(t: Test, node: TestNode, begin: () => Promise<Job>): Promise<Job> {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  let job = await begin();
  while (job.state === 'running') {
    mock.timers.tick(60_000);
    // The disk and the sockets are real: they get their turns.
    await new Promise((resolve) => setImmediate(resolve));
    job = await node.call('request.status', { id: job.id });
  }
  mock.timers.reset();
  return job;
}

void t.test(
  'without peers nothing goes in or out: where nobody is known that is no_route, with what to do; else a job waits, and a page does not',
  async (t) => {
    const node = await TestNode.start(t);
    const path = node.file(noise(100_000));
    const error = {
      code: 'no_route',
      retryable: true,
      hint: /mimeo status/,
      message: /no node could be asked/,
    };
    const { uri = '' } = await node.put(noise(100), { keyOnly: true });
    const target = join(scratch(t), 'got');
    const begin = () => node.call('request.get', { uri, path: target });
    await t.rejects(node.call('request.put', { path }), { code: 'no_route', message: /knows no peers/ });
    t.match(await endedOutOfTime(t, node, begin), { state: 'failed', error });
    t.notOk(existsSync(target));

    await node.addPeer(referenceOf(identityOf('away')));
    for (const { id } of [await node.call('request.put', { path }), await begin()]) {
      const job = () => node.call('request.status', { id });
      await until(async () => (await job()).waiting !== undefined);
      t.match(await job(), { state: 'running', waiting: { code: 'no_guard' } });
      t.match(await node.call('request.cancel', { id }), { state: 'cancelled' });
    }
    t.notOk(existsSync(target));
    const { signal } = new AbortController();
    await t.rejects(node.content.open(uri, { signal }), { code: 'no_route' });
    const { store } = await node.call('node.status', {});
    t.equal(store.storeBlocks + store.cacheBlocks, 0, 'what the owner asks for is not kept');
  },
);

void t.test('what it says about itself is true in every state', async (t) => {
  const [node, other] = [await TestNode.start(t), await TestNode.start(t)];
  const status = () => node.call('node.status', {});
  const waits = /^What you ask for waits: /;
  const reduced = /^Reduced anonymity: no friend is connected/;
  const isGuarded = async () => (await status()).anonymity?.guard === 'settled';
  const isSilent = async () => (await node.call('store.stats', {})).silent;
  if (!(await isSilent()))
    t.match((await status()).warnings, [/knows nobody/, /^Disk not yet silent: /, waits]);
  await until(isSilent);
  t.match(await node.call('node.info', {}), {
    network: 'testnet',
    pid: process.pid,
    dataDir: node.dataDir,
    listen: [`127.0.0.1:${node.listening.port}`],
    identity: /^[\w-]{43}$/,
    location: Number,
  });
  t.match(await status(), {
    sentence: 'No peers yet; 0 blocks kept.',
    warnings: [/knows nobody/, waits, reduced],
    peers: { connected: 0, known: 0 },
    requests: { pending: 0 },
    jobs: { running: 0 },
  });

  await node.addPeer(referenceOf(identityOf('never there')));
  t.match(await status(), {
    sentence: 'The one known peer is not connected; 0 blocks kept.',
    warnings: [/^No peer has called, and none that is known has an address/, waits, reduced],
  });

  await link(node, other);
  await until(isGuarded);
  t.match(await status(), {
    sentence: 'Connected to 1 peer of 2; 0 requests in work; 0 blocks kept.',
    warnings: [reduced],
    peers: { connected: 1, known: 2 },
  });
  t.equal((await status()).warnings.length, 1);

  await other.put(noise(1_000));
  t.match(await status(), { store: { storeBlocks: 1, cacheBlocks: 0 }, sentence: /; 1 block kept\.$/ });

  const peer = await RawPeer.linked(t, node, { identity: identityOf('never there') });
  await other.stop();
  await until(async () => (await node.connected()) === 1);
  const put = await node.call('request.put', { path: node.file(noise(10)) });
  await until(() => peer.messages.length > 0);
  t.match(await status(), {
    sentence: /^Connected to 1 peer of 2; \d requests? in work, 1 job of yours; 1 block kept\.$/,
    jobs: { running: 1 },
  });
  await node.call('request.cancel', { id: put.id });
  const now = await status();
  t.ok(now.uptimeSeconds >= 0 && now.store.usedBytes <= now.store.limitBytes);
});

void t.test('every answer has the form that the table of methods promises', async (t) => {
  const [node] = (await startLinked(t, 2)) as [TestNode];
  await node.put(noise(10), { keyOnly: true });
  for (const name of [
    'node.info',
    'node.status',
    'request.list',
    'key.list',
    'peer.list',
    'peer.reference',
  ] as const)
    t.equal(api[name].result.safeParse(await node.call(name, {})).success, true, name);
  const key = { name: 'news' };
  t.ok(api['key.create'].result.safeParse(await node.call('key.create', key)).success);
  t.ok(api['key.export'].result.safeParse(await node.call('key.export', key)).success);
  const { requestUri: uri } = await node.call('key.remove', key);
  t.match(await node.call('key.parse', { uri }), { kind: 'ssk' });
  for (const name of ['node.stop', 'rpc.discover'] as const)
    await t.rejects(node.call(name, {}), { code: 'method_unknown' }, `${name} is the process's`);
});

void t.test('a start that can not succeed says why and holds nothing', async (t) => {
  const dataDir = scratch(t);
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const address = taken.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const start = (settings: Parameters<typeof TestNode.start>[1]) =>
    TestNode.start(t, { dataDir, ...settings });
  const host = '127.0.0.1';
  await t.rejects(start({ listen: { host, port } }), {
    code: 'port_in_use',
    message: `${host}:${port} is in use`,
  });
  await t.rejects(start({ listen: { host: '203.0.113.1', port: 0 } }), { code: 'config_invalid' });
  await t.rejects(start({ network: 'nowhere' }), { code: 'config_invalid', message: /nowhere.*testnet/ });
  await t.rejects(start({ network: 'toString' }), { code: 'config_invalid' });
  const traceFile = join(dataDir, 'trace');
  for (const network of ['open', 'friends-small', 'friends-medium'])
    await t.rejects(start({ network, traceFile }), { code: 'config_invalid', message: /trace/ }, network);
  t.notOk(existsSync(traceFile));
  await t.rejects(start({ traceFile: join(dataDir, 'missing', 'trace') }), { code: 'config_invalid' });
  await start({ traceFile });
  t.equal(statSync(traceFile).mode & 0o777, 0o600);
});

void t.test('a store of another format is refused, and the files stay as they are', async (t) => {
  const node = await TestNode.start(t);
  await node.stop();
  const path = join(node.dataDir, 'store', 'store.slots');
  const before = readFileSync(path);
  // What only format 1 had.
  writeFileSync(join(node.dataDir, 'store', 'cache.slots'), 'mimeo/store/slots');
  await t.rejects(TestNode.start(t, { dataDir: node.dataDir }), { code: 'store_format' });
  t.ok(readFileSync(path).equals(before));
});

const disk = smallDisk(t, '3m');
void t.test(
  'a node whose disk is full passes on what others insert, and says that its disk is full',
  disk === undefined ? { skip: 'mounting a small disk needs root' } : {},
  async (t) => {
    const full = await TestNode.start(t, { dataDir: join(disk ?? '', 'node'), storeSizeBytes: 32 * MIB });
    const [asker, keeper] = [await TestNode.start(t), await TestNode.start(t)];
    await link(asker, full);
    await link(full, keeper);
    const content = noise(5_000_000);
    const { state, uri = '' } = await asker.put(content);
    t.equal(state, 'finished');
    const { warnings, store } = await full.call('node.status', {});
    t.ok(
      warnings.some((warning) => warning.startsWith('The disk has less room than store.size: ')),
      warnings.join(' '),
    );
    t.ok(store.storeBlocks > 10 && store.storeBlocks < 150, `${store.storeBlocks} blocks were kept`);
    const path = join(scratch(t), 'got');
    t.match(await asker.get(uri, path), { state: 'finished' });
    t.equal(hashOfFile(path), sha256(content).toString('hex'));
  },
);

void t.test('an upload goes on when its only peer stops in the middle and comes back', async (t) => {
  const [a, b] = (await startLinked(t, 2)) as [TestNode, TestNode];
  const content = noise(8 * MIB);
  const job = await a.call('request.put', { path: a.file(content) });
  await until(async () => (await a.call('request.status', { id: job.id })).progress.succeeded > 20);
  await b.stop();
  await b.startAgain();
  const { state, uri = '' } = await a.ended(job);
  t.equal(state, 'finished');
  const path = join(scratch(t), 'got');
  t.match(await b.get(uri, path), { state: 'finished' });
  t.equal(hashOfFile(path), sha256(content).toString('hex'));
});

void t.test(
  'stopping in the middle cancels own jobs, leaves no half file, and refuses new ones',
  async (t) => {
    const [a] = (await startLinked(t, 2)) as [TestNode];
    const content = noise(4 * MIB);
    const { uri = '' } = await a.put(content);
    const b = await TestNode.start(t, { traceFile: join(scratch(t), 'trace') });
    // A guard that takes requests and never answers them, so that nothing can end before it is stopped; and that does not hang up.
    const stalled: RawPeer[] = [];
    const identity = identityOf('stalls');
    const accept = (socket: Socket): void => {
      stalled.push(new RawPeer(socket, { identity, onMessage: acceptsAll }));
    };
    const address = await listen(t, accept, { ends: 'byItself' });
    await b.addPeer(referenceOf(identity, { addresses: [address] }));
    await until(async () => (await b.call('node.status', {})).anonymity?.guard === 'settled');
    await link(a, b);
    const target = join(scratch(t), 'got');
    const put = await b.call('request.put', { path: b.file(noise(4 * MIB, 'other')) });
    const get = await b.call('request.get', { uri, path: target });
    await until(() => (stalled[0]?.messages.length ?? 0) > 0);
    const stopped = b.stop();
    await t.rejects(b.call('request.put', { path: b.file(noise(1)) }), { code: 'daemon_stopping' });
    await t.rejects(b.call('request.get', { uri, path: `${target} 2` }), { code: 'daemon_stopping' });
    await t.rejects(b.content.open(uri, { signal: new AbortController().signal }), {
      code: 'daemon_stopping',
    });
    await stopped;
    for (const { id } of [put, get]) t.equal((await b.call('request.status', { id })).state, 'cancelled');
    t.same(readdirSync(dirname(target)), []);
    for (const peer of stalled) peer.close();

    await b.startAgain();
    t.same(await b.call('request.list', {}), { jobs: [] });
    await b.call('peer.remove', { identity: toText(identity.publicKey) });
    await until(async () => (await b.connected()) === 1);
    t.match(await b.get(uri, target), { state: 'finished' });
    t.equal(hashOfFile(target), sha256(content).toString('hex'));
  },
);

function acceptsAll(message: IncomingMessage, peer: RawPeer): void {
  if (message.type === 'dataRequest' || message.type === 'insertRequest')
    peer.send({ type: 'accepted', id: message.id });
}

void t.test('what a node keeps is there after it was started again', async (t) => {
  const [a, b] = (await startLinked(t, 2)) as [TestNode, TestNode];
  const { uri = '' } = await a.put(noise(500_000));
  const before = await b.call('node.info', {});
  const { storeBlocks, cacheBlocks, limitBytes } = (await b.call('node.status', {})).store;
  const { requestUri } = await b.call('key.create', { name: 'news' });
  await b.stop();
  rmSync(join(b.dataDir, 'spool'), { recursive: true });
  await b.startAgain();
  t.match((await b.call('node.status', {})).store, { storeBlocks, cacheBlocks, limitBytes });
  t.match(await b.call('node.info', {}), before);
  t.match(await b.call('key.list', {}), { keys: [{ name: 'news', requestUri }] });
  await until(async () => (await a.connected()) === 1);
  t.match(await a.get(uri, join(scratch(t), 'got')), { state: 'finished' });
});

void t.test('a trace tells what was asked by whom and what is kept', async (t) => {
  const traceFile = join(scratch(t), 'trace');
  const [a, b] = [await TestNode.start(t, { traceFile }), await TestNode.start(t)];
  await link(a, b);
  const lines = (): Record<string, unknown>[] =>
    readFileSync(traceFile, 'utf8')
      .split('\n')
      .filter((line) => line.endsWith('}'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const ofOwner = () => lines().filter(({ local }) => local === true);
  await a.put(noise(10));
  await until(() => ofOwner().length >= 3);
  const own = { type: 'answered', kind: 'insert', local: true, outcome: 'stored', key: String };
  t.match(ofOwner(), [own, own, own], 'a top block at its three places');
  t.equal(ofOwner().length, 3);
  await b.put(noise(20));
  // The own blocks have come back greedily, and guards are tried with fetches.
  const ownKeys = new Set(ofOwner().map(({ key }) => key));
  const ofOthers = () =>
    lines().filter(({ kind, local, key }) => kind === 'insert' && local === false && !ownKeys.has(key));
  const isKept = (asked: unknown) => lines().some(({ type, key }) => type === 'kept' && key === asked);
  await until(() => ofOthers().some(({ key }) => isKept(key)));
  t.match(ofOthers()[0], { type: 'answered', outcome: 'stored' });
});
