/**
 * What a thief of the disk finds: two real daemons with a passphrase insert, fetch and queue marked things, one is killed in the
 * middle of work, and then no file of theirs shows a marker, a key, a name or a secret in any form. The scanner's own test is
 * disk-scan.test.ts; here a daemon's secrets written into a file are found too.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { hashPublicKey, parseUri, sskFromSeed, toText } from '../../keys/index.ts';
import type { Job } from '../../client/index.ts';
import { Keyring } from '../../daemon/node/keyring.ts';
import { keyringPath, openVault } from '../../daemon/node/vault.ts';
import type { ApiConnection } from '../../daemon/rpc/client.ts';
import { scanDirectory } from './disk-scan.ts';
import { Home } from './home.ts';

const random = { bytes: (count: number) => randomBytes(count) };

/** A word that stands nowhere else. */
function marker(what: string): string {
  return `${what}-${randomBytes(9).toString('hex')}`;
}

class Subject {
  readonly home: Home;
  readonly passphrase = marker('passphrase');
  readonly secrets: Record<string, string | Uint8Array> = { passphrase: this.passphrase };

  constructor(t: Test) {
    this.home = new Home(t);
    this.home.file('passphrase', this.passphrase);
    // With all that finding peers writes down.
    this.home.env['MIMEO_STRANGERS'] = 'seek';
  }

  async start(t: Test): Promise<ApiConnection> {
    const files = ['--passphrase-file', 'passphrase', '--trace-file', this.#trace];
    t.match(await this.home.start('--store-size', '24MiB', ...files), { status: 0, stderr: /listening/ });
    return this.home.api();
  }

  get #trace(): string {
    return join(this.home.directory, 'trace');
  }

  /** Every routing key that has passed, and what the keyring and the master file hold. */
  async collect(): Promise<void> {
    for (const line of readFileSync(this.#trace, 'utf8')
      .split('\n')
      .filter((each) => each.endsWith('}'))) {
      const { key } = JSON.parse(line) as { key: string };
      this.secrets[`routing key ${key}`] = Buffer.from(key, 'base64url');
    }
    const { dataDir } = this.home;
    const vault = await openVault(dataDir, { passphrase: this.passphrase, random });
    if (vault.state === 'locked') throw new Error('the passphrase opens it');
    const { master } = vault;
    const keyring = new Keyring({ path: keyringPath(dataDir), key: master.diskKey('keyring'), random });
    Object.assign(this.secrets, {
      'master key': master.bytes,
      'key of the store': master.diskKey('store'),
      'key of the keyring': master.diskKey('keyring'),
      'identity seed': keyring.identitySeed,
      'convergence secret': keyring.convergenceSecret,
      identity: keyring.identity.publicKey,
    });
  }
}

/** The parts of a key that tell something, and the key as it is written. */
function partsOf(uri: string): Record<string, string | Uint8Array> {
  const key = parseUri(uri);
  const found: Record<string, string | Uint8Array> = { [uri]: uri };
  if (key.kind === 'chk' && key.form !== 'insert') found[`crypto key of ${uri}`] = key.cryptoKey;
  if (key.kind === 'ssk') {
    found[`crypto key of ${uri}`] = key.cryptoKey;
    if (key.form === 'insert') {
      found[`seed of ${uri}`] = key.seed;
      found[`public key of ${uri}`] = sskFromSeed(key).publicKey;
      found[`public key hash of ${uri}`] = hashPublicKey(sskFromSeed(key).publicKey);
    }
  }
  return found;
}

async function linked(a: ApiConnection, b: ApiConnection): Promise<void> {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const)
    await from.call('peer.add', await to.call('peer.reference', {}));
  while ((await a.call('node.status', {})).peers.connected === 0) await sleep(20);
}

async function ended(api: ApiConnection, { id }: Job): Promise<Job> {
  return api.call('request.wait', { id, timeoutMs: 100_000 });
}

