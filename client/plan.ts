/**
 * How a measured file will be stored: compressed or not, in the top block or in blocks of its own, with how many levels of keys
 * (docs/spec/files.md, 5). Decided before the first block is made, so that the number of blocks is known from the start.
 *
 * Invariant: metadata that follows the plan fits the top block, whatever the content and the keys will be.
 */
import type { CryptoKey } from '../keys/index.ts';
import type { SourceMeasure } from './event.ts';
import { dataBlocks, type Layout, type Level, listBytes } from './layout.ts';
import { clientLimits } from './limits.ts';
import { type Body, encodeMetadata, type Metadata } from './metadata.ts';

export interface Plan {
  /** Everything but the body. */
  readonly metadata: Omit<Metadata, 'body'>;
  /** The content and its lists; empty when the content goes into the top block. */
  readonly levels: readonly Level[];
  /** Below the top block. */
  readonly blocks: number;
}

interface File {
  readonly measure: SourceMeasure;
  readonly mimeType: string;
  /** Written into the metadata of a splitfile; undefined when the top block's key opens its blocks. */
  readonly key: CryptoKey | undefined;
}

/** Undefined when the file is larger than any reader would accept. */
export function planFile(file: File, layout: Layout): Plan | undefined {
  const plain = planForm(file, undefined, layout);
  const packed = planForm(file, file.measure.compressedBytes, layout);
  // At equal cost plain wins: it can be read from the middle.
  if (plain === undefined || packed === undefined) return plain ?? packed;
  return packed.blocks < plain.blocks ? packed : plain;
}

function planForm(
  { measure, mimeType, key }: File,
  packedBytes: number | undefined,
  layout: Layout,
): Plan | undefined {
  const { sizeBytes, hash } = measure;
  const metadata = { mimeType, sizeBytes, hash, packedBytes };
  const stored = packedBytes ?? sizeBytes;
  if (Math.max(sizeBytes, stored) > clientLimits.fileBytes.value) return undefined;
  const fits = (bytes: number, body: (bytes: Uint8Array) => Body) =>
    // The length decides, so zeros stand for the content; what can't fit is not allocated.
    bytes <= layout.topBytes &&
    encodeMetadata({ ...metadata, body: body(new Uint8Array(bytes)) }).length <= layout.topBytes;

  if (fits(stored, (data) => ({ type: 'inline', data }))) return { metadata, levels: [], blocks: 0 };
  const levels: Level[] = [];
  let blocks = 0;
  let sizeOfLevel = stored;
  while (levels.length < clientLimits.splitfileLevels.value) {
    const level: Level = { sizeBytes: sizeOfLevel, check: 0 };
    levels.push(level);
    blocks += dataBlocks(level, layout);
    sizeOfLevel = listBytes(level, layout);
    if (fits(sizeOfLevel, (keys) => ({ type: 'splitfile', key, levels, keys })))
      return { metadata, levels, blocks };
  }
  return undefined;
}
