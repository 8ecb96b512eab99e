/** The master key in a data directory: made once, never beside what another one has sealed, wrapped, unwrapped, destroyed. */
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { MasterKey } from '../../../daemon/node/master-key.ts';
import {
  type Vault,
  changePassphrase,
  destroyMaster,
  openVault,
  passphraseState,
} from '../../../daemon/node/vault.ts';
import { Keyring } from '../../../daemon/node/keyring.ts';
import { SeededRandom } from '../../sim/random.ts';
import { noise, scratch } from './content.ts';

const random = new SeededRandom(1);

function bytesOf(vault: Vault): string {
  if (vault.state === 'locked') throw new Error('it is locked');
  return Buffer.from(vault.master.bytes).toString('hex');
}

/** Everything below a directory. */
function snapshot(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    files
      .filter((name) => statSync(join(directory, name)).isFile())
      .map((name) => [name, readFileSync(join(directory, name), 'hex')]),
  );
}

/** A data directory as a first start leaves it. */
async function used(t: Test, passphrase?: string): Promise<string> {
  const dataDir = scratch(t);
  const vault = await openVault(dataDir, { passphrase, random });
  if (vault.state === 'locked') throw new Error('a new one is open');
  void new Keyring({ path: join(dataDir, 'keys', 'keyring'), key: vault.master.diskKey('keyring'), random });
  mkdirSync(join(dataDir, 'store'));
  writeFileSync(join(dataDir, 'store', 'store.slots'), noise(100));
  return dataDir;
}

void t.test('the key is made once, for this user alone, and is the same at the next start', async (t) => {
  const before = process.umask(0);
  t.teardown(() => process.umask(before));
  const dataDir = await used(t);
  const first = await openVault(dataDir, { random });
  t.match(first, { state: 'open', passphrase: 'none' });
  t.equal(bytesOf(await openVault(dataDir, { random })), bytesOf(first));
  t.not(bytesOf(await openVault(await used(t), { random })), bytesOf(first));
  t.equal(statSync(join(dataDir, 'keys')).mode & 0o777, 0o700);
  t.same(readdirSync(join(dataDir, 'keys')).sort(), ['keyring', 'master']);
  for (const name of ['keyring', 'master'])
    t.equal(statSync(join(dataDir, 'keys', name)).mode & 0o777, 0o600);
});

void t.test('a new directory with a passphrase is wrapped from its first byte on', async (t) => {
  const dataDir = await used(t, 'correct horse');
  t.equal(passphraseState(dataDir), 'set');
  t.same(await openVault(dataDir, { random }), { state: 'locked' });
  t.match(await openVault(dataDir, { passphrase: 'correct horse', random }), {
    state: 'open',
    passphrase: 'set',
  });
  await t.rejects(openVault(dataDir, { passphrase: 'wrong', random }), { code: 'wrong_passphrase' });
  const fresh = scratch(t);
  await t.rejects(openVault(fresh, { passphrase: 'short', random }), { code: 'bad_passphrase' });
  t.equal(passphraseState(fresh), undefined, 'and nothing was made');
});

void t.test('a passphrase is set, changed and removed, and the key stays what it is', async (t) => {
  const dataDir = await used(t);
  const key = bytesOf(await openVault(dataDir, { random }));
  const path = join(dataDir, 'keys', 'master');
  const plain = readFileSync(path);
  const witness = join(scratch(t), 'the blocks of the plain file');
  linkSync(path, witness);
  const change = (current: string | undefined, next: string | undefined) =>
    changePassphrase(dataDir, { current, next, random });

  t.equal(await change(undefined, 'first phrase'), 'set');
  t.notOk(readFileSync(witness).includes(plain.subarray(10, 42)), 'the plain key was overwritten');
  t.equal(bytesOf(await openVault(dataDir, { passphrase: 'first phrase', random })), key);
  const set = readFileSync(path);
  await t.rejects(change(undefined, 'second phrase'), { code: 'wrong_passphrase', message: /is needed/ });
  await t.rejects(change('wrong phrase', 'second phrase'), { code: 'wrong_passphrase' });
  await t.rejects(change('first phrase', 'short'), { code: 'bad_passphrase' });
  await t.rejects(change('wrong phrase', undefined), { code: 'wrong_passphrase' });
  t.ok(readFileSync(path).equals(set), 'a refusal changes nothing');

  t.equal(await change('first phrase', 'second phrase'), 'set');
  await t.rejects(openVault(dataDir, { passphrase: 'first phrase', random }), { code: 'wrong_passphrase' });
  t.equal(await change('second phrase', undefined), 'none');
  t.equal(bytesOf(await openVault(dataDir, { random })), key);
  await t.rejects(change('second phrase', 'third phrase'), {
    code: 'wrong_passphrase',
    message: /no passphrase yet/,
  });
  t.same(readdirSync(join(dataDir, 'keys')).sort(), ['keyring', 'master']);
});

