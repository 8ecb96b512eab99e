/**
 * What waits to be sealed: two queues, of which control goes first (docs/spec/links.md, 7). Nothing is sealed here: what is sealed has
 * its place in the stream and can't be overtaken.
 *
 * It has no limit of its own: its owner sees `queuedBytes` and closes a link that takes too little (linkBacklogBytes of the node).
 * Invariant: within one urgency, first in is first out.
 */
import type { Urgency } from './event.ts';
import type { Frame } from './frame.ts';

/** After so many taken from its front a queue is cut, so that taking costs the same however much waits. */
const CUT_AFTER = 64;

export class Outbox {
  readonly #lanes: Readonly<Record<Urgency, Lane>> = { control: new Lane(), bulk: new Lane() };
  #queuedBytes = 0;

  /** Of all payloads that wait. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get isEmpty(): boolean {
    return this.#lanes.control.isEmpty && this.#lanes.bulk.isEmpty;
  }

  push(frame: Frame, urgency: Urgency): void {
    this.#lanes[urgency].push(frame);
    this.#queuedBytes += frame.payload.length;
  }

  shift(): Frame | undefined {
    const frame = this.#lanes.control.shift() ?? this.#lanes.bulk.shift();
    this.#queuedBytes -= frame?.payload.length ?? 0;
    return frame;
  }
}

class Lane {
  #frames: (Frame | undefined)[] = [];
  #first = 0;

  get isEmpty(): boolean {
    return this.#first === this.#frames.length;
  }

  push(frame: Frame): void {
    this.#frames.push(frame);
  }

  shift(): Frame | undefined {
    const frame = this.#frames[this.#first];
    if (frame === undefined) return undefined;
    this.#frames[this.#first] = undefined;
    this.#first += 1;
    if (this.isEmpty) {
      this.#frames = [];
      this.#first = 0;
    } else if (this.#first >= CUT_AFTER && this.#first * 2 >= this.#frames.length) {
      this.#frames.splice(0, this.#first);
      this.#first = 0;
    }
    return frame;
  }
}
