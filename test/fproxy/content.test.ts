/** GET and HEAD of keys: status, headers and bytes, and what foreign names and types can do to them (nothing). */
import * as fc from 'fast-check';
import t from 'tap';
import { formatUri, parseUri } from '../../keys/index.ts';
import { UserError, errorTable, type ErrorCode } from '../../client/index.ts';
import { attachment, safeFileName } from '../../fproxy/disposition.ts';
import { parseMimeType } from '../../fproxy/mime.ts';
import { ask, chk, head, ownNavigation, raw, startWeb } from './web.ts';

const numRuns = process.env['MIMEO_TEST_FULL'] ? 2_000 : 60;
const text = (content: string, mimeType = 'text/plain') => ({ bytes: Buffer.from(content), mimeType });

t.test('a file comes with its bytes, its type, its length and the whole wall', async (t) => {
  const web = await startWeb(t);
  const path = web.node.add(
    chk('A', 'note.txt'),
    text('what was written', 'Text/Plain; Charset="UTF-8"; x=y'),
  );
  const { status, headers, text: body } = await ask(web, { path });
  t.equal(status, 200);
  t.equal(body, 'what was written');
  t.match(headers, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': '16',
    'accept-ranges': 'bytes',
    etag: /^"[\w-]+"$/,
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'x-dns-prefetch-control': 'off',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store',
  });
  t.equal(
    headers['content-security-policy'],
    "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
  );
  t.notOk('content-disposition' in headers, 'text is shown');
  t.notOk('cross-origin-opener-policy' in headers, 'browsers refuse to show it in a sandbox');
});

t.test('HEAD has the headers of GET and reads nothing of the file', async (t) => {
  const web = await startWeb(t);
  const paths = [
    web.node.add(chk('A', 'a.html'), text('<p>', 'text/html')),
    web.node.add(chk('B', 'b.png'), text('png', 'image/png')),
    web.node.add('KSK@empty', text('')),
    '/',
    '/style.css',
    '/favicon.ico',
    '/fetch?key=KSK@empty',
    '/KSK@missing',
    '/nothing',
  ];
  for (const path of paths) {
    const get = await ask(web, { path });
    const pulled = web.node.pulledBytes;
    const head = await ask(web, { method: 'HEAD', path });
    const undated = (headers: typeof head.headers) => ({ ...headers, date: '' });
    t.equal(head.status, get.status, path);
    t.same(undated(head.headers), undated(get.headers), path);
    t.equal(head.body.length, 0);
    t.equal(web.node.pulledBytes, pulled);
  }
});

t.test('whoever has the file already gets 304 and no bytes', async (t) => {
  const web = await startWeb(t);
  const path = web.node.add('KSK@word', text('content'));
  const { etag = '' } = (await ask(web, { path })).headers;
  const pulled = web.node.pulledBytes;
  const again = await ask(web, { path, headers: { 'if-none-match': etag } });
  t.equal(again.status, 304);
  t.equal(again.headers.etag, etag);
  t.equal(web.node.pulledBytes, pulled);
  t.equal((await ask(web, { path, headers: { 'if-none-match': '"other"' } })).status, 200);
});

t.test('what a browser could act on is saved, not shown, and keeps its true type', async (t) => {
  const web = await startWeb(t);
  const active = [
    'text/html',
    'application/xhtml+xml',
    'image/svg+xml',
    'text/xml',
    'application/xml',
    'application/pdf',
    'text/javascript',
    'text/css',
    'application/json',
    'message/rfc822',
    'multipart/x-mixed-replace',
    'application/x-shockwave-flash',
    'text/vtt',
  ];
  for (const type of active) {
    const path = web.node.add('KSK@thing', text('<script>alert(1)</script>', type));
    const { headers, text: body } = await ask(web, { path });
    t.equal(headers['content-type'], type);
    t.equal(headers['content-disposition'], 'attachment; filename="thing"', type);
    t.match(headers['content-security-policy'], /^sandbox; default-src 'none';/);
    t.equal(body, '<script>alert(1)</script>', 'the bytes are those that were inserted');
  }
  for (const type of ['image/png', 'image/jpeg', 'audio/ogg', 'video/mp4', 'text/plain; charset=koi8-r']) {
    const { headers } = await ask(web, { path: web.node.add('KSK@thing', text('x', type)) });
    t.notOk('content-disposition' in headers, type);
    t.equal(headers['content-type'], type);
    const player = /^(?:audio|video)/.test(type);
    t.match(headers['content-security-policy'], player ? /^sandbox allow-same-origin; / : /^sandbox; /, type);
    t.notMatch(headers['content-security-policy'], 'allow-scripts');
  }
});

