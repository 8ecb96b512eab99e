import * as fc from 'fast-check';
import t, { type Test } from 'tap';
import { fileLayout, listBytes, type Level } from '../../client/layout.ts';
import { clientLimits } from '../../client/limits.ts';
import { decodeMetadata, encodeMetadata, isMimeType, type Metadata } from '../../client/metadata.ts';
import { type CborValue, cryptoKey, encodeCbor, ParseError } from '../../keys/index.ts';
import { runs, throwsParseError } from '../keys/samples.ts';
import { noise } from './files.ts';

const inline = { v: 1, type: 'text/plain', size: 3, hash: noise(32), data: noise(3) };
const file = { size: 100_000, check: 0, keys: noise(4 * 32) };
const split = { v: 1, type: 'text/plain', size: 100_000, hash: noise(32), file };
const packed = { ...split, size: 500_000, pack: 'zstd', packed: 100_000 };

function refuses(t: Test, name: string, value: CborValue): void {
  throwsParseError(t, () => decodeMetadata(encodeCbor(value), fileLayout), { code: 'bad_metadata', name });
}

/** What `fields` is without one of them. */
function without(fields: Record<string, CborValue>, name: string): Record<string, CborValue> {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name));
}

const levelLists = fc
  .record({
    sizeBytes: fc.integer({ min: 1, max: 2 ** 36 }),
    checks: fc.array(fc.integer({ min: 0, max: 128 }), { minLength: 1, maxLength: 4 }),
  })
  .map(({ sizeBytes, checks }) => {
    let size = sizeBytes;
    const levels: Level[] = checks.map((check) => {
      const level = { sizeBytes: size, check };
      size = listBytes(level, fileLayout);
      return level;
    });
    return levels;
  })
  .filter((levels) => {
    const last = levels.at(-1);
    return last !== undefined && listBytes(last, fileLayout) <= 4_096;
  });

const metadata: fc.Arbitrary<Metadata> = fc
  .record({
    mimeType: fc.constantFrom('text/html; charset=utf-8', 'image/png', 'application/x-a.b+c'),
    plainBytes: fc.integer({ min: 0, max: 2 ** 40 }),
    isPacked: fc.boolean(),
    hash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    body: fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((data) => ({ type: 'inline' as const, data })),
      fc.record({
        type: fc.constant('splitfile' as const),
        key: fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 }).map(cryptoKey), { nil: undefined }),
        levels: levelLists,
      }),
    ),
  })
  .map(({ mimeType, plainBytes, isPacked, hash, body }) => {
    const stored = body.type === 'inline' ? body.data.length : (body.levels[0]?.sizeBytes ?? 0);
    const sizes = isPacked
      ? { sizeBytes: plainBytes, packedBytes: stored }
      : { sizeBytes: stored, packedBytes: undefined };
    if (body.type === 'inline') return { mimeType, hash, ...sizes, body };
    const last = body.levels.at(-1);
    const keys = noise(last === undefined ? 0 : listBytes(last, fileLayout));
    return { mimeType, hash, ...sizes, body: { ...body, keys } };
  });

void t.test('metadata comes back as it was written', async (t) => {
  fc.assert(
    fc.property(metadata, (value) => {
      t.same(decodeMetadata(encodeMetadata(value), fileLayout), value);
    }),
    runs(300),
  );
});

void t.test('the samples that the refusals below start from are accepted', async (t) => {
  for (const value of [inline, split, packed, { ...split, key: noise(32) }]) {
    t.ok(decodeMetadata(encodeCbor(value), fileLayout));
  }
});

void t.test('a missing field is refused', async (t) => {
  for (const name of Object.keys(inline)) refuses(t, name, without(inline, name));
  for (const name of Object.keys(packed)) if (name !== 'pack') refuses(t, name, without(packed, name));
  for (const name of Object.keys(file)) refuses(t, `file.${name}`, { ...split, file: without(file, name) });
});

void t.test('an unknown field is refused, wherever it stands', async (t) => {
  refuses(t, 'in the metadata', { ...inline, extra: 1 });
  refuses(t, 'in the splitfile', { ...split, file: { ...file, extra: 1 } });
  refuses(t, 'inherited by every object', { ...inline, constructor: 1 });
});

void t.test('fields that exclude each other are refused', async (t) => {
  refuses(t, 'data and file', { ...inline, file });
  refuses(t, 'keys and list', { ...split, file: { ...file, list: file } });
  refuses(t, 'key without file', { ...inline, key: noise(32) });
  refuses(t, 'packed without pack', { ...inline, packed: 3 });
  refuses(t, 'pack without packed', { ...inline, pack: 'zstd' });
});

void t.test('another version is refused, whatever else it says', async (t) => {
  for (const v of [0, 2, '1', null, [1], noise(1)]) refuses(t, JSON.stringify(v), { ...inline, v });
  refuses(t, 'version 2 with new fields', { v: 2, type: 'x', size: 'y', hash: 0, z: 1 });
});

