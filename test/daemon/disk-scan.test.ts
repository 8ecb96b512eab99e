/** The scanner of the silent disk finds what it is meant to find: a scanner that finds nothing anywhere would pass its test. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { forms, scanDirectory } from './disk-scan.ts';
import { noise, scratch } from './node/content.ts';

const text = 'marker-7fKq2-of-a-document';
const key = noise(32, 'a key');
const secrets = { text, key };

void t.test('every form of a secret is found, wherever in a file it stands', (t) => {
  for (const [name, secret] of Object.entries(secrets)) {
    for (const [form, bytes] of forms(Buffer.from(secret))) {
      for (const before of [0, 1, 2, 5_000]) {
        const directory = scratch(t);
        mkdirSync(join(directory, 'deep'));
        writeFileSync(join(directory, 'deep', 'file'), Buffer.concat([noise(before), bytes, noise(before)]));
        // Some forms of a text are equal: it is found as each of them.
        const hits = scanDirectory(directory, secrets);
        t.ok(
          hits.some((hit) => hit.secret === name && hit.form === form && hit.file === 'deep/file'),
          `${form} +${before}`,
        );
      }
    }
  }
  t.equal(forms(key).size, 2 * (1 + 8 + 18));
  t.end();
});

void t.test('base64 of a longer text shows what is inside, at all three alignments', (t) => {
  for (const before of [0, 1, 2, 3, 4]) {
    const longer = Buffer.concat([noise(before), Buffer.from(text), noise(7)]);
    for (const encoding of ['base64', 'base64url', 'hex'] as const) {
      const directory = scratch(t);
      writeFileSync(join(directory, 'file'), `{"field":"${longer.toString(encoding)}"}`);
      t.match(scanDirectory(directory, secrets), [{ secret: 'text' }], `${encoding} +${before}`);
    }
  }
  t.end();
});

void t.test('names of files and folders are looked at, and noise is no hit', (t) => {
  const directory = scratch(t);
  writeFileSync(join(directory, 'noise'), noise(3_000_000));
  writeFileSync(join(directory, 'half'), text.slice(0, -1));
  t.same(scanDirectory(directory, secrets), []);
  mkdirSync(join(directory, `${text}.d`));
  t.match(scanDirectory(directory, secrets), [{ secret: 'text', file: '(names)' }]);
  t.throws(() => scanDirectory(directory, { short: '2 short' }), /too short/);
  t.end();
});
