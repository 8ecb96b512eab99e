/** The guard against other web pages: by itself, and in front of a real server whose node must hear nothing. */
import t from 'tap';
import { allowedHosts, judge } from '../../fproxy/guard.ts';
import { ask, foreignNavigation, head, raw, startWeb } from './web.ts';

const PORT = 8888;
const OURS = `127.0.0.1:${PORT}`;
const hosts = allowedHosts('127.0.0.1', PORT);

function verdict(method: string, headers: Record<string, string | string[]>, url = '/') {
  const distinct = Object.entries({ host: OURS, ...headers }).map(([name, value]) => [name, [value].flat()]);
  return judge({ method, url, headersDistinct: Object.fromEntries(distinct) }, hosts);
}

t.test('hosts on the list pass, written exactly so', (t) => {
  for (const host of [OURS, `localhost:${PORT}`]) {
    t.same(verdict('GET', { host }), { type: 'pass', origin: `http://${host}` });
  }
  t.same([...allowedHosts('::1', PORT)], [`[::1]:${PORT}`, `localhost:${PORT}`]);
  t.ok(allowedHosts('127.0.0.1', 80).has('localhost'), 'browsers leave out port 80');
  t.notOk(hosts.has('localhost'), 'and no other');
  t.end();
});

const site = (value: string | string[], rest: Record<string, string> = {}) => ({
  'sec-fetch-site': value,
  ...rest,
});
const navigate = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

/** Headers, then what a GET and what a PUT (or POST, or any other method) meets. */
const table: [string, Record<string, string | string[]>, 'pass' | 'confirm' | 'refuse', 'pass' | 'refuse'][] =
  [
    ['nothing said, as by curl', {}, 'pass', 'pass'],
    ['typed or bookmarked', site('none', navigate), 'pass', 'refuse'],
    ['own page', site('same-origin'), 'pass', 'pass'],
    ['own page with our Origin', site('same-origin', { origin: `http://${OURS}` }), 'pass', 'pass'],
    ['old browser, our Origin', { origin: `http://${OURS}` }, 'pass', 'pass'],
    ['old browser, our Referer', { referer: `http://${OURS}/x` }, 'pass', 'pass'],
    ['old browser, other Referer', { referer: 'http://evil.test/' }, 'confirm', 'refuse'],
    ['Referer that only begins like ours', { referer: `http://${OURS}.evil.test/` }, 'confirm', 'refuse'],
    ['other Origin', { origin: 'http://evil.test' }, 'refuse', 'refuse'],
    ['Origin of a sandbox', { origin: 'null' }, 'refuse', 'refuse'],
    ['Origin by our other name', { origin: `http://localhost:${PORT}` }, 'refuse', 'refuse'],
    ['Origin on another port', { origin: 'http://127.0.0.1:1' }, 'refuse', 'refuse'],
    ['Origin with another scheme', { origin: `https://${OURS}` }, 'refuse', 'refuse'],
    ['two Origins', { origin: [`http://${OURS}`, 'http://evil.test'] }, 'refuse', 'refuse'],
    [
      'other Origin that claims our site',
      site('same-origin', { origin: 'http://evil.test' }),
      'refuse',
      'refuse',
    ],
    [
      'image of another site',
      site('cross-site', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }),
      'refuse',
      'refuse',
    ],
    [
      'script of another port',
      site('same-site', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }),
      'refuse',
      'refuse',
    ],
    [
      'cross-site fetch',
      site('cross-site', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }),
      'refuse',
      'refuse',
    ],
    ['link on another site', site('cross-site', navigate), 'confirm', 'refuse'],
    ['link on another port', site('same-site', navigate), 'confirm', 'refuse'],
    [
      'frame of another site',
      site('cross-site', { ...navigate, 'sec-fetch-dest': 'iframe' }),
      'refuse',
      'refuse',
    ],
    [
      'object of another site',
      site('cross-site', { ...navigate, 'sec-fetch-dest': 'object' }),
      'refuse',
      'refuse',
    ],
    ['websocket of another site', site('cross-site', { 'sec-fetch-mode': 'websocket' }), 'refuse', 'refuse'],
    [
      'link with another Origin',
      site('cross-site', { ...navigate, origin: 'http://evil.test' }),
      'refuse',
      'refuse',
    ],
    ['a word of the future', site('same-planet', navigate), 'confirm', 'refuse'],
    ['said twice', site(['none', 'none']), 'refuse', 'refuse'],
    ['said twice, once crosswise', site(['same-origin', 'cross-site']), 'refuse', 'refuse'],
    ['in capitals', site('Same-Origin'), 'refuse', 'refuse'],
    ['empty', site(''), 'refuse', 'refuse'],
  ];

