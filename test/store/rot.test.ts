/**
 * Disks that change what they hold: bits of slots and of the index, lost and replaced files. Whatever happens, no wrong block is
 * returned, every opening succeeds, and nothing is lost beyond the slots that rotted.
 */
import { cpSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ANCHOR_BYTES } from '../../store/layout.ts';
import { SLOT_BYTES, SLOT_USED_BYTES } from '../../store/slot.ts';
import { blockOf, keyOf } from '../compliance/block-store.ts';
import { coins } from './power-cut.ts';
import {
  FULL,
  check,
  flip,
  flipSlot,
  isBlock,
  openWith,
  putAll,
  range,
  scratch,
  silent,
  slotsPath,
} from './stores.ts';

const CAPACITY = { store: 12, cache: 12 };
/** The format number in the index: a changed one is taken for what it says. */
const USER_VERSION = { from: 60, to: 64 };

void t.test(
  'a slot with any changed byte is dropped, its neighbours stay, and its place is used again',
  async (t) => {
    const coin = coins(11);
    const places = [0, 15, 16, 39, 40, 41, 46, 47, SLOT_USED_BYTES - 1];
    for (let more = 0; more < (FULL ? 200 : 3); more++) places.push(Math.floor(coin() * SLOT_USED_BYTES));
    for (const at of places) {
      const directory = scratch(t);
      const first = await openWith(directory, { store: 4, cache: 1 });
      await putAll(first, range(0, 4), 'store');
      await putAll(first, [9], 'cache');
      await first.close();
      flipSlot(directory, 2, at);
      const second = await openWith(directory, { store: 4, cache: 1 });
      const { lost, wrong } = await check(second, [0, 1, 2, 3, 9]);
      t.same({ lost, wrong }, { lost: 1, wrong: 0 }, `bit at ${at}`);
      await putAll(second, range(0, 4), 'store');
      await putAll(second, [9], 'cache');
      t.same(await check(second, [0, 1, 2, 3, 9]), { lost: 0, wrong: 0 });
      t.same(await second.verify(), { slots: 5, blocks: 5, damaged: 0, free: 0 });
      await second.close();
    }
  },
);

void t.test('verify finds and drops every damaged slot and no other, while puts go on', async (t) => {
  const directory = scratch(t);
  const store = await openWith(directory, { store: 50, cache: 50 });
  await silent(store);
  await putAll(store, range(0, 50), 'store');
  await putAll(store, range(50, 20), 'cache');
  for (const slot of [3, 40, 41, 99]) flipSlot(directory, slot, 20);
  // Whether a slot is free or used, a changed id is damage: its row would tell it from the others.
  flipSlot(directory, 60, 3);
  const steps: number[] = [];
  const verifying = store.verify(({ slots }) => steps.push(slots));
  await putAll(store, range(200, 10), 'cache');
  const report = await verifying;
  t.equal(report.slots, 100);
  t.equal(report.blocks + report.free + report.damaged, 100);
  t.equal(steps.at(-1), 100);
  t.ok(steps.length >= 4, 'piece by piece');
  const again = await store.verify();
  t.match(again, { slots: 100, damaged: 0 });
  const { lost, wrong } = await check(store, [...range(0, 70), ...range(200, 10)]);
  t.equal(wrong, 0);
  t.ok(
    lost <= report.damaged && report.damaged <= 5 && report.damaged >= 1,
    `${lost} lost, ${report.damaged} damaged`,
  );
  await store.close();
});

