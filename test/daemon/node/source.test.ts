/** Where the bytes of an upload come from, and what a file may do while it is read. */
import { appendFileSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import t from 'tap';
import { Putter } from '../../../client/index.ts';
import { MachineRun } from '../../../daemon/node/machine-run.ts';
import { type OpenContent, Source, fileContent } from '../../../daemon/node/source.ts';
import { VirtualPeer } from '../../../daemon/node/virtual-peer.ts';
import { SeededRandom } from '../../sim/random.ts';
import { noise, prose, scratch, sha256 } from './content.ts';

/** Every piece of the content, in pieces of these sizes and then of the last one. */
async function readAll(source: Source, form: 'plain' | 'zstd', sizes: readonly number[]): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for (let turn = 0; ; turn += 1) {
    const wanted = sizes[Math.min(turn, sizes.length - 1)] ?? 1;
    const answer = await source.read(form, wanted);
    if (answer.type === 'failure') throw new Error(`${answer.code}: ${answer.message}`);
    pieces.push(Uint8Array.from(answer.bytes));
    if (answer.bytes.length < wanted) return Buffer.concat(pieces);
  }
}

/** A putter that only computes keys, on a source: how the upload of a changing file ends. */
function keyOnly(open: OpenContent): MachineRun {
  const network = new VirtualPeer({
    deadlineMs: 1_000,
    dispatch: () => t.fail('nothing is asked of the network'),
  });
  const putter = new Putter({
    target: { type: 'chk', fileName: undefined },
    mimeType: 'text/plain',
    key: { type: 'random' },
    mode: 'keyOnly',
    random: new SeededRandom(1),
  });
  return new MachineRun(putter, { network, priority: 'bulk', source: new Source(open) });
}

void t.test('pieces of any size are the whole content in order, plain or compressed', async (t) => {
  const path = join(scratch(t), 'file');
  const cases = fc.record({
    sizeBytes: fc.oneof(fc.nat(2_000), fc.constantFrom(262_144, 600_000)),
    sizes: fc.array(fc.integer({ min: 1_000, max: 400_000 }), { minLength: 1, maxLength: 5 }),
    make: fc.constantFrom(noise, prose),
  });
  const numRuns = process.env['MIMEO_TEST_FULL'] ? 1_000 : 30;
  await fc.assert(
    fc.asyncProperty(cases, async ({ sizeBytes, sizes, make }) => {
      const content = make(sizeBytes);
      writeFileSync(path, content);
      const measure = await new Source(fileContent(path)).measure();
      const plain = new Source(fileContent(path));
      const packed = new Source(fileContent(path));
      const [asIs, compressed] = [await readAll(plain, 'plain', sizes), await readAll(packed, 'zstd', sizes)];
      t.same(measure, {
        type: 'measured',
        sizeBytes,
        hash: sha256(content),
        compressedBytes: compressed.length,
      });
      t.ok(asIs.equals(content) && zstdDecompressSync(compressed).equals(content));
      const end = { type: 'ended', sizeBytes, hash: sha256(content) };
      t.same([await plain.end(), await packed.end()], [end, end]);
    }),
    { numRuns },
  );
});

void t.test('an empty file has nothing to give', async (t) => {
  const path = join(scratch(t), 'empty');
  writeFileSync(path, '');
  const source = new Source(fileContent(path));
  t.match(await source.measure(), { type: 'measured', sizeBytes: 0 });
  t.match(await source.read('plain', 10), { type: 'bytes', bytes: Buffer.alloc(0) });
  t.match(await source.end(), { type: 'ended', sizeBytes: 0, hash: sha256(Buffer.alloc(0)) });
});

void t.test('an upload whose file changes between its two readings ends as source_changed', async (t) => {
  const path = join(scratch(t), 'file');
  const content = noise(300_000);
  const changes: Readonly<Record<string, () => void>> = {
    grows: () => appendFileSync(path, 'x'),
    shrinks: () => truncateSync(path, 200_000),
    'becomes empty': () => truncateSync(path, 0),
    'has another byte': () => writeFileSync(path, Buffer.concat([content.subarray(1), Buffer.of(1)])),
    vanishes: () => rmSync(path),
  };
  for (const [name, change] of Object.entries(changes)) {
    writeFileSync(path, content);
    let opened = 0;
    const run = keyOnly(() => {
      opened += 1;
      if (opened === 2) change();
      return fileContent(path)();
    });
    t.match(await run.run(), { type: 'failed', code: 'source_changed' }, name);
  }
});

void t.test('a file that can be compressed and changes is source_changed as well', async (t) => {
  const path = join(scratch(t), 'file');
  for (const other of [prose(299_999), prose(300_000, 'other'), prose(310_000)]) {
    writeFileSync(path, prose(300_000));
    let opened = 0;
    const run = keyOnly(() => {
      opened += 1;
      if (opened === 2) writeFileSync(path, other);
      return fileContent(path)();
    });
    t.match(await run.run(), { type: 'failed', code: 'source_changed' });
  }
});

void t.test('a file that becomes unreadable while it is read is source_unreadable', async (t) => {
  const path = join(scratch(t), 'file');
  writeFileSync(path, noise(300_000));
  let opened = 0;
  const run = keyOnly(() => {
    opened += 1;
    if (opened === 2) {
      rmSync(path);
      mkdirSync(path);
    }
    return fileContent(path)();
  });
  t.match(await run.run(), { type: 'failed', code: 'source_unreadable', message: /EISDIR/ });
  t.match(await new Source(fileContent(path)).measure(), { type: 'failure', code: 'source_unreadable' });
});

void t.test('a source that is closed ends what it was doing, and says so as a value', async (t) => {
  const forEver = (): Readable => Readable.from(endless(), { objectMode: false });
  const measured = new Source(forEver);
  const measuring = measured.measure();
  measured.close();
  t.match(await measuring, { type: 'failure' }, 'measuring');
  for (const form of ['plain', 'zstd'] as const) {
    const read = new Source(forEver);
    const reading = read.read(form, 1_000_000_000);
    read.close();
    t.match(await reading, { type: 'failure' }, `reading ${form}`);
  }
});

void t.test('an upload that is cancelled at any moment is cancelled, and lets go of its file', async (t) => {
  for (const turns of [0, 1, 2, 5, 10, 20]) {
    const streams: Readable[] = [];
    const run = keyOnly(() => {
      const stream = Readable.from(endless(), { objectMode: false });
      streams.push(stream);
      return stream;
    });
    const outcome = run.run();
    for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    run.cancel();
    t.same(await outcome, { type: 'cancelled' });
    while (streams.some((stream) => !stream.destroyed)) await new Promise((resolve) => setImmediate(resolve));
    t.equal(streams.length, 1, `after ${turns} turns`);
  }
});

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve));
    yield Buffer.alloc(1_000);
  }
}
