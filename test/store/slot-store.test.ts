/** The slot store: its contract, its bounds, and what it finds again at the next opening. */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import t from 'tap';
import { openSlotStore, storeLimits } from '../../store/index.ts';
import { capacitySlots, sizeForSlots } from '../../store/layout.ts';
import { blockOf, blockStoreCompliance, keyOf } from '../compliance/block-store.ts';
import { KEY, MIB, bytesIn, check, isBlock, openWith, putAll, range, scratch, silent } from './stores.ts';

const parents = mkdtempSync(join(tmpdir(), 'mimeo-store-'));
t.teardown(() => rmSync(parents, { recursive: true, force: true }));
blockStoreCompliance(t, (capacityBlocks, clock) =>
  openWith(mkdtempSync(join(parents, 'store-')), capacityBlocks, { clock }),
);

void t.test('half of the slots go to each part unless a share is given', async (t) => {
  const sizeBytes = sizeForSlots(100);
  const halves = await openSlotStore({ directory: scratch(t), sizeBytes, key: KEY });
  t.match(halves.stats().parts, { store: { capacityBlocks: 50 }, cache: { capacityBlocks: 50 } });
  const uneven = await openSlotStore({ directory: scratch(t), sizeBytes, storeShare: 0.8, key: KEY });
  t.match(uneven.stats().parts, { store: { capacityBlocks: 80 }, cache: { capacityBlocks: 20 } });
  await Promise.all([halves.close(), uneven.close()]);
});

void t.test('without a share for store everything is cache', async (t) => {
  const store = await openSlotStore({
    directory: scratch(t),
    sizeBytes: sizeForSlots(4),
    storeShare: 0,
    key: KEY,
  });
  t.match(store.stats().parts, { store: { capacityBlocks: 0 }, cache: { capacityBlocks: 4 } });
  await putAll(store, range(0, 4), 'store');
  t.match(store.stats().parts, { store: { blocks: 0 }, cache: { blocks: 4 } });
  t.equal(await store.put(keyOf(0), blockOf(0), { part: 'store' }), 'present');
  await putAll(store, [4], 'store');
  t.equal(await store.get(keyOf(1)), undefined);
  await store.close();
});

void t.test('of any size, the files of as many slots as it allows fit it', async () => {
  fc.assert(
    fc.property(fc.double({ min: 16, max: 44, noNaN: true }), (log2) => {
      const sizeBytes = Math.floor(2 ** log2);
      const slots = capacitySlots(sizeBytes);
      return (
        (slots === 0 || sizeForSlots(slots) <= sizeBytes) &&
        sizeForSlots(slots + 1) > sizeBytes &&
        (sizeBytes < MIB || slots * 33_280 > sizeBytes * 0.88)
      );
    }),
  );
});

void t.test('the files never pass the size while the store is used in every way', async (t) => {
  const directory = scratch(t);
  const sizeBytes = 3 * MIB;
  const store = await openSlotStore({ directory, sizeBytes, key: KEY });
  let most = 0;
  const use = { isOn: true };
  const poll = async () => {
    while (use.isOn) {
      most = Math.max(most, bytesIn(directory));
      await sleep(0);
    }
  };
  const polling = poll();
  for (let round = 0; round < 12; round++) {
    const first = round * 100;
    await Promise.all(
      range(first, 100).map((number) =>
        store.put(keyOf(number), blockOf(number), { part: number % 3 ? 'store' : 'cache' }),
      ),
    );
    for (const number of range(first, 20)) await store.put(keyOf(number), blockOf(number), { part: 'store' });
    if (round === 6) await store.resize(2 * MIB);
    if (round === 7) await store.resize(sizeBytes);
    const { usedBytes, limitBytes } = store.stats();
    t.equal(usedBytes, bytesIn(directory));
    t.ok(usedBytes <= limitBytes, `${usedBytes} of ${limitBytes}`);
  }
  await store.close();
  use.isOn = false;
  await polling;
  t.ok(most <= sizeBytes, `${most} at most`);
  t.ok(bytesIn(directory) <= sizeBytes);
});

