/**
 * Power cuts at every kind of call (test/store/power-cut.ts): nothing acknowledged is lost but by eviction, nothing wrong is returned,
 * and every opening succeeds.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { StoreError, openSlotStore } from '../../store/index.ts';
import type { DiskStore } from '../../store/index.ts';
import { sizeForSlots } from '../../store/layout.ts';
import { blockOf, keyOf } from '../compliance/block-store.ts';
import { coins } from './power-cut.ts';
import type { PowerCut } from './power-cut.ts';
import { FULL, KEY, isBlock, scratch } from './stores.ts';

const MODULE = new URL('./power-cut.ts', import.meta.url).href;
const SCALE = FULL ? 25 : 1;
const IN_FLIGHT = 4;
const SLOTS = 80;

interface Shadow {
  /** What was acknowledged and not found to be evicted, the least recently used first. */
  acknowledged: number[];
  /** Every number below was tried. */
  next: number;
  /** Tried before the round that is under way. */
  first: number;
}

/** Uses the store until its power fails. Every error must be that of a disk that is gone. */
async function useUntilCut(store: DiskStore, shadow: Shadow, puts: number): Promise<void> {
  let isDead = false;
  const begun = shadow.next;
  const one = async () => {
    while (!isDead && shadow.next < begun + puts) {
      const number = shadow.next++;
      try {
        await store.put(keyOf(number), blockOf(number), { part: number % 4 === 0 ? 'cache' : 'store' });
        shadow.acknowledged.push(number);
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'disk_failed') throw error;
        isDead = true;
      }
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, one));
}

/**
 * Numbers of lost and wrong blocks: of the newest of each part as many must be there as nothing can have pushed out. What is there
 * is used in its order, so that the store's order and the shadow's are one again.
 */
async function losses(
  store: DiskStore,
  shadow: Shadow,
  leastShare: number,
): Promise<{ lost: number; wrong: number }> {
  const { parts } = store.stats();
  const isCertain = new Set<number>();
  for (const part of ['store', 'cache'] as const) {
    const mine = shadow.acknowledged.filter((number) => (number % 4 === 0 ? 'cache' : 'store') === part);
    const certain = Math.floor(parts[part].capacityBlocks * leastShare) - 2 * IN_FLIGHT;
    for (const number of mine.slice(-certain)) isCertain.add(number);
  }
  const wasAcknowledged = new Set(shadow.acknowledged);
  const unacknowledged: number[] = [];
  for (let number = shadow.first; number < shadow.next; number++)
    if (!wasAcknowledged.has(number)) unacknowledged.push(number);
  const present: number[] = [];
  let lost = 0;
  let wrong = 0;
  for (const number of [...shadow.acknowledged, ...unacknowledged]) {
    const found = await store.get(keyOf(number));
    if (!found && isCertain.has(number)) lost++;
    if (!found) continue;
    present.push(number);
    if (!isBlock(found, number)) wrong++;
  }
  shadow.acknowledged = present;
  shadow.first = shadow.next;
  for (let number = shadow.next; number < shadow.next + 20; number++)
    if (await store.get(keyOf(number))) wrong++;
  return { lost, wrong };
}

interface Scenario {
  readonly cuts: number;
  /** The call at which the power fails, at most. */
  readonly calls: number;
  /** Before the opening that will be cut. */
  readonly prepare?: (directory: string, round: number) => void;
  readonly sizeBytes?: (round: number) => number;
  /** The part of the slots that the store keeps at any time. */
  readonly leastShare?: number;
  /** Puts in the openings between those that are cut. */
  readonly steadyPuts?: number;
  readonly use: (store: DiskStore, shadow: Shadow, round: number) => Promise<void>;
}

