/**
 * A peer that was let in and does its worst. It loses its link, and the owner and the other peers notice nothing: after each case
 * a file still goes in and comes out through the peer that behaves.
 */
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import {
  BLOCK_BYTES,
  type Identity,
  block,
  cryptoKey,
  encodeChk,
  routingKey,
  salt,
  toText,
} from '../../../keys/index.ts';
import { networks, routingLimits } from '../../../routing/index.ts';
import type { IncomingMessage, Request, RequestId, Uid, WireDistance } from '../../../routing/messages.ts';
import { transportLimits } from '../../../transport/index.ts';
import { type TestNode, isLinked, startLinked, until } from './cluster.ts';
import { hashOfFile, noise, scratch, sha256 } from './content.ts';
import { RawPeer, identityOf, listen, referenceOf } from './raw-peer.ts';

const [node, friend] = (await startLinked(t, 2)) as [TestNode, TestNode];
const NOISE = Uint8Array.from(noise(BLOCK_BYTES, 'no block'));
let number = 0;

async function hostile(
  t: Test,
  onMessage?: (message: IncomingMessage, peer: RawPeer) => void,
): Promise<{ peer: RawPeer; identity: Identity }> {
  number += 1;
  const identity = identityOf(`hostile ${number}`);
  await node.addPeer(referenceOf(identity));
  const peer = await RawPeer.linked(t, node, { identity, ...(onMessage === undefined ? {} : { onMessage }) });
  const name = toText(identity.publicKey);
  t.teardown(async () => {
    await node.call('peer.remove', { identity: name });
    peer.close();
  });
  await until(() => isLinked(node, name));
  return { peer, identity };
}

/** Goes in at one and comes out at the other, both ways. */
async function works(t: Test): Promise<void> {
  t.ok(await isLinked(node, await friend.identity()), 'the other peer is still there');
  for (const [from, to] of [
    [node, friend],
    [friend, node],
  ] as const) {
    const content = noise(40_000, `works ${number} ${from === node}`);
    const { uri = '' } = await from.put(content);
    const path = join(scratch(t), 'got');
    t.match(await to.get(uri, path), { state: 'finished' });
    t.equal(hashOfFile(path), sha256(content).toString('hex'));
  }
}

function request(type: 'dataRequest' | 'insertRequest', id: number, key: Uint8Array): Request {
  const uid = noise(8, `uid ${number} ${id}`).toString('hex') as Uid;
  return {
    type,
    id: id as RequestId,
    key: routingKey(key),
    salt: salt(0),
    priority: 'bulk',
    deadlineMs: networks.testnet.deadlineMs,
    route: { phase: 'greedy', uid, htl: 1, stall: 0, best: 0 as WireDistance, visited: [] },
  };
}

void t.test('bytes after the handshake that are no message end the link', async (t) => {
  const cases: Readonly<Record<string, Uint8Array>> = {
    noise: noise(1_000),
    'nested CBOR': new Uint8Array(20_000).fill(0x81),
    'a map of maps': Buffer.concat([
      ...Array.from({ length: 500 }, () => Buffer.from('a16161', 'hex')),
      Buffer.of(1),
    ]),
    'a key that stands twice': Buffer.from('a2647479706567776f726b696e67647479706567776f726b696e67', 'hex'),
    'a list that promises four billion': Buffer.from('9affffffff', 'hex'),
    'a bignum': Buffer.from('c249ffffffffffffffffff', 'hex'),
    'an unknown type': Buffer.from('a16474797065636f6f70', 'hex'),
    'as much as a frame holds': noise(transportLimits.frameBytes.value),
  };
  for (const [name, payload] of Object.entries(cases)) {
    await t.test(name, async (t) => {
      const { peer } = await hostile(t);
      peer.sendPayload(payload);
      await until(() => peer.isClosed);
      t.equal(await node.connected(), 1);
    });
  }
  await works(t);
});

void t.test('bytes that are no frame end the link', async (t) => {
  const { peer } = await hostile(t);
  peer.sendRaw(noise(64));
  await until(() => peer.isClosed);
  await works(t);
});

void t.test('half a frame, and then the end of the connection, is the end of the link alone', async (t) => {
  const { peer, identity } = await hostile(t);
  peer.sendRaw(noise(10));
  peer.close();
  await until(async () => !(await isLinked(node, toText(identity.publicKey))));
  await works(t);
});

void t.test('a block that does not match its key is not kept, and who sent it is disconnected', async (t) => {
  const key = noise(32, 'another key');
  const { peer } = await hostile(t, ({ type }, peer) => {
    if (type === 'accepted') peer.send({ type: 'insertBlock', id: 1 as RequestId, block: block(NOISE) });
  });
  peer.send(request('insertRequest', 1, key));
  await until(() => peer.isClosed);
  const { peer: asker } = await hostile(t);
  asker.send(request('dataRequest', 2, key));
  await until(() => asker.messages.some(({ type }) => type !== 'accepted'));
  t.not(asker.messages.at(-1)?.type, 'dataFound');
  await works(t);
});