void t.test('after inserts, fetches, a queue and a kill -9 the disks of both say nothing', async (t) => {
  const [a, b] = [new Subject(t), new Subject(t)];
  const [api, other] = [await a.start(t), await b.start(t)];
  await linked(api, other);
  const words = {
    content: marker('content'),
    'file name': marker('file'),
    'key name': marker('own'),
    keyword: marker('keyword'),
    document: marker('document'),
    streamed: marker('streamed'),
    queued: marker('queued'),
    'name of what was fetched': marker('fetched'),
  };
  const known: Record<string, string | Uint8Array> = { ...words };
  const file = a.home.file(words['file name'], `${words.content}\n`.repeat(3_000));
  await api.call('key.create', { name: words['key name'] });
  const { insertUri } = await api.call('key.export', { name: words['key name'] });
  Object.assign(known, partsOf(insertUri));

  for (const params of [
    { key: `ksk:${words.keyword}` },
    { key: `ssk:${words['key name']}/${words.document}` },
    { key: 'chk', fileName: words['file name'] },
  ]) {
    const { state, uri = '' } = await ended(api, await api.call('request.put', { path: file, ...params }));
    t.equal(state, 'finished', params.key);
    Object.assign(known, partsOf(uri));
    const path = join(b.home.directory, `${words['name of what was fetched']}-${params.key.slice(0, 3)}`);
    t.match(await ended(other, await other.call('request.get', { uri, path })), { state: 'finished' });
    t.match(readFileSync(path, 'utf8'), words.content);
    t.match(await (await fetch(`${a.home.web}/${uri}`)).text(), words.content, 'the owner streams it too');
  }
  for (const { reference } of [await api.call('peer.reference', {}), await other.call('peer.reference', {})])
    known[reference] = reference;

  // Work that is pending: an upload whose body has not ended, and a job that has only begun.
  const upload = httpRequest(`${a.home.web}/`, {
    method: 'PUT',
    headers: { 'Transfer-Encoding': 'chunked' },
  });
  upload.on('error', () => undefined);
  upload.write(`${words.streamed}\n`.repeat(40_000));
  const spool = join(a.home.dataDir, 'spool');
  while (!readdirSync(spool).some((name) => statSync(join(spool, name)).size > 500_000)) await sleep(20);
  const large = a.home.file(words.queued, '');
  writeFileSync(large, Buffer.concat([Buffer.from(words.queued), randomBytes(8_000_000)]));
  const queued = await api.call('request.put', { path: large, convergence: 'random' });
  while ((await api.call('request.status', { id: queued.id })).progress.succeeded < 5) await sleep(20);

  process.kill(a.home.holder ?? 0, 'SIGKILL');
  while (a.home.holder !== undefined) await sleep(10);
  t.match(await b.home.mimeo('stop'), { status: 0 });
  const found = async (): Promise<unknown[]> => {
    const hits = [];
    for (const subject of [a, b]) await subject.collect();
    const secrets = { ...known, ...prefixed('a', a.secrets), ...prefixed('b', b.secrets) };
    t.ok(Object.keys(secrets).filter((name) => name.includes('routing key')).length > 20);
    for (const { home } of [a, b]) hits.push(...scanDirectory(home.dataDir, secrets));
    return hits;
  };
  t.ok(readdirSync(spool).length > 0, 'there is something left to look at');
  t.same(await found(), [], 'after a kill -9 with work pending');

  const again = await a.start(t);
  t.match(await again.call('key.list', {}), { keys: [{ name: words['key name'] }] });
  t.match(await a.home.mimeo('stop'), { status: 0 });
  t.same(await found(), [], 'after a clean stop');

  const witness = join(a.home.dataDir, 'witness');
  for (const [name, secret] of Object.entries(a.secrets)) {
    writeFileSync(witness, `{"key":"${typeof secret === 'string' ? secret : toText(secret)}"}`);
    t.match(
      scanDirectory(a.home.dataDir, a.secrets),
      [{ secret: name, file: 'witness' }],
      'the same scan finds it',
    );
    if (name.startsWith('routing key')) break;
  }
});

function prefixed(who: string, secrets: Readonly<Record<string, string | Uint8Array>>) {
  return Object.fromEntries(Object.entries(secrets).map(([name, secret]) => [`${who}: ${name}`, secret]));
}
