/** Inserts by PUT and by the form: what arrives at the node, what is answered, and what never becomes a file. */
import { once } from 'node:events';
import t from 'tap';
import { noProgress, UserError } from '../../client/index.ts';
import { ask, dial, ownNavigation, raw, startWeb, type Answered, type Web } from './web.ts';

const insertUri = `SSK@${'A'.repeat(43)},${'A'.repeat(43)},AQE/name`;
const requestUri = insertUri.replace('AQE', 'AQA');

t.test('PUT gives the key that reads the file, in the body and in Location', async (t) => {
  const web = await startWeb(t);
  const put = await ask(web, {
    method: 'PUT',
    path: '/',
    body: 'content',
    headers: { 'content-type': 'image/PNG' },
  });
  t.equal(put.status, 201);
  t.match(put.text, /^CHK@[\w-]{43},[\w-]{43},AQA\n$/);
  t.equal(put.headers.location, `/${put.text.trim()}`);
  const { text, headers } = await ask(web, { path: put.headers.location ?? '' });
  t.equal(text, 'content');
  t.equal(headers['content-type'], 'image/png');
  t.match(web.node.uploads, [{ key: undefined, mimeType: 'image/png', fileName: undefined }]);
});

t.test('PUT to a key inserts under it', async (t) => {
  const web = await startWeb(t);
  for (const [path, key] of [
    ['/KSK@word', 'KSK@word'],
    ['/KSK%40w%C3%B6rd', 'KSK@w%C3%B6rd'],
    [`/${insertUri}`, insertUri],
    ['/CHK@', undefined],
  ] satisfies [string, string | undefined][]) {
    const { status } = await ask(web, { method: 'PUT', path, body: 'content' });
    t.equal(status, 201, path);
    t.equal(web.node.uploads.at(-1)?.key, key, path);
  }
  const before = web.node.heard.length;
  for (const path of [`/${requestUri}`, `/USK@${insertUri.slice(4)}/7`, '/KSK@', '/word', '/KSK@word?x']) {
    const { status } = await ask(web, { method: 'PUT', path, body: 'content' });
    t.ok(status === 400 || status === 404, path);
  }
  t.equal(web.node.heard.length, before, 'what is no insert key is refused before the node hears of it');
});

t.test('an empty body is an empty file, and a chunked one needs no length', async (t) => {
  const web = await startWeb(t);
  t.equal((await ask(web, { method: 'PUT', path: '/KSK@empty' })).status, 201);
  t.equal((await ask(web, { path: '/KSK@empty' })).body.length, 0);
  const chunked = ['5', 'first', '6;x=y', 'second', '0', '', ''].join('\r\n');
  const lines = [
    'PUT /KSK@chunked HTTP/1.1',
    `Host: 127.0.0.1:${web.port}`,
    'Transfer-Encoding: chunked',
    'Connection: close',
  ];
  t.match(await raw(web, `${lines.join('\r\n')}\r\n\r\n${chunked}`), /^HTTP\/1\.1 201 /);
  t.equal(web.node.uploads.at(-1)?.bytes.toString(), 'firstsecond');
});

t.test(
  'what is larger than the limit is refused, at once when it says so and in the middle when it does not',
  async (t) => {
    const web = await startWeb(t, { bounds: { uploadBytes: 1_000 } });
    t.equal((await ask(web, { method: 'PUT', path: '/', body: 'x'.repeat(1_000) })).status, 201);
    web.node.heard.length = 0;
    const lines = ['PUT /KSK@large HTTP/1.1', `Host: 127.0.0.1:${web.port}`];
    const told = await raw(
      web,
      `${[...lines, 'Content-Length: 1001', 'Expect: 100-continue'].join('\r\n')}\r\n\r\n`,
    );
    t.match(told, /^HTTP\/1\.1 413 [^]*X-Mimeo-Error: too_large/);
    t.same(web.node.heard, [], 'nothing was read');
    const sent = `${[...lines, 'Transfer-Encoding: chunked'].join('\r\n')}\r\n\r\n${'1f4\r\n'.concat('x'.repeat(500), '\r\n').repeat(3)}`;
    t.match(await raw(web, sent), /^HTTP\/1\.1 413 [^]*too_large/);
    t.equal(web.node.uploads.length, 1);
  },
);