void t.test('a draft that a crash has left is overwritten and removed at the next start', async (t) => {
  const dataDir = await used(t);
  const draft = join(dataDir, 'keys', 'master.new');
  writeFileSync(draft, 'a key as it is');
  const witness = join(scratch(t), 'its blocks');
  linkSync(draft, witness);
  await openVault(dataDir, { random });
  t.notOk(existsSync(draft));
  t.notOk(readFileSync(witness).includes('a key'));
});

void t.test('no new key is made beside what another one has sealed', async (t) => {
  for (const lost of [['keys/master'], ['keys/master', 'keys/keyring'], ['keys/keyring'], ['keys']]) {
    const dataDir = await used(t);
    for (const name of lost) rmSync(join(dataDir, name), { recursive: true });
    const before = snapshot(dataDir);
    await t.rejects(openVault(dataDir, { random }), { code: 'keys_missing' }, lost.join());
    t.same(snapshot(dataDir), before);
  }
  for (const left of ['peers', 'invites', 'callers']) {
    const dataDir = scratch(t);
    writeFileSync(join(dataDir, left), noise(4_096));
    await t.rejects(openVault(dataDir, { random }), { code: 'keys_missing' }, left);
  }
  const prepared = scratch(t);
  mkdirSync(join(prepared, 'store', 'lost+found'), { recursive: true });
  t.match(await openVault(prepared, { random }), { state: 'open' }, 'a place for the store is no store');
  const crashed = scratch(t);
  await openVault(crashed, { random });
  t.match(
    await openVault(crashed, { random }),
    { state: 'open' },
    'a first start that got no further goes on',
  );
});

void t.test('a directory of the unencrypted version is refused and left as it is', async (t) => {
  for (const name of ['identity', 'convergence', 'diary.ssk']) {
    const dataDir = scratch(t);
    mkdirSync(join(dataDir, 'keys'));
    writeFileSync(join(dataDir, 'keys', name), noise(32));
    const before = snapshot(dataDir);
    await t.rejects(openVault(dataDir, { random }), { code: 'data_dir_format', message: name });
    t.same(snapshot(dataDir), before);
  }
});

void t.test('a damaged key file is refused and left as it is', async (t) => {
  const dataDir = await used(t);
  const path = join(dataDir, 'keys', 'master');
  for (const damaged of ['', 'nonsense', readFileSync(path).subarray(1)]) {
    writeFileSync(path, damaged);
    const before = snapshot(dataDir);
    await t.rejects(openVault(dataDir, { random }), { code: 'state_damaged' });
    const change = { current: undefined, next: 'a new phrase', random };
    await t.rejects(changePassphrase(dataDir, change), { code: 'state_damaged' });
    t.same(snapshot(dataDir), before);
  }
});

void t.test('a key that is destroyed is overwritten, and nothing makes it come back', async (t) => {
  const dataDir = await used(t);
  const vault = await openVault(dataDir, { random });
  const path = join(dataDir, 'keys', 'master');
  writeFileSync(`${path}.new`, 'a draft');
  const witnesses = [join(scratch(t), '1'), join(scratch(t), '2')] as const;
  linkSync(path, witnesses[0]);
  linkSync(`${path}.new`, witnesses[1]);
  const changing = changePassphrase(dataDir, { current: undefined, next: 'a new phrase', random });
  t.equal(destroyMaster(dataDir), 'destroyed');
  await t.rejects(changing, { code: 'keys_missing' }, 'a change that was in work does not write it again');
  t.same(readdirSync(join(dataDir, 'keys')), ['keyring']);
  t.notOk(readFileSync(witnesses[0]).includes(Buffer.from(bytesOf(vault), 'hex')));
  t.notOk(readFileSync(witnesses[1]).includes('a draft'));
  t.equal(destroyMaster(dataDir), 'nothing there');
  await t.rejects(openVault(dataDir, { random }), { code: 'keys_missing' });
  t.equal(destroyMaster(join(dataDir, 'nowhere')), 'nothing there');
});

void t.test('keys of another master do not open the keyring', async (t) => {
  const dataDir = await used(t);
  const key = new MasterKey(noise(32)).diskKey('keyring');
  const path = join(dataDir, 'keys', 'keyring');
  const before = readFileSync(path);
  t.throws(() => new Keyring({ path, key, random }), { code: 'state_damaged' });
  t.ok(readFileSync(path).equals(before));
});
