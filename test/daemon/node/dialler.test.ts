/** Which way a dial goes: straight or through the proxy, never both; who is told apart there; and what ends it. */
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import t, { type Test } from 'tap';
import { type Socket, createServer } from 'node:net';
import { toText } from '../../../keys/index.ts';
import { listenTcp } from '../../../daemon/host/tcp.ts';
import { Dialler, type DiallerOptions } from '../../../daemon/node/dialler.ts';
import type { KnownPeer } from '../../../daemon/node/peer-book.ts';
import { type Carrier, formatAddress } from '../../../transport/index.ts';
import { SocksServer } from '../host/socks-server.ts';
import { SeededRandom } from '../../sim/random.ts';
import { STRANGER, referenceOf } from '../../transport/session-pair.ts';

const deaf = { received: () => {}, drained: () => {}, closed: () => {} };

function peerAt(number: number, ...addresses: string[]): KnownPeer {
  const reference = referenceOf(number, { addresses });
  return { identity: toText(reference.identity), reference, secret: STRANGER };
}

/** A dialler that knows these peers, and what it made of each dial. */
function diallerOf(t: Test, peers: readonly KnownPeer[], proxy?: DiallerOptions['proxy']) {
  const said: { peer: KnownPeer; what: 'opened' | 'dropped' }[] = [];
  let waiting = Promise.withResolvers<void>();
  const hear = (peer: KnownPeer, what: 'opened' | 'dropped') => {
    said.push({ peer, what });
    waiting.resolve();
    waiting = Promise.withResolvers<void>();
  };
  const carriers: Carrier[] = [];
  const dialler = new Dialler({
    random: new SeededRandom(1),
    proxy,
    prepare: (peer) => ({
      ...deaf,
      open: (carrier) => {
        carriers.push(carrier);
        hear(peer, 'opened');
      },
      dropped: () => hear(peer, 'dropped'),
    }),
    isLinked: () => false,
    find: (identity) => peers.find((peer) => peer.identity === identity),
  });
  t.teardown(() => {
    dialler.close();
    for (const carrier of carriers) carrier.destroy();
  });
  const until = async (count: number) => {
    while (said.length < count) await waiting.promise;
    return said;
  };
  return { dialler, said, until };
}

/** A node, and how many have dialled it. */
async function nodeAt(t: Test, host: string) {
  let callers = 0;
  const called = Promise.withResolvers<void>();
  const node = await listenTcp({
    host,
    port: 0,
    accept: () => {
      callers += 1;
      called.resolve();
      return deaf;
    },
  });
  t.teardown(() => node.close());
  return { ...node, called: called.promise, callers: () => callers };
}

void t.test(
  'without a proxy the next address is tried when one is an onion, and nothing is asked',
  async (t) => {
    const node = await nodeAt(t, '127.0.0.1');
    const peer = peerAt(1, 'abc.onion:1', formatAddress(node));
    const only = peerAt(2, 'abc.onion:1');
    const { dialler, until } = diallerOf(t, [peer, only]);
    dialler.dial(peer);
    t.match(await until(1), [{ what: 'opened' }]);
    dialler.dial(only);
    t.match((await until(2))[1], { what: 'dropped', peer: only });
    t.match(dialler.state(only.identity), {
      lastFailure: /^abc\.onion:1: .*set socks\.proxy/,
      dialling: false,
    });
  },
);

void t.test('with a proxy each peer is dialled as a user of its own, the same one each time', async (t) => {
  const proxy = await SocksServer.start(t);
  const node = await nodeAt(t, '127.0.0.1');
  const peers = [1, 2, 3].map((number) => peerAt(number, `node${number}.example:${node.port}`));
  const { dialler, until } = diallerOf(t, peers, proxy);
  for (const round of [1, 2]) {
    for (const peer of peers) dialler.dial(peer);
    const said = await until(peers.length * round);
    t.ok(said.every(({ what }) => what === 'opened'));
    for (const { identity } of peers) dialler.ended(identity, { reason: 'for the test', own: true });
  }
  const users = peers.map((_, index) =>
    proxy.asked
      .filter(({ host }) => host === `node${index + 1}.example`)
      .map(({ user, password }) => ({ user, password })),
  );
  for (const [first, second] of users) t.same(first, second);
  t.equal(new Set(proxy.asked.map(({ user }) => user)).size, peers.length);
  t.equal(new Set(proxy.asked.map(({ password }) => password)).size, peers.length);
  const shown = JSON.stringify(users);
  for (const { identity } of peers) t.notOk(shown.includes(identity), 'no identity is shown to the proxy');
});

