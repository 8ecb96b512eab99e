/** Carriers through a real SOCKS5 proxy on loopback, and through what only claims to be one. */
import { once } from 'node:events';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import t, { type Test } from 'tap';
import { DialError } from '../../../daemon/host/dial-error.ts';
import { type SocksDialOptions, dialSocks } from '../../../daemon/host/socks.ts';
import { dialTcp, listenTcp } from '../../../daemon/host/tcp.ts';
import type { Carrier, CarrierListener } from '../../../transport/index.ts';
import { carrierCompliance } from '../../compliance/carrier.ts';
import { SocksServer } from './socks-server.ts';

const HOST = '127.0.0.1';
const deaf: CarrierListener = { received: () => {}, drained: () => {}, closed: () => {} };
const stranger = { user: 'some', password: 'body' };

/** A node that can be dialled, and the first carrier that comes. */
async function node(t: Test, listener: CarrierListener = deaf) {
  const first = Promise.withResolvers<Carrier>();
  const server = await listenTcp({
    host: HOST,
    port: 0,
    accept: (carrier) => {
      first.resolve(carrier);
      return listener;
    },
  });
  t.teardown(() => server.close());
  return { port: server.port, first: first.promise };
}

/** A listener that fails the test when it hears anything. */
function silent(t: Test): CarrierListener {
  return {
    received: () => t.fail('received'),
    drained: () => t.fail('drained'),
    closed: () => t.fail('closed'),
  };
}

for (const method of ['password', 'none'] as const)
  void t.test(`carriers through a proxy that asks for ${method}`, async (t) => {
    carrierCompliance(t, async (t, [dialling, listening]) => {
      const proxy = await SocksServer.start(t, { method });
      const { port, first } = await node(t, listening);
      const to = { host: 'peer.example', port };
      const dialled = await dialSocks({ proxy, ...to, ...stranger, listener: dialling });
      return [dialled, await first];
    });
  });

void t.test('the proxy is given names as they are, addresses as addresses, and the user', async (t) => {
  const proxy = await SocksServer.start(t);
  const { port } = await node(t);
  const name = 'mimeo2vxz37qcvjfzlvz6sdhfqlqvolyvrwfaejvzolqyxl4qlzkd4id.onion';
  const hosts = [name, 'peer.example', '192.0.2.7', '10.1.2.3', '2001:db8::7', '::ffff:192.0.2.7'];
  for (const host of hosts) {
    const carrier = await dialSocks({ proxy, host, port, ...stranger, listener: deaf });
    carrier.destroy();
  }
  t.same(
    proxy.asked,
    [
      ['name', name],
      ['name', 'peer.example'],
      ['ipv4', 'c0000207'],
      ['ipv4', '0a010203'],
      ['ipv6', '20010db8000000000000000000000007'],
      ['ipv6', '00000000000000000000ffffc0000207'],
    ].map(([type, host]) => ({ ...stranger, type, host, port })),
  );
});

void t.test(
  'what would be the machine of the proxy is refused, and the proxy is not even asked',
  async (t) => {
    const proxy = await SocksServer.start(t);
    const { port } = await node(t);
    const local =
      '127.0.0.1 127.9.9.9 0.0.0.0 169.254.1.1 ::1 :: fe80::1 ::ffff:127.0.0.1 ::127.0.0.1 localhost LocalHost a.localhost ' +
      '127.1 2130706433 0x7f000001 0177.0.0.1 127.0.0.0x1 1::2::3 :::1';
    for (const host of local.split(' ')) {
      const dial = dialSocks({ proxy, host, port, ...stranger, listener: silent(t) });
      await t.rejects(dial, { code: 'local_through_proxy' }, host);
    }
    t.equal(proxy.connections, 0);
    t.same(proxy.asked, []);
  },
);

void t.test('an onion address without a proxy is refused, and no name server is asked', async (t) => {
  for (const host of ['abc.onion', 'ABC.Onion', 'onion']) {
    const dial = dialTcp({ host, port: 1, listener: silent(t) });
    await t.rejects(dial, { code: 'onion_needs_proxy', message: /set socks\.proxy/ });
  }
});

void t.test(
  'bytes that come in one piece with the reply are received, before those that follow',
  async (t) => {
    const proxy = await SocksServer.start(t, { eager: Buffer.from('early ') });
    const { port, first } = await node(t);
    const heard: Buffer[] = [];
    const enough = Promise.withResolvers<void>();
    const listener: CarrierListener = {
      ...deaf,
      received: (bytes) => {
        heard.push(Buffer.from(bytes));
        if (Buffer.concat(heard).length >= 10) enough.resolve();
      },
    };
    const carrier = await dialSocks({ proxy, host: 'peer.example', port, ...stranger, listener });
    t.same(heard, [], 'not before the dial has ended');
    (await first).write(Buffer.from('late'));
    await enough.promise;
    t.equal(Buffer.concat(heard).toString(), 'early late');
    carrier.destroy();
  },
);

