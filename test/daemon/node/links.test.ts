/** Who is connected with whom: dialling, both at once, coming back, strangers, and what is kept of it over a restart. */
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { type Socket, connect } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { toText } from '../../../keys/index.ts';
import { LOCAL_LINK, type RouterEvent, networkId, networks } from '../../../routing/index.ts';
import { Admission } from '../../../daemon/node/admission.ts';
import { Invites } from '../../../daemon/node/invites.ts';
import { Links } from '../../../daemon/node/links.ts';
import { nodeLimits } from '../../../daemon/node/limits.ts';
import { PeerBook } from '../../../daemon/node/peer-book.ts';
import { Peers } from '../../../daemon/node/peers.ts';
import { SeededRandom } from '../../sim/random.ts';
import { TESTNET, TestNode, isLinked, link, until } from './cluster.ts';
import { noise, scratch } from './content.ts';
import { type Person, RawPeer, identityOf, listen, referenceOf } from './raw-peer.ts';

const [one, two] = [identityOf('one'), identityOf('two')];
const [small, large] = toText(one.publicKey) < toText(two.publicKey) ? [one, two] : [two, one];

void t.test('two nodes that add each other connect, and both say so', async (t) => {
  const [a, b] = [await TestNode.start(t), await TestNode.start(t)];
  t.match(await a.addPeer(await b.reference()), { identity: await b.identity(), state: 'connecting' });
  t.match(await b.addPeer(await a.reference()), { identity: await a.identity() });
  await until(async () => (await isLinked(a, await b.identity())) && isLinked(b, await a.identity()));
  const { peers } = await b.call('peer.list', {});
  const addresses = [`127.0.0.1:${a.listening.port}`];
  t.match(peers, [{ state: 'connected', addresses, connectedSeconds: Number, direction: /^(in|out)$/ }]);
});

void t.test('one connection is left when both dial at once, and it is the same for both', async (t) => {
  for (let round = 0; round < 5; round += 1) {
    const [a, b] = [await TestNode.start(t), await TestNode.start(t)];
    await link(a, b);
    const directions = async () =>
      (await Promise.all([a, b].map((node) => node.call('peer.list', {})))).map(
        ({ peers }) => peers[0]?.direction,
      );
    // Until the one that lost is closed at both ends, they may name different ones.
    await until(async () => new Set(await directions()).size === 2);
    const content = Buffer.from(`over the one that is left ${round}`);
    t.match(await a.put(content), { state: 'finished' });
    t.equal(await a.connected(), 1);
    t.equal(await b.connected(), 1);
    await Promise.all([a.stop(), b.stop()]);
  }
});

/** The links of a node without one around them, and what they tell the router. */
async function bareLinks(t: Test, identity: Person, known: readonly string[]) {
  const events: RouterEvent[] = [];
  const directory = scratch(t);
  const random = new SeededRandom(1);
  const sealed = (name: string) => ({ path: join(directory, name), key: noise(32, name), random });
  const book = new PeerBook({ ...sealed('peers'), network: TESTNET, configured: [] });
  for (const reference of known) book.add(reference);
  const invites = new Invites(sealed('invites'));
  const links = new Links({
    identity,
    keys: identity.keys,
    network: TESTNET,
    addresses: [],
    prefix: new Uint8Array(0),
    proxy: undefined,
    book,
    seeds: [],
    admission: new Admission({
      ...sealed('callers'),
      identity: identity.publicKey,
      book,
      invites,
      room: undefined,
    }),
    random,
    log: pino({ level: 'silent' }),
    dispatch: (event) => events.push(event),
  });
  const [host = '', port] = (await links.start({ host: '127.0.0.1', port: 0 })).split(':');
  links.begin();
  const peers = new Peers({ book, invites, links, named: () => {} });
  t.teardown(() => links.close());
  const ups = () => events.filter((event) => event.type === 'linkUp').map(({ link }) => link);
  const downs = () => events.filter((event) => event.type === 'linkDown').map(({ link }) => link);
  const node = { listening: { host, port: Number(port) }, reference: () => peers.reference() };
  return { peers, events, ups, downs, node };
}

