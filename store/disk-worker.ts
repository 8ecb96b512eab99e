/**
 * The disk's thread: takes requests one after the other and answers each (messages.ts). Everything that blocks happens here.
 *
 * A bug ends the thread with its error, and with it the process.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert, assertNever } from '../keys/index.ts';
import { StoreError } from './block-store.ts';
import { openDisk } from './disk-open.ts';
import type { Disk } from './disk.ts';
import { diskError } from './disk-error.ts';
import type { DiskIo, DiskWrapper } from './disk-io.ts';
import type { DiskAnswer, DiskRequest, DiskResults, DiskWorkerData, OpenedDisk } from './messages.ts';
import type { Recency } from './recency-file.ts';
import { storeSecrets } from './secrets.ts';
import { SEGMENT } from './slot.ts';
import type { SlotMap } from './slot-map.ts';

const data = workerData as DiskWorkerData;
const port = parentPort;
assert(port, 'this file is the entry of a worker');
const secrets = storeSecrets(data.key);
const wrap = await loadWrap();
let disk: Disk | undefined;
port.on('message', (request: DiskRequest) => {
  const answer = answerTo(request);
  port.postMessage(answer, buffersOf(answer));
});

async function loadWrap(): Promise<(plain: DiskIo) => DiskIo> {
  const { io, directory } = data;
  if (!io) return (plain) => plain;
  const { wrapDisk } = (await import(io.module)) as DiskWrapper;
  return (plain) => wrapDisk(plain, directory, io.options);
}

function answerTo(request: DiskRequest): DiskAnswer {
  try {
    const result = perform(request);
    return { ...answered(), ...(result === undefined ? {} : { result }) };
  } catch (error) {
    const { code, message } = diskError('opening the store', error);
    return { ...answered(), error: { code, message } };
  }
}

function answered(): DiskAnswer {
  const rebuilt = disk?.takeRebuilt();
  return rebuilt ? { rebuilt } : {};
}

function perform(request: DiskRequest): DiskResults[DiskRequest['type']] {
  if (request.type === 'open') {
    disk = openDisk({ ...data, secrets, wrap, capacitySlots: request.capacitySlots });
    return opened(disk.takeMap(), disk.loadRecency());
  }
  if (!disk) throw new StoreError('store_closed', 'the store is closed');
  switch (request.type) {
    case 'batch':
      return disk.batch(request);
    case 'fill':
      return disk.fill(request.slots);
    case 'verify':
      return disk.verify(request);
    case 'capacity':
      disk.setCapacity(request.capacitySlots);
      return undefined;
    case 'truncate':
      disk.truncate(request);
      return undefined;
    case 'compact':
      disk.compact();
      return undefined;
    case 'recency':
      disk.saveRecency(request.recency);
      return undefined;
    case 'close': {
      const closing = disk;
      disk = undefined;
      closing.close();
      return undefined;
    }
  }
  return assertNever(request);
}

/** Blocks that the recency file knows in its order, then those that were written since, in the order of their writes. */
function opened(map: SlotMap, recency: Recency | undefined): OpenedDisk {
  const { ids, segments, counters } = map;
  const marks = new Uint32Array(map.slots);
  const order: number[] = [];
  const isPlaced = new Uint8Array(map.slots);
  for (const { segment, slot, mark } of recency?.uses ?? []) {
    const found = segments[slot] ?? SEGMENT.free;
    const isSamePart = (found === SEGMENT.cache) === (segment === SEGMENT.cache);
    const isWrittenSince = (counters[slot] ?? 0) >= (recency?.counter ?? 0);
    if (found === SEGMENT.free || !isSamePart || isWrittenSince || isPlaced[slot] === 1) continue;
    isPlaced[slot] = 1;
    segments[slot] = segment;
    marks[slot] = mark;
    order.push(slot);
  }
  const rest: number[] = [];
  for (let slot = 0; slot < map.slots; slot++)
    if (segments[slot] !== SEGMENT.free && isPlaced[slot] === 0) rest.push(slot);
  rest.sort((a, b) => (counters[a] ?? 0) - (counters[b] ?? 0));
  return { ids, segments, marks, order: Uint32Array.from([...order, ...rest]) };
}

/** Their memory goes to the main thread instead of being copied. */
function buffersOf({ result, rebuilt }: DiskAnswer): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const holder of [result, rebuilt])
    for (const value of Object.values(holder ?? {}))
      if (ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer) buffers.add(value.buffer);
  return [...buffers];
}
