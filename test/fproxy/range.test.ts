/** Parts of files: the header by itself against Buffer.subarray, and the same through a real server. */
import * as fc from 'fast-check';
import t from 'tap';
import { hasCopy, rangeHolds, readRange } from '../../fproxy/range.ts';
import { ask, startWeb } from './web.ts';

const numRuns = process.env['MIMEO_TEST_FULL'] ? 2_000 : 60;

t.test('examples of RFC 9110', (t) => {
  const part = (start: number, end: number) => ({ type: 'part', start, end });
  t.same(readRange('bytes=0-499', 10_000), part(0, 499));
  t.same(readRange('bytes=9500-', 10_000), part(9_500, 9_999));
  t.same(readRange('bytes=-500', 10_000), part(9_500, 9_999));
  t.same(readRange('Bytes=0-0', 10_000), part(0, 0), 'units have no case');
  t.same(readRange('bytes=-20000', 10_000), part(0, 9_999));
  t.same(readRange(`bytes=0-${'9'.repeat(400)}`, 10_000), part(0, 9_999));
  for (const none of ['bytes=10000-', 'bytes=10000-10001', 'bytes=-0', `bytes=${'9'.repeat(400)}-`]) {
    t.same(readRange(none, 10_000), { type: 'unsatisfiable' }, none);
  }
  for (const none of ['bytes=0-', 'bytes=-1'])
    t.same(readRange(none, 0), { type: 'unsatisfiable' }, `${none} of nothing`);
  const ignored = [
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=5-4',
    'bytes=0-1,3-4',
    'bytes=0-1, 3-4',
    'lines=0-1',
    'bytes=a-b',
  ];
  for (const each of [undefined, ...ignored, 'bytes=0x1-2', 'bytes=+1-2', 'bytes=1-2-3']) {
    t.same(readRange(each, 10_000), { type: 'whole' }, String(each));
  }
  t.end();
});

t.test('validators compare as RFC 9110 says', (t) => {
  t.ok(hasCopy('"a"', '"a"'));
  t.ok(hasCopy('"x", W/"a"', '"a"'), 'weakly, and anywhere in the list');
  t.ok(hasCopy('*', '"a"'));
  for (const other of [undefined, '', '"b"', 'a', '"aa"', '"x,a"'])
    t.notOk(hasCopy(other, '"a"'), String(other));
  t.ok(rangeHolds(undefined, '"a"'));
  t.ok(rangeHolds('"a"', '"a"'));
  for (const other of ['W/"a"', '"b"', 'Wed, 21 Oct 2015 07:28:00 GMT'])
    t.notOk(rangeHolds(other, '"a"'), other);
  t.end();
});

t.test('through the server every range gives what subarray gives', async (t) => {
  const web = await startWeb(t);
  web.node.pieceBytes = 97;
  const bytes = Buffer.from(Array.from({ length: 1_000 }, (_, at) => at % 251));
  const path = web.node.add('KSK@numbers', { bytes, mimeType: 'image/png' });
  const position = fc.integer({ min: 0, max: 1_100 });
  await fc.assert(
    fc.asyncProperty(fc.option(position), fc.option(position), async (first, last) => {
      fc.pre(first !== null || last !== null);
      const { status, body, headers } = await ask(web, {
        path,
        headers: { range: `bytes=${first ?? ''}-${last ?? ''}` },
      });
      const start = first ?? Math.max(0, bytes.length - (last ?? 0));
      const end = first === null ? bytes.length : Math.min(last ?? Infinity, bytes.length - 1) + 1;
      if (first !== null && last !== null && last < first) {
        t.equal(status, 200);
        t.same(body, bytes);
      } else if (start >= bytes.length) {
        t.equal(status, 416);
        t.equal(headers['content-range'], `bytes */${bytes.length}`);
        t.equal(headers['x-mimeo-error'], 'range_unsatisfiable');
      } else {
        t.equal(status, 206);
        t.same(body, bytes.subarray(start, end));
        t.equal(headers['content-range'], `bytes ${start}-${end - 1}/${bytes.length}`);
        t.equal(headers['content-length'], String(end - start));
      }
    }),
    { numRuns },
  );
});

t.test('a range is given only of the copy that the client began with', async (t) => {
  const web = await startWeb(t);
  const path = web.node.add('KSK@numbers', { bytes: Buffer.from('0123456789'), mimeType: 'text/plain' });
  const { etag = '' } = (await ask(web, { path })).headers;
  t.equal((await ask(web, { path, headers: { range: 'bytes=2-3', 'if-range': etag } })).text, '23');
  t.equal(
    (await ask(web, { path, headers: { range: 'bytes=2-3', 'if-range': '"old"' } })).text,
    '0123456789',
  );
  t.equal(
    (await ask(web, { path, headers: { range: 'bytes=0-1,4-5' } })).status,
    200,
    'several ranges are the whole file',
  );
  const head = await ask(web, { method: 'HEAD', path, headers: { range: 'bytes=2-3' } });
  t.equal(head.headers['content-length'], '10', 'HEAD knows no range');
});
