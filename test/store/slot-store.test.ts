/** The slot store: its contract, what it finds again at the next opening, and what it makes of files that were changed meanwhile. */
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { equalBytes } from '../../keys/index.ts';
import type { Block } from '../../keys/index.ts';
import { openSlotStore, storeLimits } from '../../store/index.ts';
import type { BlockStore, StorePart } from '../../store/index.ts';
import { FILE_HEAD_BYTES } from '../../store/slot-file.ts';
import { SLOT_BYTES } from '../../store/slot.ts';
import { blockOf, blockStoreCompliance, keyOf } from '../compliance/block-store.ts';

function scratch(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'mimeo-store-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A store with exactly these capacities, and not a byte more. */
function openWith(
  directory: string,
  capacityBlocks: Readonly<Record<StorePart, number>>,
): Promise<BlockStore> {
  const storeBytes = FILE_HEAD_BYTES + capacityBlocks.store * SLOT_BYTES;
  const sizeBytes = storeBytes + FILE_HEAD_BYTES + capacityBlocks.cache * SLOT_BYTES;
  return openSlotStore({ directory, sizeBytes, storeShare: storeBytes / sizeBytes });
}

function bytesIn(directory: string): number {
  return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}

function isBlock(found: Block | undefined, number: number): boolean {
  return found !== undefined && equalBytes(found, blockOf(number));
}

/** Writes over the bytes of a slot as a failing disk would. */
function damage(path: string, { slot, at, bytes }: { slot: number; at: number; bytes: Uint8Array }): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, FILE_HEAD_BYTES + slot * SLOT_BYTES + at);
  closeSync(file);
}

const parents = mkdtempSync(join(tmpdir(), 'mimeo-store-'));
t.teardown(() => rmSync(parents, { recursive: true, force: true }));
blockStoreCompliance(t, (capacityBlocks) => openWith(mkdtempSync(join(parents, 'store-')), capacityBlocks));

void t.test('half of the size goes to each part unless a share is given', async (t) => {
  const sizeBytes = 100 * SLOT_BYTES;
  const halves = await openSlotStore({ directory: scratch(t), sizeBytes });
  t.match(halves.stats().parts, { store: { capacityBlocks: 49 }, cache: { capacityBlocks: 49 } });
  const uneven = await openSlotStore({ directory: scratch(t), sizeBytes, storeShare: 0.8 });
  t.match(uneven.stats().parts, { store: { capacityBlocks: 79 }, cache: { capacityBlocks: 19 } });
  await Promise.all([halves.close(), uneven.close()]);
});

void t.test('the files never pass the size, and usedBytes is what they take', async (t) => {
  const directory = scratch(t);
  const store = await openWith(directory, { store: 5, cache: 3 });
  for (let number = 0; number < 20; number++) {
    await store.put(keyOf(number), blockOf(number), number % 2 ? 'store' : 'cache');
    t.equal(bytesIn(directory), store.stats().usedBytes);
    t.ok(store.stats().usedBytes <= store.stats().limitBytes);
  }
  t.equal(store.stats().usedBytes, store.stats().limitBytes);
  await store.close();
});

void t.test('what was put is there after closing and opening, each in its part', async (t) => {
  const directory = scratch(t);
  const first = await openWith(directory, { store: 8, cache: 8 });
  await Promise.all(
    Array.from({ length: 12 }, (_, number) =>
      first.put(keyOf(number), blockOf(number), number < 6 ? 'store' : 'cache'),
    ),
  );
  await first.close();
  const second = await openWith(directory, { store: 8, cache: 8 });
  t.match(second.stats().parts, { store: { blocks: 6 }, cache: { blocks: 6 } });
  for (let number = 0; number < 12; number++) t.ok(isBlock(await second.get(keyOf(number)), number));
  await second.close();
});

void t.test('evicted and moved blocks stay away after opening again', async (t) => {
  const directory = scratch(t);
  const first = await openWith(directory, { store: 2, cache: 2 });
  await first.put(keyOf(9), blockOf(9), 'cache');
  await first.put(keyOf(9), blockOf(9), 'store');
  for (let number = 0; number < 5; number++) await first.put(keyOf(number), blockOf(number), 'store');
  await first.close();
  const second = await openWith(directory, { store: 2, cache: 2 });
  t.match(second.stats().parts, { store: { blocks: 2 }, cache: { blocks: 0 } });
  for (const number of [9, 0, 1, 2]) t.equal(await second.get(keyOf(number)), undefined);
  for (const number of [3, 4]) t.ok(isBlock(await second.get(keyOf(number)), number));
  await second.close();
});

