/**
 * The order of use, sealed (docs/spec/store.md, 6): written beside and renamed, in chunks, so that no copy of it stands in memory.
 * Its size depends on the capacity alone. Blocks; runs in the disk's thread.
 *
 * Nothing but the order hangs on it: a file that is missing, damaged or of another capacity is as good as none.
 */
import { randomFillSync } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { TAG_BYTES } from '../keys/index.ts';
import type { Aead } from '../keys/index.ts';
import { RECENCY_SLOT_BYTES } from './layout.ts';
import { NONCE_BYTES, SEGMENT } from './slot.ts';
import type { UsedSegment } from './slot.ts';

const RECENCY_FILE = 'recency';
const BESIDE = `${RECENCY_FILE}.new`;

export interface Recency {
  /** Blocks that were written later than this counter are not in it. */
  readonly counter: number;
  /** Of each segment the least recently used first. */
  readonly uses: Iterable<SlotUse>;
}

interface SlotUse {
  readonly segment: UsedSegment;
  readonly slot: number;
  readonly mark: number;
}

const CHUNK_DATA_BYTES = 65_536 - TAG_BYTES;
const HEAD_BYTES = 6 + 3 * 4;
const SEGMENTS: readonly UsedSegment[] = [SEGMENT.probation, SEGMENT.protected, SEGMENT.cache];

interface Lists {
  readonly counter: number;
  readonly capacitySlots: number;
  readonly newer: Uint32Array;
  readonly oldest: readonly number[];
  readonly marks: Uint32Array;
}

export function saveRecency(directory: string, aead: Aead, lists: Lists): void {
  const path = join(directory, BESIDE);
  const file = openSync(path, 'w', 0o600);
  try {
    writeChunks(file, aead, contentOf(lists));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(path, join(directory, RECENCY_FILE));
  const folder = openSync(directory, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function contentOf({ counter, capacitySlots, newer, oldest, marks }: Lists): Buffer {
  const content = Buffer.alloc(HEAD_BYTES + capacitySlots * RECENCY_SLOT_BYTES);
  content.writeUIntBE(counter, 0, 6);
  let at = HEAD_BYTES;
  for (const [segment, first] of oldest.entries()) {
    let count = 0;
    for (let place = first; place !== 0 && at < content.length; place = newer[place - 1] ?? 0) {
      content.writeUInt32BE(place - 1, at);
      content.writeUInt32BE(marks[place - 1] ?? 0, at + 4);
      at += RECENCY_SLOT_BYTES;
      count++;
    }
    content.writeUInt32BE(count, 6 + 4 * segment);
  }
  return content;
}

/** Each chunk under the file's nonce with its number in it; the number of chunks and its own are what it is bound to. */
function writeChunks(file: number, aead: Aead, content: Buffer): void {
  const nonce = randomFillSync(Buffer.alloc(NONCE_BYTES));
  const chunks = Math.ceil(content.length / CHUNK_DATA_BYTES);
  writeSync(file, nonce);
  for (let chunk = 0; chunk < chunks; chunk++) {
    const data = content.subarray(chunk * CHUNK_DATA_BYTES, (chunk + 1) * CHUNK_DATA_BYTES);
    writeSync(file, aead.seal({ nonce: chunkNonce(nonce, chunk), ad: chunkAd(chunk, chunks), data }));
  }
}

/** Undefined when there is none that is whole. A half-written one beside it is removed. */
export function loadRecency(directory: string, aead: Aead): Recency | undefined {
  rmSync(join(directory, BESIDE), { force: true });
  let bytes: Buffer;
  try {
    bytes = readFileSync(join(directory, RECENCY_FILE));
  } catch {
    return undefined;
  }
  const content = openChunks(aead, bytes);
  return content && content.length >= HEAD_BYTES
    ? { counter: content.readUIntBE(0, 6), uses: usesIn(content) }
    : undefined;
}

function openChunks(aead: Aead, bytes: Buffer): Buffer | undefined {
  if (bytes.length < NONCE_BYTES) return undefined;
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const sealed = bytes.subarray(NONCE_BYTES);
  const chunkBytes = CHUNK_DATA_BYTES + TAG_BYTES;
  const chunks = Math.ceil(sealed.length / chunkBytes);
  const opened: Uint8Array[] = [];
  for (let chunk = 0; chunk < chunks; chunk++) {
    const data = aead.open({
      nonce: chunkNonce(nonce, chunk),
      ad: chunkAd(chunk, chunks),
      data: sealed.subarray(chunk * chunkBytes, (chunk + 1) * chunkBytes),
    });
    if (!data) return undefined;
    opened.push(data);
  }
  return Buffer.concat(opened);
}

function* usesIn(content: Buffer): Generator<SlotUse> {
  let at = HEAD_BYTES;
  for (const [index, segment] of SEGMENTS.entries()) {
    const end = at + content.readUInt32BE(6 + 4 * index) * RECENCY_SLOT_BYTES;
    for (; at < end && at + RECENCY_SLOT_BYTES <= content.length; at += RECENCY_SLOT_BYTES)
      yield { segment, slot: content.readUInt32BE(at), mark: content.readUInt32BE(at + 4) };
  }
}

function chunkNonce(nonce: Uint8Array, chunk: number): Uint8Array {
  const own = Buffer.from(nonce);
  // The file's nonce is random; the chunks of one file differ in the last four bytes.
  own.writeUInt32BE((own.readUInt32BE(NONCE_BYTES - 4) ^ chunk) >>> 0, NONCE_BYTES - 4);
  return own;
}

function chunkAd(chunk: number, chunks: number): Uint8Array {
  const ad = Buffer.from('mimeo/store/2/recency/........');
  ad.writeUInt32BE(chunk, ad.length - 8);
  ad.writeUInt32BE(chunks, ad.length - 4);
  return ad;
}
