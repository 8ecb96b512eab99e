/** What somebody on the line between two nodes sees, and what they get for sending it again. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parseUri } from '../../../keys/index.ts';
import { decodeReference } from '../../../transport/index.ts';
import { type Carried, SocksServer } from '../host/socks-server.ts';
import { TestNode, until } from './cluster.ts';
import { hashOfFile, noise, scratch, sha256 } from './content.ts';
import { RawPeer, identityOf, referenceOf } from './raw-peer.ts';

/** Two nodes with one link, which goes through a proxy that writes down every byte. */
async function overheard(t: Test): Promise<{ a: TestNode; b: TestNode; carried: Carried }> {
  const line = await SocksServer.start(t);
  const a = await TestNode.start(t, { proxy: line });
  // Its own dials end at a port where nobody listens: what a proxy does not carry is not dialled past it.
  const proxy = { host: '127.0.0.1', port: 9 };
  const b = await TestNode.start(t, { proxy, addresses: ['b.example'] });
  await b.addPeer(await a.reference());
  await a.addPeer(await b.reference());
  await until(async () => (await a.connected()) === 1 && (await b.connected()) === 1);
  const [carried, ...more] = line.carried;
  t.same(more, [], 'one connection');
  return { a, b, carried: carried ?? { up: [], down: [] } };
}

void t.test('nothing of what goes over a link can be read on the line', async (t) => {
  const { a, b, carried } = await overheard(t);
  const marker = noise(48, 'marker');
  const content = Buffer.concat([noise(100_000, 'around it'), marker, noise(100_000, 'behind it')]);
  const { uri = '' } = await a.put(content, { convergence: 'public' });
  const path = join(scratch(t), 'got');
  t.match(await b.get(uri, path), { state: 'finished' });
  t.equal(hashOfFile(path), sha256(content).toString('hex'));
  const seen = Buffer.concat([...carried.up, ...carried.down]);
  t.ok(seen.length > content.length, 'and the line was heard');
  const key = parseUri(uri);
  t.equal(key.kind, 'chk');
  const secrets: Record<string, Uint8Array> = { content: marker };
  if (key.kind === 'chk' && key.form === 'request') secrets['routing key'] = key.routingKey;
  for (const node of [a, b]) {
    const { identity, agreementKey, probeKey, network } = decodeReference(await node.reference());
    Object.assign(secrets, { identity, agreementKey, probeKey, network });
    for (const [name, bytes] of Object.entries(secrets)) t.notOk(seen.includes(Buffer.from(bytes)), name);
  }
  for (const word of ['dataRequest', 'insertBlock', 'accepted', 'mimeo']) t.notOk(seen.includes(word), word);
});

/** Sends it to the node's port, and what came back by the time that somebody else was greeted. */
async function played(t: Test, node: TestNode, bytes: Uint8Array): Promise<number> {
  const socket = connect(node.listening);
  t.teardown(() => socket.destroy());
  let answeredBytes = 0;
  socket.on('data', (answer) => (answeredBytes += answer.length));
  await once(socket, 'connect');
  socket.write(bytes);
  const identity = identityOf(`welcome ${performance.now()}`);
  await node.addPeer(referenceOf(identity));
  await RawPeer.linked(t, node, { identity });
  return answeredBytes;
}

void t.test(
  'an opening that was recorded gets not one byte, now or after a restart of the node',
  async (t) => {
    const { a, b, carried } = await overheard(t);
    const opening = carried.up[0] ?? Buffer.alloc(0);
    t.ok(opening.length > 256 && (carried.down[0]?.length ?? 0) > 0, 'it was answered when it was new');
    await a.stop();
    await until(async () => (await b.connected()) === 0);
    t.equal(await played(t, b, opening), 0, 'again');
    t.equal(await played(t, b, Buffer.concat(carried.up)), 0, 'and with all that followed');
    await b.stop();
    await b.startAgain();
    t.equal(await played(t, b, opening), 0, 'after a restart');
  },
);

void t.test(
  'a node behind a proxy does not tell whom it calls where it is, unless the owner says so',
  async (t) => {
    const { a, b } = await overheard(t);
    t.same(decodeReference(await a.reference()).addresses, []);
    const { peers } = await b.call('peer.list', {});
    t.match(peers, [{ identity: await a.identity(), addresses: [] }]);
    t.same(decodeReference(await b.reference()).addresses, [`b.example:${b.listening.port}`]);
  },
);

void t.test('half of an opening, or one with a bit turned, gets not one byte', async (t) => {
  const { a, b, carried } = await overheard(t);
  await a.stop();
  const opening = carried.up[0] ?? Buffer.alloc(0);
  t.equal(await played(t, b, opening.subarray(0, opening.length >> 1)), 0);
  for (const at of [0, 23, 24, 41, 42, opening.length - 1]) {
    const turned = Buffer.from(opening);
    turned[at] = (turned[at] ?? 0) ^ 1;
    t.equal(await played(t, b, turned), 0, `byte ${at}`);
  }
});

void t.test('a node answers with its prefix set only those who begin with it', async (t) => {
  const prefix = Buffer.from('GET / HTTP/1.1\r\n');
  const node = await TestNode.start(t, { prefix });
  const peer = await TestNode.start(t);
  await node.addPeer(await peer.reference());
  await peer.addPeer(await node.reference());
  await until(async () => (await node.connected()) === 1);
  const identity = identityOf('comes without it');
  await node.addPeer(referenceOf(identity));
  const silent = await RawPeer.dial(t, node, { identity, sendsPrefix: false });
  await RawPeer.linked(t, node, { identity });
  t.equal(silent.receivedBytes, 0);
});