void t.test('opening with less room keeps what fits and cuts the files', async (t) => {
  const directory = scratch(t);
  const large = await openWith(directory, { store: 8, cache: 8 });
  for (let number = 0; number < 8; number++) await large.put(keyOf(number), blockOf(number), 'store');
  await large.close();
  const small = await openWith(directory, { store: 3, cache: 1 });
  t.equal(small.stats().parts.store.blocks, 3);
  t.equal(bytesIn(directory), small.stats().usedBytes);
  t.ok(small.stats().usedBytes <= small.stats().limitBytes);
  for (let number = 0; number < 3; number++) t.ok(isBlock(await small.get(keyOf(number)), number));
  await small.close();
});

void t.test('a block that was changed on disk is not returned, and its place is used again', async (t) => {
  for (const at of [0, 31, 32, 47, 48, 20_000, 48 + 32_923]) {
    const directory = scratch(t);
    const first = await openWith(directory, { store: 2, cache: 1 });
    await first.put(keyOf(0), blockOf(0), 'store');
    await first.put(keyOf(1), blockOf(1), 'store');
    await first.close();
    const path = join(directory, 'store.slots');
    const before = readFileSync(path)[FILE_HEAD_BYTES + at] ?? 0;
    damage(path, { slot: 0, at, bytes: Uint8Array.of(before ^ 1) });
    const second = await openWith(directory, { store: 2, cache: 1 });
    t.equal(await second.get(keyOf(0)), undefined, `bit at ${at}`);
    t.ok(isBlock(await second.get(keyOf(1)), 1), 'its neighbour is untouched');
    t.equal(await second.put(keyOf(0), blockOf(0), 'store'), 'written');
    t.ok(isBlock(await second.get(keyOf(0)), 0));
    t.ok(isBlock(await second.get(keyOf(1)), 1));
    t.ok(second.stats().usedBytes <= second.stats().limitBytes);
    await second.close();
  }
});

void t.test('damage that is met while the store runs drops the block and nothing else', async (t) => {
  const directory = scratch(t);
  const store = await openWith(directory, { store: 2, cache: 1 });
  await store.put(keyOf(0), blockOf(0), 'store');
  await store.put(keyOf(1), blockOf(1), 'store');
  damage(join(directory, 'store.slots'), { slot: 0, at: 100, bytes: new Uint8Array(4_096) });
  t.equal(await store.get(keyOf(0)), undefined);
  t.equal(store.stats().parts.store.blocks, 1);
  t.equal(await store.put(keyOf(0), blockOf(0, 1), 'store'), 'written', 'no collision with what is gone');
  t.ok(isBlock(await store.get(keyOf(1)), 1));
  await store.close();
  const again = await openWith(directory, { store: 2, cache: 1 });
  t.ok(equalBytes((await again.get(keyOf(0))) ?? new Uint8Array(), blockOf(0, 1)));
  await again.close();
});

void t.test('a damaged copy in the store does not hide the whole one in the cache', async (t) => {
  const directory = scratch(t);
  const first = await openWith(directory, { store: 1, cache: 1 });
  await first.put(keyOf(0), blockOf(0), 'cache');
  await first.close();
  // As a crash in the middle of a move leaves it: the head is in the store's file, the block is not.
  const cacheFile = readFileSync(join(directory, 'cache.slots'));
  writeFileSync(join(directory, 'store.slots'), cacheFile.fill(0, FILE_HEAD_BYTES + 1_000));
  const second = await openWith(directory, { store: 1, cache: 1 });
  t.match(second.stats().parts, { store: { blocks: 1 }, cache: { blocks: 1 } });
  t.ok(isBlock(await second.get(keyOf(0)), 0));
  t.equal(second.stats().parts.store.blocks, 0);
  await second.close();
});

void t.test('of two slots with one key the whole one counts, whichever comes first', async (t) => {
  for (const torn of [0, 1]) {
    const directory = scratch(t);
    const first = await openWith(directory, { store: 3, cache: 1 });
    await first.put(keyOf(0), blockOf(0), 'store');
    await first.close();
    const path = join(directory, 'store.slots');
    const file = readFileSync(path);
    writeFileSync(path, Buffer.concat([file, file.subarray(FILE_HEAD_BYTES)]));
    damage(path, { slot: torn, at: 5_000, bytes: new Uint8Array(512) });
    const second = await openWith(directory, { store: 3, cache: 1 });
    t.equal(second.stats().parts.store.blocks, 1);
    t.ok(isBlock(await second.get(keyOf(0)), 0));
    for (const number of [1, 2])
      t.equal(await second.put(keyOf(number), blockOf(number), 'store'), 'written');
    for (const number of [0, 1, 2])
      t.ok(isBlock(await second.get(keyOf(number)), number), 'no slot was lost');
    await second.close();
  }
});

