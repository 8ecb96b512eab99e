/** Carriers over real TCP connections on loopback. */
import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { once } from 'node:events';
import t from 'tap';
import { dialTcp, listenTcp } from '../../daemon/host/tcp.ts';
import type { Carrier, CarrierListener } from '../../transport/index.ts';
import { carrierCompliance } from '../compliance/carrier.ts';

const HOST = '127.0.0.1';
const deaf: CarrierListener = { received: () => {}, drained: () => {}, closed: () => {} };

carrierCompliance(t, async (t, [dialling, listening]) => {
  const accepted = Promise.withResolvers<Carrier>();
  const server = await listenTcp({
    host: HOST,
    port: 0,
    accept: (carrier) => {
      accepted.resolve(carrier);
      return listening;
    },
  });
  t.teardown(() => server.close());
  const dialled = await dialTcp({ host: HOST, port: server.port, listener: dialling });
  return [dialled, await accepted.promise];
});

void t.test('a port in use is EADDRINUSE', async (t) => {
  const first = await listenTcp({ host: HOST, port: 0, accept: () => deaf });
  t.equal(first.host, HOST);
  await t.rejects(listenTcp({ host: HOST, port: first.port, accept: () => deaf }), { code: 'EADDRINUSE' });
  await first.close();
  const second = await listenTcp({ host: HOST, port: first.port, accept: () => deaf });
  t.equal(second.port, first.port, 'and free after close');
  await Promise.all([second.close(), second.close()]);
});

void t.test('nobody listening is ECONNREFUSED, and the listener hears nothing', async (t) => {
  const server = await listenTcp({ host: HOST, port: 0, accept: () => deaf });
  await server.close();
  const heard: string[] = [];
  const listener: CarrierListener = {
    received: () => heard.push('received'),
    drained: () => heard.push('drained'),
    closed: () => heard.push('closed'),
  };
  await t.rejects(dialTcp({ host: HOST, port: server.port, listener }), { code: 'ECONNREFUSED' });
  await new Promise((resolve) => setImmediate(resolve));
  t.same(heard, []);
});

void t.test('a dial that nobody answers ends with ETIMEDOUT', async (t) => {
  // A listener that is stuck: the kernel takes the connections that fit its queue and drops the opening packets of all others.
  const stuck =
    "require('net').createServer().listen({host:'127.0.0.1',port:0,backlog:1},function(){" +
    "require('fs').writeSync(1,String(this.address().port));Atomics.wait(new Int32Array(new SharedArrayBuffer(4)),0,0)})";
  const child = spawn(process.execPath, ['-e', stuck], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  t.teardown(() => child.kill('SIGKILL'));
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  const carriers: Carrier[] = [];
  const dialUntilFull = async () => {
    while (carriers.length < 20) {
      carriers.push(await dialTcp({ host: HOST, port: Number(port), listener: deaf, timeoutMs: 200 }));
    }
  };
  await t.rejects(dialUntilFull(), { code: 'ETIMEDOUT' });
  for (const carrier of carriers) carrier.destroy();
});

void t.test('a reset by the other side closes the carrier with a reason and nothing else', async (t) => {
  const closed = Promise.withResolvers<string>();
  const carriers: Carrier[] = [];
  const server = await listenTcp({
    host: HOST,
    port: 0,
    accept: (carrier) => {
      carriers.push(carrier);
      return { ...deaf, closed: closed.resolve };
    },
  });
  const socket = connect({ host: HOST, port: server.port });
  await once(socket, 'connect');
  socket.resetAndDestroy();
  t.match(await closed.promise, /ECONNRESET/);
  for (const carrier of carriers) carrier.write(new Uint8Array(10));
  await server.close();
});

const endings = process.env['MIMEO_TEST_FULL']
  ? (['destroyed', 'lingering'] as const)
  : (['destroyed'] as const);
for (const ending of endings)
  void t.test(`a side that neither reads nor closes does not hold a ${ending} carrier`, async (t) => {
    const sockets: Socket[] = [];
    const mute = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
    });
    mute.listen({ host: HOST, port: 0 });
    await once(mute, 'listening');
    const closed = Promise.withResolvers<string>();
    const { port } = mute.address() as AddressInfo;
    const carrier = await dialTcp({ host: HOST, port, listener: { ...deaf, closed: closed.resolve } });
    do {
      carrier.write(new Uint8Array(1_048_576));
      await new Promise((resolve) => setImmediate(resolve));
    } while (carrier.backlogBytes === 0);
    carrier.close();
    t.ok(carrier.backlogBytes > 0, 'close waits for the queue');
    if (ending === 'destroyed') carrier.destroy();
    t.equal(await closed.promise, 'closed here');
    t.equal(carrier.backlogBytes, 0);
    for (const socket of sockets) socket.destroy();
    mute.close();
  });

void t.test('closing the listening side destroys what came in', async (t) => {
  const closed = Promise.withResolvers<string>();
  const server = await listenTcp({ host: HOST, port: 0, accept: () => deaf });
  await dialTcp({ host: HOST, port: server.port, listener: { ...deaf, closed: closed.resolve } });
  await server.close();
  t.type(await closed.promise, 'string');
});
