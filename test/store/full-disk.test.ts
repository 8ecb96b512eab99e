/**
 * A disk that is really full: a tmpfs of 2 MiB, mounted for the test. Mounting needs root; without it these tests are skipped, and
 * say so.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { equalBytes } from '../../keys/index.ts';
import { StoreError, openSlotStore } from '../../store/index.ts';
import type { BlockStore } from '../../store/index.ts';
import { diskError } from '../../store/disk-error.ts';
import { blockOf, keyOf } from '../compliance/block-store.ts';

const MIB = 1024 * 1024;

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
async function putAll(t: Test, store: BlockStore, numbers: readonly number[]): Promise<number[]> {
  const results = await Promise.allSettled(
    numbers.map((number) => store.put(keyOf(number), blockOf(number), 'store')),
  );
  for (const result of results)
    if (result.status === 'rejected') t.match(result.reason, { code: 'disk_full' });
  return numbers.filter((_, index) => results[index]?.status === 'fulfilled');
}

async function lost(store: BlockStore, numbers: readonly number[]): Promise<number[]> {
  const missing: number[] = [];
  for (const number of numbers) {
    const found = await store.get(keyOf(number));
    if (!found || !equalBytes(found, blockOf(number))) missing.push(number);
  }
  return missing;
}

void t.test(
  'a full disk refuses puts, keeps what it acknowledged, and is used again when there is room',
  options,
  async (t) => {
    const directory = join(disk ?? '', 'store');
    const ballast = join(disk ?? '', 'ballast');
    writeFileSync(ballast, new Uint8Array(1.5 * MIB));
    // Room for 31 blocks in each part, on a disk with room for about 15 in all.
    const sizeBytes = 2 * MIB + 4_096;
    const store = await openSlotStore({ directory, sizeBytes });
    const { capacityBlocks } = store.stats().parts.store;
    const written: number[] = [];
    for (let number = 0; number < capacityBlocks; number++)
      written.push(...(await putAll(t, store, [number])));
    t.ok(written.length > 10 && written.length < capacityBlocks, `${written.length} were written`);
    t.same(await putAll(t, store, [100, 101, 102, 103]), [], 'several at once are refused as well');
    t.same(await lost(store, written), []);
    t.equal(await store.get(keyOf(100)), undefined);

    rmSync(ballast);
    const later = Array.from({ length: capacityBlocks - written.length }, (_, index) => 200 + index);
    t.same(await putAll(t, store, later), later);
    t.equal(store.stats().parts.store.blocks, capacityBlocks, 'no slot was lost to the failures');
    t.same(await lost(store, [...written, ...later]), []);
    t.same(await putAll(t, store, [300]), [300], 'and then the oldest makes room');
    t.equal(await store.get(keyOf(written[0] ?? 0)), undefined);
    await store.close();

    const again = await openSlotStore({ directory, sizeBytes });
    t.same(await lost(again, [...written.slice(1), ...later, 300]), []);
    t.equal(again.stats().parts.store.blocks, capacityBlocks);
    await again.close();
    rmSync(directory, { recursive: true });
  },
);

void t.test('a store cannot be made on a full disk', options, async (t) => {
  const ballast = join(disk ?? '', 'ballast');
  try {
    writeFileSync(ballast, new Uint8Array(3 * MIB));
  } catch {
    // Now it is full.
  }
  await t.rejects(openSlotStore({ directory: join(disk ?? '', 'late'), sizeBytes: MIB }), {
    code: 'disk_full',
  });
  rmSync(ballast);
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
