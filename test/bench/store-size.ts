/**
 * What a store of 100,000 slots costs besides them: the time to open it, the room of its index, and memory. All slots are free;
 * a row of the index is as long, and is opened, either way. Processes of their own open it, and a small one beside it, so that memory
 * is the difference of the two.
 */
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { INDEX_FILE } from '../../store/disk-index.ts';
import { type Row, row } from './harness.ts';
import { makeSilent, quantile, say } from './store-load.ts';

const SLOTS = 100_000;
const SMALL_SLOTS = 64;
const OPENINGS = 3;

interface Opening {
  readonly openMs: number;
  readonly rssBytes: number;
  readonly usedBytes: number;
}

export function benchSize(directory: string): Row[] {
  const large = { directory: join(directory, 'large'), slots: SLOTS };
  const small = { directory: join(directory, 'small'), slots: SMALL_SLOTS };
  const began = performance.now();
  makeSilent(large.directory, large.slots);
  makeSilent(small.directory, small.slots);
  say(`made ${SLOTS} slots in ${((performance.now() - began) / 1_000).toFixed(0)} s`);
  const larges = Array.from({ length: OPENINGS }, () => open(large));
  const smalls = Array.from({ length: OPENINGS }, () => open(small));
  const perSlot = (bytes: (opening: Opening) => number) =>
    (quantile(larges.map(bytes), 0.5) - quantile(smalls.map(bytes), 0.5)) / (SLOTS - SMALL_SLOTS);
  const openMs = quantile(
    larges.map((opening) => opening.openMs),
    0.5,
  );
  const indexBytes = statSync(join(large.directory, INDEX_FILE)).size / SLOTS;
  return [
    row({ name: 'open.ms', value: openMs, unit: `ms, ${SLOTS} slots`, better: 'lower' }),
    row({ name: 'index.bytesPerSlot', value: indexBytes, unit: 'B on disk', better: 'lower' }),
    row({
      name: 'memory.bytesPerSlot',
      value: perSlot(({ usedBytes }) => usedBytes),
      unit: 'B',
      better: 'lower',
    }),
    row({ name: 'rss.bytesPerSlot', value: perSlot(({ rssBytes }) => rssBytes), unit: 'B', better: 'lower' }),
  ];
}

function open({ directory, slots }: { directory: string; slots: number }): Opening {
  const opener = fileURLToPath(new URL('./store-opener.ts', import.meta.url));
  const answer = execFileSync(process.execPath, ['--expose-gc', opener, directory, String(slots)], {
    encoding: 'utf8',
  });
  return JSON.parse(answer) as Opening;
}
