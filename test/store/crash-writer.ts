/**
 * The process that killed-writer.ts kills: puts blocks without end and reports the number of each one that was acknowledged,
 * a line each, by a synchronous write, so that what it reported had been acknowledged before it died.
 */
import { writeSync } from 'node:fs';
import { openSlotStore } from '../../store/index.ts';
import { blockOf, keyOf } from '../compliance/block-store.ts';
import { KEY } from './stores.ts';

const [directory, sizeBytes, firstNumber, inFlight] = process.argv.slice(2);
if (!directory) throw new Error('usage: crash-writer DIRECTORY SIZE-BYTES FIRST-NUMBER IN-FLIGHT');

const store = await openSlotStore({ directory, sizeBytes: Number(sizeBytes), key: KEY });
let next = Number(firstNumber);

/** Whoever reads may be slower than the disk: then the pipe is full for a moment. */
function report(number: number): void {
  for (;;) {
    try {
      writeSync(1, `${number}\n`);
      return;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
    }
  }
}

async function putForever(): Promise<never> {
  for (;;) {
    const number = next++;
    await store.put(keyOf(number), blockOf(number), { part: number % 4 === 0 ? 'cache' : 'store' });
    report(number);
  }
}

await Promise.all(Array.from({ length: Number(inFlight) }, putForever));
