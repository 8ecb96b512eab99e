/** The socket itself: lines, caps, clients that misbehave, where it lies and who may open it. */
import { once } from 'node:events';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as fc from 'fast-check';
import t from 'tap';
import type { Api } from '../../client/index.ts';
import { createDispatch } from '../../daemon/rpc/dispatch.ts';
import { rpcLimits } from '../../daemon/rpc/limits.ts';
import { LineSplitter } from '../../daemon/rpc/lines.ts';
import { startRpcServer } from '../../daemon/rpc/server.ts';
import { chooseSocketPath, removeSocketAndFolder } from '../../daemon/rpc/socket-path.ts';
import { answerSchema, freshDir, RawClient, request, serve } from './rpc-served.ts';
import { smallApi } from './rpc-small-api.ts';

void t.test('lines come out the same however the stream is cut', async (t) => {
  const lines = fc.array(
    fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replace(/[\r\n]/g, '').trim()),
  );
  fc.assert(
    fc.property(lines, fc.array(fc.nat(9), { minLength: 1 }), (expected, cuts) => {
      const stream = Buffer.from(expected.map((line) => `${line}\n`).join(''));
      const splitter = new LineSplitter(1_000);
      const found: string[] = [];
      for (let at = 0, i = 0; at < stream.length; i++) {
        const end = at + (cuts[i % cuts.length] ?? 0) + 1;
        for (const part of splitter.push(stream.subarray(at, end)))
          if (part.type === 'line') found.push(part.text);
        at = end;
      }
      t.strictSame(
        found,
        expected.filter((line) => line !== ''),
      );
      t.equal(splitter.isInsideLine, false);
    }),
    { numRuns: 100 },
  );
});

void t.test('a line over the cap is told as such, ended or not', async (t) => {
  const longEnded = [...new LineSplitter(4).push(Buffer.from('1234\n12345\nx'))];
  t.strictSame(longEnded, [{ type: 'line', text: '1234' }, { type: 'too long' }]);
  const splitter = new LineSplitter(4);
  t.strictSame([...splitter.push(Buffer.from('123'))], []);
  t.equal(splitter.isInsideLine, true);
  t.strictSame([...splitter.push(Buffer.from('45'))], [{ type: 'too long' }]);
});

void t.test('many messages in one chunk and one message in many chunks', async (t) => {
  const client = (await serve(t)).client();
  const ids = Array.from({ length: 20 }, (_, index) => index);
  client.socket.write(ids.map((id) => `${request(id, 'node.status')}\r\n\n`).join(''));
  const answered = [];
  for (const _ of ids) answered.push(answerSchema.parse(await client.next()).id);
  t.strictSame(new Set(answered), new Set(ids));
  t.equal(answered.length, ids.length);

  for (const byte of Buffer.from(`${request(99, 'node.status')}\n`)) {
    if (!client.socket.write(Buffer.from([byte]))) await once(client.socket, 'drain');
  }
  t.match(await client.next(), { id: 99 });
});

void t.test(
  'calls beyond the cap of a connection are refused with `overloaded`, and the others go on',
  async (t) => {
    const served = await serve(t);
    const client = served.client();
    await client.ask(request(0, 'request.get', { uri: 'KSK@slow', path: join(served.dataDir, 'slow') }));
    const most = rpcLimits.callsAtOnce.value;
    for (let id = 1; id <= most; id++)
      client.socket.write(`${request(id, 'request.wait', { id: '1', timeoutMs: 3_600_000 })}\n`);
    t.match(await client.ask(request(777, 'node.status')), {
      id: 777,
      error: { data: { code: 'overloaded', retryable: true } },
    });
    t.match(
      await served.client().ask(request(1, 'node.status')),
      { result: {} },
      'another connection has its own cap',
    );

    client.socket.write(
      `[${Array.from({ length: rpcLimits.batchCalls.value + 1 }, (_, id) => request(id, 'node.status')).join()}]\n`,
    );
    t.match(await client.next(), { id: null, error: { data: { code: 'bad_request' } } });
    await served.client().ask(request(1, 'request.cancel', { id: '1' }));
    for (let id = 1; id <= most; id++) t.match(await client.next(), { result: { state: 'cancelled' } });
  },
);

void t.test(
  'a client that sends garbage, or a line without end, is cut and nobody else notices',
  async (t) => {
    const served = await serve(t);
    const good = served.client();
    const endless = served.client();
    endless.socket.write('x'.repeat(rpcLimits.lineBytes.value + 1));
    await endless.closed;

    const garbage = served.client();
    garbage.socket.write('garbage\n'.repeat(rpcLimits.badLines.value + 1));
    await garbage.closed;

    const random = served.client();
    random.socket.write(Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7919) % 251)));
    random.socket.end();
    await random.closed;

    const gone = served.client();
    gone.socket.write(`${request(1, 'node.status')}\n`);
    gone.socket.destroy();
    t.match(await good.ask(request(1, 'node.status')), { id: 1, result: {} });
  },
);

