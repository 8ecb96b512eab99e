import * as fc from 'fast-check';
import t from 'tap';
import zlib from 'node:zlib';
import { type Layout, listBytes } from '../../client/layout.ts';
import { encodeMetadata, type Metadata } from '../../client/metadata.ts';
import { Splitter } from '../../client/splitter.ts';
import { cryptoKey, encodeChk, encodeCbor, equalBytes, formatUri } from '../../keys/index.ts';
import { runs } from '../keys/samples.ts';
import type { Run } from './driver.ts';
import { get, noise, tinyLayout } from './files.ts';
import { MemoryNetwork, placeName, sha256 } from './world.ts';

const key = cryptoKey(noise(32));

/** Puts a payload into a CHK block at all places. */
function insertBlock(network: MemoryNetwork, payload: Uint8Array): { uri: string; routingKey: Uint8Array } {
  const { routingKey, block } = encodeChk({ cryptoKey: key, payload });
  for (const salt of [0, 1, 2] as const) network.blocks.set(placeName(routingKey, salt), block);
  return {
    routingKey,
    uri: formatUri({ kind: 'chk', form: 'request', routingKey, cryptoKey: key, path: [] }),
  };
}

function fetchPayload(payload: Uint8Array, network = new MemoryNetwork()): Run & { written: Uint8Array } {
  return get(insertBlock(network, payload).uri, { network, layout: tinyLayout });
}

function fetchMetadata(metadata: Metadata, network?: MemoryNetwork): Run & { written: Uint8Array } {
  return fetchPayload(encodeMetadata(metadata), network);
}

/** Inline content with declarations that need not be true. */
function inline(data: Uint8Array, declared: Partial<Metadata> = {}): Metadata {
  const body = { type: 'inline', data } as const;
  return {
    mimeType: 'a/b',
    sizeBytes: data.length,
    hash: sha256(data),
    packedBytes: undefined,
    body,
    ...declared,
  };
}

const isBad = { type: 'failed', code: 'bad_metadata' };

void t.test(
  'a top block that is no metadata ends a download with bad_metadata, whatever it holds',
  async () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (payload) => {
        const { outcome, written } = fetchPayload(payload);
        return outcome.type === 'failed' && outcome.code === 'bad_metadata' && written.length === 0;
      }),
      runs(300),
    );
  },
);

void t.test('content that does not hash to what is declared ends with bad_metadata', async (t) => {
  const content = noise(100);
  t.match(fetchMetadata(inline(content)).outcome, { type: 'done' });
  t.match(fetchMetadata(inline(content, { hash: noise(32) })).outcome, isBad);
});

void t.test(
  'compressed content that is longer or shorter than declared, or none, ends with bad_metadata',
  async (t) => {
    const content = new Uint8Array(10_000);
    const data = zlib.zstdCompressSync(content);
    const packed = (declared: Partial<Metadata>, bytes: Uint8Array = data) =>
      inline(bytes, {
        packedBytes: bytes.length,
        sizeBytes: content.length,
        hash: sha256(content),
        ...declared,
      });
    t.match(fetchMetadata(packed({})).outcome, { type: 'done' });
    t.match(fetchMetadata(packed({ sizeBytes: 9_999 })).outcome, isBad, 'longer');
    t.match(fetchMetadata(packed({ sizeBytes: 10_001 })).outcome, isBad, 'shorter');
    t.match(
      fetchMetadata(packed({ sizeBytes: 0, hash: sha256(new Uint8Array(0)) })).outcome,
      isBad,
      'declared empty',
    );
    t.match(fetchMetadata(packed({}, noise(50))).outcome, isBad, 'no zstd');
    t.match(fetchMetadata(packed({}, data.subarray(0, 5))).outcome, isBad, 'cut off');
    const two = Uint8Array.from(Buffer.concat([data, data]));
    t.match(fetchMetadata(packed({}, two)).outcome, isBad, 'two frames');
  },
);

void t.test('a bomb stops at the declared size', async (t) => {
  const bomb = zlib.zstdCompressSync(new Uint8Array(5_000_000));
  t.ok(bomb.length < 300);
  const { outcome, written } = fetchMetadata(inline(bomb, { packedBytes: bomb.length, sizeBytes: 1_000 }));
  t.match(outcome, isBad);
  t.equal(written.length, 0);
});