void t.test(
  'the fill goes on by itself until the store is silent, and after closing in the middle',
  async (t) => {
    const directory = scratch(t);
    const capacity = { store: 300, cache: 300 };
    const first = await openWith(directory, capacity);
    const { filled } = first.stats().slots;
    t.ok(filled >= storeLimits.fillAtOpenSlots.value && filled < 600, `${filled} at opening`);
    t.notOk(first.stats().silent);
    await first.close();
    const second = await openWith(directory, capacity);
    t.ok(second.stats().slots.filled >= filled);
    await silent(second);
    t.same(second.stats().slots, { filled: 600, total: 600 });
    t.same(await second.verify(), { slots: 600, blocks: 0, damaged: 0, free: 600 });
    t.ok(second.stats().usedBytes <= second.stats().limitBytes);
    await second.close();
  },
);

void t.test('what was put is there after closing and opening, each in its part', async (t) => {
  const directory = scratch(t);
  const first = await openWith(directory, { store: 8, cache: 8 });
  await putAll(first, range(0, 6), 'store');
  await putAll(first, range(6, 6), 'cache');
  await first.close();
  t.same(readdirSync(directory).sort(), ['index.sqlite', 'recency', 'store.slots']);
  const second = await openWith(directory, { store: 8, cache: 8 });
  t.match(second.stats().parts, { store: { blocks: 6 }, cache: { blocks: 6 } });
  t.same(await check(second, range(0, 12)), { lost: 0, wrong: 0 });
  await second.close();
});

void t.test('evicted and moved blocks stay away after opening again', async (t) => {
  const directory = scratch(t);
  const first = await openWith(directory, { store: 2, cache: 2 });
  await putAll(first, [9], 'cache');
  await putAll(first, [9], 'store');
  for (const number of range(0, 5)) await putAll(first, [number], 'store');
  await first.close();
  const second = await openWith(directory, { store: 2, cache: 2 });
  t.match(second.stats().parts, { store: { blocks: 2 }, cache: { blocks: 0 } });
  t.same(await check(second, [9, 0, 1, 2]), { lost: 4, wrong: 0 });
  t.same(await check(second, [3, 4]), { lost: 0, wrong: 0 });
  await second.close();
});

void t.test(
  'recency and protection survive a restart, and the loss of the recency file costs the order alone',
  async (t) => {
    for (const loss of ['none', 'file'] as const) {
      const directory = scratch(t);
      let nowMs = 0;
      const clock = () => nowMs;
      const first = await openWith(directory, { store: 5, cache: 2 }, { clock });
      for (const number of range(0, 5)) await putAll(first, [number], 'store');
      await first.get(keyOf(3), 'a');
      await first.get(keyOf(0), 'a');
      await first.get(keyOf(1), 'a');
      nowMs += 86_400_000;
      await first.get(keyOf(0), 'b');
      await first.close();
      if (loss === 'file') rmSync(join(directory, 'recency'));
      const second = await openWith(directory, { store: 5, cache: 2 }, { clock });
      t.match(second.stats().parts.store, { blocks: 5, protectedBlocks: 1 });
      if (loss === 'none') {
        await second.get(keyOf(3), 'c');
        t.match(second.stats().parts.store, { protectedBlocks: 2 }, 'the first link is remembered');
        for (const number of range(10, 2)) await putAll(second, [number], 'store');
        t.same(await check(second, [2, 4]), { lost: 2, wrong: 0 }, 'the two that were not used');
        t.same(await check(second, [0, 1, 3]), { lost: 0, wrong: 0 });
      } else {
        for (const number of range(10, 4)) await putAll(second, [number], 'store');
        t.same(await check(second, [0]), { lost: 0, wrong: 0 }, 'the protected one');
        t.same(await check(second, [1, 2, 3, 4]), { lost: 4, wrong: 0 });
      }
      await second.close();
    }
  },
);

