/** The master key in its file: against another implementation of the specification, and against whoever changes a bit of it. */
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { scrypt } from '@noble/hashes/scrypt.js';
import { sha256 } from '@noble/hashes/sha2.js';
import t from 'tap';
import { type CborValue, decodeCbor, encodeCbor } from '../../../keys/index.ts';
import { decodeMasterFile, encodePlain, encodeWrapped, unwrap } from '../../../daemon/node/master-file.ts';
import { type DiskKeyName, MasterKey } from '../../../daemon/node/master-key.ts';
import { newPassphrase, passphrase } from '../../../daemon/node/passphrase.ts';
import { SeededRandom } from '../../sim/random.ts';
import { noise } from './content.ts';

const random = new SeededRandom(1);
const master = new MasterKey(noise(32, 'master'));
/** The least that is accepted: the tests wait for less. */
const cost = 2 ** 15;
const words = newPassphrase('correct horse');
const wrapped = await encodeWrapped(master, { passphrase: words, random, cost });

type Map = { readonly [key: string]: CborValue };

function withCheck(fields: Map): Uint8Array {
  const check = sha256(Buffer.concat([Buffer.from('mimeo/master/check'), encodeCbor(fields)])).subarray(0, 8);
  return encodeCbor({ ...fields, check });
}

void t.test('a plain file holds the key and opens', (t) => {
  const bytes = encodePlain(master);
  t.same(bytes, withCheck({ v: 1, form: 'plain', key: master.bytes }));
  const file = decodeMasterFile(bytes, 'master');
  t.equal(file.form, 'plain');
  t.same(file.form === 'plain' && file.master.bytes, master.bytes);
  t.end();
});

void t.test('a wrapped file is what the specification says, opened by another implementation', (t) => {
  const { check: _check, sealed, ...head } = decodeCbor(wrapped) as Map;
  t.match(head, { v: 1, form: 'scrypt', n: cost, r: 8, p: 1 });
  const key = scrypt(Buffer.from('correct horse'), head['salt'] as Uint8Array, {
    N: cost,
    r: 8,
    p: 1,
    dkLen: 32,
  });
  const nonce = head['nonce'] as Uint8Array;
  const open = xchacha20poly1305(key, nonce, encodeCbor(head)).decrypt(sealed as Uint8Array);
  t.same(Buffer.from(open), Buffer.from(master.bytes));
  t.same(wrapped, withCheck({ ...head, sealed: sealed as Uint8Array }));
  t.notOk(Buffer.from(wrapped).includes(Buffer.from(master.bytes)));
  t.end();
});

void t.test('the passphrase opens it in either normal form, and nothing else does', async (t) => {
  const bytes = await encodeWrapped(master, { passphrase: newPassphrase('caf\u00e9 noir'), random, cost });
  const file = decodeMasterFile(bytes, 'master');
  if (file.form !== 'wrapped') throw new Error('it is wrapped');
  for (const text of ['caf\u00e9 noir', 'cafe\u0301 noir'])
    t.same((await unwrap(file, passphrase(text))).bytes, master.bytes);
  for (const text of ['cafe noir', 'caf\u00e9 noir ', 'x'])
    await t.rejects(unwrap(file, passphrase(text)), { code: 'wrong_passphrase' }, text);
});

void t.test('a file with a changed bit is damaged, never a wrong passphrase and never a key', (t) => {
  for (const whole of [encodePlain(master), wrapped]) {
    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const damaged = Buffer.from(whole);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      t.throws(
        () => decodeMasterFile(damaged, 'master'),
        { code: /^(state_damaged|data_dir_format)$/ },
        `bit ${bit}`,
      );
    }
    for (let cut = 0; cut < whole.length; cut += 1)
      t.throws(() => decodeMasterFile(whole.subarray(0, cut), 'master'), { code: 'state_damaged' });
  }
  t.end();
});

void t.test('a wrapping that is too cheap or too dear is refused before any work', (t) => {
  const { check: _check, ...fields } = decodeCbor(wrapped) as Map;
  t.equal(decodeMasterFile(withCheck({ ...fields, n: 2 ** 20 }), 'master').form, 'wrapped');
  for (const other of [
    { n: 2 ** 14 },
    { n: 2 ** 21 },
    { n: 2 ** 40 },
    { n: 2 ** 15 + 1 },
    { n: 0 },
    { n: -1 },
    { n: 'x' },
    { r: 1 },
    { r: 1024 },
    { p: 2 },
  ])
    t.throws(
      () => decodeMasterFile(withCheck({ ...fields, ...other }), 'master'),
      { code: 'state_damaged', message: /scrypt with N=.* is refused/ },
      JSON.stringify(other),
    );
  t.end();
});

void t.test('a file of another version or another thing is told apart from damage', (t) => {
  const v2 = withCheck({ v: 2, form: 'other' });
  t.throws(() => decodeMasterFile(v2, 'keys/master'), {
    code: 'data_dir_format',
    message: /keys\/master has format 2/,
  });
  for (const bytes of [
    encodeCbor([]),
    encodeCbor({}),
    withCheck({ v: 1, form: 'other' }),
    withCheck({ v: 1, form: 'plain', key: noise(31) }),
    withCheck({ v: 1, form: 'plain' }),
    withCheck({ form: 'plain', key: noise(32) }),
    withCheck({ v: null, form: 'plain', key: noise(32) }),
    withCheck({ v: '1', form: 'plain', key: noise(32) }),
    noise(100),
  ])
    t.throws(() => decodeMasterFile(bytes, 'master'), { code: 'state_damaged' });
  t.end();
});

void t.test('each name has a key of its own, by the HKDF of RFC 5869', (t) => {
  const names: DiskKeyName[] = ['store', 'clientCache', 'keyring', 'peers'];
  const keys = names.map((name) => Buffer.from(master.diskKey(name)).toString('hex'));
  t.equal(new Set([...keys, Buffer.from(master.bytes).toString('hex')]).size, names.length + 1);
  const expected = hkdf(sha256, master.bytes, new Uint8Array(0), Buffer.from('mimeo/disk/store'), 32);
  t.equal(keys[0], Buffer.from(expected).toString('hex'));
  const wiped = new MasterKey(noise(32));
  wiped.wipe();
  t.same(wiped.bytes, new Uint8Array(32));
  t.throws(() => wiped.diskKey('store'), /wiped/);
  t.end();
});

void t.test(
  'what may be set: one line of eight characters or more; what may be tried: anything in one line',
  (t) => {
    for (const text of ['', '\n', 'two\nlines', 'a\0b', '\ud800 half a pair', 'x'.repeat(1_025)])
      for (const check of [passphrase, newPassphrase])
        t.throws(() => check(text), { code: 'bad_passphrase' });
    t.throws(() => newPassphrase('1234567'), { code: 'bad_passphrase', message: /fewer than 8/ });
    t.throws(
      () => newPassphrase('\u{1f40e}'.repeat(7)),
      { code: 'bad_passphrase' },
      'characters, not code units',
    );
    t.equal(passphrase('1'), '1');
    t.equal(newPassphrase('\u{1f40e}'.repeat(8)), '\u{1f40e}'.repeat(8));
    t.equal(newPassphrase('  spaces stay  '), '  spaces stay  ');
    t.end();
  },
);
