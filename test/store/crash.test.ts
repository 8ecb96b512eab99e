/**
 * Real processes that write and are killed with -9 in the middle: nothing acknowledged is lost, nothing wrong is returned.
 * A kill leaves the page cache, so this says nothing about power cuts: those rest on `fdatasync` (docs/spec/store.md, 6).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { Test } from 'tap';
import { equalBytes } from '../../keys/index.ts';
import { openSlotStore } from '../../store/index.ts';
import { blockOf, keyOf } from '../compliance/block-store.ts';

const ROUNDS = process.env['MIMEO_TEST_FULL'] ? 40 : 4;
const IN_FLIGHT = 24;
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

function scratch(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'mimeo-crash-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

void t.test('with room for all, every acknowledged block is there after each of several kills', async (t) => {
  const directory = scratch(t);
  const sizeBytes = ROUNDS * 32 * MIB;
  const acknowledged: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const firstNumber = round * 10_000;
    acknowledged.push(
      ...(await writeAndKill({ directory, sizeBytes, firstNumber, killAfter: 40 + round * 17 })),
    );
    const store = await openSlotStore({ directory, sizeBytes });
    let lost = 0;
    let wrong = 0;
    for (const number of acknowledged) {
      const found = await store.get(keyOf(number));
      if (!found) lost++;
      else if (!equalBytes(found, blockOf(number))) wrong++;
    }
    const last = Math.max(...acknowledged);
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
        killAfter: 400 + round * 31,
      });
      const store = await openSlotStore({ directory, sizeBytes });
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
