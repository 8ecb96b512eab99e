/**
 * Real processes that write and are killed with -9 in the middle: nothing acknowledged is lost, nothing wrong is returned.
 * A kill leaves the page cache, so this says nothing about power cuts: those are power-loss.test.ts. Kills while the store
 * fills are crash-fill.test.ts.
 */
import t from 'tap';
import { equalBytes } from '../../keys/index.ts';
import { openSlotStore } from '../../store/index.ts';
import { blockOf, keyOf } from '../compliance/block-store.ts';
import { IN_FLIGHT, writeAndKill } from './killed-writer.ts';
import { KEY, scratch } from './stores.ts';

const ROUNDS = process.env['MIMEO_TEST_FULL'] ? 250 : 6;
const CHECK_ALL_EVERY = 25;
/** The blocks of the last few rounds. */
const NEWEST = 1_000;
const MIB = 1024 * 1024;

void t.test('with room for all, every acknowledged block is there after each of several kills', async (t) => {
  const directory = scratch(t);
  const sizeBytes = 8 * MIB + ROUNDS * 16 * MIB;
  const acknowledged: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const firstNumber = round * 10_000;
    acknowledged.push(
      ...(await writeAndKill({ directory, sizeBytes, firstNumber, killAfter: 40 + (round % 10) * 17 })),
    );
    const store = await openSlotStore({ directory, sizeBytes, key: KEY });
    let lost = 0;
    let wrong = 0;
    // All of them each time would take as long as the square of the rounds.
    const isLong = round % CHECK_ALL_EVERY === CHECK_ALL_EVERY - 1 || round === ROUNDS - 1;
    for (const number of isLong ? acknowledged : acknowledged.slice(-NEWEST)) {
      const found = await store.get(keyOf(number));
      if (!found) lost++;
      else if (!equalBytes(found, blockOf(number))) wrong++;
    }
    const last = acknowledged.at(-1) ?? 0;
    for (let number = last + 1; number <= last + 2 * IN_FLIGHT; number++) {
      const found = await store.get(keyOf(number));
      if (found && !equalBytes(found, blockOf(number))) wrong++;
    }
    t.same({ lost, wrong }, { lost: 0, wrong: 0 }, `round ${round}, ${acknowledged.length} acknowledged`);
    t.ok(store.stats().usedBytes <= sizeBytes);
    await store.close();
  }
});

void t.test(
  'while blocks are evicted, a kill loses none of the newest and returns nothing wrong',
  async (t) => {
    const directory = scratch(t);
    const sizeBytes = 8 * MIB;
    for (let round = 0; round < ROUNDS; round++) {
      const firstNumber = round * 10_000;
      const acknowledged = await writeAndKill({
        directory,
        sizeBytes,
        firstNumber,
        killAfter: 400 + (round % 10) * 31,
      });
      const store = await openSlotStore({ directory, sizeBytes, key: KEY });
      const { parts } = store.stats();
      for (const part of ['store', 'cache'] as const) {
        const mine = acknowledged.filter((number) => (number % 4 === 0 ? 'cache' : 'store') === part);
        // Room was taken after a block's own by those acknowledged later, by those of its own batch and by those in flight.
        const certain = parts[part].capacityBlocks - 2 * IN_FLIGHT;
        t.ok(mine.length > certain && certain > 0, 'there was eviction');
        let lost = 0;
        let wrong = 0;
        for (const [fromNewest, number] of mine.toReversed().entries()) {
          const found = await store.get(keyOf(number));
          if (!found && fromNewest < certain) lost++;
          if (found && !equalBytes(found, blockOf(number))) wrong++;
        }
        t.same(
          { lost, wrong },
          { lost: 0, wrong: 0 },
          `${part}, round ${round}, ${mine.length} acknowledged`,
        );
      }
      await store.close();
    }
  },
);