void t.test('a carrier that is destroyed at once hears nothing of what came with the reply', async (t) => {
  const proxy = await SocksServer.start(t, { eager: Buffer.from('early') });
  const { port } = await node(t);
  const closed = Promise.withResolvers<string>();
  const listener: CarrierListener = { ...silent(t), closed: closed.resolve };
  const carrier = await dialSocks({ proxy, host: 'peer.example', port, ...stranger, listener });
  carrier.destroy();
  t.equal(await closed.promise, 'closed here');
  await new Promise((resolve) => setImmediate(resolve));
});

void t.test('a proxy may speak byte by byte, and name any kind of address in its reply', async (t) => {
  const bound = [
    Buffer.from([1, 127, 0, 0, 1, 0, 80]),
    Buffer.concat([Buffer.from([3, 255]), Buffer.alloc(255, 'a'), Buffer.from([0, 80])]),
    Buffer.concat([Buffer.from([4]), Buffer.alloc(16, 0xff), Buffer.from([0, 80])]),
    Buffer.from([3, 0, 0, 80]),
  ];
  for (const address of bound) {
    const proxy = await SocksServer.start(t, { pace: 'bytewise', bound: address });
    const { port } = await node(t);
    const carrier = await dialSocks({ proxy, host: 'peer.example', port, ...stranger, listener: deaf });
    carrier.destroy();
    t.match(proxy.asked, [stranger]);
  }
});

void t.test('a refusal says why, and the listener hears nothing', async (t) => {
  const dial = async (proxy: SocksDialOptions['proxy']) =>
    dialSocks({ proxy, host: 'peer.example', port: 9, ...stranger, listener: silent(t) });
  for (const [reply, why] of [
    [2, /NotAllowed/],
    [4, /HostUnreachable/],
    [5, /ConnectionRefused/],
    [0xf0, /for a reason of its own/],
  ] as const) {
    const proxy = await SocksServer.start(t, { reply });
    await t.rejects(dial(proxy), { code: 'proxy_refused', message: why });
  }
  const { server, port } = await speaking(t, () => {});
  server.close();
  await t.rejects(dial({ host: HOST, port }), { code: 'proxy_unreachable', message: /ECONNREFUSED/ });
});

void t.test('an error does not hold user name and password', async (t) => {
  const proxy = await SocksServer.start(t, { reply: 5 });
  const secret = { user: 'user-of-a-peer', password: 'password-of-a-peer' };
  const error: unknown = await dialSocks({
    proxy,
    host: 'peer.example',
    port: 9,
    ...secret,
    listener: deaf,
  }).catch((error: unknown) => error);
  t.ok(error instanceof DialError);
  const everything = JSON.stringify(error, Object.getOwnPropertyNames(error));
  t.match(everything, /proxy_refused/);
  t.notMatch(everything, /of-a-peer/);
  t.equal((error as Error).cause, undefined);
});

/** A server that says something to each caller, whatever it hears. */
async function speaking(t: Test, say: (socket: Socket) => void) {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.resume();
    say(socket);
  }).listen(0, HOST);
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server, 'listening');
  return { server, sockets, port: (server.address() as AddressInfo).port };
}

