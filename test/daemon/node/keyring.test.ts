/** The secrets of a node on disk: made once, kept whole, read by their owner alone. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parseUri, toText } from '../../../keys/index.ts';
import { Keyring } from '../../../daemon/node/keyring.ts';
import { readStateFile, writeStateFile } from '../../../daemon/node/state-file.ts';
import { SeededRandom } from '../../sim/random.ts';
import { noise, scratch } from './content.ts';
import { smallDisk } from './small-disk.ts';

const random = new SeededRandom(1);

void t.test('identity and convergence secret are made once and kept', (t) => {
  const directory = join(scratch(t), 'keys');
  const first = new Keyring(directory, random);
  const again = new Keyring(directory, random);
  t.equal(toText(again.identity.publicKey), toText(first.identity.publicKey));
  t.same(again.convergenceSecret, first.convergenceSecret);
  const other = new Keyring(join(scratch(t), 'keys'), random);
  t.not(toText(other.identity.publicKey), toText(first.identity.publicKey));
  t.notSame(other.convergenceSecret, first.convergenceSecret);
  t.end();
});

void t.test('a key goes round: created, listed, exported, removed, imported', (t) => {
  const keyring = new Keyring(join(scratch(t), 'keys'), random);
  t.same(keyring.list(), []);
  const diary = keyring.create('diary');
  const news = keyring.create('news');
  t.same(keyring.list(), [diary, news]);
  t.match(parseUri(diary.requestUri), { kind: 'ssk', form: 'request' });
  t.not(diary.requestUri, news.requestUri);
  const exported = keyring.export('diary');
  t.match(exported, diary);
  t.match(parseUri(exported.insertUri), { kind: 'ssk', form: 'insert' });
  const secret = keyring.secret('diary');

  t.same(keyring.remove('diary'), diary);
  t.same(keyring.list(), [news]);
  for (const use of ['export', 'remove', 'secret'] as const)
    t.throws(() => keyring[use]('diary'), { code: 'key_unknown' }, use);
  t.same(keyring.import('again', exported.insertUri), { ...diary, name: 'again' });
  t.same(keyring.secret('again').publicKey, secret.publicKey);
  t.same(keyring.export('again').insertUri, exported.insertUri);
  t.end();
});

void t.test('a name is taken once, and the key that has it stays', (t) => {
  const keyring = new Keyring(join(scratch(t), 'keys'), random);
  const { requestUri } = keyring.create('diary');
  const { insertUri } = keyring.export(keyring.create('news').name);
  t.throws(() => keyring.create('diary'), { code: 'key_exists' });
  t.throws(() => keyring.import('diary', insertUri), { code: 'key_exists' });
  t.equal(keyring.export('diary').requestUri, requestUri);
  // Names of the node's own files are no keys.
  keyring.create('identity');
  keyring.create('convergence');
  t.equal(keyring.list().length, 4);
  t.end();
});

void t.test('only an insert form can be imported', (t) => {
  const keyring = new Keyring(join(scratch(t), 'keys'), random);
  const { requestUri } = keyring.create('diary');
  t.throws(() => keyring.import('other', requestUri), { code: 'key_form' });
  t.throws(() => keyring.import('other', 'KSK@word'), { code: 'key_form' });
  t.throws(() => keyring.import('other', 'SSK@nonsense'), { code: 'bad_key' });
  t.same(
    keyring.list().map(({ name }) => name),
    ['diary'],
  );
  t.end();
});

void t.test('a damaged identity or secret is refused and left as it is', (t) => {
  for (const file of ['identity', 'convergence']) {
    const directory = join(scratch(t), 'keys');
    void new Keyring(directory, random);
    for (const damaged of [Buffer.alloc(0), noise(31), noise(33)]) {
      writeFileSync(join(directory, file), damaged);
      t.throws(
        () => new Keyring(directory, random),
        { code: 'disk_failed', message: /restore it from a backup/ },
        file,
      );
      t.same(readFileSync(join(directory, file)), damaged);
    }
  }
  t.end();
});

void t.test('a damaged file of a key is named', (t) => {
  const directory = join(scratch(t), 'keys');
  const keyring = new Keyring(directory, random);
  keyring.create('diary');
  for (const damaged of ['', 'SSK@cut', 'KSK@word\n']) {
    writeFileSync(join(directory, 'diary.ssk'), damaged);
    t.throws(() => keyring.secret('diary'), { code: 'disk_failed', message: /diary\.ssk/ }, damaged);
  }
  t.end();
});

void t.test('nobody else can read them', (t) => {
  const directory = join(scratch(t), 'keys');
  const before = process.umask(0);
  t.teardown(() => process.umask(before));
  new Keyring(directory, random).create('diary');
  t.equal(statSync(directory).mode & 0o777, 0o700);
  t.same(readdirSync(directory).sort(), ['convergence', 'diary.ssk', 'identity']);
  for (const name of readdirSync(directory))
    t.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name);
  t.end();
});

void t.test('a draft that a crash has left is written over', (t) => {
  const path = join(scratch(t), 'state');
  writeFileSync(`${path}.new`, 'half of somethi');
  t.equal(readStateFile(path), undefined);
  writeStateFile(path, 'whole');
  t.equal(readStateFile(path)?.toString(), 'whole');
  t.notOk(existsSync(`${path}.new`));
  t.throws(() => writeStateFile(join(path, 'below'), 'x'), { code: 'disk_failed' });
  t.end();
});

void t.test('a process that is killed while it writes leaves the old content or the new one', async (t) => {
  const path = join(scratch(t), 'state');
  const module = JSON.stringify(new URL('../../../daemon/node/state-file.ts', import.meta.url).href);
  const script = `
    import { writeStateFile } from ${module};
    for (let turn = 0; ; turn++) {
      writeStateFile(${JSON.stringify(path)}, String(turn % 10).repeat(200_000));
      if (turn === 20) process.stdout.write('ready');
    }`;
  for (let round = 0; round < (process.env['MIMEO_TEST_FULL'] ? 20 : 3); round += 1) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    t.match(readStateFile(path)?.toString(), /^(\d)\1{199999}$/);
  }
});

const disk = smallDisk(t, '64k');
void t.test(
  'a disk that is full in the middle of a file is disk_full, and the old file stays',
  disk === undefined ? { skip: 'mounting a small disk needs root' } : {},
  (t) => {
    const path = join(disk ?? '', 'peers');
    writeStateFile(path, 'a'.repeat(20_000));
    writeFileSync(join(disk ?? '', 'ballast'), noise(24_000));
    t.throws(() => writeStateFile(path, 'b'.repeat(30_000)), { code: 'disk_full' });
    t.equal(readStateFile(path)?.toString(), 'a'.repeat(20_000));
    rmSync(join(disk ?? '', 'ballast'));
    writeStateFile(path, 'b'.repeat(20_000));
    t.equal(readStateFile(path)?.toString(), 'b'.repeat(20_000));
    t.end();
  },
);
