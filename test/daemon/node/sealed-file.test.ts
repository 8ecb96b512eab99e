/** State files that say nothing without their key: what they look like, what opens them, and what is never written over. */
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import t, { type Test } from 'tap';
import { nodeLimits } from '../../../daemon/node/limits.ts';
import { SealedFile, type SealedFileOptions } from '../../../daemon/node/sealed-file.ts';
import { SeededRandom } from '../../sim/random.ts';
import { noise, scratch } from './content.ts';

const random = new SeededRandom(1);

function place(t: Test): SealedFileOptions {
  return { path: join(scratch(t), 'peers'), name: 'peers', key: noise(32, 'key'), random };
}

void t.test('what was put in comes out, and there is no file before', (t) => {
  const options = place(t);
  const file = SealedFile.open(options);
  t.equal(file.content, undefined);
  t.notOk(existsSync(options.path));
  for (const sizeBytes of [0, 1, 4_051, 4_052, 100_000]) {
    file.replace(noise(sizeBytes));
    t.same(Buffer.from(file.content ?? []), noise(sizeBytes));
    t.same(Buffer.from(SealedFile.open(options).content ?? []), noise(sizeBytes), `${sizeBytes} bytes`);
  }
  t.equal(statSync(options.path).mode & 0o777, 0o600);
  t.end();
});

void t.test('the file is what the specification says, opened by another implementation', (t) => {
  const options = place(t);
  SealedFile.open(options).replace(Buffer.from('content'));
  const bytes = readFileSync(options.path);
  t.equal(bytes[0], 1);
  const ad = Buffer.from('mimeo/state/1/peers');
  const open = Buffer.from(
    xchacha20poly1305(options.key, bytes.subarray(1, 25), ad).decrypt(bytes.subarray(25)),
  );
  t.equal(open.readUInt32BE(0), 7);
  t.equal(open.subarray(4, 11).toString(), 'content');
  t.ok(open.subarray(11).equals(Buffer.alloc(open.length - 11)));
  t.end();
});

void t.test('its length is one of few, and the same content never looks the same', (t) => {
  const options = place(t);
  const file = SealedFile.open(options);
  const sizes = new Set<number>();
  for (const sizeBytes of [0, 1, 100, 4_051]) {
    file.replace(new Uint8Array(sizeBytes));
    sizes.add(statSync(options.path).size);
  }
  t.same([...sizes], [4_096]);
  file.replace(new Uint8Array(4_052));
  t.equal(statSync(options.path).size, 8_192);
  const once = readFileSync(options.path);
  file.replace(new Uint8Array(4_052));
  t.notSame(readFileSync(options.path).subarray(1, 64), once.subarray(1, 64));
  t.notOk(once.includes(Buffer.alloc(8)), 'no zeros show through');
  t.end();
});

void t.test('a file that was changed anywhere does not open and stays as it is', (t) => {
  const options = place(t);
  SealedFile.open(options).replace(Buffer.from('content'));
  const whole = readFileSync(options.path);
  const step = process.env['MIMEO_TEST_FULL'] ? 1 : 97;
  for (let at = 0; at < whole.length; at += step) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
    writeFileSync(options.path, damaged);
    const code = at === 0 ? 'data_dir_format' : 'state_damaged';
    t.throws(() => SealedFile.open(options), { code }, `byte ${at}`);
    t.ok(readFileSync(options.path).equals(damaged));
  }
  for (const cut of [0, 1, 25, 4_095]) {
    writeFileSync(options.path, whole.subarray(0, cut));
    t.throws(
      () => SealedFile.open(options),
      { code: 'state_damaged', message: options.path },
      `${cut} bytes`,
    );
  }
  writeFileSync(options.path, 'mimeo-node:a line of an unencrypted file\n');
  t.throws(() => SealedFile.open(options), { code: 'state_damaged' });
  truncateSync(options.path, nodeLimits.sealedFileBytes.value + 4_096);
  t.throws(() => SealedFile.open(options), { code: 'state_damaged', message: /more than was ever written/ });
  t.end();
});

void t.test('another name or another key does not open it', (t) => {
  const options = place(t);
  SealedFile.open(options).replace(Buffer.from('content'));
  t.throws(() => SealedFile.open({ ...options, name: 'keyring' }), { code: 'state_damaged' });
  t.throws(() => SealedFile.open({ ...options, key: noise(32, 'other') }), { code: 'state_damaged' });
  t.ok(SealedFile.open(options).content);
  t.end();
});

void t.test('content beyond the limit is refused, and the old content stands', (t) => {
  const options = place(t);
  const file = SealedFile.open(options);
  file.replace(Buffer.from('content'));
  t.throws(() => file.replace(new Uint8Array(nodeLimits.sealedFileBytes.value)), { code: 'too_large' });
  t.equal(Buffer.from(SealedFile.open(options).content ?? []).toString(), 'content');
  t.end();
});
