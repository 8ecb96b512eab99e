import t from 'tap';
import {
  createSsk,
  encodeChk,
  encodeSsk,
  explainUri,
  formatUri,
  location,
  parseUri,
  SALTS,
} from '../../keys/index.ts';
import { toText } from '../../keys/index.ts';
import { countingRandom, throwsParseError } from './samples.ts';

const secret = createSsk(countingRandom());
const insertText = (rest: string, kind: string) =>
  `${kind}@${toText(secret.seed)},${toText(secret.cryptoKey)},AQE${rest}`;

void t.test('a CHK: its routing key is that of the block, with three locations', async (t) => {
  const { routingKey } = encodeChk({ cryptoKey: secret.cryptoKey, payload: Buffer.from('x') });
  const uri = {
    kind: 'chk',
    form: 'request',
    routingKey,
    cryptoKey: secret.cryptoKey,
    path: ['a b'],
  } as const;
  const explained = explainUri(uri);
  t.match(explained, {
    kind: 'chk',
    form: 'request',
    path: 'a b',
    requestUri: formatUri(uri),
    allows: ['read'],
  });
  t.strictSame(explained.blocks, [
    {
      name: 'content',
      routingKey: toText(routingKey),
      locations: SALTS.map((salt) => location(routingKey, salt)),
    },
  ]);
  t.strictSame(
    explained.fields.map(({ name, value }) => [name, value]),
    [
      ['routingKey', toText(routingKey)],
      ['cryptoKey', toText(secret.cryptoKey)],
    ],
  );
});

void t.test('CHK@ alone: there is no key yet', async (t) => {
  const explained = explainUri('CHK@');
  t.match(explained, { kind: 'chk', form: 'insert', blocks: [], fields: [] });
  t.notOk(Object.hasOwn(explained, 'requestUri'));
});

void t.test('an insert URI: where its block goes and how it is read, but not the seed', async (t) => {
  const inserted = encodeSsk({ secret, name: 'site-7', payload: Buffer.from('x') });
  const ssk = explainUri(insertText('/site-7', 'SSK'));
  const usk = explainUri(insertText('/site/7/a/b', 'USK'));
  for (const explained of [ssk, usk]) {
    t.equal(explained.form, 'insert');
    t.equal(explained.blocks[0]?.routingKey, toText(inserted.routingKey));
    t.notOk(JSON.stringify(explained).includes(toText(secret.seed)));
    t.ok(explained.allows.some((what) => what.startsWith('insert')));
  }
  t.match(usk, { kind: 'usk', name: 'site', edition: 7, path: 'a/b' });
  t.match(ssk, { kind: 'ssk', name: 'site-7', path: '' });
  const readable = explainUri(parseUri(usk.requestUri ?? ''));
  t.strictSame(readable.blocks, usk.blocks);
  t.strictSame(readable.allows, ['read']);
});

void t.test('a KSK: the word, and no block without scrypt', async (t) => {
  t.match(explainUri('KSK@two words'), {
    kind: 'ksk',
    form: 'both',
    name: 'two words',
    blocks: [],
    requestUri: 'KSK@two%20words',
  });
});

void t.test('what is no key is a bad key', async (t) => {
  throwsParseError(t, () => explainUri('nonsense'), { code: 'bad_key', name: 'nonsense' });
});