void t.test(
  'damage that is met while the store runs drops the block, and another may be put under its key',
  async (t) => {
    const directory = scratch(t);
    const store = await openWith(directory, { store: 2, cache: 1 });
    await putAll(store, [0, 1], 'store');
    for (const slot of [0, 1, 2]) flipSlot(directory, slot, 100);
    t.equal(await store.get(keyOf(0)), undefined);
    t.equal(store.stats().parts.store.blocks, 1);
    t.equal(
      await store.put(keyOf(0), blockOf(0, 1), { part: 'store' }),
      'written',
      'no collision with what is gone',
    );
    t.ok(isBlock(await store.get(keyOf(0)), 0, 1));
    await store.close();
    rmSync(join(directory, 'index.sqlite'));
    const again = await openWith(directory, { store: 2, cache: 1 });
    t.ok(isBlock(await again.get(keyOf(0)), 0, 1), 'the old one does not come back with a new index');
    await again.close();
  },
);

void t.test(
  'of two slots with one key the one that was written later counts, whichever comes first',
  async (t) => {
    for (const order of [
      [0, 1],
      [1, 0],
    ] as const) {
      const older = scratch(t);
      const store = await openWith(older, { store: 1, cache: 1 });
      await putAll(store, [0], 'cache');
      await store.close();
      const before = readFileSync(slotsPath(older));
      const again = await openWith(older, { store: 1, cache: 1 });
      await putAll(again, [0], 'store');
      await again.close();
      const after = readFileSync(slotsPath(older));
      const cut = (file: Buffer, slot: number) =>
        file.subarray(2 * ANCHOR_BYTES + slot * SLOT_BYTES, 2 * ANCHOR_BYTES + (slot + 1) * SLOT_BYTES);
      t.notOk(cut(before, 0).equals(cut(after, 0)) && cut(before, 1).equals(cut(after, 1)), 'it moved');
      // Both copies of both slots, in either order: free ones are dropped, the two of the block compete.
      const slots = order.flatMap((which) => [0, 1].map((slot) => cut(which === 0 ? before : after, slot)));
      writeFileSync(slotsPath(older), Buffer.concat([after.subarray(0, 2 * ANCHOR_BYTES), ...slots]));
      rmSync(join(older, 'index.sqlite'));
      const found = await openWith(older, { store: 2, cache: 2 });
      t.match(found.stats().parts, { store: { blocks: 1 }, cache: { blocks: 0 } }, 'as it was moved');
      t.ok(isBlock(await found.get(keyOf(0)), 0));
      await found.close();
    }
  },
);

void t.test('a slots file that ends early loses the slots that it lost', async (t) => {
  for (const cut of [1, 293, 294, SLOT_BYTES - 1, SLOT_BYTES]) {
    const directory = scratch(t);
    const first = await openWith(directory, { store: 3, cache: 3 });
    await putAll(first, range(0, 3), 'store');
    await putAll(first, range(3, 3), 'cache');
    await first.close();
    truncateSync(slotsPath(directory), statSync(slotsPath(directory)).size - cut);
    const second = await openWith(directory, { store: 3, cache: 3 });
    t.same(await check(second, range(0, 6)), { lost: 1, wrong: 0 }, `${cut} bytes less`);
    t.match(second.stats().slots, { filled: 6, total: 6 }, 'the missing slot is filled again');
    await second.close();
  }
});

type Harm = readonly [what: string, (path: string, coin: () => number) => void];

const HARMS: readonly Harm[] = [
  ['is gone', (path) => rmSync(path)],
  ['is empty', (path) => truncateSync(path, 0)],
  ['ends early', (path, coin) => truncateSync(path, Math.floor(coin() * statSync(path).size))],
  [
    'is garbage',
    (path, coin) =>
      writeFileSync(path, Buffer.from(Array.from({ length: statSync(path).size }, () => coin() * 256))),
  ],
  [
    'has a garbage page',
    (path, coin) => {
      const bytes = readFileSync(path);
      const at = 1_024 * Math.floor((coin() * bytes.length) / 1_024);
      for (let byte = Math.max(at, 100); byte < Math.min(at + 1_024, bytes.length); byte++)
        bytes[byte] = coin() * 256;
      writeFileSync(path, bytes);
    },
  ],
  ...Array.from({ length: FULL ? 300 : 4 }, (): Harm => [
    'has a flipped bit',
    (path, coin) => {
      const at = Math.floor(coin() * statSync(path).size);
      if (at >= USER_VERSION.from && at < USER_VERSION.to) return;
      flip(path, { at, mask: 1 << Math.floor(coin() * 8) });
    },
  ]),
];

