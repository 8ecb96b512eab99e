/**
 * A disk that is really full: a tmpfs of 2 MiB, mounted for the test. Mounting needs root; without it these tests are skipped, and
 * say so.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { StoreError, openSlotStore } from '../../store/index.ts';
import type { DiskStore } from '../../store/index.ts';
import { diskError } from '../../store/disk-error.ts';
import { blockOf, keyOf } from '../compliance/block-store.ts';
import { KEY, MIB, check, range, silent } from './stores.ts';

/** The mount point, or undefined when this user may not mount. */
function smallDisk(t: Test): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'mimeo-disk-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const mounted = spawnSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', directory]).status === 0;
  if (!mounted) return undefined;
  // Lazily, because a test that failed may have left the store open.
  t.teardown(() => spawnSync('/bin/umount', ['--lazy', directory]));
  return directory;
}

const disk = smallDisk(t);
const options = disk ? {} : { skip: 'mounting a small disk needs root' };

/** Puts `numbers` at once and gives those that were written; every other one must have been refused for want of room. */
async function tryAll(t: Test, store: DiskStore, numbers: readonly number[]): Promise<number[]> {
  const results = await Promise.allSettled(
    numbers.map((number) => store.put(keyOf(number), blockOf(number), { part: 'store' })),
  );
  for (const result of results)
    if (result.status === 'rejected') t.match(result.reason, { code: 'disk_full' });
  return numbers.filter((_, index) => results[index]?.status === 'fulfilled');
}

/** Writes until nothing more goes in. */
function fillUp(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const sizeBytes of [65_536, 4_096, 512, 1])
      for (;;) if (writeSync(file, new Uint8Array(sizeBytes)) < sizeBytes) break;
  } catch (error) {
    t.match(error, { code: 'ENOSPC' });
  } finally {
    closeSync(file);
  }
}

void t.test(
  'a disk with room for a part of the store: it uses what it could fill, and fills the rest later',
  options,
  async (t) => {
    const directory = join(disk ?? '', 'store');
    const ballast = join(disk ?? '', 'ballast');
    writeFileSync(ballast, new Uint8Array(1.3 * MIB));
    const sizeBytes = 1.9 * MIB;
    const store = await openSlotStore({ directory, sizeBytes, key: KEY });
    const { filled, total } = store.stats().slots;
    t.ok(filled > 5 && filled < total, `${filled} of ${total} slots`);
    t.notOk(store.stats().silent);
    t.same(await tryAll(t, store, range(0, filled)), range(0, filled), 'one part may use all of them');
    t.same(await check(store, range(0, filled)), { lost: 0, wrong: 0 });
    t.same(await tryAll(t, store, [100, 101]), [100, 101], 'then the oldest makes room');
    t.same(await check(store, [0, 1]), { lost: 2, wrong: 0 });
    t.equal(
      await store.put(keyOf(200), blockOf(200), { part: 'cache' }),
      'written',
      'the other part takes its share back',
    );
    t.match(store.stats().parts, { store: { blocks: filled - 1 }, cache: { blocks: 1 } });

    rmSync(ballast);
    await store.resize(sizeBytes);
    const later = range(300, Math.floor(total / 2) - filled + 1);
    t.same(await tryAll(t, store, later), later);
    await silent(store);
    t.same(store.stats().slots, { filled: total, total });
    t.same(await check(store, [...range(3, filled - 3), 100, 101, 200, ...later]), { lost: 0, wrong: 0 });
    await store.close();
    rmSync(directory, { recursive: true });
  },
);

void t.test(
  'a disk that others fill up: puts are refused or written, and what was acknowledged stays',
  options,
  async (t) => {
    const directory = join(disk ?? '', 'store');
    const ballast = join(disk ?? '', 'ballast');
    const sizeBytes = 1.5 * MIB;
    const store = await openSlotStore({ directory, sizeBytes, key: KEY });
    const { capacityBlocks } = store.stats().parts.store;
    t.same(await tryAll(t, store, range(0, capacityBlocks)), range(0, capacityBlocks));
    fillUp(ballast);
    const written: number[] = [];
    for (let number = 100; number < 160; number++) written.push(...(await tryAll(t, store, [number])));
    t.ok(written.length < 60, `${written.length} of 60 were written`);
    const refused = range(100, 60).filter((number) => !written.includes(number));
    t.same(await check(store, written.slice(-4)), { lost: 0, wrong: 0 });
    t.equal((await check(store, refused)).lost, refused.length);
    rmSync(ballast);
    const later = range(200, capacityBlocks);
    t.same(await tryAll(t, store, later), later);
    t.same(await check(store, later), { lost: 0, wrong: 0 });
    t.match(await store.verify(), { damaged: 0 }, 'no slot was lost to the failures');
    t.match(store.stats().parts.store, { blocks: capacityBlocks });
    await store.close();
    const again = await openSlotStore({ directory, sizeBytes, key: KEY });
    t.same(await check(again, later), { lost: 0, wrong: 0 });
    await again.close();
    rmSync(directory, { recursive: true });
  },
);

void t.test('a store cannot be made on a full disk', options, async (t) => {
  const ballast = join(disk ?? '', 'ballast');
  fillUp(ballast);
  await t.rejects(openSlotStore({ directory: join(disk ?? '', 'late'), sizeBytes: MIB, key: KEY }), {
    code: 'disk_full',
  });
  rmSync(ballast);
  rmSync(join(disk ?? '', 'late'), { recursive: true, force: true });
});

void t.test('a disk that is read-only is a failure of the disk, and nothing is lost', options, async (t) => {
  const directory = join(disk ?? '', 'store');
  const store = await openSlotStore({ directory, sizeBytes: MIB, key: KEY });
  t.same(await tryAll(t, store, range(0, 5)), range(0, 5));
  await store.close();
  const remount = (mode: string) => spawnSync('/bin/mount', ['-o', `remount,${mode}`, disk ?? '']).status;
  t.equal(remount('ro'), 0);
  await t.rejects(openSlotStore({ directory, sizeBytes: MIB, key: KEY }), { code: 'disk_failed' });
  t.equal(remount('rw'), 0);
  const again = await openSlotStore({ directory, sizeBytes: MIB, key: KEY });
  t.same(await check(again, range(0, 5)), { lost: 0, wrong: 0 });
  await again.close();
});

void t.test('errors of the system become two codes, and bugs stay bugs', async (t) => {
  const system = (code: string) =>
    Object.assign(new Error(`${code}: said the system`), { code, syscall: 'write' });
  for (const code of ['ENOSPC', 'EDQUOT', 'EFBIG'])
    t.equal(diskError('writing', system(code)).code, 'disk_full');
  for (const code of ['EIO', 'EROFS', 'EACCES'])
    t.equal(diskError('writing', system(code)).code, 'disk_failed');
  t.match(diskError('writing a block', system('EIO')), { message: 'writing a block: EIO: said the system' });
  const already = new StoreError('store_format', 'of another version');
  t.equal(diskError('opening', already), already);
  t.throws(() => diskError('writing', new TypeError('a bug')), new TypeError('a bug'));
});
