/**
 * Turns the stored bytes of a file, piece by piece, into the blocks of all its levels (docs/spec/files.md, 4): a content block's
 * key goes into the list above it, and a list that is full becomes a block itself.
 *
 * It does not read and does not send. Memory is one list block a level, however long the file.
 *
 * Invariant: blocks come out in the order of their keys, each before the list block that names it.
 */
import { assert, type Block, type CryptoKey, encodeChk, KEY_BYTES, type RoutingKey } from '../keys/index.ts';
import { blockBytes, dataBlocks, type Layout, type Level, listBytes } from './layout.ts';

export interface EncodedBlock {
  readonly key: RoutingKey;
  readonly block: Block;
}

interface Stage {
  readonly level: Level;
  /** Data blocks made so far. */
  made: number;
  /** Where the keys of this level's blocks are collected: the next list block, or the list in the metadata. */
  list: Uint8Array;
  filled: number;
}

export class Splitter {
  readonly #cryptoKey: CryptoKey;
  readonly #layout: Layout;
  readonly #stages: readonly Stage[];

  constructor(options: { cryptoKey: CryptoKey; levels: readonly Level[]; layout: Layout }) {
    const { cryptoKey, levels, layout } = options;
    this.#cryptoKey = cryptoKey;
    this.#layout = layout;
    this.#stages = levels.map((level, number) => {
      assert(level.check === 0, 'check blocks are not made here');
      const isTop = number === levels.length - 1;
      return {
        level,
        made: 0,
        list: new Uint8Array(isTop ? listBytes(level, layout) : layout.payloadBytes),
        filled: 0,
      };
    });
  }

  /** Bytes that the next piece must have; 0 when all content is there. */
  get nextPieceBytes(): number {
    const [content] = this.#stages;
    if (content === undefined || content.made === dataBlocks(content.level, this.#layout)) return 0;
    return blockBytes(content.level, content.made, this.#layout);
  }

  /** The keys for the metadata, once all pieces are in. */
  get topKeys(): Uint8Array {
    const top = this.#stages.at(-1);
    assert(top !== undefined && top.filled === top.list.length, 'the keys are complete');
    return top.list;
  }

  /** The blocks that `piece` completes: its own, and the lists that its key fills or ends. */
  push(piece: Uint8Array): EncodedBlock[] {
    assert(piece.length > 0 && piece.length === this.nextPieceBytes, 'a piece is one block of content');
    const made: EncodedBlock[] = [];
    this.#encode(0, piece, made);
    return made;
  }

  #encode(number: number, payload: Uint8Array, made: EncodedBlock[]): void {
    const stage = this.#stages[number];
    assert(stage !== undefined, 'only the last level is listed in the metadata');
    const { routingKey: key, block } = encodeChk({ cryptoKey: this.#cryptoKey, payload });
    made.push({ key, block });
    stage.list.set(key, stage.filled);
    stage.filled += KEY_BYTES;
    stage.made++;
    if (number === this.#stages.length - 1) return;
    const ended = stage.made === dataBlocks(stage.level, this.#layout);
    if (stage.filled < stage.list.length && !ended) return;
    this.#encode(number + 1, stage.list.subarray(0, stage.filled), made);
    stage.filled = 0;
  }
}