t.test('every combination of what browsers say is judged as the table has it', (t) => {
  for (const [name, headers, get, put] of table) {
    t.equal(verdict('GET', headers).type, get, `GET: ${name}`);
    t.equal(verdict('HEAD', headers).type, get === 'confirm' ? 'refuse' : get, `HEAD: ${name}`);
    for (const method of ['PUT', 'POST', 'OPTIONS', 'DELETE']) {
      t.equal(verdict(method, headers).type, put, `${method}: ${name}`);
    }
  }
  t.end();
});

t.test('what the guard refuses reaches no route, no body and not the node', async (t) => {
  const web = await startWeb(t);
  const path = web.node.add('KSK@word', { bytes: Buffer.from('x'), mimeType: 'text/plain' });
  const routes: [string, string][] = [
    ...['/', '/style.css', '/favicon.ico', '/fetch?key=KSK@word', path, '/nothing'].flatMap(
      (each): [string, string][] => [
        ['GET', each],
        ['HEAD', each],
      ],
    ),
    ['PUT', '/'],
    ['PUT', path],
    ['POST', '/upload'],
    ['OPTIONS', path],
    ['DELETE', path],
  ];
  for (const [name, headers, get, put] of table) {
    const changed = Object.fromEntries(
      Object.entries(headers).map(([key, value]) => [
        key,
        JSON.parse(JSON.stringify(value).replaceAll(OURS, `127.0.0.1:${web.port}`)),
      ]),
    );
    for (const [method, each] of routes) {
      const expectation = method === 'GET' || method === 'HEAD' ? get : put;
      if (expectation === 'pass') continue;
      const answer = await ask(web, { method, path: each, headers: changed });
      t.equal(answer.status, 403, `${method} ${each}: ${name}`);
      t.equal(answer.headers['x-mimeo-error'], 'cross_site');
    }
  }
  t.same(web.node.heard, []);
});

t.test('a refused upload is told so before it sends its body', async (t) => {
  const web = await startWeb(t);
  const answer = await raw(
    web,
    head([
      'PUT /KSK@word HTTP/1.1',
      `Host: 127.0.0.1:${web.port}`,
      'Sec-Fetch-Site: cross-site',
      'Content-Length: 9',
      'Expect: 100-continue',
    ]),
  );
  t.match(answer, /^HTTP\/1\.1 403 /);
  t.same(web.node.heard, []);
});

