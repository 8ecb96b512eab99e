/** Where the bytes of a download go: ranges, compression, bombs, and files that appear whole or not at all. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import t from 'tap';
import type { OpenedContent } from '../../../client/index.ts';
import { FileTaker } from '../../../daemon/node/file-taker.ts';
import { Sink, type Taker } from '../../../daemon/node/sink.ts';
import { StreamTaker } from '../../../daemon/node/stream-taker.ts';
import { noise, prose, scratch, sha256 } from './content.ts';
import { smallDisk } from './small-disk.ts';

/** Takes its time, so that what is not waited for is lost. */
class SlowTaker implements Taker {
  readonly #chunks: Uint8Array[] = [];

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  async take(bytes: Uint8Array): Promise<void> {
    const kept = Uint8Array.from(bytes);
    await new Promise((resolve) => setImmediate(resolve));
    this.#chunks.push(kept);
  }
}

function opened(content: Uint8Array, form: 'plain' | 'zstd'): OpenedContent {
  return { mimeType: 'text/plain', sizeBytes: content.length, hash: sha256(content), form };
}

function cut(bytes: Uint8Array, sizeBytes: number): Uint8Array[] {
  const count = Math.ceil(bytes.length / sizeBytes);
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * sizeBytes, (i + 1) * sizeBytes));
}

/** Writes until it is enough or refused. */
async function writeAll(sink: Sink, form: 'plain' | 'zstd', pieces: readonly Uint8Array[]) {
  let writtenBytes = 0;
  for (const piece of pieces) {
    const answer = await sink.write(form, piece);
    if (answer.type === 'failure') return answer;
    writtenBytes += answer.writtenBytes;
    if (answer.type === 'enough') break;
  }
  return { type: 'written', writtenBytes } as const;
}

void t.test('a whole file of any size comes out as it went in, and every byte is credited', async (t) => {
  for (const sizeBytes of [0, 1, 999, 131_072, 131_073, 700_000]) {
    for (const form of ['plain', 'zstd'] as const) {
      const content = prose(sizeBytes);
      const stored = form === 'plain' ? content : zstdCompressSync(content);
      const taker = new SlowTaker();
      const sink = new Sink(taker, opened(content, form), { offsetBytes: 0, sizeBytes });
      t.same(await writeAll(sink, form, cut(stored, 32_768)), { type: 'written', writtenBytes: sizeBytes });
      t.same(await sink.end(), { type: 'ended', sizeBytes, hash: sha256(content) });
      t.ok(taker.bytes.equals(content), `${sizeBytes} bytes ${form}`);
    }
  }
});

void t.test('any range of a compressed file is cut out of it, up to its last byte', async (t) => {
  const content = prose(400_000);
  const packed = zstdCompressSync(content);
  const sizes = fc.record({
    offsetBytes: fc.nat(content.length - 1),
    sizeBytes: fc.integer({ min: 1, max: content.length }),
    pieceBytes: fc.integer({ min: 500, max: 100_000 }),
  });
  const numRuns = process.env['MIMEO_TEST_FULL'] ? 1_000 : 40;
  await fc.assert(
    fc.asyncProperty(sizes, async ({ offsetBytes, pieceBytes, ...wanted }) => {
      const sizeBytes = Math.min(wanted.sizeBytes, content.length - offsetBytes);
      fc.pre(sizeBytes < content.length);
      const taker = new SlowTaker();
      const sink = new Sink(taker, opened(content, 'zstd'), { offsetBytes, sizeBytes });
      const written = await writeAll(sink, 'zstd', cut(packed, pieceBytes));
      const end = await sink.end();
      const expected = content.subarray(offsetBytes, offsetBytes + sizeBytes);
      return (
        end.type === 'ended' &&
        written.type === 'written' &&
        written.writtenBytes === sizeBytes &&
        taker.bytes.equals(expected)
      );
    }),
    { numRuns, examples: [[{ offsetBytes: content.length - 10, sizeBytes: 10, pieceBytes: 100_000 }]] },
  );
  t.pass(`${numRuns} ranges`);
});

void t.test('a bomb stops at the declared size', async (t) => {
  const bomb = zstdCompressSync(Buffer.alloc(256 * 1024 * 1024));
  const declared = 1_000_000;
  const taker = new SlowTaker();
  const file = { ...opened(new Uint8Array(0), 'zstd'), sizeBytes: declared };
  const sink = new Sink(taker, file, { offsetBytes: 0, sizeBytes: declared });
  t.match(await writeAll(sink, 'zstd', cut(bomb, 32_768)), { type: 'failure', code: 'bad_metadata' });
  t.ok(taker.bytes.length <= declared, `${taker.bytes.length} bytes came out`);
  sink.close();
});

