/** The parser of the upload form: what browsers send, in every way of cutting it, and what nobody should. */
import * as fc from 'fast-check';
import t from 'tap';
import { boundaryOf, readForm, type FormShape } from '../../fproxy/multipart.ts';

const numRuns = process.env['MIMEO_TEST_FULL'] ? 5_000 : 200;
const shape: FormShape = { texts: ['token', 'key'], fileField: 'file', fieldBytes: 100, headBytes: 200 };
const malformed = { name: 'UserError', code: 'bad_form' };

async function* pieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? 1);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function read(bytes: Buffer | string, { boundary = 'b', sizes = [65_536] } = {}) {
  const { fields, file } = await readForm(pieces(Buffer.from(bytes), sizes), { boundary, shape });
  const chunks: Uint8Array[] = [];
  for await (const chunk of file.body) chunks.push(chunk);
  return {
    fields: Object.fromEntries(fields),
    name: file.name,
    type: file.mimeType,
    bytes: Buffer.concat(chunks),
  };
}

const text = (name: string, value: string) =>
  `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const fileHead =
  '--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\nContent-Type: a/b\r\n\r\n';
const end = '\r\n--b--\r\n';

t.test('any file comes out as it went in, however the body is cut', async (t) => {
  // The bytes that delimiters are made of, so that near misses are common.
  const almost = fc.constantFrom(
    '\r',
    '\n',
    '-',
    'b',
    '\r\n',
    '\r\n-',
    '\r\n--',
    '\r\n--a',
    '--b',
    '\n--b--',
    'x',
  );
  const content = fc.array(almost, { maxLength: 40 }).map((parts) => parts.join(''));
  const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(content, sizes, async (written, sizes) => {
      fc.pre(!`\r\n${written}\r\n`.includes('\r\n--b'));
      const found = await read(`${text('key', 'k')}${fileHead}${written}${end}`, { sizes });
      t.same(found, { fields: { key: 'k' }, name: 'f', type: 'a/b', bytes: Buffer.from(written) });
    }),
    { numRuns },
  );
  const random = fc.uint8Array({ maxLength: 2_000 });
  await fc.assert(
    fc.asyncProperty(random, sizes, async (written, sizes) => {
      const bytes = Buffer.concat([Buffer.from(fileHead), written, Buffer.from(end)]);
      t.same((await read(bytes, { sizes })).bytes, Buffer.from(written));
    }),
    { numRuns: 50 },
  );
});

t.test('wherever a form is cut off, it is no form', async (t) => {
  const whole = `${text('token', 't')}${text('key', 'k')}${fileHead}content${end}`;
  t.equal((await read(whole)).bytes.toString(), 'content');
  t.equal((await read(whole.slice(0, -2))).bytes.toString(), 'content', 'the last line break may be missing');
  for (let length = 0; length < whole.length - 2; length += 1) {
    await t.rejects(read(whole.slice(0, length), { sizes: [7] }), malformed, `${length} bytes`);
  }
  await t.rejects(read(whole.slice(0, -1)), malformed, 'half a line break');
});

t.test('what our form does not send is refused', async (t) => {
  const file = `${fileHead}x${end}`;
  for (const [name, body] of [
    ['a preamble', `hello\r\n${file}`],
    ['another boundary', file.replaceAll('--b', '--c')],
    ['a longer boundary', file.replace('--b', '--bb')],
    ['space after a boundary', file.replace('--b\r\n', '--b \r\n')],
    ['bare line feeds', file.replaceAll('\r\n', '\n')],
    ['an epilogue', `${file}more`],
    ['a second file', `${fileHead}x\r\n${fileHead}y${end}`],
    ['a field after the file', `${fileHead}x\r\n${text('key', 'k')}--b--\r\n`],
    ['no file', `${text('key', 'k')}--b--\r\n`],
    ['an unknown field', `${text('other', 'k')}${file}`],
    ['a field twice', `${text('key', 'k')}${text('key', 'l')}${file}`],
    ['a file in a text field', `${fileHead.replace('"file"', '"key"')}x${end}`],
    ['text in the file field', `${text('file', 'x')}--b--\r\n`],
    ['a field of Object.prototype', `${text('__proto__', 'x')}${file}`],
    ['a transfer encoding', file.replace('Content-Type: a/b', 'Content-Transfer-Encoding: base64')],
    ['a header more', file.replace('Content-Type: a/b', 'Content-Type: a/b\r\nX: y')],
    ['a folded header', file.replace('; filename', ';\r\n filename')],
    ['no headers', `--b\r\n\r\nx${end}`],
    ['another disposition', file.replace('form-data', 'attachment')],
    ['two names', file.replace('name="file"', 'name="file"; name="key"')],
    ['an overlong text', `${text('key', 'k'.repeat(101))}${file}`],
    ['an overlong head', file.replace('"f"', `"${'f'.repeat(300)}"`)],
    ['an endless text', text('key', 'k'.repeat(1_000_000))],
  ] satisfies [string, string][]) {
    for (const sizes of [[65_536], [3]]) await t.rejects(read(body, { sizes }), malformed, name);
  }
  t.equal((await read(`${text('key', 'k'.repeat(100))}${file}`, { sizes: [3] })).fields['key']?.length, 100);
});

t.test('a text without an end is given up before it is held', async (t) => {
  let sent = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('--b\r\nContent-Disposition: form-data; name="key"\r\n\r\n');
    for (;;) {
      sent += 10;
      yield Buffer.alloc(10, 'k');
    }
  }
  await t.rejects(readForm(endless(), { boundary: 'b', shape }), malformed);
  t.ok(sent <= shape.fieldBytes + 20, `${sent} bytes read`);
});

t.test('names are unescaped as browsers escape them, and in no other way', async (t) => {
  const named = async (name: string) => (await read(`${fileHead.replace('"f"', `"${name}"`)}x${end}`)).name;
  t.equal(await named('a%22b%0D%0Ac%41.txt'), 'a"b  c%41.txt');
  t.equal(await named('über\\x.txt'), 'über\\x.txt');
});

t.test('the boundary is one of RFC 2046 or there is none', (t) => {
  t.equal(
    boundaryOf('multipart/form-data; boundary=----WebKitFormBoundaryAbC123'),
    '----WebKitFormBoundaryAbC123',
  );
  t.equal(boundaryOf('Multipart/Form-Data;boundary="a b:c"'), 'a b:c');
  t.equal(boundaryOf(`multipart/form-data; boundary=${'x'.repeat(70)}`)?.length, 70);
  for (const none of [
    undefined,
    '',
    'multipart/form-data',
    'multipart/mixed; boundary=b',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary="a "',
    'multipart/form-data; boundary=b; boundary=c',
    'multipart/form-data; boundary=b\u00e9',
    'multipart/form-data; boundary="b\r\n"',
    `multipart/form-data; boundary=${'x'.repeat(71)}`,
  ]) {
    t.equal(boundaryOf(none), undefined, String(none));
  }
  t.end();
});
