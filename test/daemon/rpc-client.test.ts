/** A connection to a daemon as commands use it, and daemons that are not there or talk nonsense. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { UserError, type MethodName } from '../../client/index.ts';
import { writeDaemonFile } from '../../daemon/config/daemon-file.ts';
import { connectApi } from '../../daemon/rpc/client.ts';
import { freshDir, serve } from './rpc-served.ts';

void t.test('the client is an Api: results, our errors by code, and concurrent calls', async (t) => {
  const { dataDir } = await serve(t);
  const api = await connectApi(dataDir);
  t.teardown(() => api.close());
  const names = ['a', 'b', 'c'];
  const made = await Promise.all(names.map((name) => api.call('key.create', { name })));
  t.strictSame(
    made.map(({ name }) => name),
    names,
  );
  await t.rejects(
    api.call('key.create', { name: 'a' }),
    new UserError('key_exists', 'there is a key a already'),
  );
  await t.rejects(api.call('key.create', { name: 'NO' }), { code: 'usage' });
  await t.rejects(api.call('no.such' as MethodName, {}), { code: 'method_unknown' });
});

void t.test('without a daemon the client says so', async (t) => {
  const dir = freshDir(t);
  await t.rejects(connectApi(dir), { code: 'daemon_not_running' });
  writeDaemonFile(dir, { pid: 1, rpcSocket: join(dir, 'dead.sock'), listen: '', version: '' });
  await t.rejects(connectApi(dir), { code: 'daemon_not_running', message: /does not answer/ });
});

void t.test(
  'every call of a client whose daemon goes away or talks nonsense ends with an error',
  async (t) => {
    const dir = freshDir(t);
    for (const [index, reply] of ['', 'nonsense\n', '5\n', '[null]\n', '[]\n'].entries()) {
      const rpcSocket = join(dir, `${index}.sock`);
      const server = createServer((socket) => socket.once('data', () => socket.end(reply))).listen(rpcSocket);
      t.teardown(() => server.close());
      await once(server, 'listening');
      writeDaemonFile(dir, { pid: 1, rpcSocket, listen: '', version: '' });
      const api = await connectApi(dir);
      const calls = [api.call('node.status', {}), api.call('node.status', {})];
      for (const call of calls) await t.rejects(call, { code: 'daemon_stopping' }, JSON.stringify(reply));
      await t.rejects(api.call('node.status', {}), { code: 'daemon_stopping' }, 'and later calls');
    }
  },
);
