/** How the room on disk is divided, what the owner's own cache does and does not, and changing the size while it runs. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parseUri, salt } from '../../../keys/index.ts';
import { networks } from '../../../routing/index.ts';
import type { RequestId, Uid, WireDistance } from '../../../routing/messages.ts';
import { loadConfig } from '../../../daemon/config/load.ts';
import { occupiedBytes } from '../../../daemon/config/data-dir.ts';
import { TestNode, link, startLinked, until } from './cluster.ts';
import { hashOfFile, noise, scratch, sha256 } from './content.ts';
import { RawPeer, identityOf, referenceOf } from './raw-peer.ts';

const MIB = 1024 * 1024;

async function fetched(t: Test, node: TestNode, uri: string): Promise<string | undefined> {
  const path = join(scratch(t), 'got');
  const { state } = await node.get(uri, path);
  return state === 'finished' ? hashOfFile(path) : undefined;
}

void t.test(
  'what the owner has fetched is there again without the network, and for nobody else',
  async (t) => {
    const [b] = (await startLinked(t, 2)) as [TestNode];
    const content = noise(200_000);
    const hash = sha256(content).toString('hex');
    const { uri = '' } = await b.put(content);
    // It comes later: nobody has asked it to keep any of this.
    const a = await TestNode.start(t);
    await link(a, b);
    t.equal(await fetched(t, a, uri), hash);
    await until(async () => (await a.call('store.stats', {})).clientCache.blocks >= 7);
    await b.stop();
    t.equal(await fetched(t, a, uri), hash, 'with no peer at all');
    await a.stop();
    await a.startAgain();
    t.equal(await fetched(t, a, uri), hash, 'and after a restart');

    const key = parseUri(uri);
    t.ok(key.kind === 'chk' && key.form === 'request');
    if (key.kind !== 'chk' || key.form !== 'request') return;
    const identity = identityOf('asks for it');
    await a.addPeer(referenceOf(identity));
    const peer = await RawPeer.linked(t, a, { identity });
    peer.send({
      type: 'dataRequest',
      id: 1 as RequestId,
      key: key.routingKey,
      salt: salt(0),
      priority: 'realtime',
      deadlineMs: networks.testnet.deadlineMs,
      route: {
        phase: 'greedy',
        uid: '0102030405060708' as Uid,
        htl: 3,
        stall: 0,
        best: 0 as WireDistance,
        visited: [],
      },
    });
    await until(() => peer.messages.some(({ type }) => type !== 'accepted'));
    t.not(peer.messages.at(-1)?.type, 'dataFound');
  },
);

void t.test('what lies under a word is asked of the network each time', async (t) => {
  const [a, b] = (await startLinked(t, 2)) as [TestNode, TestNode];
  await b.put(Buffer.from('today'), { key: 'ksk:news' });
  t.equal(await fetched(t, a, 'KSK@news'), sha256(Buffer.from('today')).toString('hex'));
  t.equal((await a.call('store.stats', {})).clientCache.blocks, 0);
});

void t.test(
  'a store that is resized keeps what fits, stays within its limit, and is that large from then on',
  async (t) => {
    const [a, b] = (await startLinked(t, 2, { storeSizeBytes: 16 * MIB })) as [TestNode, TestNode];
    const contents = Array.from({ length: 3 }, (_, i) => noise(300_000, `resized ${i}`));
    const uris = [];
    for (const content of contents) uris.push((await a.put(content)).uri ?? '');
    const before = (await b.call('store.stats', {})).store.blocks;
    t.ok(before >= 20, `${before} blocks`);
    for (const sizeBytes of [40 * MIB, 8 * MIB]) {
      t.match(await b.call('store.resize', { sizeBytes }), {
        limitBytes: sizeBytes,
        store: { blocks: before },
      });
      const { usedBytes } = await b.call('store.stats', {});
      t.ok(usedBytes <= sizeBytes, `${usedBytes} of ${sizeBytes}`);
      t.ok(occupiedBytes(join(b.dataDir, 'store')) <= sizeBytes);
    }
    for (const [i, uri] of uris.entries())
      t.equal(await fetched(t, a, uri), sha256(contents[i] ?? Buffer.alloc(0)).toString('hex'));
    const { settings } = loadConfig({ dataDir: b.dataDir, flags: {}, env: {}, cwd: '/' });
    t.equal(settings['store.size'], 8 * MIB, 'the default of later starts');
    await t.rejects(b.call('store.resize', { sizeBytes: 10_000 }), { code: 'config_invalid' });
    t.match(await b.call('store.stats', {}), { limitBytes: 8 * MIB });
  },
);

void t.test('verify finds what has rotted, drops it, and leaves the rest', async (t) => {
  const [a, b] = (await startLinked(t, 2, { storeSizeBytes: 8 * MIB })) as [TestNode, TestNode];
  await a.put(noise(200_000));
  const { store } = await b.call('store.stats', {});
  await until(async () => (await b.call('store.stats', {})).silent);
  const sound = await b.call('store.verify', {});
  t.match(sound, { blocks: store.blocks, damaged: 0 });
  const path = join(b.dataDir, 'store', 'store.slots');
  const bytes = readFileSync(path);
  // One byte in each slot, in the middle of the block.
  for (let at = 8_192 + 16_000; at < bytes.length; at += 33_280) bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  t.match(await b.call('store.verify', {}), { damaged: store.blocks, blocks: 0 });
  t.match(await b.call('store.verify', {}), { damaged: 0, slots: sound.slots });
});