t.test('names that are not ours are misdirected, however they resolve', async (t) => {
  const web = await startWeb(t);
  const port = String(web.port);
  const foreign = [
    `evil.test:${port}`,
    `127.0.0.1.evil.test:${port}`,
    `localhost.evil.test:${port}`,
    `rebind.localhost:${port}`,
    '127.0.0.1',
    'localhost',
    `127.0.0.1:${web.port - 1}`,
    `127.0.0.1:0${port}`,
    `127.0.0.1:${port}0`,
    `localhost.:${port}`,
    `127.0.0.1.:${port}`,
    `LOCALHOST:${port}`,
    `user@127.0.0.1:${port}`,
    `127.0.0.1:${port}@evil.test`,
    `127.0.0.1:${port}, evil.test`,
    `127.1:${port}`,
    `0x7f000001:${port}`,
    `2130706433:${port}`,
    `0.0.0.0:${port}`,
    `[::1]:${port}`,
    `[::ffff:127.0.0.1]:${port}`,
    `http://127.0.0.1:${port}`,
    '',
  ];
  for (const host of foreign) {
    const answer = await raw(web, head(['GET / HTTP/1.1', `Host: ${host}`]));
    t.match(answer, /^HTTP\/1\.1 421 [^]*X-Mimeo-Error: host_not_allowed/, `Host: ${host}`);
  }
  for (const [name, lines, status] of [
    ['two hosts', ['GET / HTTP/1.1', `Host: 127.0.0.1:${port}`, 'Host: evil.test'], 421],
    ['the same host twice', ['GET / HTTP/1.1', `Host: 127.0.0.1:${port}`, `Host: 127.0.0.1:${port}`], 421],
    ['no host, HTTP/1.0', ['GET / HTTP/1.0'], 421],
    ['no host', ['GET / HTTP/1.1'], 400],
    ['absolute form', [`GET http://evil.test/ HTTP/1.1`, `Host: 127.0.0.1:${port}`], 421],
    ['absolute form of ours', [`GET http://127.0.0.1:${port}/ HTTP/1.1`, `Host: 127.0.0.1:${port}`], 421],
    ['asterisk form', ['OPTIONS * HTTP/1.1', `Host: 127.0.0.1:${port}`], 421],
    [
      'length and chunks',
      ['PUT / HTTP/1.1', `Host: 127.0.0.1:${port}`, 'Content-Length: 1', 'Transfer-Encoding: chunked'],
      400,
    ],
  ] satisfies [string, string[], number][]) {
    t.match(await raw(web, head(lines)), new RegExp(`^HTTP/1\\.1 ${status} `), name);
  }
  t.equal(await raw(web, head(['CONNECT evil.test:80 HTTP/1.1', 'Host: evil.test'])), '', 'no tunnel');
  t.same(web.node.heard, []);
});

t.test('headers pushed out of sight by many others are still seen', async (t) => {
  const web = await startWeb(t);
  const many = Array.from({ length: 2_500 }, () => 'a:');
  const answer = await raw(
    web,
    head(['GET / HTTP/1.1', `Host: 127.0.0.1:${web.port}`, ...many, 'Sec-Fetch-Site: cross-site']),
  );
  t.match(answer, /^HTTP\/1\.1 403 /);
  t.same(web.node.heard, []);
});

t.test('a person whom another site sent here is asked, on our own origin', async (t) => {
  const web = await startWeb(t);
  web.node.add('KSK@word', { bytes: Buffer.from('secret'), mimeType: 'text/plain' });
  for (const target of ['/KSK@word', '//evil.test/', '/"><script>alert(1)</script>']) {
    const { status, text, headers } = await ask(web, { path: encodeURI(target), headers: foreignNavigation });
    t.equal(status, 403);
    t.match(headers['content-type'], 'text/html');
    t.match(text, `href="${web.origin}${encodeURI(target).replaceAll('"', '&#34;')}"`);
    t.notMatch(text, '<script');
    t.notMatch(text, 'secret');
  }
  t.same(web.node.heard, []);
  const followed = await ask(web, {
    path: '/KSK@word',
    headers: { ...foreignNavigation, 'sec-fetch-site': 'same-origin' },
  });
  t.equal(followed.text, 'secret', 'the link of that page leads to the file');
});

t.test('on ::1 the gateway is reached by its own names and not by those of IPv4', async (t) => {
  const web = await startWeb(t, { host: '::1' });
  t.equal((await ask(web, { path: '/', headers: { host: `[::1]:${web.port}` } })).status, 200);
  t.equal((await ask(web, { path: '/', headers: { host: `127.0.0.1:${web.port}` } })).status, 421);
});
