/**
 * What fproxy reads of a request's head: fproxy/guard.ts, address.ts, range.ts, and what it writes of foreign names and types
 * (disposition.ts, mime.ts). The input is `METHOD target` in the first line and `name: value` in the further ones.
 *
 * Promises: nothing passes the guard that has not exactly one allowed Host, no foreign Origin and no foreign site; an address is
 * a key with one canonical address; a range lies in the file; no foreign text leaves its header line.
 */
import { formatUri } from '../../../keys/index.ts';
import { fileNameOf, readable, uriOfTarget, writable } from '../../../fproxy/address.ts';
import { attachment } from '../../../fproxy/disposition.ts';
import { allowedHosts, judge } from '../../../fproxy/guard.ts';
import { parseMimeType } from '../../../fproxy/mime.ts';
import { hasCopy, rangeHolds, readRange } from '../../../fproxy/range.ts';
import type { SeededRandom } from '../../sim/random.ts';
import { editText } from '../edits/text.ts';
import { accepted, attempt, ensure, pick, type Answer, type Target } from '../target.ts';
import { checkUri, sampleUri } from './uri.ts';

const HOSTS = allowedHosts('127.0.0.1', 8888);
const FILE_BYTES = 1_000;
const NAME_BYTES = 200;
const TAG = '"abc"';

export const request: Target = {
  name: 'request',
  promise: 'no foreign site passes, an address is one key, a range lies in the file, a header is one line',
  mostBytes: 9_000,
  edits: [editText],
  words: [
    'GET ',
    'POST ',
    'PUT ',
    '/fetch?key=',
    '/CHK@',
    '127.0.0.1:8888',
    'localhost:8888',
    'http://',
    'null',
    'host',
    'origin',
    'referer',
    'sec-fetch-site',
    'sec-fetch-mode',
    'range',
    'if-range',
    'if-none-match',
    'same-origin',
    'none',
    'cross-site',
    'same-site',
    'bytes=',
    'W/"abc"',
    TAG,
    '*',
    'charset=',
  ],
  sample: (random) => Buffer.from(sampleHead(random)),
  run: (input) => {
    const [first = '', ...rest] = Buffer.from(input).toString().split('\n');
    const space = first.indexOf(' ');
    const [method, target] = [first.slice(0, Math.max(0, space)), first.slice(space + 1)];
    const headers = headersOf(rest);
    const shapes = [
      checkGuard({ method, target, headers }),
      ...checkRange(headers),
      checkMimeType(headers['content-type']?.[0] ?? target),
    ];
    const address = checkAddress(target);
    return { type: address.type, shape: [...shapes, address.shape].join(' ') };
  },
};

type Headers = { readonly [name: string]: readonly string[] | undefined };

function checkGuard(asked: { method: string; target: string; headers: Headers }): string {
  const { method, target, headers } = asked;
  const headersDistinct = headers as NodeJS.Dict<string[]>;
  const verdict = judge({ method, url: target, headersDistinct }, HOSTS);
  if (verdict.type === 'refuse') return verdict.code;
  const [host, ...more] = headers['host'] ?? [];
  ensure(target.startsWith('/'), 'no absolute target passes');
  ensure(more.length === 0 && ['127.0.0.1:8888', 'localhost:8888'].includes(host ?? ''), 'one allowed Host');
  const origins = headers['origin'] ?? [];
  ensure(
    origins.every((origin) => origin === `http://${host}`) && origins.length <= 1,
    'no foreign Origin passes',
  );
  ensure(verdict.origin === `http://${host}`, 'the origin that was asked');
  const site = headers['sec-fetch-site'];
  if (verdict.type === 'confirm') {
    ensure(method === 'GET', 'only a navigation is asked about');
    return 'confirm';
  }
  if (site === undefined) {
    const referer = headers['referer']?.join(', ');
    ensure(
      referer === undefined || new URL(referer).origin === `http://${host}`,
      'no foreign Referer passes',
    );
  } else {
    const isRead = method === 'GET' || method === 'HEAD';
    ensure(
      site.length === 1 && (site[0] === 'same-origin' || (site[0] === 'none' && isRead)),
      'no other site passes',
    );
  }
  return 'pass';
}

