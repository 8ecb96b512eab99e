/** How an answer ends before its end: readers that leave, readers that stall, blocks that can't be had, a gateway that closes. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import t from 'tap';
import { startFproxy } from '../../fproxy/index.ts';
import { UserError } from '../../client/index.ts';
import { ask, dial, head, raw, startWeb, type Web } from './web.ts';

const file = (sizeBytes: number) => ({ bytes: Buffer.alloc(sizeBytes, 'x'), mimeType: 'text/plain' });

function begin(web: Web, path: string): Socket {
  const socket = dial(web);
  socket.on('error', () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${web.port}\r\n\r\n`);
  return socket;
}

t.test('a reader that leaves in the middle ends the fetch', async (t) => {
  const web = await startWeb(t);
  const path = web.node.add('KSK@long', { ...file(100_000), hangsAt: 50_000 });
  const closed = once(web.node.events, 'closed');
  const socket = begin(web, path);
  await once(socket, 'data');
  socket.destroy();
  await closed;
  t.ok(web.node.pulledBytes < 100_000);
});

t.test('a reader that leaves before the metadata is there cancels the opening', async (t) => {
  const asked = Promise.withResolvers<AbortSignal>();
  const content = {
    open: (_: string, { signal }: { signal: AbortSignal }) => {
      asked.resolve(signal);
      return new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    },
    upload: () => Promise.reject(new UserError('failed', 'not asked for')),
  };
  const web = await startWeb(t, { content });
  const socket = begin(web, '/KSK@word');
  const signal = await asked.promise;
  t.notOk(signal.aborted);
  socket.destroy();
  await once(signal, 'abort');
  t.equal((await ask(web, { path: '/style.css' })).status, 200, 'the gateway goes on');
});

t.test('a reader that waits behind another answer on its connection ends its fetch too', async (t) => {
  const web = await startWeb(t);
  const path = web.node.add('KSK@long', { ...file(100_000), hangsAt: 50_000 });
  const other = web.node.add('KSK@other', { ...file(100_000), hangsAt: 50_000 });
  let closed = 0;
  const both = new Promise<void>((resolve) => {
    const open = new Set([path, other]);
    web.node.events.on('closed', () => {
      closed += 1;
      if (closed >= open.size) resolve();
    });
  });
  const socket = begin(web, path);
  socket.write(`GET ${other} HTTP/1.1\r\nHost: 127.0.0.1:${web.port}\r\n\r\n`);
  await once(socket, 'data');
  while (web.node.heard.length < 2) await new Promise(setImmediate);
  socket.destroy();
  await both;
  t.equal(web.node.heard.length, 2);
});

t.test('however slow the reader, only so much is pulled ahead of it', async (t) => {
  const web = await startWeb(t);
  const sizeBytes = 48 * 1_048_576;
  // Socket buffers of the kernel, both sides of loopback, at their largest; the rest of the file must wait in the network.
  const aheadBytes = 16 * 1_048_576;
  const path = web.node.add('KSK@large', file(sizeBytes));
  const socket = begin(web, path);
  await untilQuiet(web);
  const ahead = web.node.pulledBytes;
  t.ok(ahead > 0 && ahead <= aheadBytes, `${ahead} bytes ahead of a reader that takes nothing`);
  let received = 0;
  for await (const chunk of socket) {
    received += (chunk as Buffer).length;
    if (web.node.pulledBytes - received > aheadBytes) t.fail('too far ahead');
    if (received > sizeBytes) break;
  }
  t.equal(web.node.pulledBytes, sizeBytes, 'then it takes the whole file');
});

/** Nothing is pulled for many turns in each of which an unchecked sender would pull. */
async function untilQuiet({ node }: Web): Promise<void> {
  for (let quietTurns = 0, seen = -1; quietTurns < 500; quietTurns += 1) {
    if (node.pulledBytes !== seen || seen === 0) quietTurns = 0;
    seen = node.pulledBytes;
    await new Promise(setImmediate);
  }
}

t.test('a reader that takes nothing is disconnected', async (t) => {
  const web = await startWeb(t, { bounds: { stallMs: 20 } });
  const path = web.node.add('KSK@large', file(48 * 1_048_576));
  const closed = once(web.node.events, 'closed');
  const socket = begin(web, path);
  socket.pause();
  await closed;
  t.ok(web.node.pulledBytes < 48 * 1_048_576);
  socket.destroy();
});

