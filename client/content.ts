/**
 * The stored bytes of an opened file, wherever they lie: in the top block, or in blocks of their own (docs/spec/files.md, 3). And
 * which of them are needed for a range of the plain content.
 */
import { assert, type RoutingKey } from '../keys/index.ts';
import type { ByteRange } from './event.ts';
import type { Layout } from './layout.ts';
import type { Metadata } from './metadata.ts';
import { type Place, SplitfileReader } from './reader.ts';

/** Stored bytes in order, and the blocks that have to be fetched for them. */
export interface StoredContent {
  /** To be fetched in all, lists included. */
  readonly blocks: number;
  readonly heldBlocks: number;
  /** Everything has been released. */
  readonly isOver: boolean;
  /** The next block to ask for; undefined until something has arrived or was released. */
  next(): { place: Place; key: RoutingKey } | undefined;
  /** @throws ParseError bad_metadata when the block is not as long as its place demands. */
  arrived(place: Place, payload: Uint8Array): void;
  /** The next bytes, if they are there; they are held until `release`. */
  peek(): Uint8Array | undefined;
  release(): void;
}

/** `window`: content blocks held or being fetched at most. */
export function storedContent(
  { metadata, range }: { metadata: Metadata; range: ByteRange },
  { layout, window }: { layout: Layout; window: number },
): StoredContent {
  const { start, end } = storedRange(metadata, range);
  const { body } = metadata;
  if (start === end) return new Inline(new Uint8Array(0));
  if (body.type === 'inline') return new Inline(body.data.subarray(start, end));
  return new SplitfileReader({ splitfile: body, layout, start, end, window });
}

/** Compressed content has no middle: it is read from its start. */
function storedRange(metadata: Metadata, range: ByteRange): { start: number; end: number } {
  const { offsetBytes, sizeBytes } = range;
  const { packedBytes } = metadata;
  if (packedBytes === undefined) return { start: offsetBytes, end: offsetBytes + sizeBytes };
  // An empty file may have been compressed to something, and that must be looked at; an empty part of a file need not.
  const isEmptyPart = sizeBytes === 0 && metadata.sizeBytes > 0;
  return { start: 0, end: isEmptyPart ? 0 : packedBytes };
}

/** At most one piece, which is there already. */
class Inline implements StoredContent {
  readonly blocks = 0;
  readonly heldBlocks = 0;
  #rest: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#rest = bytes;
  }

  get isOver(): boolean {
    return this.#rest.length === 0;
  }

  next(): undefined {
    return undefined;
  }

  arrived(): void {
    assert(false, 'nothing is fetched for content in the top block');
  }

  peek(): Uint8Array {
    return this.#rest;
  }

  release(): void {
    this.#rest = new Uint8Array(0);
  }
}