void t.test(
  'the day on which a block came survives a restart, and is forgotten with the recency file',
  async (t) => {
    const DAY_MS = 86_400_000;
    for (const loss of ['none', 'file'] as const) {
      const directory = scratch(t);
      let nowMs = 20_000 * DAY_MS;
      const clock = () => nowMs;
      const first = await openWith(directory, { store: 2, cache: 1 }, { clock });
      await putAll(first, [1, 2], 'store');
      await first.close();
      if (loss === 'file') rmSync(join(directory, 'recency'));
      nowMs += 9 * DAY_MS;
      const second = await openWith(directory, { store: 2, cache: 1 }, { clock });
      const put = (number: number) =>
        second.put(keyOf(number), blockOf(number), { part: 'store', from: 'a' });
      t.equal(await put(3), loss === 'none' ? 'refused' : 'written');
      nowMs += DAY_MS;
      t.equal(await put(4), 'written');
      await second.close();
    }
  },
);

void t.test('a store grows and shrinks while it runs: the oldest go, the others stay', async (t) => {
  const directory = scratch(t);
  const store = await openWith(directory, { store: 40, cache: 40 });
  for (const number of range(0, 40)) await putAll(store, [number], 'store');
  for (const number of range(100, 40)) await putAll(store, [number], 'cache');
  await store.resize(sizeForSlots(20));
  t.match(store.stats().parts, { store: { blocks: 10, capacityBlocks: 10 }, cache: { blocks: 10 } });
  t.ok(store.stats().usedBytes <= sizeForSlots(20));
  t.equal(store.stats().limitBytes, sizeForSlots(20));
  t.same(await check(store, [...range(30, 10), ...range(130, 10)]), { lost: 0, wrong: 0 });
  t.same(await store.verify(), { slots: 20, blocks: 20, damaged: 0, free: 0 });
  await store.resize(sizeForSlots(60));
  t.match(store.stats().parts, { store: { capacityBlocks: 30 }, cache: { capacityBlocks: 30 } });
  await putAll(store, range(200, 20), 'store');
  t.same(await check(store, [...range(30, 10), ...range(200, 20)]), { lost: 0, wrong: 0 });
  await store.close();
  const again = await openWith(directory, { store: 10, cache: 10 });
  t.match(again.stats().parts, { store: { blocks: 10 }, cache: { blocks: 10 } }, 'opened with less room');
  t.ok(again.stats().usedBytes <= sizeForSlots(20));
  t.same(await check(again, range(210, 10)), { lost: 0, wrong: 0 });
  await again.close();
});

void t.test('a store that shrinks while puts arrive keeps what it acknowledged last', async (t) => {
  const store = await openWith(scratch(t), { store: 100, cache: 2 });
  await putAll(store, range(0, 100), 'store');
  const shrinking = store.resize(sizeForSlots(50));
  await t.rejects(store.resize(sizeForSlots(60)), { code: 'store_busy' });
  const outcomes = await Promise.all(
    range(200, 30).map((number) => store.put(keyOf(number), blockOf(number), { part: 'store' })),
  );
  await shrinking;
  t.ok(outcomes.every((outcome) => outcome === 'written'));
  t.same(await check(store, range(200, 30)), { lost: 0, wrong: 0 });
  t.ok(store.stats().usedBytes <= store.stats().limitBytes);
  await store.close();
});

void t.test(
  'a store of format 1, and an index of a newer format, are refused and left as they are',
  async (t) => {
    const old = scratch(t);
    writeFileSync(join(old, 'store.slots'), 'mimeo/store/slots and what follows');
    await t.rejects(openWith(old, { store: 1, cache: 1 }), { code: 'store_format', message: /format 1/ });
    t.equal(readFileSync(join(old, 'store.slots'), 'utf8'), 'mimeo/store/slots and what follows');
    t.same(readdirSync(old), ['store.slots']);
    const half = scratch(t);
    writeFileSync(join(half, 'cache.slots'), '');
    await t.rejects(openWith(half, { store: 1, cache: 1 }), { code: 'store_format' });
    t.same(readdirSync(half), ['cache.slots']);

    const newer = scratch(t);
    const store = await openWith(newer, { store: 1, cache: 1 });
    await putAll(store, [1], 'store');
    await store.close();
    const index = new DatabaseSync(join(newer, 'index.sqlite'));
    index.exec('PRAGMA user_version = 3');
    index.close();
    const files = () => readdirSync(newer).map((name) => [name, readFileSync(join(newer, name), 'base64')]);
    const before = files();
    await t.rejects(openWith(newer, { store: 1, cache: 1 }), { code: 'store_format', message: /format 3/ });
    t.same(files(), before);
  },
);

