/** A process that opens one store, warm, and prints how long that took and what it then takes of memory: for the store bench. */
import { openSlotStore } from '../../store/index.ts';
import { sizeForSlots } from '../../store/layout.ts';
import { KEY } from '../store/stores.ts';

const [directory, slots] = process.argv.slice(2);
if (!directory) throw new Error('usage: store-opener DIRECTORY SLOTS');

const sizeBytes = sizeForSlots(Number(slots));
const began = performance.now();
const store = await openSlotStore({ directory, sizeBytes, key: KEY });
const openMs = performance.now() - began;
globalThis.gc?.();
const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
await store.close();
process.stdout.write(JSON.stringify({ openMs, rssBytes: rss, usedBytes: heapUsed + arrayBuffers }));
