/** The jobs of a node: how many, how they stand, how they are cancelled, and what they leave on disk. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import type { Job } from '../../../client/index.ts';
import { loadLimits, routingLimits } from '../../../routing/index.ts';
import { nodeLimits } from '../../../daemon/node/limits.ts';
import { TestNode, startLinked, until } from './cluster.ts';
import { noise, prose, scratch } from './content.ts';
import { RawPeer, identityOf, referenceOf } from './raw-peer.ts';
import { smallDisk } from './small-disk.ts';

const LIMIT = nodeLimits.runningJobs.value;
const never = new AbortController().signal;

/** A node whose only peer takes every request and says nothing more: what is begun there goes on until it is cancelled. */
async function stalled(t: Test): Promise<{ node: TestNode; peer: RawPeer }> {
  const node = await TestNode.start(t);
  const identity = identityOf('stalled');
  await node.addPeer(referenceOf(identity));
  const peer = await RawPeer.linked(t, node, {
    identity,
    onMessage: (message, peer) => {
      if (message.type === 'dataRequest' || message.type === 'insertRequest')
        peer.send({ type: 'accepted', id: message.id });
    },
  });
  await until(async () => (await node.connected()) === 1);
  return { node, peer };
}

async function* body(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

const upload = { key: undefined, mimeType: 'text/plain', fileName: undefined, signal: never };

void t.test('jobs are listed oldest first, and each is told by its id', async (t) => {
  const { node } = await stalled(t);
  t.same(await node.call('request.list', {}), { jobs: [] });
  const path = node.file(noise(100));
  const done = await node.put(noise(100), { keyOnly: true, priority: 5 });
  const put = await node.call('request.put', { path });
  const target = join(scratch(t), 'got');
  const get = await node.call('request.get', { uri: done.uri ?? '', path: target, priority: 0 });
  t.match(done, { kind: 'put', state: 'finished', priority: 5 });
  t.match(put, { kind: 'put', state: 'running', path, mimeType: 'application/octet-stream' });
  t.match(get, { kind: 'get', state: 'running', path: target, priority: 0 });
  const { jobs } = await node.call('request.list', {});
  t.same(
    jobs.map(({ id }) => id),
    [done.id, put.id, get.id],
  );
  t.match(await node.call('request.status', { id: get.id }), { id: get.id, state: 'running' });
  t.match(
    await node.call('request.wait', { id: get.id, timeoutMs: 1 }),
    { state: 'running' },
    'patience ends',
  );
  t.same(await node.call('request.wait', { id: done.id, timeoutMs: 3_600_000 }), done);
  t.same(await node.call('request.cancel', { id: done.id }), done, 'what has ended stays as it ended');
  for (const method of ['request.status', 'request.cancel'] as const)
    await t.rejects(node.call(method, { id: 'none' }), { code: 'job_unknown' });
  await t.rejects(node.call('request.wait', { id: 'none', timeoutMs: 1 }), { code: 'job_unknown' });
  t.match(await node.call('node.status', {}), { jobs: { running: 2 }, sentence: /2 jobs of yours/ });
});

void t.test('a cancelled job has ended when the call returns, and has left no file', async (t) => {
  const { node } = await stalled(t);
  const { uri = '' } = await node.put(noise(500_000), { keyOnly: true });
  const target = join(scratch(t), 'got');
  const get = await node.call('request.get', { uri, path: target });
  const put = await node.call('request.put', { path: node.file(noise(500_000)) });
  await until(async () => (await node.call('request.status', { id: put.id })).progress.total > 0);
  t.equal(readdirSync(dirname(target)).length, 1, 'a file that has begun');
  t.match(await node.call('request.cancel', { id: get.id }), { state: 'cancelled' });
  t.match(await node.call('request.cancel', { id: put.id }), { state: 'cancelled' });
  t.same(readdirSync(dirname(target)), []);
  t.match(await node.call('request.wait', { id: get.id, timeoutMs: 0 }), { state: 'cancelled' });
  t.match(await node.call('node.status', {}), { jobs: { running: 0 } });
});

void t.test('a job can be cancelled before its keyword is derived', async (t) => {
  const { node } = await stalled(t);
  const target = join(scratch(t), 'got');
  const get = await node.call('request.get', { uri: 'KSK@slow to derive', path: target });
  t.match(await node.call('request.cancel', { id: get.id }), { state: 'cancelled' });
  const put = await node.call('request.put', { path: node.file(noise(10)), key: 'ksk:slow to derive' });
  t.match(await node.call('request.cancel', { id: put.id }), { state: 'cancelled' });
  t.same(readdirSync(dirname(target)), []);
  const abort = new AbortController();
  const opening = node.content.open('KSK@slow to derive', { signal: abort.signal });
  abort.abort();
  await t.rejects(opening, { code: 'cancelled' });
});

void t.test('no more jobs run than the limit, and more are refused and leave nothing', async (t) => {
  const { node } = await stalled(t);
  const directory = scratch(t);
  const { uri = '' } = await node.put(noise(40_000), { keyOnly: true });
  const begun = await Promise.allSettled(
    Array.from({ length: LIMIT + 20 }, (_, i) =>
      node.call('request.get', { uri, path: join(directory, String(i)) }),
    ),
  );
  const refused = begun.filter(({ status }) => status === 'rejected');
  t.equal(refused.length, 20, 'also when all come at once');
  for (const result of refused) t.match(result, { reason: { code: 'overloaded' } });
  t.equal(readdirSync(directory).length, LIMIT, 'one begun file each');
  await t.rejects(node.call('request.put', { path: node.file(noise(1)) }), { code: 'overloaded' });
  await t.rejects(node.content.upload(body(noise(1)), upload), { code: 'overloaded' });
  const { jobs } = await node.call('request.list', {});
  await node.call('request.cancel', { id: jobs.at(-1)?.id ?? '' });
  const next = await node.call('request.put', { path: node.file(noise(1)) });
  t.equal(next.state, 'running', 'there is room again');
  await node.stop();
  t.same(readdirSync(directory), []);
  t.match(await node.call('request.status', { id: next.id }), { state: 'cancelled' });
});

void t.test(
  "own requests are never more than a peer's window, and the rest goes on afterwards",
  async (t) => {
    const node = await TestNode.start(t);
    const identity = identityOf('counts');
    await node.addPeer(referenceOf(identity));
    let holdsBack = true;
    const peer = await RawPeer.linked(t, node, {
      identity,
      onMessage: (message, peer) => {
        if (message.type !== 'insertRequest') return;
        peer.send({ type: 'accepted', id: message.id });
        if (!holdsBack) peer.send({ type: 'insertStored', id: message.id, visits: 1 });
      },
    });
    const jobs: Job[] = [];
    for (let i = 0; i < 6; i += 1)
      jobs.push(await node.call('request.put', { path: node.file(noise(1_200_000, `many ${i}`)) }));
    const requests = () => peer.messages.filter(({ type }) => type === 'insertRequest');
    // The jobs want 192; nothing is known of this peer yet.
    const first = loadLimits.windowFirst.value;
    await until(() => requests().length >= first);
    for (let turn = 0; turn < 20; turn += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      t.equal(requests().length, first);
    }
    const { pending } = (await node.call('node.status', {})).requests;
    t.ok(pending > first && pending <= routingLimits.pendingPerLink.value, 'the others wait for room');
    holdsBack = false;
    for (const message of requests())
      if (message.type === 'insertRequest') peer.send({ type: 'insertStored', id: message.id, visits: 1 });
    for (const job of jobs) t.match(await node.ended(job), { state: 'finished' });
  },
);

void t.test('jobs that have ended are kept up to the limit, and the oldest goes first', async (t) => {
  const { node } = await stalled(t);
  const path = node.file(noise(1));
  const running = await node.call('request.put', { path });
  const ended: string[] = [];
  for (let i = 0; i < nodeLimits.keptJobs.value + 5; i += 1)
    ended.push((await node.ended(await node.call('request.put', { path, keyOnly: true }))).id);
  const { jobs } = await node.call('request.list', {});
  t.equal(jobs.length, nodeLimits.keptJobs.value);
  t.equal(jobs[0]?.id, running.id, 'one that runs is not forgotten');
  t.equal(jobs.at(-1)?.id, ended.at(-1));
  await t.rejects(node.call('request.status', { id: ended[0] ?? '' }), { code: 'job_unknown' });
});

void t.test('what can be seen to fail is refused before there is a job', async (t) => {
  const node = await TestNode.start(t);
  const directory = scratch(t);
  const [taken, folder] = [join(directory, 'taken'), join(directory, 'folder')];
  writeFileSync(taken, 'mine');
  mkdirSync(folder);
  const { uri = '' } = await node.put(noise(10), { keyOnly: true });
  const before = await node.call('request.list', {});
  const get = (path: string, what = uri) => node.call('request.get', { uri: what, path });
  await t.rejects(get(taken), { code: 'target_exists' });
  await t.rejects(get(folder), { code: 'target_exists' });
  await t.rejects(get(join(directory, 'missing', 'got')), { code: 'target_unwritable' });
  await t.rejects(get(join(directory, 'got'), 'CHK@nonsense'), { code: 'bad_key' });
  await t.rejects(
    get(join(directory, 'got'), (await node.call('key.create', { name: 'k' })).requestUri + '/x'),
    { code: 'key_form' },
  );
  const put = (path: string, params = {}) => node.call('request.put', { path, ...params });
  await t.rejects(put(join(directory, 'missing')), { code: 'source_unreadable' });
  await t.rejects(put(folder), { code: 'source_unreadable' });
  await t.rejects(put('/dev/zero'), { code: 'source_unreadable' });
  await t.rejects(put(taken, { key: 'ssk:nobody/document' }), { code: 'key_unknown' });
  await t.rejects(put(taken, { key: 'ssk:nobody' }), { code: 'usage' });
  await t.rejects(put(taken, { key: uri.replace('CHK@', 'SSK@') }), { code: 'bad_key' });
  await t.rejects(put(taken, { mimeType: 'no type' }), { code: 'usage' });
  t.same(await node.call('request.list', {}), before);
  t.same(readdirSync(directory).sort(), ['folder', 'taken']);
});

const disk = smallDisk(t, '1m');
void t.test(
  'a download onto a full disk ends as disk_full and leaves nothing there',
  disk === undefined ? { skip: 'mounting a small disk needs root' } : {},
  async (t) => {
    const [a, b] = (await startLinked(t, 2)) as [TestNode, TestNode];
    const { uri = '' } = await a.put(noise(2_000_000));
    t.match(await b.get(uri, join(disk ?? '', 'got')), { state: 'failed', error: { code: 'disk_full' } });
    t.same(readdirSync(disk ?? ''), []);
  },
);

void t.test(
  'a body is uploaded whole, leaves no trace in the spool, and is read again in ranges',
  async (t) => {
    const [a, b] = (await startLinked(t, 2)) as [TestNode, TestNode];
    for (const content of [noise(300_000), prose(900_000), Buffer.alloc(0)]) {
      const job = await a.content.upload(body(content.subarray(0, 70_000), content.subarray(70_000)), {
        ...upload,
        fileName: 'file',
      });
      t.match(job, { state: 'finished', uri: /^CHK@.*\/file$/ });
      t.same(readdirSync(join(a.dataDir, 'spool')), []);
      const { length } = content;
      const ranges: [number, number][] = [
        [0, length - 1],
        [Math.floor(length / 2), length - 1],
        [length - 1, length - 1],
        [10, 10],
      ];
      for (const [start, end] of length === 0 ? [[0, -1] as const] : ranges) {
        const file = await b.content.open(job.uri ?? '', { signal: never });
        t.match(file, { sizeBytes: length, mimeType: 'text/plain', etag: /^.{22}$/ });
        const got = await buffer(file.read({ start, end }));
        t.ok(got.equals(content.subarray(start, end + 1)), `${start} to ${end} of ${length}`);
        file.close();
      }
    }
  },
);

void t.test('a body beyond the quota, and one that breaks off, insert nothing', async (t) => {
  const node = await TestNode.start(t, { storeSizeBytes: 4_000_000 });
  await t.rejects(node.content.upload(body(), upload), { code: 'no_route' }, 'nor does one without peers');
  await node.addPeer(referenceOf(identityOf('away')));
  await t.rejects(node.content.upload(body(noise(600_000), noise(500_000)), upload), { code: 'disk_quota' });
  const broken = async function* (): AsyncGenerator<Uint8Array> {
    yield noise(1_000);
    throw new Error('gone');
  };
  await t.rejects(node.content.upload(broken(), upload), { message: 'gone' });
  await t.rejects(node.content.upload(body(), { ...upload, key: 'CHK@nonsense' }), { code: 'bad_key' });
  t.same(readdirSync(join(node.dataDir, 'spool')), []);
  t.same(await node.call('request.list', {}), { jobs: [] });
});

void t.test('an upload whose asker goes away is cancelled', async (t) => {
  const { node, peer } = await stalled(t);
  const abort = new AbortController();
  const uploading = node.content.upload(body(noise(100_000)), { ...upload, signal: abort.signal });
  await until(() => peer.messages.some(({ type }) => type === 'insertRequest'));
  t.equal(readdirSync(join(node.dataDir, 'spool')).length, 1);
  abort.abort();
  t.match(await uploading, { state: 'cancelled' });
  t.same(readdirSync(join(node.dataDir, 'spool')), []);
});

void t.test('a stream whose reader goes away lets go, and a fetch that fails says why', async (t) => {
  const { node } = await stalled(t);
  const [a, b] = (await startLinked(t, 2)) as [TestNode, TestNode];
  const { uri = '' } = await a.put(noise(3_000_000));
  const abort = new AbortController();
  const file = await b.content.open(uri, { signal: abort.signal });
  const chunks = file.read({ start: 0, end: 2_999_999 })[Symbol.asyncIterator]();
  t.equal((await chunks.next()).done, false);
  abort.abort();
  await t.rejects(
    (async () => {
      for (let next = await chunks.next(); next.done !== true; next = await chunks.next());
    })(),
    { code: 'cancelled' },
  );
  await t.rejects(b.content.open('CHK@nonsense', { signal: never }), { code: 'bad_key' });
  const asking = new AbortController();
  const opening = node.content.open(uri, { signal: asking.signal });
  asking.abort();
  await t.rejects(opening, { code: 'cancelled' });
  await t.rejects(node.content.open(uri, { signal: AbortSignal.abort() }), { code: 'cancelled' });
});

void t.test('two nodes that know no more tell a reader that nothing is there', async (t) => {
  const [a] = (await startLinked(t, 2)) as [TestNode];
  const path = join(scratch(t), 'got');
  const { uri = '' } = await a.put(noise(1_000, 'nowhere'), { keyOnly: true });
  const job = await a.get(uri, path);
  t.match(job, { state: 'failed', error: { code: 'data_not_found' } });
  t.notOk(existsSync(path));
});
