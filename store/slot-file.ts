/**
 * One file of slots: a head, then slots of equal size (docs/spec/store.md, 2). Reads and writes slots by number and nothing more:
 * it has no index, does not know which slots are free, and makes nothing durable before `sync`.
 *
 * Invariant: a file of another format is refused at open and never written to.
 */
import { constants, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { equalBytes } from '../keys/index.ts';
import type { Block, RoutingKey } from '../keys/index.ts';
import { StoreError } from './block-store.ts';
import { SLOT_BYTES, SLOT_HEAD_BYTES, SLOT_USED_BYTES, freeHead, keyInHead } from './slot.ts';

/** One sector, so that slots begin on a sector. */
export const FILE_HEAD_BYTES = 512;
const MAGIC = 'mimeo/store/slots';
const FORMAT_AT = 32;
const FORMAT = 1;

/** What fills a slot; `head` is made by `slotHead` for this block. */
export interface SlotContent {
  readonly head: Uint8Array;
  readonly block: Block;
}

/** Opens or creates. @throws StoreError store_format; errors of the file system as they come. */
export async function openSlotFile(path: string): Promise<SlotFile> {
  const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    const { size } = await handle.stat();
    const found = new Uint8Array(Math.min(size, FILE_HEAD_BYTES));
    readSync(handle.fd, found, { position: 0 });
    const expected = fileHead();
    // A crash while the file was created leaves the beginning of a head: no slot was ever acknowledged in it.
    if (!equalBytes(found, expected.subarray(0, found.length))) throw formatError(path, found);
    if (found.length < FILE_HEAD_BYTES) {
      await writeAll(handle, [expected], 0);
      await handle.sync();
      await syncDirectory(dirname(path));
    }
    return new SlotFile(handle, Math.max(0, Math.floor((size - FILE_HEAD_BYTES) / SLOT_BYTES)));
  } catch (error) {
    await handle.close();
    throw error;
  }
}

export class SlotFile {
  readonly #handle: FileHandle;
  /** Whole slots that the file had when it was opened. */
  readonly slotsAtOpen: number;

  constructor(handle: FileHandle, slotsAtOpen: number) {
    this.#handle = handle;
    this.slotsAtOpen = slotsAtOpen;
  }

  /** The key in each slot's head, undefined for a free one. Synchronous, 2 µs a slot: for opening only. */
  *keys(slots: number): Generator<RoutingKey | undefined> {
    const head = new Uint8Array(SLOT_HEAD_BYTES);
    for (let slot = 0; slot < slots; slot++) {
      head.fill(0);
      readSync(this.#handle.fd, head, { position: offset(slot) });
      yield keyInHead(head);
    }
  }

  /** Head and block as they stand; zeros where the file ends early. The caller owns the bytes. */
  async read(slot: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(SLOT_USED_BYTES);
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await this.#handle.read(
        bytes,
        filled,
        bytes.length - filled,
        offset(slot) + filled,
      );
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes;
  }

  /** Fills slots that follow one another, from `firstSlot` on. */
  async write(firstSlot: number, contents: readonly SlotContent[]): Promise<void> {
    const buffers = contents.flatMap(({ head, block }) => [head, block, PADDING]);
    await writeAll(this.#handle, buffers, offset(firstSlot));
  }

  async erase(slot: number): Promise<void> {
    await writeAll(this.#handle, [freeHead()], offset(slot));
  }

  /** Cuts the file to its head and `slots` slots. */
  async truncate(slots: number): Promise<void> {
    await this.#handle.truncate(offset(slots));
  }

  /** What was written before is durable afterwards. */
  async sync(): Promise<void> {
    await this.#handle.datasync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

const PADDING = new Uint8Array(SLOT_BYTES - SLOT_USED_BYTES);

function offset(slot: number): number {
  return FILE_HEAD_BYTES + slot * SLOT_BYTES;
}

function fileHead(): Uint8Array {
  const head = Buffer.alloc(FILE_HEAD_BYTES);
  head.write(MAGIC, 'ascii');
  head.writeUInt32BE(FORMAT, FORMAT_AT);
  head.writeUInt32BE(SLOT_BYTES, FORMAT_AT + 4);
  return head;
}

function formatError(path: string, found: Uint8Array): StoreError {
  const head = Buffer.from(found);
  const isOurs = head.length === FILE_HEAD_BYTES && head.toString('ascii', 0, MAGIC.length) === MAGIC;
  const what = isOurs
    ? `has format ${head.readUInt32BE(FORMAT_AT)} with slots of ${head.readUInt32BE(FORMAT_AT + 4)} bytes; ` +
      `this version reads format ${FORMAT} with slots of ${SLOT_BYTES}`
    : 'is not a store of mimeo';
  return new StoreError('store_format', `${path} ${what}`);
}

/** `pwritev` may write less than it was given (a full disk, a signal): the rest follows, or the error that it then meets. */
async function writeAll(handle: FileHandle, buffers: readonly Uint8Array[], position: number): Promise<void> {
  let rest = buffers;
  let at = position;
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(rest, at);
    at += bytesWritten;
    rest = dropBytes(rest, bytesWritten);
  }
}

function dropBytes(buffers: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let left = count;
  for (const [index, buffer] of buffers.entries()) {
    if (left < buffer.length) return [buffer.subarray(left), ...buffers.slice(index + 1)];
    left -= buffer.length;
  }
  return [];
}

/** A new file's name is durable only once its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
