/** A daemon whose disk is protected by a passphrase: locked, tried, unlocked, all without a restart. Real processes. */
import { existsSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { z } from 'zod';
import { api as methods, type MethodName, type Params } from '../../client/index.ts';
import { readDaemonFile } from '../../daemon/config/daemon-file.ts';
import { PASSPHRASE, lockedHome } from './locked-home.ts';
import { RawClient, request } from './rpc-served.ts';

/** What a call needs to pass its schema. */
const sample: Readonly<Record<string, unknown>> = {
  uri: 'KSK@word',
  path: '/nowhere',
  id: '1',
  timeoutMs: 0,
  name: 'diary',
  insertUri: 'SSK@x',
  reference: 'mimeo-node:x',
  identity: 'x',
  invite: 'mimeo-invite:x',
  sizeBytes: 1,
};

function sampleParams(name: MethodName): Params<MethodName> {
  const shape: Readonly<Record<string, z.core.$ZodType>> = methods[name].params.shape;
  const required = Object.entries(shape).filter(([, schema]) => !z.safeParse(schema, undefined).success);
  return Object.fromEntries(required.map(([field]) => [field, sample[field]]));
}

/** As a browser asks; `fetch` may not say so. */
async function navigate(address: string): Promise<{ status: number | undefined; body: string }> {
  const asked = get(address, {
    headers: { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'none' },
  });
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return { status: response.statusCode, body: await text(response) };
}

const ANSWERED: readonly MethodName[] = [
  'node.info',
  'node.status',
  'node.unlock',
  'node.stop',
  'node.panic',
];

void t.test('locked: it says so everywhere, answers what it can, and refuses the rest', async (t) => {
  const { home } = await lockedHome(t);
  const started = await home.start();
  t.match(started, { status: 0, stdout: '', stderr: /Locked: .*mimeo unlock/ });
  t.notMatch(started.stderr, /listening/);
  const api = await home.api();
  t.match(await api.call('node.status', {}), {
    state: 'locked',
    sentence: /^Locked: /,
    peers: { connected: 0 },
  });
  t.match(await api.call('node.info', {}), {
    state: 'locked',
    passphrase: 'set',
    pid: home.holder,
    dataDir: home.dataDir,
    network: 'testnet',
    identity: '',
    listen: [],
    fproxy: home.web,
  });
  for (const name of Object.keys(methods) as MethodName[]) {
    if (!ANSWERED.includes(name))
      await t.rejects(api.call(name, sampleParams(name)), { code: 'locked' }, name);
  }
  t.strictSame(await home.mimeo('status'), {
    status: 0,
    signal: undefined,
    stdout:
      'Locked: nothing is served and no peer is connected until the passphrase is given (mimeo unlock).\n',
    stderr: '',
  });
  t.match(await home.mimeo('key', 'list'), {
    status: 16,
    stdout: '',
    stderr: /\(locked\)\. Unlock it, in a terminal on its machine: mimeo unlock\n$/,
  });
  t.match(await home.mimeo('key', 'passphrase', '--remove'), { status: 16, stderr: /\(locked\)/ });

  const page = await navigate(home.web);
  t.equal(page.status, 503);
  t.match(page.body, /<h1 class="bad">this node is locked.*<p>Unlock it, .*mimeo unlock<\/p>/s);
  for (const asked of [
    fetch(`${home.web}/KSK@word`),
    fetch(`${home.web}/KSK@word`, { method: 'PUT', body: 'x' }),
  ]) {
    const response = await asked;
    t.equal(response.status, 503);
    t.equal(response.headers.get('x-mimeo-error'), 'locked');
  }
  t.match(await home.mimeo('get', 'KSK@word', '-o', '-'), { status: 16, stdout: '', stderr: /\(locked\)/ });
  t.match(await home.mimeo('stop'), { status: 0 });
});

void t.test(
  'a wrong passphrase changes nothing, the right one opens, and no restart is needed',
  async (t) => {
    const { home, key, file } = await lockedHome(t);
    await home.start();
    const pid = home.holder;
    const wrong = home.file('wrong', 'correct horse battery stable\n');
    t.match(await home.mimeo('unlock', '--passphrase-file', wrong), {
      status: 16,
      stdout: '',
      stderr: 'mimeo: the passphrase is wrong (wrong_passphrase). Try again.\n',
    });
    t.match(await home.mimeo('key', 'list'), { status: 16 });
    t.match(await home.mimeo('unlock'), { status: 2, stderr: /no terminal/ });

    t.match(await home.mimeo('unlock', '--passphrase-file', file), {
      status: 0,
      stdout: '',
      stderr: /0 blocks kept/,
    });
    t.equal(home.holder, pid);
    t.strictSame((await home.mimeo('key', 'list')).stdout, `diary  ${key}\n`);
    const api = await home.api();
    const info = await api.call('node.info', {});
    t.match(info, { state: 'running', passphrase: 'set', identity: /^[\w-]{43}$/ });
    t.strictSame(info.listen, [readDaemonFile(home.dataDir)?.listen]);
    t.match(await api.call('rpc.discover', {}), { openrpc: '1.3.2' });
    t.equal((await fetch(home.web)).status, 200);
    t.match(await home.mimeo('unlock'), { status: 0, stderr: 'This node is not locked.\n' });
    t.match(await home.mimeo('stop'), { status: 0 });
  },
);

void t.test('passphrases are tried one at a time, and another waits for its turn outside', async (t) => {
  const { home } = await lockedHome(t);
  await home.start();
  const client = new RawClient(readDaemonFile(home.dataDir)?.rpcSocket ?? '');
  t.teardown(() => client.socket.destroy());
  const attempt = (id: number): string => request(id, 'node.unlock', { passphrase: 'a wrong one' });
  client.socket.write(`${attempt(1)}\n${attempt(2)}\n${attempt(3)}\n`);
  const answers = [await client.next(), await client.next(), await client.next()];
  t.match(answers, [
    { id: 2, error: { data: { code: 'overloaded', retryable: true } } },
    { id: 3, error: { data: { code: 'overloaded' } } },
    { id: 1, error: { data: { code: 'wrong_passphrase', retryable: false } } },
  ]);
  t.match(await client.ask(attempt(4)), { error: { data: { code: 'wrong_passphrase' } } });
  t.match(await client.ask(request(5, 'node.unlock', { passphrase: '' })), {
    error: { data: { code: 'usage' } },
  });
});

void t.test(
  'a node that can not start after it was unlocked ends as it would have at its start',
  async (t) => {
    const { home, file } = await lockedHome(t);
    const taken = createServer().listen(0, '127.0.0.1');
    t.teardown(() => taken.close());
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const daemon = await home.daemon('--listen', `127.0.0.1:${port}`);
    t.match(await home.mimeo('unlock', '--passphrase-file', file), {
      status: 17,
      stderr: new RegExp(`127\\.0\\.0\\.1:${port} is in use \\(port_in_use\\)`),
    });
    t.match(await daemon.ended, { status: 17, stderr: /Locked: .*stopping\nmimeo: .*\(port_in_use\)/s });
    t.equal(home.holder, undefined);
    t.notOk(existsSync(join(home.dataDir, 'daemon.json')));
  },
);

void t.test('a signal while it is locked, or just being unlocked, ends it cleanly', async (t) => {
  const { home, file } = await lockedHome(t);
  for (const unlocks of [[], [home.mimeo('unlock', '--passphrase-file', file)]]) {
    const daemon = await home.daemon();
    const api = await home.api();
    const unlocking = api.call('node.unlock', { passphrase: PASSPHRASE }).catch(() => undefined);
    process.kill(daemon.pid ?? 0, 'SIGTERM');
    t.match(await daemon.ended, { status: 0, signal: undefined });
    await Promise.all([unlocking, ...unlocks]);
    t.equal(home.holder, undefined);
  }
});
