/**
 * Durable puts against what they cannot do without: the hash of each block, its seal, its write and one fdatasync a batch, one after
 * the other on one thread, with the same blocks in batches of the same length at as scattered places of a file of the same size.
 *
 * The base has no index, no anchor, no copies between threads and no bookkeeping. Both files are warm. The rounds alternate.
 *
 * `put.cpu.ratio` compares CPU time, of all threads: the store uses two of them, and gets fewer of both when others use the machine.
 */
import { randomInt, randomFillSync } from 'node:crypto';
import { closeSync, copyFileSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Block, primitives } from '../../keys/index.ts';
import type { DiskStore } from '../../store/index.ts';
import { SLOTS_FILE, slotPosition } from '../../store/layout.ts';
import { storeLimits } from '../../store/limits.ts';
import { ID_BYTES, NONCE_BYTES } from '../../store/slot.ts';
import { blockOf, keyOf } from '../compliance/block-store.ts';
import { type Row, row } from './harness.ts';
import { meter, readMeter } from './store-disk.ts';
import { forAll, makeSilent, openMetered, partOf, quantile, say, secrets } from './store-load.ts';

const GOAL = 0.6;
const ROUNDS = 9;
const BATCH_BLOCKS = storeLimits.batchBlocks.value;
const BATCHES = 4;
/** While one batch is at the disk another one waits whole. */
const IN_FLIGHT = 2 * BATCH_BLOCKS;
const ROUND_BLOCKS = BATCHES * BATCH_BLOCKS;
/** All rounds and the one to warm up, and some more: nothing is evicted. */
export const SLOTS = (ROUNDS + 2) * ROUND_BLOCKS;
export const PUTS = (ROUNDS + 1) * ROUND_BLOCKS;

interface Numbered {
  readonly number: number;
  readonly block: Block;
}

/** Makes the store in `directory`, and leaves the blocks from 0 to `PUTS` in it. */
export async function benchPuts(directory: string, baseDirectory: string): Promise<Row[]> {
  makeSilent(directory, SLOTS);
  const basePath = join(baseDirectory, SLOTS_FILE);
  copyFileSync(join(directory, SLOTS_FILE), basePath);
  for (const path of [basePath, join(directory, SLOTS_FILE)]) syncFile(path);
  const shared = meter();
  const store = await openMetered(directory, { slots: SLOTS, disk: { delayMs: 0, meter: shared } });
  const file = openSync(basePath, 'r+');
  const rates: number[] = [];
  const ratios: number[] = [];
  const noHashRatios: number[] = [];
  const cpuRatios: number[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const blocks = blocksOf((round + 1) * ROUND_BLOCKS);
    const baseFirst = round % 2 === 0;
    const early = baseFirst ? writeBase(file, blocks) : undefined;
    const before = readMeter(shared);
    const put = await putAll(store, blocks);
    const after = readMeter(shared);
    const base = early ?? writeBase(file, blocks);
    // The first is to warm up.
    if (round < 0) continue;
    const bytes = blocks.reduce((sum, { block }) => sum + block.length, 0);
    rates.push(bytes / 1e3 / put.ms);
    ratios.push((base.hashMs + base.restMs) / put.ms);
    noHashRatios.push(base.restMs / put.ms);
    cpuRatios.push(base.cpuMs / put.cpuMs);
    const spent = (kind: keyof typeof after) => (after[kind].ms - before[kind].ms).toFixed(0);
    say(
      `puts, round ${round + 1}: ${put.ms.toFixed(0)} ms in ${after.sync.calls - before.sync.calls} batches, ` +
        `CPU ${put.cpuMs.toFixed(0)}, of the main thread ${put.mainCpuMs.toFixed(0)} (writes ${spent('write')}, syncs ${spent('sync')}, commits ${spent('commit')}, ` +
        `checkpoints ${spent('checkpoint')}); base: hash ${base.hashMs.toFixed(0)}, seal ${base.sealMs.toFixed(0)}, ` +
        `writes ${base.writeMs.toFixed(0)}, syncs ${base.syncMs.toFixed(0)}, CPU ${base.cpuMs.toFixed(0)}`,
    );
  }
  closeSync(file);
  await store.close();
  return [
    row({ name: 'put.ratio', value: quantile(ratios, 0.5), unit: 'ratio', goal: GOAL, better: 'higher' }),
    row({ name: 'put.noHash.ratio', value: quantile(noHashRatios, 0.5), unit: 'ratio', better: 'higher' }),
    row({ name: 'put.cpu.ratio', value: quantile(cpuRatios, 0.5), unit: 'ratio', better: 'higher' }),
    row({ name: 'put.MBps', value: quantile(rates, 0.5), unit: 'MB/s', better: 'higher' }),
  ];
}

function syncFile(path: string): void {
  const file = openSync(path, 'r+');
  fdatasyncSync(file);
  closeSync(file);
}

function blocksOf(first: number): Numbered[] {
  return Array.from({ length: ROUND_BLOCKS }, (_, item) => ({
    number: first + item,
    block: blockOf(first + item),
  }));
}

interface Puts {
  readonly ms: number;
  readonly cpuMs: number;
  readonly mainCpuMs: number;
}

async function putAll(store: DiskStore, blocks: readonly Numbered[]): Promise<Puts> {
  const began = performance.now();
  const cpu = process.cpuUsage();
  const main = process.threadCpuUsage();
  await forAll(blocks, { atOnce: IN_FLIGHT }, async ({ number, block }) => {
    const outcome = await store.put(keyOf(number), block, { part: partOf(number) });
    if (outcome !== 'written') throw new Error(`a new block was ${outcome}`);
  });
  const ms = performance.now() - began;
  return { ms, cpuMs: toMs(process.cpuUsage(cpu)), mainCpuMs: toMs(process.threadCpuUsage(main)) };
}

function toMs({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1_000;
}

interface Base {
  readonly hashMs: number;
  readonly sealMs: number;
  readonly writeMs: number;
  readonly syncMs: number;
  /** All but the hash. */
  readonly restMs: number;
  readonly cpuMs: number;
}

function writeBase(file: number, blocks: readonly Numbered[]): Base {
  const spent = { hashMs: 0, sealMs: 0, writeMs: 0, syncMs: 0 };
  const ad = new Uint8Array(ID_BYTES);
  const nonce = new Uint8Array(NONCE_BYTES);
  const cpu = process.cpuUsage();
  let at = performance.now();
  const lap = (kind: keyof typeof spent) => {
    const now = performance.now();
    spent[kind] += now - at;
    at = now;
  };
  for (const [item, { block }] of blocks.entries()) {
    primitives.sha256(block);
    lap('hashMs');
    const sealed = secrets.block.seal({ nonce: randomFillSync(nonce), ad, data: block });
    lap('sealMs');
    writeSync(file, sealed, 0, sealed.length, slotPosition(randomInt(SLOTS)));
    lap('writeMs');
    if ((item + 1) % BATCH_BLOCKS !== 0) continue;
    fdatasyncSync(file);
    lap('syncMs');
  }
  return {
    ...spent,
    restMs: spent.sealMs + spent.writeMs + spent.syncMs,
    cpuMs: toMs(process.cpuUsage(cpu)),
  };
}