/** Content, its lists and its metadata, honest but for the payloads that `tamper` changes. */
function splitfile(content: Uint8Array, layout: Layout) {
  const network = new MemoryNetwork();
  const levels = [{ sizeBytes: content.length, check: 0 }];
  for (let level = levels[0]; level && listBytes(level, layout) > 128; level = levels.at(-1)) {
    levels.push({ sizeBytes: listBytes(level, layout), check: 0 });
  }
  const splitter = new Splitter({ cryptoKey: key, levels, layout });
  for (let offset = 0; splitter.nextPieceBytes > 0;) {
    const piece = content.subarray(offset, offset + splitter.nextPieceBytes);
    offset += piece.length;
    for (const { key, block } of splitter.push(piece)) network.blocks.set(placeName(key, 0), block);
  }
  const body = { type: 'splitfile', key: undefined, levels, keys: splitter.topKeys } as const;
  return { network, metadata: inline(content, { body }), body };
}

/** A zstd frame (RFC 8878, 3.1.1) of uncompressed blocks, so that the test knows which bytes end which block. */
function rawFrame(blocks: readonly Uint8Array[]): Uint8Array {
  const parts = blocks.map((bytes, index) => {
    const isLast = index === blocks.length - 1 ? 1 : 0;
    const header = Buffer.alloc(3);
    header.writeUIntLE((bytes.length << 3) | isLast, 0, 3);
    return Buffer.concat([header, bytes]);
  });
  return Uint8Array.from(Buffer.concat([Buffer.from('28b52ffd0000', 'hex'), ...parts]));
}

void t.test('compressed content is read to its end even when all declared bytes are there', async (t) => {
  // With the heads of frame and block it ends where the third block of the file ends.
  const content = noise(3 * 64 - 9);
  for (const [rest, expected] of [
    [0, { type: 'done' }],
    [300, isBad],
  ] as const) {
    const stored = rawFrame([content, noise(rest, 2)]);
    const { network, metadata } = splitfile(stored, tinyLayout);
    const declared = { packedBytes: stored.length, sizeBytes: content.length, hash: sha256(content) };
    t.match(fetchMetadata({ ...metadata, ...declared }, network).outcome, expected, `${rest} bytes more`);
  }
});

void t.test('a block of another length than its place demands ends with bad_metadata', async (t) => {
  const { network, metadata, body } = splitfile(noise(1_000), tinyLayout);
  t.match(fetchMetadata(metadata, network).outcome, { type: 'done' });
  for (const length of [0, 1, 63, 65, 32_768]) {
    const wrong = insertBlock(network, noise(length)).routingKey;
    const keys = body.keys.slice();
    keys.set(wrong, 32);
    t.match(
      fetchMetadata({ ...metadata, body: { ...body, keys } }, network).outcome,
      isBad,
      `${length} bytes`,
    );
  }
});

void t.test('a list that names itself is followed no further than its level', async (t) => {
  const { network, metadata, body } = splitfile(noise(1_000), tinyLayout);
  // The first list block of the lowest list again, where the level above expects a list of lists.
  const first = body.keys.subarray(0, 32);
  const keys = body.keys.slice();
  for (let offset = 32; offset < keys.length - 32; offset += 32) keys.set(first, offset);
  const { outcome } = fetchMetadata({ ...metadata, body: { ...body, keys } }, network);
  t.match(outcome, isBad, 'the hash shows it at the end');
});

void t.test('keys of check blocks are stepped over', async (t) => {
  const layout = { ...tinyLayout, dataPerSegment: 2 };
  const content = noise(5 * 64);
  const network = new MemoryNetwork();
  const keyOf = (payload: Uint8Array) => insertBlock(network, payload).routingKey;
  const data = [0, 1, 2, 3, 4].map((index) => keyOf(content.subarray(64 * index, 64 * index + 64)));
  const check = [1, 2, 3, 4, 5, 6].map((seed) => noise(32, 100 + seed));
  // Two check blocks after each of the segments d0 d1, d2 d3 and d4; they lie nowhere.
  const order = [...data.slice(0, 2), ...check.slice(0, 2), ...data.slice(2, 4), ...check.slice(2, 4)];
  const list = Buffer.concat([...order, ...data.slice(4), ...check.slice(4)]);
  const lists: Uint8Array[] = [];
  for (let offset = 0; offset < list.length; offset += 64)
    lists.push(keyOf(list.subarray(offset, offset + 64)));
  const file = {
    size: content.length,
    check: 2,
    list: { size: list.length, check: 0, keys: Uint8Array.from(Buffer.concat(lists)) },
  };
  const { uri } = insertBlock(
    network,
    encodeCbor({ v: 1, type: 'a/b', size: content.length, hash: sha256(content), file }),
  );
  for (const window of [1, 2, 8]) {
    const { outcome, written } = get(uri, { network, layout, window });
    t.equal(outcome.type, 'done');
    t.ok(equalBytes(written, content));
  }
});
