/** Real processes that are killed with -9 while the store that they write to is still being filled. */
import t from 'tap';
import { openSlotStore } from '../../store/index.ts';
import { writeAndKill } from './killed-writer.ts';
import { KEY, check, range, scratch } from './stores.ts';

const ROUNDS = process.env['MIMEO_TEST_FULL'] ? 500 : 8;
const MIB = 1024 * 1024;

void t.test(
  'a writer that is killed while its store fills loses nothing, and the fill goes on',
  async (t) => {
    const directory = scratch(t);
    const sizeBytes = 24 * MIB;
    const acknowledged: number[] = [];
    let filled = 0;
    for (let round = 0; round < ROUNDS; round++) {
      // A handful of blocks each time: there is room for all of them in the part that gets the fewest.
      const firstNumber = round * 10_000;
      const run = { directory, sizeBytes, firstNumber, killAfter: 1 + (round % 5) };
      acknowledged.push(...(await writeAndKill(run)));
      const store = await openSlotStore({ directory, sizeBytes, key: KEY });
      const { slots, parts } = store.stats();
      t.ok(slots.filled >= filled, 'what was filled stays filled');
      filled = slots.filled;
      const newest = acknowledged.slice(-parts.cache.capacityBlocks / 4);
      t.same(await check(store, newest), { lost: 0, wrong: 0 }, `round ${round}`);
      t.same((await check(store, range(firstNumber, 400))).wrong, 0);
      if (round === ROUNDS - 1) {
        while (!store.stats().silent) await store.verify();
        t.match(store.stats().slots, { filled: slots.total });
      }
      await store.close();
    }
  },
);