void t.test('of two connections both ends keep the one that the smaller identity dialled', async (t) => {
  for (const [own, identity] of [
    [small, large],
    [large, small],
  ] as const) {
    const accepted: RawPeer[] = [];
    const address = await listen(t, (socket) => accepted.push(new RawPeer(socket, { identity })));
    const { peers, ups, downs, node } = await bareLinks(t, own, [
      referenceOf(identity, { addresses: [address] }),
    ]);
    await until(() => ups().length === 1);
    const dialled = await RawPeer.linked(t, node, { identity });
    const [kept, lost] = own === small ? [accepted[0], dialled] : [dialled, accepted[0]];
    await until(() => lost?.isClosed === true);
    t.notOk(kept?.isClosed);
    t.match(peers.list(), [{ state: 'connected', direction: own === small ? 'out' : 'in' }]);
    const up = ups().filter((id) => !downs().includes(id));
    t.equal(up.length, 1, 'one link for the router');
    t.notOk(ups().includes(LOCAL_LINK));
  }
});

void t.test(
  'a peer that comes back over a second connection gets a new link, and the old one ends',
  async (t) => {
    const identity = identityOf('back again');
    const { ups, downs, node } = await bareLinks(t, small, [referenceOf(identity)]);
    const before = await RawPeer.linked(t, node, { identity });
    await until(() => ups().length === 1);
    const after = await RawPeer.linked(t, node, { identity });
    await until(() => before.isClosed);
    t.same(downs(), ups().slice(0, 1));
    t.equal(new Set(ups()).size, 2, 'under another id');
    t.notOk(after.isClosed);
  },
);

void t.test(
  'a peer that is removed is gone for the router at once, whatever its connection does',
  async (t) => {
    const identity = identityOf('to be removed');
    const { peers, ups, downs, node } = await bareLinks(t, small, [referenceOf(identity)]);
    const peer = await RawPeer.linked(t, node, { identity });
    await until(() => ups().length === 1);
    t.match(peers.remove(toText(identity.publicKey)), { identity: toText(identity.publicKey) });
    t.same(downs(), ups(), 'before anything else can happen');
    t.same(peers.list(), []);
    await until(() => peer.isClosed);
    t.same(downs(), ups(), 'and only once');
    const again = await RawPeer.dial(t, node, { identity });
    const other = identityOf('still welcome');
    peers.add(referenceOf(other));
    await RawPeer.linked(t, node, { identity: other });
    t.same([again.isEstablished, again.receivedBytes], [false, 0], 'a stranger now');
  },
);

void t.test('a stranger gets not one byte, and neither does who speaks for another network', async (t) => {
  const node = await TestNode.start(t);
  const known = identityOf('known');
  await node.addPeer(referenceOf(known));
  const stranger = await RawPeer.dial(t, node, { identity: identityOf('stranger') });
  const elsewhere = await RawPeer.dial(t, node, { identity: known, network: networkId(networks.open) });
  await RawPeer.linked(t, node, { identity: known });
  await until(async () => (await node.connected()) === 1);
  for (const peer of [stranger, elsewhere])
    t.same([peer.isEstablished, peer.receivedBytes, peer.isClosed], [false, 0, false]);
});

void t.test('references of another network, of the node itself, and what is none are refused', async (t) => {
  const node = await TestNode.start(t);
  const foreign = referenceOf(identityOf('foreign'), { network: networkId(networks.open) });
  const own = await node.reference();
  for (const reference of [foreign, own, 'mimeo-node:nonsense', 'hello', own.slice(0, -2)])
    await t.rejects(node.addPeer(reference), { code: 'bad_reference' }, reference.slice(0, 20));
  t.same((await node.call('peer.list', {})).peers, []);
  t.equal(await node.reference(), own);
  await t.rejects(node.call('peer.remove', { identity: 'nobody' }), { code: 'peer_unknown' });
});

