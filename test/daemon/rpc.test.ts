/** JSON-RPC 2.0 as its specification has it, over a real socket; our errors on top of it; the document that describes it. */
import { join } from 'node:path';
import t from 'tap';
import { z } from 'zod';
import { api as methods, errorTable, UserError } from '../../client/index.ts';
import { ParseError } from '../../keys/index.ts';
import { openRpcDocument } from '../../daemon/rpc/discover.ts';
import { fromWireError, toWireError } from '../../daemon/rpc/errors.ts';
import { type GatedNode, ProcessApi } from '../../daemon/rpc/process-api.ts';
import { answerSchema, freshDir, request, serve } from './rpc-served.ts';
import { smallApi } from './rpc-small-api.ts';

void t.test('calls, batches and notifications are answered as JSON-RPC 2.0 says', async (t) => {
  const api = smallApi('/d');
  const served = await serve(t, api);
  const client = served.client();
  t.match(await client.ask(request(1, 'node.status')), { id: 1, result: { sentence: 'Waiting for peers.' } });
  t.match(await client.ask('{"jsonrpc":"2.0","id":"a","method":"key.create","params":{"name":"me"}}'), {
    id: 'a',
    result: { requestUri: 'SSK@public-of-me/' },
  });
  t.match(await client.ask('{"jsonrpc":"2.0","id":null,"method":"node.status"}'), { id: null, result: {} });

  // The notifications get no answer, so the answer after them is the call's.
  client.socket.write('{"jsonrpc":"2.0","method":"key.create","params":{"name":"quiet"}}\n');
  client.socket.write(
    '{"jsonrpc":"2.0","method":"no.such"}\n{"jsonrpc":"2.0","method":"key.create","params":[]}\n',
  );
  t.match(await client.ask(request(2, 'key.list')), {
    id: 2,
    result: { keys: [{ name: 'me' }, { name: 'quiet' }] },
  });

  client.socket.write(
    `[${request(3, 'node.status')},{"jsonrpc":"2.0","method":"node.status"},7,${request(4, 'no.such')}]\n`,
  );
  const batch = z.array(answerSchema).parse(await client.next());
  t.strictSame(
    batch.map(({ id, error }) => [id, error?.code]),
    [
      [3, undefined],
      [null, -32600],
      [4, -32601],
    ],
  );
  client.socket.write(`[${request(5, 'node.status')}]\n`);
  t.match(await client.next(), [{ id: 5 }], 'a batch of one is answered with a batch');
  client.socket.write('[{"jsonrpc":"2.0","method":"node.status"}]\n');
  t.match(await client.ask('[]'), { id: null, error: { code: -32600, message: 'an empty batch' } });
  t.equal(api.calls.get('node.status'), 6);
});

void t.test('what is wrong with a message is said with the standard code and ours', async (t) => {
  const client = (await serve(t)).client();
  const cases: [text: string, rpc: number, code: string, message: RegExp][] = [
    ['{', -32700, 'bad_json', /not JSON/],
    ['\0\xff', -32700, 'bad_json', /not JSON/],
    ['{"a":'.repeat(40_000) + '1' + '}'.repeat(40_000), -32600, 'bad_request', /JSON-RPC 2\.0/],
    ['0', -32600, 'bad_request', /JSON-RPC 2\.0/],
    ['null', -32600, 'bad_request', /JSON-RPC 2\.0/],
    ['{"id":1,"method":"node.status"}', -32600, 'bad_request', /jsonrpc/],
    ['{"jsonrpc":"2.0","id":1}', -32600, 'bad_request', /method/],
    ['{"jsonrpc":"2.0","id":{},"method":"node.status"}', -32600, 'bad_request', /id/],
    [
      '{"jsonrpc":"2.0","id":1,"method":"node.statu"}',
      -32601,
      'method_unknown',
      /did you mean node\.status\?/,
    ],
    ['{"jsonrpc":"2.0","id":1,"method":"__proto__"}', -32601, 'method_unknown', /no method __proto__/],
    ['{"jsonrpc":"2.0","id":1,"method":"key.create","params":["me"]}', -32602, 'usage', /named/],
    [
      '{"jsonrpc":"2.0","id":1,"method":"key.create","params":{"name":"No"}}',
      -32602,
      'usage',
      /key\.create: name: /,
    ],
    ['{"jsonrpc":"2.0","id":1,"method":"key.create","params":{}}', -32602, 'usage', /key\.create: name: /],
    ['{"jsonrpc":"2.0","id":1,"method":"key.create","params":"me"}', -32602, 'usage', /key\.create: /],
    ['{"jsonrpc":"2.0","id":1,"method":"node.status","params":{"x":1}}', -32602, 'usage', /Unrecognized key/],
    [
      '{"jsonrpc":"2.0","id":1,"method":"key.export","params":{"name":"none"}}',
      302,
      'key_unknown',
      /no key none/,
    ],
  ];
  for (const [text, rpc, code, message] of cases) {
    const { error } = await client.ask(text);
    t.match(error, { code: rpc, message, data: { code } }, text.slice(0, 80));
    t.equal(error?.data.hint, errorTable[code as keyof typeof errorTable].hint);
  }
});

