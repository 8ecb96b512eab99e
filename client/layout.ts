/**
 * How many blocks and keys a content has, and where each key stands (docs/spec/files.md, 4). Arithmetic only: nothing here sees
 * a key or a byte of content.
 *
 * Invariant: the list of the keys of a level holds, segment by segment, first the keys of the data blocks and then those of the
 * check blocks; every function below follows from that one sentence.
 */
import { assert, KEY_BYTES, PAYLOAD_BYTES } from '../keys/index.ts';

/** The sizes that the format fixes. Another layout is another format: only tests use one, to reach deep lists with few blocks. */
export interface Layout {
  /** Of every block but a level's last. A multiple of a key, so that no key lies across two blocks. */
  readonly payloadBytes: number;
  /** Of the metadata, which is the payload of the top block. */
  readonly topBytes: number;
  readonly dataPerSegment: number;
}

export const fileLayout: Layout = {
  payloadBytes: PAYLOAD_BYTES,
  topBytes: PAYLOAD_BYTES,
  dataPerSegment: 128,
};

/** A sequence of bytes that is cut into blocks: level 0 is the content, level n + 1 the list of the keys of level n. */
export interface Level {
  readonly sizeBytes: number;
  /** Check blocks after the data blocks of each segment. */
  readonly check: number;
}

/** @throws AssertionError for sizes that can't work together. */
export function checkLayout({ payloadBytes, topBytes, dataPerSegment }: Layout): void {
  assert(
    payloadBytes >= 2 * KEY_BYTES && payloadBytes % KEY_BYTES === 0,
    'a list block holds whole keys, at least two',
  );
  assert(payloadBytes <= PAYLOAD_BYTES && topBytes <= PAYLOAD_BYTES, 'a payload fits a block');
  assert(dataPerSegment >= 1, 'a segment has a data block');
}

export function dataBlocks(level: Level, { payloadBytes }: Layout): number {
  return Math.ceil(level.sizeBytes / payloadBytes);
}

/** Bytes in data block `index` of a level. */
export function blockBytes(level: Level, index: number, { payloadBytes }: Layout): number {
  return Math.min(payloadBytes, level.sizeBytes - index * payloadBytes);
}

/** Bytes of the list that holds all keys of a level. */
export function listBytes(level: Level, layout: Layout): number {
  const data = dataBlocks(level, layout);
  return KEY_BYTES * (data + Math.ceil(data / layout.dataPerSegment) * level.check);
}

/** Where in that list the key of data block `index` begins, in bytes. */
export function keyOffset(level: Level, index: number, { dataPerSegment }: Layout): number {
  return KEY_BYTES * (index + Math.floor(index / dataPerSegment) * level.check);
}