const CHOSEN = [5, 2];
const WELCOME = [...CHOSEN, 1, 0];
const garbage: readonly (readonly [string, readonly number[]])[] = [
  ['another protocol', [...Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')]],
  ['SOCKS4', [0, 0x5a, 0, 0, 0, 0, 0, 0]],
  ['a method that was not offered', [5, 1]],
  ['no method at all', [5, 0xff]],
  ['a wrong password', [...CHOSEN, 1, 1]],
  ['one byte', [5]],
  ['half of an answer to the password', [...CHOSEN, 1]],
  ['another version in the reply', [5, 0, 4, 0, 0, 1, 0, 0, 0, 0, 0, 0]],
  ['an address of an unknown type', [5, 0, 5, 0, 0, 9, 0, 0, 0, 0, 0, 0]],
  ['a reply that is cut off', [5, 0, 5, 0, 0, 1, 0, 0, 0]],
  ['a name that is cut off', [5, 0, 5, 0, 0, 3, 255, 97, 97]],
  ['an address without a port', [5, 0, 5, 0, 0, 4, ...Array.from({ length: 16 }, () => 0xff)]],
  ['all answers before the questions', [...WELCOME, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 2, 3]],
  ['nothing', []],
];
for (const [what, bytes] of garbage)
  void t.test(`a proxy that says ${what} and ends is a dial that failed`, async (t) => {
    const { port, sockets } = await speaking(t, (socket) => socket.end(Buffer.from(bytes)));
    const dial = dialSocks({
      proxy: { host: HOST, port },
      host: 'peer.example',
      port: 9,
      ...stranger,
      listener: silent(t),
    });
    await t.rejects(dial, { code: /^proxy_(?:invalid|refused)$/ });
    await closedByUs(sockets[0]);
  });

/** Resolves when the other end of the socket is gone, in whatever way. */
async function closedByUs(socket: Socket | undefined): Promise<void> {
  if (socket === undefined || socket.destroyed || socket.readableEnded) return;
  await new Promise<void>((resolve) => socket.once('end', resolve).once('close', () => resolve()));
}

void t.test('a proxy that resets the connection is a dial that failed', async (t) => {
  const { port } = await speaking(t, (socket) => socket.once('data', () => socket.resetAndDestroy()));
  const to = { proxy: { host: HOST, port }, host: 'peer.example', port: 9 };
  await t.rejects(dialSocks({ ...to, ...stranger, listener: silent(t) }), { code: 'proxy_invalid' });
});

void t.test('endless bytes end the dial as soon as they make no sense', async (t) => {
  for (const start of [[], [5], CHOSEN, [5, 0, 5, 0, 0], [5, 0, 5, 0, 0, 9]]) {
    let said = 0;
    const { port, sockets } = await speaking(t, (socket) => {
      const chunk = Buffer.alloc(65_536, 0x99);
      const more = () => {
        while (!socket.destroyed && socket.write(chunk)) said += chunk.length;
      };
      socket.on('drain', more);
      socket.write(Buffer.from(start));
      more();
    });
    const to = { proxy: { host: HOST, port }, host: 'peer.example', port: 9 };
    await t.rejects(dialSocks({ ...to, ...stranger, listener: silent(t) }), {
      code: /^proxy_(?:invalid|refused)$/,
    });
    await closedByUs(sockets[0]);
    t.ok(said < 64 * 1_048_576, 'it was not read on');
  }
});

void t.test(
  'a proxy that is silent, half-way or byte by byte, fails the dial when its time is over',
  async (t) => {
    const slow = (socket: Socket) => {
      const timer = setInterval(() => socket.write(Buffer.from([0x61])), 5);
      socket.once('close', () => clearInterval(timer));
    };
    const ways: ((socket: Socket) => void)[] = [
      () => {},
      (socket) => socket.write(Buffer.from(CHOSEN)),
      (socket) => socket.write(Buffer.from(WELCOME)),
      (socket) => socket.write(Buffer.from([5, 0, 5, 0, 0, 1])),
      (socket) => {
        // A name of 255 characters, one each 5 ms: it would take longer than there is.
        socket.write(Buffer.from([5, 0, 5, 0, 0, 3, 255]));
        slow(socket);
      },
    ];
    for (const way of ways) {
      const { port, sockets } = await speaking(t, way);
      const to = { proxy: { host: HOST, port }, host: 'peer.example', port: 9 };
      const dial = dialSocks({ ...to, ...stranger, listener: silent(t), timeoutMs: 200 });
      await t.rejects(dial, { code: 'proxy_timeout' });
      await closedByUs(sockets[0]);
    }
  },
);

void t.test('a dial that is called off ends at once, at whatever point, and closes its socket', async (t) => {
  for (const said of [[], CHOSEN, WELCOME]) {
    const { port, sockets, server } = await speaking(t, (socket) => socket.write(Buffer.from(said)));
    const abort = new AbortController();
    const to = { proxy: { host: HOST, port }, host: 'peer.example', port: 9 };
    const dial = dialSocks({ ...to, ...stranger, listener: silent(t), signal: abort.signal });
    const failed = t.rejects(dial, { code: 'dial_cancelled' });
    if (sockets.length === 0) await once(server, 'connection');
    abort.abort();
    await failed;
    await closedByUs(sockets[0]);
  }
  const late = { host: HOST, port: 9, listener: silent(t), signal: AbortSignal.abort() };
  await t.rejects(dialTcp(late), { code: 'dial_cancelled' });
});

void t.test('a signal that comes after success does nothing to the carrier', async (t) => {
  const proxy = await SocksServer.start(t);
  const { port, first } = await node(t);
  const abort = new AbortController();
  const got = Promise.withResolvers<Buffer>();
  const carrier = await dialSocks({
    proxy,
    host: 'peer.example',
    port,
    ...stranger,
    signal: abort.signal,
    listener: { ...deaf, received: (bytes) => got.resolve(Buffer.from(bytes)) },
  });
  abort.abort();
  (await first).write(Buffer.from('still here'));
  t.equal((await got.promise).toString(), 'still here');
  carrier.destroy();
});
