/** A disk that refuses single calls: what was being put is refused, what was acknowledged stays, and the store goes on. */
import t from 'tap';
import { StoreError } from '../../store/index.ts';
import { sizeForSlots } from '../../store/layout.ts';
import { blockOf, keyOf } from '../compliance/block-store.ts';
import type { Failures } from './failing-disk.ts';
import { FULL, check, isBlock, openWith, putAll, range, scratch } from './stores.ts';

const MODULE = new URL('./failing-disk.ts', import.meta.url).href;
const CAPACITY = { store: 10, cache: 10 };

function failing(options: Failures): { io: { module: string; options: Failures } } {
  return { io: { module: MODULE, options } };
}

void t.test(
  'any single call that fails during puts costs the puts of its batch and nothing else',
  async (t) => {
    for (const kind of ['write', 'sync', 'commit'] as const) {
      for (const code of ['EIO', 'ENOSPC', 'EROFS'] as const) {
        // The opening takes a few calls; which ones is not ours to know: one that fails then is a failure to open.
        for (let call = 1; call <= (FULL ? 40 : 14); call += FULL ? 1 : 6) {
          const directory = scratch(t);
          const written: number[] = [];
          const refused: number[] = [];
          try {
            const store = await openWith(directory, CAPACITY, failing({ code, fail: { [kind]: [call] } }));
            for (const number of range(0, 10)) {
              const part = number % 2 ? 'store' : 'cache';
              try {
                await store.put(keyOf(number), blockOf(number), { part });
                written.push(number);
              } catch (error) {
                t.match(error, { code: code === 'ENOSPC' ? 'disk_full' : 'disk_failed' });
                refused.push(number);
              }
            }
            t.ok(refused.length <= 1, `${kind} ${call} with ${code}`);
            t.same(await check(store, written), { lost: 0, wrong: 0 });
            for (const number of refused) {
              t.equal(await store.get(keyOf(number)), undefined);
              t.equal(
                await store.put(keyOf(number), blockOf(number, 1), { part: 'store' }),
                'written',
                'other bytes',
              );
              t.ok(isBlock(await store.get(keyOf(number)), number, 1));
            }
            await store.close();
          } catch (error) {
            t.ok(error instanceof StoreError, 'it fails in the store’s own words');
          }
          const again = await openWith(directory, CAPACITY);
          t.same(await check(again, written), { lost: 0, wrong: 0 });
          for (const number of refused) t.ok(isBlock(await again.get(keyOf(number)), number, 1));
          t.equal((await again.verify()).damaged, 0);
          await again.close();
        }
      }
    }
  },
);

void t.test(
  'a store whose shrinking fails goes on with its old size, and shrinks at the next attempt',
  async (t) => {
    for (const fail of [{ truncate: [1] }, { commit: range(9, 3) }, { sync: range(9, 3) }]) {
      const store = await openWith(scratch(t), CAPACITY, failing({ code: 'EIO', fail }));
      for (const number of range(0, 5)) await putAll(store, [number], 'store');
      const attempts: string[] = [];
      for (let attempt = 0; attempt < 12; attempt++) {
        try {
          await store.resize(sizeForSlots(10));
          attempts.push('done');
          break;
        } catch (error) {
          t.match(error, { code: 'disk_failed' });
          attempts.push('failed');
          t.match(store.stats().slots, { total: 20 });
          t.equal(store.stats().limitBytes, sizeForSlots(20));
        }
      }
      t.match(attempts.join(), /^(failed,)+done$/);
      t.match(store.stats(), { slots: { filled: 10, total: 10 }, limitBytes: sizeForSlots(10) });
      t.ok(store.stats().usedBytes <= sizeForSlots(10));
      t.same(await check(store, range(0, 5)), { lost: 0, wrong: 0 });
      t.equal((await store.verify()).damaged, 0);
      await store.close();
    }
  },
);

void t.test('a recency file that cannot be written costs the order alone', async (t) => {
  const directory = scratch(t);
  const store = await openWith(directory, CAPACITY, failing({ code: 'ENOSPC', fail: { saveRecency: [1] } }));
  await putAll(store, range(0, 10), 'store');
  await store.close();
  const again = await openWith(directory, CAPACITY);
  t.same(await check(again, range(0, 10)), { lost: 0, wrong: 0 });
  await again.close();
});
