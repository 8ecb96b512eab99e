/** The secrets of a node on disk: made once, kept whole, one file that tells nothing. */
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { encodeCbor, identityFromSeed, parseUri, toText } from '../../../keys/index.ts';
import { Keyring } from '../../../daemon/node/keyring.ts';
import { nodeLimits } from '../../../daemon/node/limits.ts';
import { SealedFile } from '../../../daemon/node/sealed-file.ts';
import { SeededRandom } from '../../sim/random.ts';
import { noise, scratch } from './content.ts';

const random = new SeededRandom(1);
const key = noise(32, 'key');

function place(t: Test): string {
  return join(scratch(t), 'keyring');
}

function open(path: string): Keyring {
  return new Keyring({ path, key, random });
}

void t.test('identity and convergence secret are made once and kept', (t) => {
  const path = place(t);
  const first = open(path);
  const again = open(path);
  t.equal(toText(again.identity.publicKey), toText(first.identity.publicKey));
  t.same(again.convergenceSecret, first.convergenceSecret);
  t.same(again.identitySeed, first.identitySeed);
  t.same(identityFromSeed(first.identitySeed).publicKey, first.identity.publicKey);
  const other = open(place(t));
  t.not(toText(other.identity.publicKey), toText(first.identity.publicKey));
  t.notSame(other.convergenceSecret, first.convergenceSecret);
  t.end();
});

void t.test('a key goes round: created, listed, exported, removed, imported', (t) => {
  const keyring = open(place(t));
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
  const keyring = open(place(t));
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
  const keyring = open(place(t));
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

void t.test('what was made is there after a restart, and what was removed is not', (t) => {
  const path = place(t);
  const first = open(path);
  const [diary, news] = [first.create('diary'), first.create('news')];
  first.remove('news');
  const again = open(path);
  t.same(again.list(), [diary]);
  t.equal(again.export('diary').insertUri, first.export('diary').insertUri);
  t.throws(() => again.secret('news'), { code: 'key_unknown' });
  again.create('news');
  t.not(again.export('news').requestUri, news.requestUri);
  t.end();
});

void t.test('a damaged keyring is refused and left as it is', (t) => {
  const path = place(t);
  open(path).create('diary');
  const whole = readFileSync(path);
  for (const damaged of [
    Buffer.alloc(0),
    noise(4_096),
    whole.subarray(0, 100),
    Buffer.concat([whole, whole]),
  ]) {
    writeFileSync(path, damaged);
    t.throws(() => open(path), { code: /^(state_damaged|data_dir_format)$/ });
    t.same(readFileSync(path), damaged);
  }
  writeFileSync(path, whole);
  t.equal(open(path).list().length, 1);
  t.end();
});

void t.test('a file that opens and holds no keyring of this version is refused', (t) => {
  const secrets = { v: 1, identity: noise(32), convergence: noise(32), keys: {} };
  for (const [content, code] of [
    [{ ...secrets, v: 2 }, 'data_dir_format'],
    [{ ...secrets, identity: noise(31) }, 'state_damaged'],
    [{ ...secrets, keys: { diary: 'KSK@word' } }, 'state_damaged'],
    [{ ...secrets, keys: { diary: 'SSK@cut' } }, 'state_damaged'],
    [{ ...secrets, keys: [] }, 'state_damaged'],
    [[], 'state_damaged'],
  ] as const) {
    const path = place(t);
    SealedFile.open({ path, name: 'keyring', key, random }).replace(encodeCbor(content));
    t.throws(() => open(path), { code, message: path });
  }
  t.end();
});

void t.test('one file for this user alone, whose length tells neither names nor a few keys', (t) => {
  const path = place(t);
  const before = process.umask(0);
  t.teardown(() => process.umask(before));
  const keyring = open(path);
  const { size } = statSync(path);
  for (let number = 0; number < 10; number += 1) keyring.create(`key-${number}`);
  t.same(readdirSync(dirname(path)), ['keyring']);
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.equal(statSync(path).size, size);
  const bytes = readFileSync(path);
  for (const secret of ['key-1', keyring.export('key-1').insertUri, Buffer.from(keyring.identitySeed)])
    t.notOk(bytes.includes(secret));
  t.end();
});

void t.test('as many keys as the limit says, with the longest names, and one more is refused', (t) => {
  const path = place(t);
  const most = nodeLimits.ownKeys.value;
  const maker = open(place(t));
  maker.create('model');
  const { insertUri } = maker.export('model');
  const name = (number: number): string => String(number).padStart(64, 'x');
  const keys = Object.fromEntries(Array.from({ length: most }, (_, number) => [name(number), insertUri]));
  const content = encodeCbor({ v: 1, identity: noise(32), convergence: noise(32), keys });
  SealedFile.open({ path, name: 'keyring', key, random }).replace(content);
  const keyring = open(path);
  t.equal(keyring.list().length, most);
  t.throws(() => keyring.create('one-more'), { code: 'too_large' });
  keyring.remove(name(0));
  keyring.create('one-more');
  t.equal(open(path).list().length, most);
  t.end();
});
