/**
 * Which blocks of a splitfile are fetched next, and in which order content comes out (docs/spec/files.md, 4 and 6.2). For a range
 * it goes straight to the blocks that hold it, through the list blocks that name them.
 *
 * It does not fetch or open blocks; it is told what came. It reads data blocks only: check blocks are stepped over.
 *
 * Invariant: of the content at most `window` blocks, and of each list level at most `listWindow`, are held or being fetched; a
 * list block is let go as soon as its last key has been used.
 */
import { assert, KEY_BYTES, ParseError, type RoutingKey, routingKey } from '../keys/index.ts';
import { blockBytes, dataBlocks, keyOffset, type Layout, type Level } from './layout.ts';
import { clientLimits } from './limits.ts';
import type { Splitfile } from './metadata.ts';

/** A block's place: which level, and which data block of it. */
export interface Place {
  readonly level: number;
  readonly index: number;
}

interface Stage {
  readonly level: Level;
  readonly window: number;
  /** One after the last block that is needed. */
  readonly end: number;
  /** The next block to ask for, and the first that is still needed. */
  next: number;
  head: number;
  readonly payloads: Map<number, Uint8Array>;
}

export class SplitfileReader {
  readonly #layout: Layout;
  readonly #keys: Uint8Array;
  readonly #stages: Stage[] = [];
  /** Of the stored bytes. */
  readonly #start: number;
  readonly #end: number;

  /** `start` to before `end`: stored bytes, at least one. */
  constructor(options: { splitfile: Splitfile; layout: Layout; start: number; end: number; window: number }) {
    const { splitfile, layout, start, end, window } = options;
    const [content] = splitfile.levels;
    assert(
      content !== undefined && 0 <= start && start < end && end <= content.sizeBytes,
      'a range lies in the content',
    );
    this.#layout = layout;
    this.#keys = splitfile.keys;
    this.#start = start;
    this.#end = end;
    let firstByte = start;
    let lastByte = end - 1;
    for (const [number, level] of splitfile.levels.entries()) {
      const head = Math.floor(firstByte / layout.payloadBytes);
      const last = Math.floor(lastByte / layout.payloadBytes);
      assert(last < dataBlocks(level, layout), 'sizes agree in metadata that was decoded');
      this.#stages.push({
        level,
        window: number === 0 ? window : clientLimits.listWindow.value,
        end: last + 1,
        next: head,
        head,
        payloads: new Map(),
      });
      // The next level is the list of this one's keys.
      firstByte = keyOffset(level, head, layout);
      lastByte = keyOffset(level, last, layout);
    }
    this.blocks = this.#stages.reduce((sum, stage) => sum + stage.end - stage.head, 0);
  }

  /** To be fetched in all, lists included. */
  readonly blocks: number;

  get heldBlocks(): number {
    return this.#stages.reduce((sum, { payloads }) => sum + payloads.size, 0);
  }

  /** The next block to ask for; undefined until something has arrived or was taken. */
  next(): { place: Place; key: RoutingKey } | undefined {
    this.#dropUsedLists();
    // Lists first, and the upper before the lower: without them there is nothing to ask for.
    for (let number = this.#stages.length - 1; number >= 0; number--) {
      const stage = this.#stage(number);
      if (stage.next === stage.end || stage.next - stage.head >= stage.window) continue;
      const key = this.#keyOf(number, stage.next);
      if (key !== undefined) return { place: { level: number, index: stage.next++ }, key };
    }
    return undefined;
  }

  /** @throws ParseError bad_metadata when the block is not as long as its place demands. */
  arrived({ level: number, index }: Place, payload: Uint8Array): void {
    const stage = this.#stage(number);
    const wanted = blockBytes(stage.level, index, this.#layout);
    if (payload.length !== wanted) {
      throw new ParseError('bad_metadata', `a block of ${payload.length} bytes where ${wanted} are needed`);
    }
    stage.payloads.set(index, payload);
  }

  /** The next bytes of the range, if they are there: a part of one block, which is held until `release`. */
  peek(): Uint8Array | undefined {
    const stage = this.#stage(0);
    const payload = stage.payloads.get(stage.head);
    if (payload === undefined) return undefined;
    const offset = stage.head * this.#layout.payloadBytes;
    return payload.subarray(Math.max(0, this.#start - offset), this.#end - offset);
  }

  release(): void {
    drop(this.#stage(0));
  }

  /** All of the range has been released. */
  get isOver(): boolean {
    const { head, end } = this.#stage(0);
    return head === end;
  }

  /** Keys are used in order, so a list block that lies before the next one to be used is used up. */
  #dropUsedLists(): void {
    for (let number = 0; number < this.#stages.length - 1; number++) {
      const { level, next, end } = this.#stage(number);
      const list = this.#stage(number + 1);
      const needed =
        next === end
          ? list.end
          : Math.floor(keyOffset(level, next, this.#layout) / this.#layout.payloadBytes);
      while (list.head < needed && list.payloads.has(list.head)) drop(list);
    }
  }

  #keyOf(number: number, index: number): RoutingKey | undefined {
    const offset = keyOffset(this.#stage(number).level, index, this.#layout);
    if (number === this.#stages.length - 1) return keyAt(this.#keys, offset);
    const { payloadBytes } = this.#layout;
    const payload = this.#stage(number + 1).payloads.get(Math.floor(offset / payloadBytes));
    return payload && keyAt(payload, offset % payloadBytes);
  }

  #stage(number: number): Stage {
    const stage = this.#stages[number];
    assert(stage !== undefined, 'a place is in one of the levels');
    return stage;
  }
}

function drop(stage: Stage): void {
  stage.payloads.delete(stage.head);
  stage.head++;
}

function keyAt(list: Uint8Array, offset: number): RoutingKey {
  // A copy: whoever keeps the key must not keep the list.
  return routingKey(list.slice(offset, offset + KEY_BYTES));
}