void t.test('a bug in a method is reported and not explained to the client', async (t) => {
  const bug = new Error('secret detail');
  const served = await serve(t, { call: () => Promise.reject(bug) });
  const { error } = await served.client().ask(request(1, 'node.status'));
  t.match(error, { code: -32000, data: { code: 'failed' } });
  t.notMatch(error?.message, 'secret');
  t.strictSame(served.bugs, [bug]);
});

void t.test('once the process stops, every call is refused, those that wait for a job too', async (t) => {
  const dataDir = freshDir(t);
  const stopped = Promise.withResolvers<void>();
  const gate: GatedNode = {
    state: 'running',
    passphrase: 'set',
    api: smallApi(dataDir),
    unlock: async () => undefined,
    changePassphrase: async () => 'set',
  };
  const api = new ProcessApi(gate, {
    version: '1.2.3',
    place: { dataDir, network: 'open', storeSizeBytes: 1 },
    stop: stopped.resolve,
    destroy: () => 'nothing there',
    end: () => undefined,
  });
  t.match(await api.call('rpc.discover', {}), { openrpc: '1.3.2', info: { version: '1.2.3' } });
  t.notHas(await api.call('node.info', {}), { fproxy: String });
  api.fproxy = 'http://127.0.0.1:1';
  t.match(await api.call('node.info', {}), { fproxy: 'http://127.0.0.1:1' });

  const job = await api.call('request.get', { uri: 'KSK@slow', path: join(dataDir, 'slow') });
  const wait = api.call('request.wait', { id: job.id, timeoutMs: 3_600_000 });
  t.strictSame(await api.call('node.stop', {}), { stopping: true });
  await stopped.promise;
  api.refuse();
  await t.rejects(wait, { code: 'daemon_stopping' });
  await t.rejects(api.call('node.status', {}), { code: 'daemon_stopping' });
});

void t.test('foreign text that a method could not parse is no bug', async (t) => {
  const served = await serve(t, { call: () => Promise.reject(new ParseError('bad_reference', 'cut off')) });
  const { error } = await served.client().ask(request(1, 'peer.list'));
  t.match(error, { code: 401, message: 'cut off', data: { code: 'bad_reference' } });
  t.strictSame(served.bugs, []);
});

void t.test('an error survives the wire; one that this version does not know becomes `failed`', async (t) => {
  for (const code of Object.keys(errorTable) as (keyof typeof errorTable)[]) {
    const wire: unknown = JSON.parse(JSON.stringify(toWireError(new UserError(code, 'what failed'))));
    t.match(fromWireError(wire), { code, message: 'what failed' });
  }
  t.match(fromWireError({ code: 1, message: 'm', data: { code: 'from_the_future' } }), {
    code: 'failed',
    message: 'm',
  });
  t.match(fromWireError({ code: 1, message: 'm', data: 'x' }), { code: 'failed', message: 'm' });
  t.match(fromWireError('nonsense'), { code: 'failed' });
});

void t.test('rpc.discover lists every method with its parameters, result and errors', async (t) => {
  const document = openRpcDocument('1.0.0');
  t.strictSame(
    document.methods.map(({ name }) => name),
    Object.keys(methods),
  );
  const put = document.methods.find(({ name }) => name === 'request.put');
  t.match(put?.params[0], { name: 'path', required: true, schema: { type: 'string', minLength: 1 } });
  t.match(
    put?.params.find(({ name }) => name === 'keyOnly'),
    { required: false, schema: { type: 'boolean' } },
  );
  t.ok(put?.errors.some(({ data }) => data.code === 'source_unreadable'));
  t.notMatch(JSON.stringify(document), '$schema', 'one dialect for the whole document');
});