t.test('a client that waits for leave to send gets it once the request has passed', async (t) => {
  const web = await startWeb(t);
  const socket = dial(web);
  const lines = [
    `PUT / HTTP/1.1`,
    `Host: 127.0.0.1:${web.port}`,
    'Content-Length: 7',
    'Expect: 100-continue',
    'Connection: close',
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  const [leave] = (await once(socket, 'data')) as [Buffer];
  t.equal(leave.toString(), 'HTTP/1.1 100 Continue\r\n\r\n');
  socket.write('content');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  t.match(answer.toString(), /^HTTP\/1\.1 201 /);
  socket.destroy();
});

t.test('an upload that breaks off is never a file', async (t) => {
  const web = await startWeb(t);
  const failed = once(web.node.events, 'uploadFailed');
  const socket = dial(web);
  socket.write(`PUT /KSK@cut HTTP/1.1\r\nHost: 127.0.0.1:${web.port}\r\nContent-Length: 100\r\n\r\nhalf`);
  while (web.node.heard.length === 0) await new Promise(setImmediate);
  socket.destroy();
  const [error] = await failed;
  t.match(error, { name: 'UserError', code: 'cancelled' });
  t.same(web.node.uploads, []);
});

t.test('an insert that fails answers with its own error', async (t) => {
  const web = await startWeb(t);
  web.node.failure = new UserError('collision', 'other data lies under KSK@word');
  const { status, headers, text } = await ask(web, {
    method: 'PUT',
    path: '/KSK@word',
    body: 'x'.repeat(200_000),
  });
  t.equal(status, 409);
  t.equal(headers['x-mimeo-error'], 'collision');
  t.match(text, /^collision: other data lies under KSK@word\n/);
});

t.test('a job that ended badly is an error, whatever its code', async (t) => {
  const job = { id: '1', kind: 'put', priority: 4 } as const;
  const error = { message: 'no luck', hint: '', retryable: false };
  for (const [ended, status, code] of [
    [{ state: 'failed', error: { ...error, code: 'no_route' } }, 503, 'no_route'],
    [{ state: 'failed', error: { ...error, code: 'from_the_future' } }, 500, 'failed'],
    [{ state: 'cancelled' }, 499, 'cancelled'],
  ] as const) {
    const upload = async (body: AsyncIterable<Uint8Array>) => {
      for await (const _ of body);
      return { ...job, ...ended, progress: noProgress };
    };
    const web = await startWeb(t, {
      content: { open: () => Promise.reject(new UserError('failed', '')), upload },
    });
    const answer = await ask(web, { method: 'PUT', path: '/', body: 'x' });
    t.equal(answer.status, status);
    t.equal(answer.headers['x-mimeo-error'], code);
  }
});

const CRLF = '\r\n';
interface FormOptions {
  readonly token?: string | undefined;
  readonly key?: string;
  readonly named?: string;
  readonly file?: string;
  readonly fileName?: string;
}

async function tokenOf(web: Web): Promise<string> {
  const { text } = await ask(web, { path: '/' });
  return /name="token" value="([\w-]{43})"/.exec(text)?.[1] ?? '';
}

function postForm(
  web: Web,
  { token, key, named, file = 'content', fileName = 'a.txt' }: FormOptions,
): Promise<Answered> {
  const field = (name: string, value: string | undefined) =>
    value === undefined ? [] : [`--b`, `Content-Disposition: form-data; name="${name}"`, '', value];
  const body = [
    ...field('token', token),
    ...field('key', key),
    ...field('named', named),
    '--b',
    `Content-Disposition: form-data; name="file"; filename="${fileName}"`,
    'Content-Type: text/plain',
    '',
    file,
    '--b--',
    '',
  ].join(CRLF);
  const headers = { ...ownNavigation, origin: web.origin, 'content-type': 'multipart/form-data; boundary=b' };
  return ask(web, { method: 'POST', path: '/upload', headers, body });
}

t.test('the form inserts a file and shows its key', async (t) => {
  const web = await startWeb(t);
  const token = await tokenOf(web);
  const { status, headers, text } = await postForm(web, { token, key: ' ksk:word ', fileName: 'C:%22x.txt' });
  t.equal(status, 201);
  t.equal(headers.location, '/KSK@word');
  t.match(text, '<a href="/KSK@word">');
  t.match(web.node.uploads, [{ key: 'ksk:word', mimeType: 'text/plain', fileName: undefined }]);
  t.equal(web.node.uploads[0]?.bytes.toString(), 'content');
  await postForm(web, { token, key: '', named: 'yes', fileName: 'über %22x%22.txt' });
  t.match(web.node.uploads[1], { key: undefined, fileName: 'über _x_.txt' });
});

t.test('a form without the token of this run inserts nothing', async (t) => {
  const web = await startWeb(t);
  const other = await startWeb(t);
  for (const token of [undefined, '', 'x', await tokenOf(other)]) {
    const { status, headers } = await postForm(web, { token });
    t.equal(status, 403);
    t.equal(headers['x-mimeo-error'], 'form_expired');
  }
  t.same(web.node.heard, []);
});

t.test('a form without a file, or another body, is refused', async (t) => {
  const web = await startWeb(t);
  const token = await tokenOf(web);
  web.node.heard.length = 0;
  t.equal((await postForm(web, { token, fileName: '', file: '' })).status, 400);
  for (const type of [
    undefined,
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'multipart/form-data; boundary=""',
  ]) {
    const headers = { ...(type !== undefined && { 'content-type': type }) };
    t.equal((await ask(web, { method: 'POST', path: '/upload', body: 'x', headers })).status, 400);
  }
  t.same(web.node.heard, []);
});

t.test('a form that is cut or goes on after its file is no file', async (t) => {
  const web = await startWeb(t);
  const token = await tokenOf(web);
  for (const file of [
    'x\r\n--b',
    'x\r\n--b\r\nContent-Disposition: form-data; name="file2"; filename="y"\r\n\r\ny',
    'x\r\n--b--more',
  ]) {
    const { status } = await postForm(web, { token, file });
    t.equal(status, 400, JSON.stringify(file));
  }
  t.same(web.node.uploads, []);
});