t.test('a type that is none becomes bytes to save; no header comes in with it', async (t) => {
  const web = await startWeb(t);
  for (const type of [
    '',
    'html',
    'text/',
    '/html',
    'text/html\r\nX-Evil: 1',
    'text/ht ml',
    'a/b/c',
    'text/plain\u0000',
    `text/${'x'.repeat(100)}`,
  ]) {
    const path = web.node.add('KSK@thing', text('x', type));
    const { headers } = await ask(web, { path });
    t.equal(headers['content-type'], 'application/octet-stream', JSON.stringify(type));
    t.match(headers['content-disposition'], /^attachment/);
    t.notOk('x-evil' in headers);
  }
  t.equal(parseMimeType('text/plain; charset=utf-8\r\nX-Evil: 1')?.text, 'text/plain');
  t.equal(parseMimeType('image/png; charset=utf-8')?.text, 'image/png', 'a charset is for text');
  t.end();
});

t.test('a name from a key stays in its header and in its folder', async (t) => {
  const web = await startWeb(t);
  const named = async (name: string) => {
    const path = web.node.add(chk('A', name), text('x', 'application/zip'));
    return (await ask(web, { path })).headers['content-disposition'];
  };
  t.equal(await named('page.zip'), 'attachment; filename="page.zip"');
  t.equal(await named('né "x".zip'), `attachment; filename="n_ _x_.zip"; filename*=UTF-8''n%C3%A9%20_x_.zip`);
  t.equal(await named('100%41.zip'), `attachment; filename="100_41.zip"; filename*=UTF-8''100%2541.zip`);
  t.equal(await named("it's (1)*.zip"), 'attachment; filename="it\'s (1)_.zip"');
  t.equal(await named('../../.bashrc'), 'attachment; filename="_.._.bashrc"');
  t.equal(await named('C:\\x\\y'), 'attachment; filename="C__x_y"');
  t.equal(await named('photo\u202egpj.exe'), 'attachment; filename="photo_gpj.exe"');
  t.equal(await named('...'), 'attachment');
  t.equal(
    (await ask(web, { path: web.node.add(chk('B'), text('x', 'a/b')) })).headers['content-disposition'],
    'attachment',
  );
  const long = `${'é'.repeat(200)}.tar.gz`;
  t.ok(Buffer.byteLength(safeFileName(long, 200)) <= 200);
  t.match(safeFileName(long, 200), /^é+\.tar\.gz$/, 'what is cut off is not the extension');
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (name) => {
      const value = attachment(name, 200);
      t.match(value, /^attachment(?:; filename="[^"\\/\r\n]*"(?:; filename\*=UTF-8''[\w!#$&+.^`|~%-]*)?)?$/);
      t.match(value, /^[\x20-\x7e]+$/);
    }),
    { numRuns },
  );
});

t.test('a key is found however a client encodes the path', async (t) => {
  const web = await startWeb(t);
  const keys = [
    chk('A'),
    chk('B', 'a file, 100%.txt'),
    chk('C', 'x').replace('CHK', 'SSK'),
    'KSK@word',
    'KSK@ünï',
    'KSK@a/b/c',
  ];
  for (const key of keys) {
    const canonical = formatUri(parseUri(key));
    web.node.add(key, text(canonical));
    const written = [
      canonical,
      `mimeo:${canonical}`,
      encodeURIComponent(canonical),
      canonical.replaceAll('@', '%40'),
      ...(canonical.startsWith('KSK') ? [] : [canonical.replaceAll(',', '%2c')]),
    ];
    for (const each of written) {
      t.equal((await ask(web, { path: `/${each}` })).text, canonical, each);
    }
  }
});