t.test('a block that is missing at the beginning is a status, later it is a broken connection', async (t) => {
  const web = await startWeb(t);
  const begun = web.node.add('KSK@begun', { ...file(100_000), failsAt: 50_000 });
  const never = web.node.add('KSK@never', { ...file(100_000), failsAt: 1 });
  const answer = await ask(web, { path: never });
  t.equal(answer.status, 404);
  t.equal(answer.headers['x-mimeo-error'], 'data_not_found');
  await t.rejects(ask(web, { path: begun }), { code: 'ECONNRESET' });
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${web.port}\r\n\r\n`;
  const cut = await raw(web, get(begun) + get('/style.css'));
  t.match(cut, /^HTTP\/1\.1 200 [^]*Content-Length: 100000\r\n/);
  t.ok(cut.length < 100_000, 'what arrives is shorter than its length says');
  t.notMatch(cut, 'text/css', 'nothing follows that could fill it up');
});

t.test('a node that gives more or less than it said breaks the connection as well', async (t) => {
  for (const given of [99, 101]) {
    const content = {
      open: () =>
        Promise.resolve({
          mimeType: 'text/plain',
          sizeBytes: 100,
          etag: 'e',
          async *read() {
            yield Buffer.alloc(50);
            await new Promise(setImmediate);
            yield Buffer.alloc(given - 50);
            await new Promise(setImmediate);
          },
          close: () => {},
        }),
      upload: () => Promise.reject(new UserError('failed', 'not asked for')),
    };
    const web = await startWeb(t, { content });
    const cut = await raw(web, head(['GET /KSK@word HTTP/1.1', `Host: 127.0.0.1:${web.port}`]));
    t.match(cut, 'Content-Length: 100\r\n');
    t.ok(cut.length - cut.indexOf('\r\n\r\n') - 4 < 100, `${given} of 100`);
  }
});

t.test('closing lets running answers end, and refuses new ones', async (t) => {
  const web = await startWeb(t, { bounds: { drainMs: 60_000 } });
  const path = web.node.add('KSK@large', file(8 * 1_048_576));
  const socket = begin(web, path);
  await once(socket, 'readable');
  const closing = web.close();
  await t.rejects(ask(web, { path: '/' }), { code: 'ECONNREFUSED' });
  let received = 0;
  for await (const chunk of socket) received += (chunk as Buffer).length;
  t.ok(received > 8 * 1_048_576, 'head and body are whole');
  await closing;
});

t.test('closing destroys what does not end', async (t) => {
  const web = await startWeb(t, { bounds: { drainMs: 1 } });
  const path = web.node.add('KSK@long', { ...file(100_000), hangsAt: 50_000 });
  const socket = begin(web, path);
  const idle = dial(web);
  await Promise.all([once(socket, 'data'), once(idle, 'connect')]);
  const gone = Promise.all([socket, idle].map((each) => once(each.on('error', () => {}).resume(), 'close')));
  await web.close();
  await gone;
  t.ok(web.node.pulledBytes < 100_000);
});

t.test('a port that is taken is said to be so', async (t) => {
  const web = await startWeb(t);
  const again = startFproxy({ host: '127.0.0.1', port: web.port, api: web.node, content: web.node });
  await t.rejects(again, { name: 'UserError', code: 'port_in_use' });
});

t.test('more requests at once than the limit are told to come later', async (t) => {
  const web = await startWeb(t, { bounds: { requests: 1 } });
  const path = web.node.add('KSK@long', { ...file(100_000), hangsAt: 50_000 });
  const socket = begin(web, path);
  await once(socket, 'data');
  const answer = await ask(web, { path: '/' });
  t.equal(answer.status, 503);
  t.equal(answer.headers['x-mimeo-error'], 'overloaded');
  t.equal(answer.headers['retry-after'], '30');
  const closed = once(web.node.events, 'closed');
  socket.destroy();
  await closed;
});

t.test('a head that is too large or never ends is refused', async (t) => {
  const web = await startWeb(t, { bounds: { headTimeoutMs: 50 } });
  const large = await raw(
    web,
    head(['GET / HTTP/1.1', `Host: 127.0.0.1:${web.port}`, `X: ${'x'.repeat(20_000)}`]),
  );
  t.match(large, /^HTTP\/1\.1 431 /);
  t.match(await raw(web, `GET / HTTP/1.1\r\nHost: 127.0.0.1:${web.port}\r\nX: `), /^HTTP\/1\.1 408 /);
  t.same(web.node.heard, []);
});