function checkRange(headers: Headers): string[] {
  const header = headers['range']?.[0];
  const shapes = [0, FILE_BYTES].map((size) => {
    const span = readRange(header, size);
    if (span.type !== 'part') return span.type;
    ensure(Number.isSafeInteger(span.start) && Number.isSafeInteger(span.end), 'whole numbers');
    ensure(span.start >= 0 && span.start <= span.end && span.end < size, 'a range lies in the file');
    ensure(header !== undefined && !header.includes(','), 'one range');
    return 'part';
  });
  const copy = hasCopy(headers['if-none-match']?.join(', '), TAG);
  if (copy)
    ensure(/"abc"|^\s*\*\s*$/.test(headers['if-none-match']?.join(', ') ?? ''), 'the tag that was named');
  const holds = rangeHolds(headers['if-range']?.join(), TAG);
  if (holds) ensure((headers['if-range']?.join().trim() ?? TAG) === TAG, 'the strong tag');
  return [...shapes, `${copy} ${holds}`];
}

function checkMimeType(text: string): string {
  const type = parseMimeType(text);
  if (type === undefined) return 'untyped';
  ensure(/^[\x20-\x7e]{3,200}$/.test(type.text), 'a type is one line of ASCII');
  ensure(type.text === type.essence || type.essence.startsWith('text/'), 'parameters of text alone');
  ensure(parseMimeType(type.text)?.text === type.text, 'one form of a type');
  return 'typed';
}

function checkAddress(target: string): Answer {
  const read = attempt(() => uriOfTarget(target), ['bad_key', 'page_unknown']);
  if (read.type !== 'value') return read;
  const key = read.value;
  const answer = checkUri(key);
  if (answer.type === 'refused') return answer;
  const canonical = formatUri(key);
  ensure(formatUri(uriOfTarget(`/${canonical}`)) === canonical, 'one canonical address');
  const name = attachment(fileNameOf(key), NAME_BYTES);
  ensure(
    /^attachment(?:; filename="[^"\\]+"(?:; filename\*=UTF-8''[\w!#$&+.^`|~%-]+)?)?$/.test(name),
    'a quoted name',
  );
  ensure(/^[\x20-\x7e]*$/.test(name) && name.length <= 40 + 4 * NAME_BYTES, 'one line of bounded length');
  const forms = [readable, writable].map((form) => attempt(() => form(key), ['key_form']).type);
  return accepted(`${answer.shape} ${forms.join()}`);
}

function headersOf(lines: readonly string[]): Headers {
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    // As Node gives them: latin1 without control characters, without space around.
    const value = line
      .slice(colon + 1)
      .replace(/[^\x20-\x7e\xa0-\xff]/g, '')
      .trim();
    if (name !== '') headers.set(name, [...(headers.get(name) ?? []), value]);
  }
  return Object.assign(Object.create(null) as object, Object.fromEntries(headers));
}

function sampleHead(random: SeededRandom): string {
  const key = sampleUri(random).trim();
  const path = pick(
    [`/${key}`, `/${encodeURIComponent(key)}`, `/${key.replace('@', '%40')}`, '/', '/a'],
    random,
  );
  const host = pick(['127.0.0.1:8888', 'localhost:8888'], random);
  const optional = [
    `origin: http://${host}`,
    `referer: http://${host}/a`,
    `sec-fetch-site: ${pick(['same-origin', 'none', 'cross-site'], random)}`,
    'sec-fetch-mode: navigate',
    'sec-fetch-dest: document',
    `range: bytes=${pick(['0-0', '-5', '10-', '999-2000', '5-4'], random)}`,
    `if-range: ${TAG}`,
    `if-none-match: ${pick(['*', `W/${TAG}`, '"x", "y"'], random)}`,
    `content-type: ${pick(['text/plain; charset=utf-8', 'image/png', 'text/html;charset="a"'], random)}`,
  ].filter(() => random.below(3) === 0);
  return [`${pick(['GET', 'HEAD', 'POST', 'PUT'], random)} ${path}`, `host: ${host}`, ...optional].join('\n');
}