void t.test('another key is refused, with and without an index, and nothing is lost', async (t) => {
  const directory = scratch(t);
  const store = await openWith(directory, { store: 3, cache: 3 });
  await putAll(store, range(0, 3), 'store');
  await store.close();
  const slots = () => readFileSync(join(directory, 'store.slots'), 'base64');
  const before = slots();
  const key = new Uint8Array(32).fill(8);
  await t.rejects(openWith(directory, { store: 3, cache: 3 }, { key }), {
    code: 'store_format',
    message: /another key/,
  });
  rmSync(join(directory, 'index.sqlite'));
  await t.rejects(openWith(directory, { store: 3, cache: 3 }, { key }), { code: 'store_format' });
  t.equal(slots(), before);
  const again = await openWith(directory, { store: 3, cache: 3 });
  t.same(await check(again, range(0, 3)), { lost: 0, wrong: 0 });
  await again.close();
});

void t.test('a second opener is refused while the first has the store', async (t) => {
  const directory = scratch(t);
  const first = await openWith(directory, { store: 2, cache: 2 });
  await t.rejects(openWith(directory, { store: 2, cache: 2 }), { code: 'data_dir_locked' });
  await putAll(first, [1], 'store');
  t.same(await check(first, [1]), { lost: 0, wrong: 0 });
  await first.close();
  const second = await openWith(directory, { store: 2, cache: 2 });
  t.same(await check(second, [1]), { lost: 0, wrong: 0 });
  await second.close();
});

void t.test('a directory that cannot be made or used is a failure of the disk', async (t) => {
  const directory = scratch(t);
  writeFileSync(join(directory, 'file'), '');
  await t.rejects(openWith(join(directory, 'file', 'below'), { store: 1, cache: 1 }), {
    code: 'disk_failed',
  });
  mkdirSync(join(directory, 'taken', 'store.slots'), { recursive: true });
  await t.rejects(openWith(join(directory, 'taken'), { store: 1, cache: 1 }), { code: 'disk_failed' });
});

void t.test('more puts at once than the limit are refused, and the others are all written', async (t) => {
  const limit = storeLimits.putsPending.value;
  const store = await openWith(scratch(t), { store: limit, cache: 1 });
  const puts = range(0, limit + 5).map((number) =>
    store.put(keyOf(number), blockOf(number), { part: 'store' }),
  );
  const results = await Promise.allSettled(puts);
  t.equal(results.filter((result) => result.status === 'fulfilled').length, limit);
  t.match(results.at(-1), { status: 'rejected', reason: { code: 'store_busy' } });
  t.equal(store.stats().parts.store.blocks, limit, 'none had to make room while the fill went on');
  t.equal(await store.put(keyOf(limit), blockOf(limit), { part: 'store' }), 'written', 'it accepts again');
  await store.close();
});

void t.test('more gets at once than the limit are refused with store_busy', async (t) => {
  const limit = storeLimits.getsPending.value;
  const store = await openWith(scratch(t), { store: 1, cache: 1 });
  await putAll(store, [0], 'store');
  const results = await Promise.allSettled(range(0, limit + 1).map(() => store.get(keyOf(0))));
  t.equal(results.filter((result) => result.status === 'fulfilled').length, limit);
  t.ok(isBlock(await store.get(keyOf(0)), 0));
  await store.close();
});

void t.test('a get during the write of its block is answered', async (t) => {
  const store = await openWith(scratch(t), { store: 1, cache: 1 });
  const put = store.put(keyOf(0), blockOf(0), { part: 'store' });
  t.equal(store.stats().parts.store.blocks, 0, 'not durable yet');
  t.ok(isBlock(await store.get(keyOf(0)), 0));
  t.equal(await put, 'written');
  await store.close();
});
