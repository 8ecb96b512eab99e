/**
 * Acknowledged blocks that are gone or wrong after a store was stopped in the middle, many times over: its process killed with -9,
 * or the power of its disk cut. The processes and the disk are those of test/store; there eviction, resizing and damage come on top.
 * Here there is room for everything, so that every acknowledged block counts.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StoreError, openSlotStore } from '../../store/index.ts';
import type { SlotStoreOptions } from '../../store/index.ts';
import { sizeForSlots } from '../../store/layout.ts';
import { blockOf, keyOf } from '../compliance/block-store.ts';
import { type PowerCut, coins } from '../store/power-cut.ts';
import { KEY, MIB, check } from '../store/stores.ts';
import { type Row, row } from './harness.ts';
import { forAll, makeSilent, partOf, say } from './store-load.ts';

const KILLS = 8;
const KILL_IN_FLIGHT = 24;
/** More than a writer reports before it is dead. */
const ROUND_NUMBERS = 10_000;
const KILL_BYTES = (8 + 16 * KILLS) * MIB;

const CUT_ROUNDS = 30;
const CUT_PUTS = 48;
const CUT_IN_FLIGHT = 4;
/** Calls on the disk in a round: most cuts hit one. */
const CUT_CALLS = 100;
/** Full from the beginning: cuts hit batches, not the fill. */
const CUT_SLOTS = CUT_ROUNDS * CUT_PUTS + 80;

export async function benchLosses(directory: string): Promise<Row[]> {
  return [await kills(join(directory, 'killed')), await cuts(join(directory, 'cut'))];
}

async function kills(directory: string): Promise<Row> {
  const acknowledged: number[] = [];
  for (let round = 0; round < KILLS; round++)
    acknowledged.push(...(await writeAndKill(directory, { round, killAfter: 40 + 17 * (round % 10) })));
  // Nobody puts a block again, so one that was lost in any round is missing now.
  const lost = await losses({ directory, sizeBytes: KILL_BYTES, key: KEY }, acknowledged);
  const unit = `of ${acknowledged.length} blocks, ${KILLS} kills`;
  return row({ name: 'crash.lost', value: lost, unit, goal: 0, better: 'lower' });
}

/** The numbers of the blocks that were acknowledged before the writer was dead. */
async function writeAndKill(
  directory: string,
  { round, killAfter }: { round: number; killAfter: number },
): Promise<number[]> {
  const writer = fileURLToPath(new URL('../store/crash-writer.ts', import.meta.url));
  const numbers = [KILL_BYTES, round * ROUND_NUMBERS, KILL_IN_FLIGHT].map(String);
  const child = spawn(process.execPath, [writer, directory, ...numbers], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let reported = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    reported += text;
    if (reported.split('\n').length > killAfter) child.kill('SIGKILL');
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (signal !== 'SIGKILL') throw new Error(`the writer ended by itself with ${String(code)}`);
  // The last line may be cut.
  return reported.split('\n').slice(0, -1).map(Number);
}

async function cuts(parent: string): Promise<Row> {
  const coin = coins(1);
  const acknowledged: number[] = [];
  const options = { sizeBytes: sizeForSlots(CUT_SLOTS), key: KEY };
  let directory = join(parent, '0');
  makeSilent(directory, CUT_SLOTS);
  let cutCount = 0;
  for (let round = 1; round <= CUT_ROUNDS; round++) {
    const crashTo = join(parent, String(round));
    const cutAt = 1 + Math.floor(coin() * CUT_CALLS);
    const cut: PowerCut = { cutAt, seed: round, crashTo, log: join(parent, 'log') };
    const io = { module: new URL('../store/power-cut.ts', import.meta.url).href, options: cut };
    const first = round * CUT_PUTS;
    acknowledged.push(...(await putUntilCut({ ...options, directory, io }, first)));
    if (!existsSync(crashTo)) continue;
    cutCount++;
    rmSync(directory, { recursive: true });
    directory = crashTo;
  }
  const lost = await losses({ ...options, directory }, acknowledged);
  const unit = `of ${acknowledged.length} blocks, ${cutCount} cuts`;
  return row({ name: 'power.lost', value: lost, unit, goal: 0, better: 'lower' });
}

/** The numbers of the blocks that were acknowledged, from `first` on. */
async function putUntilCut(options: SlotStoreOptions, first: number): Promise<number[]> {
  const acknowledged: number[] = [];
  const numbers = Array.from({ length: CUT_PUTS }, (_, item) => first + item);
  try {
    const store = await openSlotStore(options);
    try {
      await forAll(numbers, { atOnce: CUT_IN_FLIGHT }, async (number) => {
        await store.put(keyOf(number), blockOf(number), { part: partOf(number) });
        acknowledged.push(number);
      });
    } finally {
      await store.close();
    }
  } catch (error) {
    // The disk's thread ends with the power.
    if (!(error instanceof StoreError && error.code === 'disk_failed')) throw error;
  }
  return acknowledged;
}

async function losses(options: SlotStoreOptions, acknowledged: readonly number[]): Promise<number> {
  const store = await openSlotStore(options);
  try {
    const { lost, wrong } = await check(store, acknowledged);
    say(`${options.directory}: ${lost} lost, ${wrong} wrong`);
    return lost + wrong;
  } finally {
    await store.close();
  }
}
