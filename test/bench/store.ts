/**
 * The block store on the real disk, under the system's directory for temporary files: how fast puts and gets are against what they
 * are made of, what kills and power cuts lose, whether a slow disk holds the main thread up, and what a large store costs to open.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Row } from './harness.ts';
import { benchGets } from './store-get.ts';
import { withScratch } from './store-load.ts';
import { benchLoop } from './store-loop.ts';
import { benchLosses } from './store-loss.ts';
import { benchPuts } from './store-put.ts';
import { benchSize } from './store-size.ts';

export async function run(): Promise<Row[]> {
  const speed = await withScratch(async (directory) => {
    const store = join(directory, 'store');
    const base = join(directory, 'base');
    mkdirSync(base);
    return [...(await benchPuts(store, base)), ...(await benchGets(store))];
  });
  const losses = await withScratch(benchLosses);
  const loop = await withScratch(benchLoop);
  const size = await withScratch(async (directory) => benchSize(directory));
  return [...speed, ...losses, ...loop, ...size];
}
