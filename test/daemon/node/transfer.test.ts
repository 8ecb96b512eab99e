/** Files from one node to another, through the network between them: what goes in comes out, and what can't says why. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { cryptoKey, formatUri, parseUri } from '../../../keys/index.ts';
import { TestNode, link, startLinked } from './cluster.ts';
import { hashOfFile, noise, prose, scratch, sha256 } from './content.ts';

/** Each linked with each but for the first and the last: from one to the other it takes two hops. */
const between = await startLinked(t, 4);
const [first, last] = [await TestNode.start(t), await TestNode.start(t)];
for (const end of [first, last]) for (const node of between) await link(end, node);

/** Fetches at `node` into a folder that holds nothing else, and compares. */
async function comesOut(t: Test, node: TestNode, uri: string, content: Uint8Array): Promise<void> {
  const path = join(scratch(t), 'got');
  const job = await node.get(uri, path);
  t.match(job, { state: 'finished', uri, path, kind: 'get' });
  t.equal(hashOfFile(path), sha256(content).toString('hex'));
  t.same(readdirSync(dirname(path)), ['got']);
  const { progress } = job;
  t.match(progress, { sizeBytes: content.length, doneBytes: content.length, finalizedTotal: true });
  t.equal(progress.succeeded, progress.total);
}

void t.test('a file of any size under a content hash', async (t) => {
  for (const content of [
    Buffer.alloc(0),
    noise(1),
    noise(32_000),
    noise(32_769),
    prose(200_000),
    noise(3_000_001),
  ]) {
    const job = await first.put(content, { key: 'chk', mimeType: 'image/png', fileName: 'a file.png' });
    t.match(job, { state: 'finished', kind: 'put', mimeType: 'image/png', uri: /^CHK@.*\/a%20file\.png$/ });
    t.equal(job.progress.succeeded, job.progress.total);
    t.equal(job.progress.doneBytes, content.length);
    await comesOut(t, last, job.uri ?? '', content);
  }
});

void t.test('more keys than one block holds', async (t) => {
  const content = noise(34 * 1024 * 1024, 'large');
  const { uri = '' } = await first.put(content);
  await comesOut(t, last, uri, content);
});

void t.test('a document in an own subspace', async (t) => {
  const { requestUri } = await first.call('key.create', { name: 'news' });
  for (const [name, content] of [
    ['short', prose(100)],
    ['long', noise(500_000)],
    ['empty', Buffer.alloc(0)],
  ] as const) {
    const { state, uri = '' } = await first.put(content, { key: `ssk:news/${name}` });
    t.equal(state, 'finished');
    t.equal(uri, requestUri.replace(/[^/]*$/, name));
    await comesOut(t, last, uri, content);
  }
  const { insertUri } = await first.call('key.export', { name: 'news' });
  const { uri } = await last.put(prose(50), { key: insertUri.replace(/[^/]*$/, 'by hand') });
  t.equal(uri, requestUri.replace(/[^/]*$/, 'by%20hand'), 'by whoever has the insert form');
});

void t.test('a text under a word', async (t) => {
  const content = Buffer.from('Every copy is an original.');
  t.match(await first.put(content, { key: 'ksk:welcome' }), { state: 'finished', uri: 'KSK@welcome' });
  await comesOut(t, last, 'KSK@welcome', content);
});

void t.test(
  'another text under the same word is a collision, and the first one is still served',
  async (t) => {
    const [mine, yours] = [Buffer.from('mine'), Buffer.from('yours')];
    t.match(await first.put(mine, { key: 'ksk:contested' }), { state: 'finished' });
    t.match(await last.put(yours, { key: 'ksk:contested' }), {
      state: 'failed',
      error: { code: 'collision' },
    });
    t.match(
      await last.put(mine, { key: 'ksk:contested' }),
      { state: 'finished' },
      'the same text again is none',
    );
    for (const node of [first, last, ...between]) await comesOut(t, node, 'KSK@contested', mine);
  },
);

void t.test('who gets equal keys for equal files is for the publisher to choose', async (t) => {
  const content = noise(50_000, 'which key');
  const uris = async (convergence?: 'public' | 'random') => {
    const params = convergence === undefined ? {} : { convergence };
    const jobs = [
      await first.put(content, params),
      await first.put(content, params),
      await last.put(content, params),
    ];
    return new Set(jobs.map(({ uri }) => uri)).size;
  };
  t.equal(await uris(), 2, 'this node alone');
  t.equal(await uris('public'), 1, 'everybody');
  t.equal(await uris('random'), 3, 'nobody');
});

void t.test('a key can be had without inserting anything', async (t) => {
  const [asker, other] = (await startLinked(t, 2)) as [TestNode, TestNode];
  const content = noise(100_000, 'key only');
  const { state, uri = '' } = await asker.put(content, { keyOnly: true });
  t.equal(state, 'finished');
  for (const node of [asker, other]) {
    const { store } = await node.call('node.status', {});
    t.equal(store.storeBlocks + store.cacheBlocks, 0);
  }
  t.equal((await asker.put(content)).uri, uri, 'and is the key under which it will lie');
  await comesOut(t, other, uri, content);
});

void t.test('a key under which nothing lies is data_not_found, and no file is made', async (t) => {
  const { uri = '' } = await first.put(noise(1_000, 'never inserted'), { keyOnly: true });
  for (const unknown of [uri, 'KSK@nobody has written here']) {
    const path = join(scratch(t), 'got');
    t.match(await last.get(unknown, path), {
      state: 'failed',
      error: { code: 'data_not_found', retryable: true, hint: String },
    });
    t.same(readdirSync(dirname(path)), []);
  }
});

void t.test('a wrong crypto key is bad_block, and no file is made', async (t) => {
  const { uri = '' } = await first.put(noise(100_000, 'locked'));
  const parsed = parseUri(uri);
  if (parsed.kind !== 'chk' || parsed.form !== 'request') throw new Error('a CHK');
  const wrong = formatUri({ ...parsed, cryptoKey: cryptoKey(noise(32)) });
  const path = join(scratch(t), 'got');
  t.match(await last.get(wrong, path), { state: 'failed', error: { code: 'bad_block' } });
  t.notOk(existsSync(path));
  t.same(readdirSync(dirname(path)), []);
});

void t.test(
  'a full store takes the new: as its own from many, and as passing by from who brings too much',
  async (t) => {
    // Room for 19 blocks in each part.
    const [asker, keeper] = (await startLinked(t, 2, { storeSizeBytes: 2_097_152 })) as [TestNode, TestNode];
    const contents = Array.from({ length: 60 }, (_, i) => noise(20_000, `evicted ${i}`));
    const uris: string[] = [];
    for (const content of contents) uris.push((await asker.put(content)).uri ?? '');
    const { store } = await keeper.call('node.status', {});
    t.ok(store.storeBlocks > 5 && store.storeBlocks < 30, `${store.storeBlocks} blocks in the store`);
    t.ok(store.cacheBlocks > 5 && store.cacheBlocks < 30, `${store.cacheBlocks} blocks in the cache`);
    t.ok(store.usedBytes <= store.limitBytes);
    for (const kept of [3, 59]) await comesOut(t, asker, uris[kept] ?? '', contents[kept] ?? Buffer.alloc(0));
    const gone = await asker.get(uris[30] ?? '', join(scratch(t), 'got'));
    t.match(gone, { state: 'failed' }, 'neither among the first nor among the last');
  },
);
