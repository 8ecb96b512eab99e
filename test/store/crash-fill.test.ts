/** Real processes that are killed with -9 while the store that they write to is still being filled. */
import t from 'tap';
import { openSlotStore } from '../../store/index.ts';
import { IN_FLIGHT, writeAndKill } from './killed-writer.ts';
import { KEY, check, range, scratch } from './stores.ts';

const ROUNDS = process.env['MIMEO_TEST_FULL'] ? 500 : 8;
const MIB = 1024 * 1024;

void t.test(
  'a writer that is killed while its store fills loses nothing, and the fill goes on',
  async (t) => {
    const directory = scratch(t);
    const sizeBytes = 24 * MIB;
    const rounds: number[][] = [];
    let filled = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const firstNumber = round * 10_000;
      const run = { directory, sizeBytes, firstNumber, killAfter: 1 + (round % 5) };
      rounds.push(await writeAndKill(run));
      const store = await openSlotStore({ directory, sizeBytes, key: KEY });
      const { slots, parts } = store.stats();
      t.ok(slots.filled >= filled, 'what was filled stays filled');
      filled = slots.filled;
      const certain = newestWithin(rounds, parts.cache.capacityBlocks);
      t.same(await check(store, certain), { lost: 0, wrong: 0 }, `round ${round}`);
      t.same((await check(store, range(firstNumber, 400))).wrong, 0);
      if (round === ROUNDS - 1) {
        while (!store.stats().silent) await store.verify();
        t.match(store.stats().slots, { filled: slots.total });
      }
      await store.close();
    }
  },
);

/** The blocks of the last rounds, as many as one part has room for if all that was in flight was written too. */
function newestWithin(rounds: readonly number[][], capacityBlocks: number): number[] {
  const newest: number[] = [];
  let room = capacityBlocks;
  for (const acknowledged of rounds.toReversed()) {
    room -= acknowledged.length + IN_FLIGHT;
    if (room < 0) break;
    newest.push(...acknowledged);
  }
  return newest;
}