void t.test('a client that reads nothing stops being read', async (t) => {
  const served = await serve(t);
  const deaf = served.client();
  deaf.socket.pause();
  const line = `${request(1, 'key.list')}\n`.repeat(100);
  // It ends because the kernel's buffers are bounded and the server takes no more: the promise of 'drain' stays open.
  let sentBytes = 0;
  const mostBytes = 2 ** 26;
  while (sentBytes < mostBytes && deaf.socket.writableLength < 2 ** 20) {
    deaf.socket.write(line);
    sentBytes += line.length;
    await new Promise(setImmediate);
  }
  t.ok(sentBytes < mostBytes, `${sentBytes} bytes were taken`);
  t.match(await served.client().ask(request(1, 'node.status')), { id: 1 });
});

void t.test('a client that ends its side still gets its answer', async (t) => {
  const client = (await serve(t)).client();
  client.socket.end(`${request(1, 'node.status')}\n`);
  t.match(await client.next(), { id: 1, result: {} });
  await client.closed;
});

void t.test('closing lets a running call end, and refuses new connections', async (t) => {
  const dataDir = freshDir(t);
  const path = join(dataDir, 'rpc.sock');
  const arrived = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const small = smallApi(dataDir);
  const api: Api = {
    async call(name, params) {
      arrived.resolve();
      await gate.promise;
      return small.call(name, params);
    },
  };
  const server = await startRpcServer({
    path,
    dispatch: createDispatch({ api, onBug: (bug) => t.error(bug) }),
  });
  const client = new RawClient(path);
  const idle = new RawClient(path);
  client.socket.write(`${request(1, 'node.status')}\n`);
  await Promise.all([arrived.promise, once(idle.socket, 'connect')]);
  const closed = server.close();
  const late = new RawClient(path);
  gate.resolve();
  t.match(await client.next(), { id: 1, result: {} });
  await Promise.all([closed, client.closed, idle.closed, late.closed]);
  t.notOk(existsSync(path));
});

void t.test('the socket is for its user alone, and a dead one is replaced', async (t) => {
  const dataDir = freshDir(t);
  const path = join(dataDir, 'rpc.sock');
  const dispatch = createDispatch({ api: smallApi(dataDir), onBug: (bug) => t.error(bug) });
  const first = await startRpcServer({ path, dispatch });
  t.equal(statSync(path).mode & 0o777, 0o600);
  const second = await startRpcServer({ path, dispatch });
  const client = new RawClient(path);
  t.match(await client.ask(request(1, 'node.status')), { id: 1 });
  client.socket.destroy();
  await Promise.all([first.close(), second.close()]);
});

void t.test(
  'the socket lies in the runtime directory if that is private and short, else in the data directory, else in tmp',
  async (t) => {
    const base = freshDir(t);
    const dataDir = join(base, 'data');
    const runtime = join(base, 'run');
    mkdirSync(runtime, { mode: 0o700 });
    const inRuntime = chooseSocketPath(dataDir, { XDG_RUNTIME_DIR: runtime });
    t.match(inRuntime, new RegExp(`^${runtime}/mimeo/[0-9a-f]{16}\\.sock$`));
    t.equal(statSync(dirname(inRuntime)).mode & 0o777, 0o700);
    t.not(chooseSocketPath(`${dataDir}2`, { XDG_RUNTIME_DIR: runtime }), inRuntime);

    mkdirSync(join(base, 'shared'), { mode: 0o755 });
    for (const unusable of [
      undefined,
      'relative',
      join(base, 'nowhere'),
      join(base, 'shared'),
      join(base, 'x'.repeat(100)),
    ]) {
      t.equal(
        chooseSocketPath(dataDir, { XDG_RUNTIME_DIR: unusable }),
        join(dataDir, 'rpc.sock'),
        unusable ?? 'unset',
      );
    }

    const long = join(base, 'long'.repeat(30));
    mkdirSync(long);
    const path = chooseSocketPath(long, {});
    t.ok(Buffer.byteLength(path) <= rpcLimits.socketPathBytes.value, path);
    t.equal(statSync(dirname(path)).mode & 0o777, 0o700);
    const server = await startRpcServer({
      path,
      dispatch: createDispatch({ api: smallApi(long), onBug: (bug) => t.error(bug) }),
    });
    const client = new RawClient(path);
    t.match(await client.ask(request(1, 'node.status')), { id: 1 });
    client.socket.destroy();
    await server.close();
    t.notOk(existsSync(dirname(path)), 'its folder is gone with it');
  },
);

void t.test('removing a socket removes nothing else', async (t) => {
  const dir = t.testdir({ 'rpc.sock': 'a file that somebody keeps' });
  removeSocketAndFolder(join(dir, 'rpc.sock'));
  t.ok(existsSync(join(dir, 'rpc.sock')));
});
