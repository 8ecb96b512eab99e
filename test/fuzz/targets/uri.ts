/**
 * keys/uri.ts. Promises: a key that is read has one canonical text, which is read as the same key; its explanation and its request
 * form exist, and no seed is in them.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  cryptoKey,
  explainUri,
  formatUri,
  parseUri,
  publicKeyHash,
  requestUri,
  routingKey,
  seed,
  toText,
  type Uri,
} from '../../../keys/index.ts';
import { keyLimits } from '../../../keys/index.ts';
import type { SeededRandom } from '../../sim/random.ts';
import { editText } from '../edits/text.ts';
import { accepted, attempt, ensure, pick, type Target } from '../target.ts';

const NAMES = ['word', 'Äpfel', 'a b', 'e\u0301', '%', 'x'.repeat(200), '…/…', '-1', 'site'];

export const uri: Target = {
  name: 'uri',
  promise: 'one key has one canonical text, and the text that can be given away holds no seed',
  mostBytes: 9_000,
  edits: [editText],
  words: ['CHK@', 'SSK@', 'KSK@', 'USK@', 'mimeo:', 'AQA', 'AQE', ',', '%2C', '%40', '0'],
  sample: (random) => Buffer.from(sampleUri(random)),
  run: (input) => {
    const text = Buffer.from(input).toString();
    const read = attempt(() => parseUri(text), ['bad_key']);
    return read.type === 'value' ? checkUri(read.value) : read;
  },
};

/** What holds of every key that was read. */
export function checkUri(key: Uri): ReturnType<typeof accepted> {
  // Names are escaped when they are written: a key near the longest may have no canonical text.
  const written = attempt(() => formatUri(key), ['bad_key']);
  if (written.type !== 'value') return written;
  const canonical = written.value;
  ensure(canonical.length <= keyLimits.uriChars.value, 'a length within the limit');
  ensure(/^[\x21-\x7e]+$/.test(canonical), 'a canonical text of visible ASCII');
  const again = parseUri(canonical);
  ensure(isDeepStrictEqual(again, key), 'the canonical text is read as the same key');
  ensure(formatUri(again) === canonical, 'one canonical text');
  const explained = JSON.stringify(explainUri(key));
  if ('seed' in key) {
    const readable = requestUri(key);
    ensure(readable !== undefined && !('seed' in readable), 'a request form without a seed');
    // Somebody may write his seed into the name too, or use it as the crypto key: those are shown.
    const text = toText(key.seed);
    if (canonical.split(text).length === 2)
      ensure(!explained.includes(text), 'an explanation without the seed');
  }
  const form = key.kind === 'ksk' ? '' : key.form;
  const path = 'path' in key ? Math.min(3, key.path.length) : 0;
  return accepted(`${key.kind} ${form} ${'#'.repeat(path)}`);
}

export function sampleUri(random: SeededRandom): string {
  const bytes = () => random.bytes(32);
  const path = Array.from({ length: random.below(3) }, () => pick(NAMES, random));
  const name = pick(NAMES, random);
  const subspace = pick(
    [
      { form: 'insert', seed: seed(bytes()), cryptoKey: cryptoKey(bytes()) } as const,
      { form: 'request', publicKeyHash: publicKeyHash(bytes()), cryptoKey: cryptoKey(bytes()) } as const,
    ],
    random,
  );
  const keys: readonly Uri[] = [
    { kind: 'chk', form: 'request', routingKey: routingKey(bytes()), cryptoKey: cryptoKey(bytes()), path },
    { kind: 'chk', form: 'insert' },
    { kind: 'ssk', ...subspace, name, path },
    { kind: 'ksk', keyword: name, path },
    { kind: 'usk', ...subspace, site: name, edition: random.below(100), path },
  ];
  return pick(['', 'mimeo:', ' '], random) + formatUri(pick(keys, random));
}