void t.test('a field of another type is refused', async (t) => {
  const others: CborValue[] = [null, true, -1, 'text', noise(32), [1], { a: 1 }];
  for (const other of others) {
    const name = JSON.stringify(other);
    refuses(t, `size ${name}`, { ...inline, size: other });
    refuses(t, `type ${name}`, { ...inline, type: other });
    refuses(t, `data ${name}`, { ...inline, data: other });
    refuses(t, `file ${name}`, { ...split, file: other });
    refuses(t, `keys ${name}`, { ...split, file: { ...file, keys: other } });
    refuses(t, `list ${name}`, { ...split, file: { ...without(file, 'keys'), list: other } });
    refuses(t, `check ${name}`, { ...split, file: { ...file, check: other } });
    refuses(t, `pack ${name}`, { ...packed, pack: other });
    refuses(t, `packed ${name}`, { ...packed, packed: other });
    if (!(other instanceof Uint8Array)) {
      refuses(t, `hash ${name}`, { ...inline, hash: other });
      refuses(t, `key ${name}`, { ...split, key: other });
    }
    refuses(t, `the whole ${name}`, other);
  }
});

void t.test('sizes that do not agree are refused', async (t) => {
  refuses(t, 'more inline data than declared', { ...inline, size: 2 });
  refuses(t, 'less inline data than declared', { ...inline, size: 4 });
  refuses(t, 'a splitfile of another size', { ...split, size: 100_001 });
  refuses(t, 'a splitfile of another packed size', { ...packed, packed: 100_001 });
  refuses(t, 'one key too few', { ...split, file: { ...file, keys: noise(3 * 32) } });
  refuses(t, 'one key too many', { ...split, file: { ...file, keys: noise(5 * 32) } });
  refuses(t, 'half a key', { ...split, file: { ...file, keys: noise(3 * 32 + 16) } });
  refuses(t, 'no keys for check blocks', { ...split, file: { ...file, check: 1 } });
  refuses(t, 'a list of another size', {
    ...split,
    file: { size: 100_000, check: 0, list: { ...file, size: 96, keys: noise(32) } },
  });
  refuses(t, 'a splitfile of nothing', { ...split, size: 0, file: { size: 0, check: 0, keys: noise(0) } });
  refuses(t, 'a short hash', { ...inline, hash: noise(31) });
  refuses(t, 'a long key', { ...split, key: noise(33) });
});

void t.test('sizes above the limits are refused', async (t) => {
  const most = clientLimits.fileBytes.value;
  refuses(t, 'a zstd bomb of a size that no file has', { ...packed, size: most + 1 });
  refuses(t, 'the largest integer', { ...packed, size: Number.MAX_SAFE_INTEGER });
  refuses(t, 'stored', { ...split, size: most + 1, file: { ...file, size: most + 1 } });
  const check = clientLimits.checkBlocksPerSegment.value;
  const keys = (count: number) => ({
    ...split,
    file: { ...file, check: count, keys: noise((4 + count) * 32) },
  });
  t.ok(decodeMetadata(encodeCbor(keys(check)), fileLayout));
  refuses(t, 'check blocks', keys(check + 1));
});

void t.test('levels are bounded, and one of any depth is never followed further', async (t) => {
  const nested = (levels: number) => {
    // Levels of one block each: the list of one key is again one block.
    let list: CborValue = { size: levels === 1 ? 7 : 32, check: 0, keys: noise(32) };
    for (let level = levels - 1; level >= 1; level--) list = { size: level === 1 ? 7 : 32, check: 0, list };
    return { ...split, size: 7, file: list };
  };
  const most = clientLimits.splitfileLevels.value;
  for (let levels = 1; levels <= most; levels++) t.ok(decodeMetadata(encodeCbor(nested(levels)), fileLayout));
  refuses(t, 'one level more', nested(most + 1));
});

void t.test('a type that would break a header line is refused', async (t) => {
  const bad = [
    '',
    'text',
    'text/',
    '/plain',
    'text/plain\r\nSet-Cookie: a',
    'text/plain;\n',
    'a b/c',
    'text/plä',
    'a/b,c/d',
  ];
  for (const type of [...bad, `text/${'a'.repeat(255)}`]) {
    t.notOk(isMimeType(type), JSON.stringify(type));
    refuses(t, JSON.stringify(type), { ...inline, type });
  }
  for (const type of ['text/plain', 'text/html;charset=utf-8', 'text/html ; a="b c"', 'image/svg+xml']) {
    t.ok(isMimeType(type), type);
  }
});

void t.test('no bytes whatsoever do anything but parse or give a ParseError', async () => {
  const encoded = encodeCbor(packed);
  const isParsedOrRefused = (bytes: Uint8Array) => {
    try {
      decodeMetadata(bytes, fileLayout);
      return true;
    } catch (error) {
      return error instanceof ParseError && error.code === 'bad_metadata';
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), isParsedOrRefused), runs(500));
  fc.assert(
    fc.property(fc.nat(encoded.length - 1), fc.nat(255), fc.nat(encoded.length), (at, byte, end) => {
      const changed = encoded.slice();
      changed[at] = byte;
      return isParsedOrRefused(changed) && isParsedOrRefused(changed.subarray(0, end));
    }),
    runs(2_000),
  );
});
