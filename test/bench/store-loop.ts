/**
 * How late the main thread's events come while the disk is slow: a node's mix of puts and gets at a fixed rate, each sync, commit
 * and checkpoint of the disk's thread lasting 200 ms longer; and the same without, which shows what the machine itself adds.
 *
 * `monitorEventLoopDelay` counts the time between two of its ticks, so a loop that is never late shows 1 ms.
 */
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { blockOf, keyOf } from '../compliance/block-store.ts';
import { type Row, row } from './harness.ts';
import { meter, readMeter } from './store-disk.ts';
import { forAll, makeSilent, openMetered, partOf, say } from './store-load.ts';

const GOAL_MS = 20;
const DELAY_MS = 200;
const SECONDS = 6;
const TICK_MS = 10;
/** 500 puts a second, 16 MB: fewer than a batch in the 400 ms that one takes. */
const PUTS_PER_TICK = 5;
/** 1,000 gets a second, 33 MB. */
const GETS_PER_TICK = 10;
/** One get in five is for a block that is not there. */
const ABSENT_EVERY = 5;
const PRESENT = 500;
const SLOTS = 2 * (PRESENT + (SECONDS * 1_000 * PUTS_PER_TICK) / TICK_MS);
const ABSENT_FROM = 1_000_000;

export async function benchLoop(directory: string): Promise<Row[]> {
  const slow = await delays(join(directory, 'slow'), DELAY_MS);
  const plain = await delays(join(directory, 'plain'), 0);
  return [
    row({ name: 'loop.p99ms', value: slow, unit: 'ms', goal: GOAL_MS, better: 'lower' }),
    row({ name: 'loop.plainDisk.p99ms', value: plain, unit: 'ms', better: 'lower' }),
  ];
}

async function delays(directory: string, delayMs: number): Promise<number> {
  makeSilent(directory, SLOTS);
  const shared = meter();
  const store = await openMetered(directory, { slots: SLOTS, disk: { delayMs, meter: shared } });
  const blocks = Array.from({ length: PRESENT }, (_, number) => blockOf(number));
  const put = async (number: number) => {
    const block = blocks[number % PRESENT] ?? blockOf(0);
    const outcome = await store.put(keyOf(number), block, { part: partOf(number) });
    if (outcome !== 'written') throw new Error(`a new block was ${outcome}`);
  };
  const get = async (number: number) => {
    const found = await store.get(keyOf(number));
    if ((found !== undefined) !== number < ABSENT_FROM) throw new Error('a get found what it should not');
  };
  const present = Array.from({ length: PRESENT }, (_, number) => number);
  await forAll(present, { atOnce: PRESENT }, put);

  const calls: Promise<void>[] = [];
  const before = readMeter(shared);
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  for (let turn = 0; turn < (SECONDS * 1_000) / TICK_MS; turn++) {
    for (let item = 0; item < PUTS_PER_TICK; item++) calls.push(put(PRESENT + turn * PUTS_PER_TICK + item));
    for (let item = 0; item < GETS_PER_TICK; item++) {
      const number = turn * GETS_PER_TICK + item;
      calls.push(get(number % ABSENT_EVERY === 0 ? ABSENT_FROM + number : number % PRESENT));
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  await Promise.all(calls);
  histogram.disable();
  const after = readMeter(shared);
  const ms = (share: number) => histogram.percentile(share) / 1e6;
  say(
    `event loop, syncs and commits ${delayMs} ms slower: p50 ${ms(50).toFixed(1)}, p99 ${ms(99).toFixed(1)}, ` +
      `most ${ms(100).toFixed(1)} ms during ${after.sync.calls - before.sync.calls} batches`,
  );
  if (after.sync.calls === before.sync.calls) throw new Error('the disk was never used');
  await store.close();
  return ms(99);
}