t.test('what is no readable key is refused before the node hears of it', async (t) => {
  const web = await startWeb(t);
  const secret = `SSK@${'A'.repeat(43)},${'A'.repeat(43)},AQE/name`;
  const usk = `USK@${'A'.repeat(43)},${'A'.repeat(43)},AQA/site/7`;
  const refused: [string, number, ErrorCode][] = [
    ['/CHK@short', 400, 'bad_key'],
    ['/KSK@', 400, 'bad_key'],
    ['/ksk@word', 400, 'bad_key'],
    ['/KSK@%ff', 400, 'bad_key'],
    ['/KSK%40%f', 400, 'bad_key'],
    ['/KSK@word?x=1', 400, 'bad_key'],
    [`/${usk}`, 400, 'key_form'],
    [`/${secret}`, 400, 'key_form'],
    ['/CHK@', 400, 'key_form'],
    [`/KSK@${'x'.repeat(5_000)}`, 400, 'bad_key'],
    ['/index.html', 404, 'page_unknown'],
    ['/robots.txt', 404, 'page_unknown'],
    ['/../etc/passwd', 404, 'page_unknown'],
    ['/fetch', 400, 'bad_key'],
    ['/fetch?key=', 400, 'bad_key'],
    ['/fetch?key=http%3A%2F%2Fevil.test', 400, 'bad_key'],
    [`/fetch?key=${encodeURIComponent(secret)}`, 400, 'key_form'],
  ];
  for (const [path, status, code] of refused) {
    const answer = await ask(web, { path });
    t.equal(answer.status, status, path);
    t.equal(answer.headers['x-mimeo-error'], code, path);
    t.match(
      answer.text,
      new RegExp(`^${code}: .+\\n.+\\n$`),
      'one line that says what, one that says what to do',
    );
  }
  t.same(web.node.heard, []);
});

t.test('the fetch box leads to the canonical address of the key', async (t) => {
  const web = await startWeb(t);
  const { status, headers } = await ask(web, {
    path: `/fetch?key=${encodeURIComponent(' mimeo:KSK@zwei wörter ')}`,
  });
  t.equal(status, 303);
  t.equal(headers.location, '/KSK@zwei%20w%C3%B6rter');
  t.same(web.node.heard, []);
});

t.test(
  'every failure of the node has the status of the error table, in plain text for programs',
  async (t) => {
    const web = await startWeb(t);
    for (const [code, info] of Object.entries(errorTable)) {
      web.node.failure = new UserError(code as ErrorCode, 'what\r\nfailed');
      const { status, headers, text: body } = await ask(web, { path: '/KSK@word' });
      t.equal(status, info.http, code);
      t.equal(headers['x-mimeo-error'], code);
      t.equal(headers['content-type'], 'text/plain; charset=utf-8');
      t.equal(headers['retry-after'], info.http === 503 ? '30' : undefined);
      t.equal(body, `${code}: what failed\n${info.hint}\n`);
    }
  },
);

t.test('a person who navigates gets a page instead, in which nothing of the message is markup', async (t) => {
  const web = await startWeb(t);
  web.node.failure = new UserError('data_not_found', '<img src=x onerror=alert(1)> & "more"');
  const page = await ask(web, { path: '/KSK@word', headers: ownNavigation });
  t.equal(page.status, 404);
  t.match(page.headers['content-type'], 'text/html');
  t.match(page.headers['content-security-policy'], /^default-src 'none'; style-src 'self';/);
  t.match(page.text, '&#60;img src=x onerror=alert(1)&#62; &#38; &#34;more&#34;');
  t.notMatch(page.text, '<img');
  for (const accept of ['*/*', 'text/plain', 'text/html;q=0', 'text/html; q=0.0, */*']) {
    const answer = await ask(web, { path: '/KSK@word', headers: { ...ownNavigation, accept } });
    t.equal(answer.headers['content-type'], 'text/plain; charset=utf-8', accept);
  }
});

t.test('methods that are not done here are named as such, with those that are', async (t) => {
  const web = await startWeb(t);
  for (const [method, path, allow] of [
    ['DELETE', '/KSK@word', 'GET, HEAD, PUT'],
    ['OPTIONS', '/', 'GET, HEAD, PUT'],
    ['POST', '/KSK@word', 'GET, HEAD, PUT'],
    ['PATCH', '/style.css', 'GET, HEAD'],
    ['PUT', '/fetch', 'GET, HEAD'],
    ['GET', '/upload', 'POST'],
  ] satisfies [string, string, string][]) {
    const { status, headers } = await ask(web, { method, path });
    t.equal(status, 405, `${method} ${path}`);
    t.equal(headers.allow, allow);
  }
  t.same(web.node.heard, []);
});

t.test('a body that nobody reads is not taken for the next request', async (t) => {
  const web = await startWeb(t);
  const smuggled = `GET /KSK@smuggled HTTP/1.1\r\nHost: 127.0.0.1:${web.port}\r\n\r\n`;
  const lines = [`Host: 127.0.0.1:${web.port}`, `Content-Length: ${smuggled.length + 1}`];
  const answer = await raw(web, `GET /style.css HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${smuggled}`);
  t.match(answer, /^HTTP\/1\.1 200 [^]*Connection: close/);
  t.same(web.node.heard, []);
  t.match(
    await raw(web, head(['GET /style.css HTTP/1.1', `Host: 127.0.0.1:${web.port}`])),
    /^HTTP\/1\.1 200 /,
  );
});