void t.test('a fetch that is answered with a wrong block is answered by the next peer', async (t) => {
  const content = noise(1_000_000, 'to be poisoned');
  const { uri = '' } = await node.put(content);
  const { peer } = await hostile(t, (message, peer) => {
    if (message.type !== 'dataRequest') return;
    peer.send({ type: 'accepted', id: message.id });
    peer.send({ type: 'dataFound', id: message.id, visits: 1, block: block(NOISE) });
  });
  const path = join(scratch(t), 'got');
  t.match(await node.get(uri, path), { state: 'finished' });
  t.equal(hashOfFile(path), sha256(content).toString('hex'));
  await until(() => peer.isClosed);
  t.equal(peer.messages.filter(({ type }) => type === 'dataRequest').length > 0, true, 'it was asked');
  await works(t);
});

void t.test('an answer that does not fit the question ends the link', async (t) => {
  const { uri = '' } = await node.put(noise(1_000_000, 'to be answered wrongly'));
  const { peer } = await hostile(t, (message, peer) => {
    if (message.type !== 'dataRequest') return;
    peer.send({ type: 'accepted', id: message.id });
    peer.send({ type: 'insertStored', id: message.id, visits: 1 });
  });
  t.match(await node.get(uri, join(scratch(t), 'got')), { state: 'finished' });
  await until(() => peer.isClosed);
  await works(t);
});

void t.test('answers to nothing, and blocks for nothing, are ignored', async (t) => {
  const { peer } = await hostile(t);
  const id = 77 as RequestId;
  peer.send({ type: 'accepted', id });
  peer.send({ type: 'dataFound', id, visits: 65_535, block: block(NOISE) });
  peer.send({ type: 'insertStored', id, visits: 0 });
  peer.send({ type: 'insertBlock', id, block: block(NOISE) });
  peer.send({ type: 'rejectedOverload', id });
  peer.send({ type: 'unsupported', name: 'beacon' });
  peer.sendPayload(Buffer.from('a1647479706566626561636f6e', 'hex'));
  await until(() => peer.messages.length > 0);
  t.same(peer.messages, [{ type: 'unsupported', name: 'beacon' }], 'a reserved type is answered');
  t.notOk(peer.isClosed);
  await works(t);
});

void t.test('one id for two requests ends the link', async (t) => {
  const { peer } = await hostile(t);
  peer.send(request('insertRequest', 5, noise(32)));
  peer.send(request('insertRequest', 5, noise(32)));
  await until(() => peer.isClosed);
  await works(t);
});

void t.test('more requests than a link may have open are refused, and the link stays', async (t) => {
  const { peer } = await hostile(t);
  const open = routingLimits.pendingPerLink.value;
  // Inserts whose block never comes stay open.
  for (let id = 0; id < open + 50; id += 1) peer.send(request('insertRequest', id, noise(32, `flood ${id}`)));
  await until(() => peer.messages.length === open + 50);
  const count = (type: string): number => peer.messages.filter((message) => message.type === type).length;
  t.equal(count('accepted'), open);
  t.equal(count('rejectedOverload'), 50);
  t.notOk(peer.isClosed);
  await works(t);
});

void t.test('a peer that asks and does not read is closed as stuck', async (t) => {
  const { routingKey, block } = encodeChk({ cryptoKey: cryptoKey(noise(32)), payload: noise(32_768) });
  let stored = false;
  const { peer, identity } = await hostile(t, (message, peer) => {
    if (message.type === 'accepted') peer.send({ type: 'insertBlock', id: 0 as RequestId, block });
    if (message.type === 'insertStored') stored = true;
  });
  peer.send(request('insertRequest', 0, routingKey));
  await until(() => stored);
  peer.stopReading();
  const name = toText(identity.publicKey);
  let asked = 0;
  while (await isLinked(node, name)) {
    for (let i = 0; i < 50; i += 1) peer.send(request('dataRequest', (asked += 1), routingKey));
    await sleep(5);
  }
  t.pass(`after ${asked} requests`);
  const { peers } = await node.call('peer.list', {});
  t.match(
    peers.find((other) => other.identity === name),
    { lastFailure: 'it takes nothing in' },
  );
  await works(t);
});

void t.test('peers that are silent, before the handshake or after it, are routed around', async (t) => {
  const mute = await listen(t, () => {});
  await node.addPeer(referenceOf(identityOf('mute'), { addresses: [mute] }));
  t.teardown(() => node.call('peer.remove', { identity: toText(identityOf('mute').publicKey) }));
  const { peer } = await hostile(t);
  await works(t);
  t.notOk(peer.isClosed, 'being slow is no crime');
});

void t.test('one that connects and leaves, over and over, harms nobody', async (t) => {
  for (let turn = 0; turn < 200; turn += 1) connect(node.listening).destroy();
  await works(t);
});
