/**
 * What the disk's thread does for one store: takes its requests one after the other and answers each (messages.ts). Everything that
 * blocks happens here.
 *
 * A bug ends the thread with its error, and with it the process.
 */
import type { MessagePort } from 'node:worker_threads';
import { assertNever } from '../keys/index.ts';
import { StoreError } from './block-store.ts';
import { openDisk } from './disk-open.ts';
import type { Disk } from './disk.ts';
import { diskError } from './disk-error.ts';
import type { DiskIo, DiskWrapper } from './disk-io.ts';
import type { DiskAnswer, DiskRequest, DiskResults, DiskServiceData, OpenedDisk } from './messages.ts';
import type { Recency } from './recency-file.ts';
import { storeSecrets } from './secrets.ts';
import { SEGMENT } from './slot.ts';
import type { SlotMap } from './slot-map.ts';

/** Answers what comes over `port` until it is closed. */
export async function serve(port: MessagePort, data: DiskServiceData): Promise<void> {
  const service = new DiskService(data, await loadWrap(data));
  port.on('message', (request: DiskRequest) => {
    const answer = service.answerTo(request);
    port.postMessage(answer, buffersOf(answer));
  });
}

async function loadWrap({ io, directory }: DiskServiceData): Promise<(plain: DiskIo) => DiskIo> {
  if (!io) return (plain) => plain;
  const { wrapDisk } = (await import(io.module)) as DiskWrapper;
  return (plain) => wrapDisk(plain, directory, io.options);
}

class DiskService {
  readonly #data: DiskServiceData;
  readonly #wrap: (plain: DiskIo) => DiskIo;
  #disk: Disk | undefined;

  constructor(data: DiskServiceData, wrap: (plain: DiskIo) => DiskIo) {
    this.#data = data;
    this.#wrap = wrap;
  }

  answerTo(request: DiskRequest): DiskAnswer {
    try {
      const result = this.#perform(request);
      return { ...this.#answered(), ...(result === undefined ? {} : { result }) };
    } catch (error) {
      const { code, message } = diskError('opening the store', error);
      return { ...this.#answered(), error: { code, message } };
    }
  }

  #answered(): DiskAnswer {
    const rebuilt = this.#disk?.takeRebuilt();
    return rebuilt ? { rebuilt } : {};
  }

  #perform(request: DiskRequest): DiskResults[DiskRequest['type']] {
    if (request.type === 'open') {
      const { directory, key } = this.#data;
      const secrets = storeSecrets(key);
      const { capacitySlots } = request;
      const disk = openDisk({ directory, secrets, wrap: this.#wrap, capacitySlots });
      this.#disk = disk;
      return opened(disk.takeMap(), disk.loadRecency());
    }
    const disk = this.#disk;
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
      case 'close':
        this.#disk = undefined;
        disk.close();
        return undefined;
    }
    return assertNever(request);
  }
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
