/**
 * Real processes that write and are killed with -9 in the middle: nothing acknowledged is lost, nothing wrong is returned.
 * A kill leaves the page cache, so this says nothing about power cuts: those are power-loss.test.ts.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { equalBytes } from '../../keys/index.ts';
import { openSlotStore } from '../../store/index.ts';
import { blockOf, keyOf } from '../compliance/block-store.ts';
import { KEY, check, range, scratch } from './stores.ts';

const ROUNDS = process.env['MIMEO_TEST_FULL'] ? 250 : 6;
const FILL_ROUNDS = process.env['MIMEO_TEST_FULL'] ? 500 : 8;
const IN_FLIGHT = 24;
const CHECK_ALL_EVERY = 25;
/** The blocks of the last few rounds. */
const NEWEST = 1_000;
const MIB = 1024 * 1024;

interface Run {
  readonly directory: string;
  readonly sizeBytes: number;
  readonly firstNumber: number;
  readonly killAfter: number;
}

/** Kills the writer once it has reported `killAfter` blocks, and gives the numbers of all that it reported until it was dead. */
async function writeAndKill({ directory, sizeBytes, firstNumber, killAfter }: Run): Promise<number[]> {
  const writer = fileURLToPath(new URL('./crash-writer.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    [writer, directory, String(sizeBytes), String(firstNumber), String(IN_FLIGHT)],
    // tap's loader in NODE_OPTIONS has no business in the child.
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } },
  );
  let reported = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    reported += text;
    if (reported.split('\n').length > killAfter) child.kill('SIGKILL');
  });
  const [code, signal] = await once(child, 'close');
  if (signal !== 'SIGKILL') throw new Error(`the writer ended by itself with ${String(code)}`);
  // The last line may be cut.
  return reported.split('\n').slice(0, -1).map(Number);
}

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

void t.test(
  'a writer that is killed while its store fills loses nothing, and the fill goes on',
  async (t) => {
    const directory = scratch(t);
    const sizeBytes = 24 * MIB;
    const acknowledged: number[] = [];
    let filled = 0;
    for (let round = 0; round < FILL_ROUNDS; round++) {
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
      if (round === FILL_ROUNDS - 1) {
        while (!store.stats().silent) await store.verify();
        t.match(store.stats().slots, { filled: slots.total });
      }
      await store.close();
    }
  },
);