void t.test('no more peers than the limit are known, and a known one may have a new address', async (t) => {
  const node = await TestNode.start(t);
  const limit = nodeLimits.knownPeers.value;
  for (let number = 0; number < limit; number += 1) await node.addPeer(referenceOf(identityOf(`${number}`)));
  await t.rejects(node.addPeer(referenceOf(identityOf('too many'))), { code: 'too_large' });
  const moved = referenceOf(identityOf('7'), { addresses: ['127.0.0.1:9'] });
  t.match(await node.addPeer(moved), { addresses: ['127.0.0.1:9'] });
  t.equal((await node.call('peer.list', {})).peers.length, limit);
});

void t.test('a peer that went away is connected again when it is back', async (t) => {
  const [a, b] = [await TestNode.start(t), await TestNode.start(t)];
  await link(a, b);
  await b.stop();
  await until(async () => (await a.connected()) === 0);
  t.match((await a.call('peer.list', {})).peers, [{ lastFailure: String }]);
  await b.startAgain();
  await until(async () => (await a.connected()) === 1 && (await b.connected()) === 1);
  t.match(await a.put(Buffer.from('again')), { state: 'finished' });
});

void t.test('added peers are kept over a restart and removed ones are not', async (t) => {
  const [a, b] = [await TestNode.start(t), await TestNode.start(t)];
  const gone = identityOf('gone');
  await link(a, b);
  await a.addPeer(referenceOf(gone));
  await a.call('peer.remove', { identity: toText(gone.publicKey) });
  const file = readFileSync(join(a.dataDir, 'peers'), 'latin1');
  t.notOk(file.includes('mimeo-node:') || file.includes(await b.identity()), 'and sealed');
  await a.stop();
  await a.startAgain();
  await until(async () => (await a.connected()) === 1);
  t.match((await a.call('peer.list', {})).peers, [{ identity: await b.identity() }]);
});

void t.test('peers of the configuration are dialled, not written down, and removed only there', async (t) => {
  const b = await TestNode.start(t);
  const a = await TestNode.start(t, { peers: [await b.reference()] });
  await b.addPeer(await a.reference());
  await until(async () => (await a.connected()) === 1);
  t.notOk(existsSync(join(a.dataDir, 'peers')));
  await t.rejects(a.call('peer.remove', { identity: await b.identity() }), { code: 'config_invalid' });
  t.equal(await a.connected(), 1);
  await t.rejects(TestNode.start(t, { peers: ['nonsense'] }), { code: 'bad_reference' });
});

void t.test('peers that accept and say nothing are no reason to turn others away', async (t) => {
  const node = await TestNode.start(t);
  const mute = await listen(t, () => {});
  const count = nodeLimits.knownPeers.value - 8;
  for (let number = 0; number < count; number += 1)
    await node.addPeer(referenceOf(identityOf(`mute ${number}`), { addresses: [mute] }));
  await until(async () => {
    const { peers } = await node.call('peer.list', {});
    return peers.every(({ state }) => state === 'connecting');
  });
  const identity = identityOf('talks');
  await node.addPeer(referenceOf(identity));
  const peer = await RawPeer.dial(t, node, { identity });
  await until(() => peer.isEstablished || peer.isClosed);
  t.ok(peer.isEstablished);
});

void t.test('callers that say nothing are held up to the limit, and keep nobody out', async (t) => {
  const node = await TestNode.start(t);
  const identity = identityOf('talks');
  await node.addPeer(referenceOf(identity));
  const open = new Set<Socket>();
  const mute = Array.from({ length: nodeLimits.callers.value + 40 }, () => {
    const socket = connect(node.listening);
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => {});
    t.teardown(() => socket.destroy());
    // What is not read is not heard to end.
    return once(socket.resume(), 'connect');
  });
  await Promise.all(mute);
  await until(() => open.size <= nodeLimits.callers.value);
  for (let peer: RawPeer | undefined; peer?.isEstablished !== true;) {
    const next = await RawPeer.dial(t, node, { identity });
    await until(() => next.isClosed || next.isEstablished);
    peer = next;
  }
  await until(async () => (await node.connected()) === 1);
  t.ok(open.size >= nodeLimits.callers.value - 40, 'and most of the others are still there');
});