void t.test('compressed bytes that are not exactly one whole frame are refused', async (t) => {
  const content = prose(300_000);
  const packed = zstdCompressSync(content);
  const cases: Readonly<Record<string, Uint8Array[]>> = {
    'bytes behind the frame': [Buffer.concat([packed, Buffer.from('more')])],
    'bytes behind the frame, written later': [packed, Buffer.from('more')],
    'a second frame': [packed, zstdCompressSync(content)],
    'a frame that is cut off': [packed.subarray(0, -4)],
    'no frame at all': [noise(5_000)],
    nothing: [],
  };
  for (const [name, pieces] of Object.entries(cases)) {
    const sink = new Sink(new SlowTaker(), opened(content, 'zstd'), { offsetBytes: 0, sizeBytes: 300_000 });
    const written = await writeAll(sink, 'zstd', pieces);
    const outcome = written.type === 'failure' ? written : await sink.end();
    t.match(outcome, { type: 'failure', code: 'bad_metadata' }, name);
    sink.close();
  }
});

void t.test('a sink that is closed while it writes answers, and nothing is thrown past it', async (t) => {
  const content = prose(2_000_000);
  const sink = new Sink(new SlowTaker(), opened(content, 'zstd'), { offsetBytes: 0, sizeBytes: 2_000_000 });
  const writing = sink.write('zstd', zstdCompressSync(content));
  sink.close();
  t.match(await writing, { type: 'failure' });
});

void t.test('a file stands under its name when it is complete, for its owner alone', async (t) => {
  const directory = scratch(t);
  const path = join(directory, 'page');
  const taker = await FileTaker.create(path);
  await taker.take(Buffer.from('every copy '));
  t.equal(readdirSync(directory).length, 1);
  t.notOk(readdirSync(directory).includes('page'), 'not under its name yet');
  await taker.take(Buffer.from('is an original'));
  await taker.finish();
  t.same(readdirSync(directory), ['page']);
  t.equal(readFileSync(path, 'utf8'), 'every copy is an original');
  t.equal(statSync(path).mode & 0o777, 0o600);
});

void t.test('a file that is given up leaves nothing', async (t) => {
  const directory = scratch(t);
  const taker = await FileTaker.create(join(directory, 'page'));
  await taker.take(noise(1_000));
  await taker.discard();
  t.same(readdirSync(directory), []);
});

void t.test('whatever lies under the name stays, and is not opened', async (t) => {
  const directory = scratch(t);
  const place = (name: string): string => join(directory, name);
  writeFileSync(place('file'), 'mine');
  mkdirSync(place('folder'));
  symlinkSync(place('nowhere'), place('dangling'));
  t.equal(spawnSync('mkfifo', [place('pipe')]).status, 0);
  const before = readdirSync(directory);
  for (const name of before) await t.rejects(FileTaker.create(place(name)), { code: 'target_exists' }, name);
  t.same(readdirSync(directory), before);
  t.equal(readFileSync(place('file'), 'utf8'), 'mine');
});

void t.test('what came to lie under the name meanwhile stays', async (t) => {
  const directory = scratch(t);
  const path = join(directory, 'page');
  const taker = await FileTaker.create(path);
  await taker.take(noise(10));
  writeFileSync(path, 'mine');
  await t.rejects(taker.finish(), { code: 'target_exists' });
  t.same(readdirSync(directory), ['page']);
  t.equal(readFileSync(path, 'utf8'), 'mine');
});

void t.test('a folder that is missing, or is none, is target_unwritable', async (t) => {
  const directory = scratch(t);
  writeFileSync(join(directory, 'file'), '');
  await t.rejects(FileTaker.create(join(directory, 'missing', 'page')), { code: 'target_unwritable' });
  await t.rejects(FileTaker.create(join(directory, 'file', 'page')), { code: 'target_unwritable' });
  await t.rejects(FileTaker.create('/proc/page'), { code: 'target_unwritable' });
  const vanishing = await FileTaker.create(join(directory, 'page'));
  rmSync(directory, { recursive: true });
  await t.rejects(vanishing.finish(), { code: 'target_unwritable' });
});

void t.test('a name may be as long as the file system takes, in any script', async (t) => {
  const directory = scratch(t);
  for (const name of ['x'.repeat(255), '文'.repeat(85)]) {
    const taker = await FileTaker.create(join(directory, name));
    await taker.finish();
    t.same(readdirSync(directory), [name]);
    rmSync(join(directory, name));
  }
  await t.rejects(FileTaker.create(join(directory, 'x'.repeat(256))), { code: 'target_unwritable' });
  t.same(readdirSync(directory), []);
});

const disk = smallDisk(t, '1m');
void t.test(
  'a full disk is disk_full, and nothing stays on it',
  disk === undefined ? { skip: 'mounting a small disk needs root' } : {},
  async (t) => {
    const taker = await FileTaker.create(join(disk ?? '', 'page'));
    await t.rejects(taker.take(noise(2 * 1024 * 1024)), { code: 'disk_full' });
    await taker.discard();
    t.same(readdirSync(disk ?? ''), []);
  },
);

void t.test('a stream hands on a chunk when the one before is taken, and ends as it is told', async (t) => {
  const taker = new StreamTaker();
  const chunks = taker.read();
  let credited = false;
  const taken = taker.take(Buffer.from('one')).then(() => (credited = true));
  t.same((await chunks.next()).value, Buffer.from('one'));
  t.notOk(credited, 'not before the reader comes back');
  const next = chunks.next();
  await taken;
  void taker.take(Buffer.from('two'));
  taker.finish();
  t.same((await next).value, Buffer.from('two'), 'what was offered before the end is still given');
  t.same(await chunks.next(), { value: undefined, done: true });
});