void t.test('another dialler of the same peers shows the proxy other users', async (t) => {
  const proxy = await SocksServer.start(t);
  const node = await nodeAt(t, '127.0.0.1');
  const peer = peerAt(1, `node.example:${node.port}`);
  const shared = { prepare: () => ({ ...deaf, open: () => opened.resolve(), dropped: () => {} }) };
  let opened = Promise.withResolvers<void>();
  for (const random of [new SeededRandom(1), new SeededRandom(2)]) {
    opened = Promise.withResolvers();
    const dialler = new Dialler({ ...shared, random, proxy, isLinked: () => false, find: () => peer });
    t.teardown(() => dialler.close());
    dialler.dial(peer);
    await opened.promise;
  }
  t.equal(new Set(proxy.asked.map(({ user }) => user)).size, 2);
});

/** Where a dial that went past the proxy would arrive. */
const outer = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;
const hosts = ['127.0.0.1', ...(outer === undefined ? [] : [outer])];
for (const [index, host] of hosts.entries())
  void t.test(
    `with a proxy that fails no peer is dialled straight, ${index === 0 ? 'on this machine' : 'at an outer address'}`,
    async (t) => {
      const node = await nodeAt(t, host);
      const refusing = await SocksServer.start(t, { reply: 5 });
      const gone = createServer().listen(0, '127.0.0.1');
      await once(gone, 'listening');
      const { port } = gone.address() as { port: number };
      await new Promise((resolve) => gone.close(resolve));
      for (const proxy of [refusing, { host: '127.0.0.1', port }]) {
        const peer = peerAt(1, formatAddress(node));
        const { dialler, until } = diallerOf(t, [peer], proxy);
        dialler.dial(peer);
        t.match(await until(1), [{ what: 'dropped' }]);
        t.match(dialler.state(peer.identity), { lastFailure: /proxy/ });
      }
      const control = diallerOf(t, []);
      control.dialler.dial(peerAt(1, formatAddress(node)));
      t.match(await control.until(1), [{ what: 'opened' }]);
      await node.called;
      t.equal(node.callers(), 1, 'the one that had no proxy');
    },
  );

void t.test(
  'an address that may not be dialled is not, nor is a name that stands for one used',
  async (t) => {
    const node = await nodeAt(t, '127.0.0.1');
    const peer = peerAt(1, `127.0.0.1:${node.port}`, `localhost:${node.port}`);
    const asked: string[] = [];
    const said = Promise.withResolvers<string>();
    const dialler = new Dialler({
      random: new SeededRandom(1),
      proxy: undefined,
      prepare: () => ({ ...deaf, open: () => said.resolve('opened'), dropped: said.resolve }),
      isLinked: () => false,
      find: () => undefined,
      mayDial: (_, host) => {
        asked.push(host);
        return host === 'localhost';
      },
    });
    t.teardown(() => dialler.close());
    dialler.dial(peer);
    t.match(await said.promise, /^localhost:\d+: an address that a stranger/);
    t.match(asked, ['127.0.0.1', 'localhost', /^(?:127\.0\.0\.1|::1)$/], 'the last one is who has answered');
    t.ok(node.callers() <= 1, 'the name was connected to, and nothing was said there');
    t.same(
      dialler.state(peer.identity),
      { dialling: false, lastFailure: undefined },
      'a stranger is forgotten',
    );
  },
);

/** A proxy that takes connections and says nothing, and the next of them. */
async function mute(t: Test) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {}).resume();
  }).listen(0, '127.0.0.1');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const next = async () => {
    const [socket] = (await once(server, 'connection')) as [Socket];
    return { ended: new Promise((resolve) => socket.once('close', resolve)) };
  };
  return { proxy: { host: '127.0.0.1', port }, next };
}

void t.test('a dialler that closes calls its dials off, and begins no new ones', async (t) => {
  const { proxy, next } = await mute(t);
  const peer = peerAt(1, 'a.example:1', 'b.example:1');
  const { dialler, said, until } = diallerOf(t, [peer], proxy);
  const came = next();
  dialler.dial(peer);
  const { ended } = await came;
  t.match(dialler.state(peer.identity), { dialling: true });
  dialler.close();
  await ended;
  t.match(await until(1), [{ what: 'dropped' }]);
  dialler.dial(peer);
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(said.length, 1);
});

void t.test('a peer that is forgotten is not dialled on, and may be dialled anew at once', async (t) => {
  const { proxy, next } = await mute(t);
  const peer = peerAt(1, 'a.example:1', 'b.example:1');
  const { dialler, said, until } = diallerOf(t, [peer], proxy);
  const came = next();
  dialler.dial(peer);
  const { ended } = await came;
  dialler.forget(peer.identity);
  const again = next();
  dialler.dial(peer);
  await ended;
  t.match(await until(1), [{ what: 'dropped' }]);
  const second = await again;
  t.match(dialler.state(peer.identity), { dialling: true });
  dialler.close();
  await second.ended;
  t.equal((await until(2)).length, 2);
  t.ok(said.every(({ what }) => what === 'dropped'));
});