async function run(
  t: Test,
  seed: number,
  { cuts, calls, prepare, sizeBytes, leastShare = 1, steadyPuts = 0, use }: Scenario,
): Promise<string[]> {
  const parent = scratch(t);
  const log = join(parent, 'log');
  const coin = coins(seed);
  const shadow: Shadow = { acknowledged: [], next: 0, first: 0 };
  let directory = join(parent, '0');
  mkdirSync(directory);
  const total = { lost: 0, wrong: 0 };
  for (let round = 1; round <= cuts; round++) {
    const crashTo = join(parent, String(round));
    const cut: PowerCut = { cutAt: 1 + Math.floor(coin() * calls), seed: seed + round, crashTo, log };
    writeFileSync(log, '', { flag: 'a' });
    const size = sizeBytes?.(round) ?? sizeForSlots(SLOTS);
    prepare?.(directory, round);
    const options = { directory, sizeBytes: size, key: KEY };
    const before = readFileSync(log, 'utf8').length;
    try {
      const store = await openSlotStore({ ...options, io: { module: MODULE, options: cut } });
      await use(store, shadow, round);
      await store.close();
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'disk_failed') throw error;
    }
    if (readFileSync(log, 'utf8').length > before) {
      rmSync(directory, { recursive: true });
      directory = crashTo;
    }
    const store = await openSlotStore({ ...options, directory });
    const { lost, wrong } = await losses(store, shadow, leastShare);
    if (lost + wrong > 0) t.comment(`round ${round}: ${readFileSync(log, 'utf8').trim().split('\n').at(-1)}`);
    total.lost += lost;
    total.wrong += wrong;
    t.ok(store.stats().usedBytes <= store.stats().limitBytes);
    const { damaged } = await store.verify();
    // A batch whose anchor was lost with it leaves slots that their rows do not fit; no more than it had.
    t.ok(damaged <= 2 * IN_FLIGHT, `${damaged} slots of the batch that was cut`);
    await useUntilCut(store, shadow, steadyPuts);
    await store.close();
  }
  t.same(total, { lost: 0, wrong: 0 }, `${shadow.next} were tried`);
  return readFileSync(log, 'utf8').trim().split('\n');
}

void t.test('power cuts during puts, with eviction', async (t) => {
  const cut = await run(t, 1, {
    cuts: 20 * SCALE,
    calls: 90,
    use: (store, shadow) => useUntilCut(store, shadow, 60),
  });
  t.ok(cut.length >= 10, `${cut.length} cuts: ${[...new Set(cut)].join(', ')}`);
});

void t.test('power cuts while the store fills', async (t) => {
  const cut = await run(t, 2, {
    cuts: 6 * SCALE,
    calls: 14,
    sizeBytes: (round) => sizeForSlots(60 + 40 * Math.min(round, 20)),
    use: async (store, shadow) => {
      await useUntilCut(store, shadow, 3);
      // Its chunks are what is cut; without the thread it never ends.
      while (!store.stats().silent) await store.verify();
    },
  });
  t.ok(cut.length >= 3, `${cut.length} cuts: ${[...new Set(cut)].join(', ')}`);
});

void t.test('power cuts while the store shrinks and grows', async (t) => {
  const cut = await run(t, 3, {
    cuts: 6 * SCALE,
    calls: 160,
    leastShare: 0.5,
    use: async (store, shadow) => {
      await useUntilCut(store, shadow, 80);
      await store.resize(sizeForSlots(SLOTS / 2));
      await store.resize(sizeForSlots(SLOTS));
      await useUntilCut(store, shadow, SLOTS);
    },
  });
  t.ok(cut.length >= 3, `${cut.length} cuts: ${[...new Set(cut)].join(', ')}`);
});

void t.test('power cuts while the index is made again', async (t) => {
  const cut = await run(t, 4, {
    cuts: 6 * SCALE,
    calls: 14,
    steadyPuts: 11,
    prepare: (directory) => rmSync(join(directory, 'index.sqlite'), { force: true }),
    use: (store, shadow) => useUntilCut(store, shadow, 12),
  });
  t.ok(cut.length >= 3, `${cut.length} cuts: ${[...new Set(cut)].join(', ')}`);
});

void t.test('power cuts while a store is closed', async (t) => {
  const cut = await run(t, 5, { cuts: 8 * SCALE, calls: 4, steadyPuts: 5, use: async () => undefined });
  t.ok(cut.length >= 3, `${cut.length} cuts: ${[...new Set(cut)].join(', ')}`);
});