void t.test('a file that ends in the middle of a slot loses that slot alone', async (t) => {
  for (const cut of [1, 307, 400, SLOT_BYTES - 1, SLOT_BYTES]) {
    const directory = scratch(t);
    const first = await openWith(directory, { store: 3, cache: 1 });
    for (let number = 0; number < 3; number++) await first.put(keyOf(number), blockOf(number), 'store');
    await first.close();
    truncateSync(join(directory, 'store.slots'), FILE_HEAD_BYTES + 3 * SLOT_BYTES - cut);
    const second = await openWith(directory, { store: 3, cache: 1 });
    t.equal(await second.get(keyOf(2)), undefined);
    for (const number of [0, 1]) t.ok(isBlock(await second.get(keyOf(number)), number));
    t.equal(await second.put(keyOf(2), blockOf(2), 'store'), 'written');
    t.ok(isBlock(await second.get(keyOf(2)), 2));
    await second.close();
  }
});

void t.test('a file cut off while it was made is made again', async (t) => {
  for (const bytes of [0, 1, 20, FILE_HEAD_BYTES - 1]) {
    const directory = scratch(t);
    await (await openWith(directory, { store: 1, cache: 1 })).close();
    truncateSync(join(directory, 'cache.slots'), bytes);
    const store = await openWith(directory, { store: 1, cache: 1 });
    t.equal(await store.put(keyOf(0), blockOf(0), 'cache'), 'written');
    await store.close();
  }
});

void t.test('a file of another format, slot size or program is refused and left as it is', async (t) => {
  const changes: [at: number, what: string, message: RegExp][] = [
    [35, 'format', /has format 3 with slots of 33280 bytes; this version reads format 1/],
    [39, 'slot size', /with slots of 33282 bytes/],
    [0, 'magic', /is not a store of mimeo/],
    [FILE_HEAD_BYTES - 1, 'reserved bytes', /has format 1/],
  ];
  for (const [at, what, message] of changes) {
    const directory = scratch(t);
    await (await openWith(directory, { store: 1, cache: 1 })).close();
    const path = join(directory, 'cache.slots');
    const file = readFileSync(path);
    file[at] = (file[at] ?? 0) ^ 2;
    writeFileSync(path, file);
    await t.rejects(openWith(directory, { store: 1, cache: 1 }), { code: 'store_format', message }, what);
    t.ok(readFileSync(path).equals(file));
  }
});

void t.test('a short file of another program is refused, not overwritten', async (t) => {
  const directory = scratch(t);
  writeFileSync(join(directory, 'store.slots'), 'a letter');
  await t.rejects(openWith(directory, { store: 1, cache: 1 }), { code: 'store_format' });
  t.equal(readFileSync(join(directory, 'store.slots'), 'utf8'), 'a letter');
});

void t.test('a directory that cannot be made or used is a failure of the disk', async (t) => {
  const directory = scratch(t);
  writeFileSync(join(directory, 'file'), '');
  await t.rejects(openWith(join(directory, 'file', 'below'), { store: 1, cache: 1 }), {
    code: 'disk_failed',
  });
});

void t.test(
  'more puts at once than the limit are refused with store_busy, and the others are all written',
  async (t) => {
    const limit = storeLimits.putsPending.value;
    const store = await openWith(scratch(t), { store: limit, cache: 1 });
    const puts = Array.from({ length: limit + 5 }, (_, number) =>
      store.put(keyOf(number), blockOf(number), 'store'),
    );
    const results = await Promise.allSettled(puts);
    t.equal(results.filter((result) => result.status === 'fulfilled').length, limit);
    t.match(results.at(-1), { status: 'rejected', reason: { code: 'store_busy' } });
    t.equal(store.stats().parts.store.blocks, limit);
    t.equal(await store.put(keyOf(limit), blockOf(limit), 'store'), 'written', 'it accepts again');
    await store.close();
  },
);

void t.test('more gets at once than the limit are refused with store_busy', async (t) => {
  const limit = storeLimits.getsPending.value;
  const store = await openWith(scratch(t), { store: 1, cache: 1 });
  await store.put(keyOf(0), blockOf(0), 'store');
  const results = await Promise.allSettled(Array.from({ length: limit + 1 }, () => store.get(keyOf(0))));
  t.equal(results.filter((result) => result.status === 'fulfilled').length, limit);
  t.ok(isBlock(await store.get(keyOf(0)), 0));
  await store.close();
});

void t.test('a get during the write of its block is answered', async (t) => {
  const store = await openWith(scratch(t), { store: 1, cache: 1 });
  const put = store.put(keyOf(0), blockOf(0), 'store');
  t.equal(store.stats().parts.store.blocks, 0, 'not durable yet');
  t.ok(isBlock(await store.get(keyOf(0)), 0));
  t.equal(await put, 'written');
  await store.close();
});
