import * as fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import {
  cryptoKey,
  formatUri,
  hashPublicKey,
  parseUri,
  publicKeyHash,
  requestUri,
  routingKey,
} from '../../keys/index.ts';
import { seed, sskFromSeed, sskOfUsk, type Uri } from '../../keys/index.ts';
import { bytes32, cryptoKeys, hex, runs, seeds, throwsParseError, toHex, vectors } from './samples.ts';

interface VectorUri {
  readonly [field: string]: unknown;
}

const file = vectors('uri') as {
  valid: { text: string; canonical: string; uri: VectorUri }[];
  invalid: { text: string; says: string }[];
};

/** Bytes as the vectors write them. */
function plain(uri: Uri): VectorUri {
  const entries = Object.entries(uri) as [string, unknown][];
  return Object.fromEntries(
    entries.map(([name, value]) => [name, value instanceof Uint8Array ? toHex(value) : value]),
  );
}

void t.test('the committed vectors: what a text means, and its canonical form', async (t) => {
  for (const { text, canonical, uri } of file.valid) {
    t.strictSame(plain(parseUri(text)), uri, text);
    t.equal(formatUri(parseUri(text)), canonical);
    t.equal(formatUri(parseUri(canonical)), canonical);
  }
});

void t.test('the committed vectors: what is no key, and what the message says', async (t) => {
  for (const { text, says } of file.invalid) {
    throwsParseError(t, () => parseUri(text), {
      code: 'bad_key',
      says,
      name: JSON.stringify(text.slice(0, 120)),
    });
  }
});

const letters = fc.constantFrom(...Array.from('aZ09-_. %/?#,@:+&=\'"é日😀~ '));
const segment = fc.string({ unit: letters, maxLength: 12 }).filter((text) => text !== '.' && text !== '..');
const name = segment.filter((text) => text !== '').map((text) => text.normalize('NFC'));
const path = fc.array(segment, { maxLength: 4 });
const edition = fc.oneof(fc.nat(20), fc.maxSafeNat());
const hashes = bytes32.map(publicKeyHash);
const request = { form: fc.constant('request' as const), publicKeyHash: hashes, cryptoKey: cryptoKeys };
const insert = { form: fc.constant('insert' as const), seed: seeds, cryptoKey: cryptoKeys };
const ssk = { kind: fc.constant('ssk' as const), name, path };
const usk = { kind: fc.constant('usk' as const), site: name, edition, path };
const uris: fc.Arbitrary<Uri> = fc.oneof(
  fc.record({
    kind: fc.constant('chk' as const),
    form: fc.constant('request' as const),
    routingKey: bytes32.map(routingKey),
    cryptoKey: cryptoKeys,
    path,
  }),
  fc.constant({ kind: 'chk' as const, form: 'insert' as const }),
  fc.record({ ...ssk, ...request }),
  fc.record({ ...ssk, ...insert }),
  fc.record({ ...usk, ...request }),
  fc.record({ ...usk, ...insert }),
  fc.record({ kind: fc.constant('ksk' as const), keyword: name, path }),
);

void t.test('every URI survives its text, and the text is plain ASCII without blanks', async () => {
  fc.assert(
    fc.property(uris, (uri) => {
      const text = formatUri(uri);
      const parsed = parseUri(text);
      return (
        isDeepStrictEqual(plain(parsed), plain(uri)) && /^[!-~]+$/u.test(text) && formatUri(parsed) === text
      );
    }),
    runs(3_000),
  );
});

void t.test('any text parses or is a bad key, and what parses has one canonical form', async () => {
  const pieces = fc.constantFrom(
    'CHK@',
    'SSK@',
    'KSK@',
    'USK@',
    'mimeo:',
    ',',
    '/',
    '%',
    '%41',
    '0',
    '7',
    'AQA',
    'AQE',
    'site',
    ' ',
    '..',

    'A'.repeat(43),
    'A'.repeat(42),
  );
  const texts = fc.oneof(
    fc.string(),
    fc.array(pieces, { maxLength: 9 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      let uri: Uri;
      try {
        uri = parseUri(text);
      } catch (error) {
        return error instanceof Error && error.name === 'ParseError';
      }
      const canonical = formatUri(uri);
      return formatUri(parseUri(canonical)) === canonical;
    }),
    runs(20_000),
  );
});

void t.test(
  'every valid key that is cut off at its end is refused or is another key, never the same',
  async (t) => {
    for (const { canonical } of file.valid) {
      for (let length = 0; length < canonical.length; length++) {
        try {
          t.not(formatUri(parseUri(canonical.slice(0, length))), canonical);
        } catch (error) {
          t.match(error, { name: 'ParseError', code: 'bad_key' });
        }
      }
    }
  },
);

void t.test('the request form of an insert form reads what it inserts, and holds no seed', async (t) => {
  const key = cryptoKey(new Uint8Array(32).fill(2));
  const owner = seed(new Uint8Array(32).fill(1));
  const { publicKey } = sskFromSeed({ seed: owner, cryptoKey: key });
  const asked = { form: 'request', publicKeyHash: hashPublicKey(publicKey), cryptoKey: key } as const;
  const inserted = { form: 'insert', seed: owner, cryptoKey: key } as const;
  const ssk = { kind: 'ssk', name: 'doc', path: ['a'] } as const;
  const usk = { kind: 'usk', site: 'site', edition: 3, path: [''] } as const;
  t.strictSame(requestUri({ ...ssk, ...inserted }), { ...ssk, ...asked });
  t.strictSame(requestUri({ ...usk, ...inserted } as Uri), { ...usk, ...asked });
  t.strictSame(requestUri({ ...usk, ...asked } as Uri), { ...usk, ...asked });
  t.strictSame(requestUri(parseUri('KSK@w')), parseUri('KSK@w'));
  t.equal(requestUri(parseUri('CHK@')), undefined);
});

void t.test('an edition of a USK is the SSK of site and number', async (t) => {
  const key = cryptoKey(new Uint8Array(32));
  const uri = {
    kind: 'usk',
    form: 'insert',
    seed: seed(hex('00'.repeat(32))),
    cryptoKey: key,
    site: 'my-site',
  } as const;
  const { kind, name, path } = sskOfUsk({ ...uri, edition: 7, path: ['x'] });
  t.strictSame({ kind, name, path }, { kind: 'ssk', name: 'my-site-7', path: ['x'] });
  t.throws(() => sskOfUsk({ ...uri, edition: -1, path: [] }), { name: 'AssertionError' });
  t.throws(() => sskOfUsk({ ...uri, edition: 0.5, path: [] }), { name: 'AssertionError' });
});

void t.test('formatting refuses what parsing would refuse', async (t) => {
  const keyword =
    (word: string, path: string[] = []) =>
    () =>
      formatUri({ kind: 'ksk', keyword: word, path });
  const code = 'bad_key' as const;
  throwsParseError(t, keyword(''), { code, says: 'empty', name: 'no word' });
  throwsParseError(t, keyword('a', ['..']), { code, says: 'no name', name: 'a step up' });
  throwsParseError(t, keyword('a', ['\ud800']), { code, says: 'surrogate', name: 'half a pair' });
  throwsParseError(t, keyword('a', ['x'.repeat(4_096)]), { code, says: '4096', name: 'too long' });
  t.equal(formatUri({ kind: 'ksk', keyword: 'e\u0301', path: [] }), 'KSK@%C3%A9', 'NFC');
});
