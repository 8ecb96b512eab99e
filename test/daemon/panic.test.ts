/** `mimeo panic`: the key is gone and the daemon with it, whatever the daemon is doing. Real processes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Api, MethodName } from '../../client/index.ts';
import { readDaemonFile } from '../../daemon/config/daemon-file.ts';
import { WebApi } from '../../daemon/rpc/web-api.ts';
import { Home } from './home.ts';
import { RawClient, request } from './rpc-served.ts';

const KEPT = ['daemon.json', 'lock', 'rpc.sock'];

function assertDestroyed(t: Test, home: Home): void {
  t.notOk(readdirSync(join(home.dataDir, 'keys')).some((name) => name.startsWith('master')));
  t.equal(home.holder, undefined, 'no daemon is left');
}

void t.test(
  'with a job in work: the daemon is ended without draining, and never starts there again',
  async (t) => {
    const home = new Home(t);
    const daemon = await home.daemon();
    const api = await home.api();
    await api.call('key.create', { name: 'diary' });
    const path = home.file('large', '');
    truncateSync(path, 2 ** 40);
    const { id } = await api.call('request.put', { path, keyOnly: true });
    while ((await api.call('request.status', { id })).state !== 'running') await sleep(10);

    const began = performance.now();
    const panic = await home.mimeo('panic');
    t.comment(`panic took ${Math.round(performance.now() - began)} ms`);
    t.match(panic, { status: 0, stdout: `destroyed ${join(home.dataDir, 'keys', 'master')}\n` });
    for (const word of [
      'SSDs',
      'copy on write',
      'Backups of keys/',
      'browser',
      'Memory and swap',
      'mimeo is installed',
      'mimeo.toml',
    ])
      t.match(panic.stderr, word);
    t.match(await daemon.ended, { status: undefined, signal: 'SIGKILL' });
    assertDestroyed(t, home);
    t.strictSame(
      readdirSync(home.dataDir).filter((name) => KEPT.includes(name)),
      [],
    );

    for (const command of ['start', 'daemon'])
      t.match(await home.mimeo(command), {
        status: 17,
        stdout: '',
        stderr: /keys\/master is not there: .*\(keys_missing\)\. .*restore keys\//,
      });
    t.strictSame(readdirSync(join(home.dataDir, 'keys')), ['keyring'], 'no new identity was made');
    t.match(await home.mimeo('panic'), {
      status: 17,
      stdout: '',
      stderr: /nothing was destroyed \(keys_missing\)/,
    });
  },
);

void t.test('a daemon that hangs is killed', async (t) => {
  const home = new Home(t);
  const daemon = await home.daemon();
  process.kill(daemon.pid ?? 0, 'SIGSTOP');
  t.match(await home.mimeo('panic'), { status: 0, stdout: /^destroyed/ });
  t.match(await daemon.ended, { signal: 'SIGKILL' });
  assertDestroyed(t, home);
});

void t.test('whoever works on the directory without a daemon is ended too', async (t) => {
  const home = new Home(t);
  t.match(await home.start(), { status: 0 });
  t.match(await home.mimeo('stop'), { status: 0 });
  const lock = new URL('../../daemon/config/lock.ts', import.meta.url).href;
  const script = `
    import { lockDataDir } from ${JSON.stringify(lock)};
    lockDataDir(${JSON.stringify(home.dataDir)});
    setInterval(() => {}, 1000);
    console.log('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const exit = once(child, 'exit');
  await once(child.stdout, 'data');
  t.match(await home.mimeo('panic'), { status: 0, stdout: /^destroyed/ });
  t.strictSame(await exit, [null, 'SIGKILL']);
  assertDestroyed(t, home);
});

void t.test('a daemon that is locked, and no daemon at all', async (t) => {
  for (const runs of [true, false]) {
    const home = new Home(t);
    const file = home.file('passphrase', 'correct horse battery');
    t.match(await home.start('--passphrase-file', file), { status: 0 });
    t.match(await home.mimeo('stop'), { status: 0 });
    if (runs) t.match(await home.start(), { stderr: /Locked/ });
    t.match(await home.mimeo('panic'), { status: 0, stdout: /^destroyed/ });
    assertDestroyed(t, home);
    t.match(await home.start('--passphrase-file', file), { status: 17, stderr: /\(keys_missing\)/ });
  }
});

void t.test(
  'by the socket alone, while a passphrase is being set: it answers, is gone, and nothing comes back',
  async (t) => {
    const home = new Home(t);
    const daemon = await home.daemon();
    const client = new RawClient(readDaemonFile(home.dataDir)?.rpcSocket ?? '');
    t.teardown(() => client.socket.destroy());
    client.socket.write(
      `${request(1, 'key.passphrase', { next: 'a new passphrase' })}\n${request(2, 'node.panic')}\n`,
    );
    t.match(await client.next(), { id: 2, result: { destroyed: true } });
    t.match(await daemon.ended, { signal: 'SIGKILL' });
    assertDestroyed(t, home);
  },
);

void t.test('where there is nothing to destroy it says so', async (t) => {
  const home = new Home(t);
  t.match(await home.mimeo('panic'), { status: 17, stdout: '', stderr: /no key in .*nothing was destroyed/ });
  t.notOk(existsSync(home.dataDir));
});

void t.test('no way leads there from the web interface', async (t) => {
  const heard: MethodName[] = [];
  const node: Api = {
    call: async (name) => {
      heard.push(name);
      throw new Error('heard');
    },
  };
  const web = new WebApi(node, { assertOpen: () => undefined });
  await t.rejects(web.call('node.panic', {}), { code: 'method_unknown' });
  await t.rejects(web.call('node.unlock', { passphrase: 'x' }), { code: 'method_unknown' });
  await t.rejects(web.call('key.passphrase', {}), { code: 'method_unknown' });
  t.strictSame(heard, []);
  await t.rejects(web.call('node.status', {}), { message: 'heard' });

  const home = new Home(t);
  await home.daemon();
  for (const path of ['/node.panic', '/panic', '/rpc', '/unlock']) {
    for (const method of ['GET', 'POST', 'PUT']) {
      const body = method === 'GET' ? {} : { body: request(1, 'node.panic') };
      t.ok((await fetch(home.web + path, { method, ...body })).status >= 400, `${method} ${path}`);
    }
  }
  t.ok(readFileSync(join(home.dataDir, 'keys', 'master')).length > 0);
});