/** A store that was not closed: its log has commits that are not folded in. The files are copied while it is open. */
async function crashed(copyTo: string, source: string): Promise<void> {
  const store = await openWith(source, CAPACITY);
  for (const number of range(0, 12)) await putAll(store, [number], 'store');
  for (const number of range(12, 12)) await putAll(store, [number], 'cache');
  for (const number of [24, 25]) await putAll(store, [number], 'store');
  for (const number of [26, 27]) await putAll(store, [number], 'cache');
  cpSync(source, copyTo, { recursive: true });
  await store.close();
}

void t.test('an index of which any file is harmed costs no block and gives no wrong one', async (t) => {
  const present = [...range(2, 10), ...range(14, 14)];
  const evicted = [0, 1, 12, 13];
  const source = scratch(t);
  const image = join(scratch(t), 'image');
  await crashed(image, source);
  t.ok(statSync(join(image, 'index.sqlite-wal')).size > 0, 'the log counts');
  const coin = coins(5);
  const states = [
    { from: image, files: ['index.sqlite', 'index.sqlite-wal'] },
    { from: source, files: ['index.sqlite', 'recency'] },
  ];
  for (const { from, files } of states) {
    for (const file of files) {
      const total = { lost: 0, wrong: 0, back: 0 };
      for (const [what, harm] of HARMS) {
        const directory = join(scratch(t), 'store');
        cpSync(from, directory, { recursive: true });
        harm(join(directory, file), coin);
        const store = await openWith(directory, CAPACITY);
        const { lost, wrong } = await check(store, present);
        if (lost + wrong > 0) t.comment(`${file} ${what}: ${lost} lost`);
        total.lost += lost;
        total.wrong += wrong;
        total.back += evicted.length - (await check(store, evicted)).lost;
        t.same((await store.verify()).damaged, 0, `${file} ${what}`);
        await putAll(store, range(100, 12), 'store');
        t.same(await check(store, range(100, 12)), { lost: 0, wrong: 0 });
        await store.close();
        const again = await openWith(directory, CAPACITY);
        t.same(
          await check(
            again,
            [...range(100, 12), ...range(16, 12)].filter(
              (number) => number < 24 || number >= 100 || number > 25,
            ),
          ),
          { lost: 0, wrong: 0 },
        );
        await again.close();
      }
      t.same(total, { lost: 0, wrong: 0, back: 0 }, file);
    }
  }
});

void t.test('an index that goes bad while the store runs is made again and the put succeeds', async (t) => {
  const module = new URL('./corrupt-index.ts', import.meta.url).href;
  // The first commits are those of the opening: two of the new index, one of the fill.
  for (let corruptAt = 2; corruptAt < (FULL ? 40 : 12); corruptAt++) {
    const directory = scratch(t);
    const store = await openWith(directory, CAPACITY, { io: { module, options: { corruptAt } } });
    for (const number of range(0, 8)) await putAll(store, [number], number < 4 ? 'store' : 'cache');
    // A move.
    await putAll(store, [4], 'store');
    await putAll(store, range(20, 20), 'store');
    t.same(await check(store, range(28, 12)), { lost: 0, wrong: 0 }, `commit ${corruptAt}`);
    t.same(await check(store, [5, 6, 7]), { lost: 0, wrong: 0 });
    t.same(await store.verify(), { slots: 24, blocks: 15, damaged: 0, free: 9 });
    await store.close();
    const again = await openWith(directory, CAPACITY);
    t.same(await check(again, [...range(28, 12), 5, 6, 7]), { lost: 0, wrong: 0 });
    t.match(again.stats().parts, { store: { blocks: 12 }, cache: { blocks: 3 } });
    await again.close();
  }
});
