/**
 * What waits to be sealed: three queues, of which control goes first and bulk last, but not never (docs/spec/links.md, 7). Nothing is
 * sealed here: what is sealed has its place in the stream and can't be overtaken.
 *
 * It has no limit of its own: its owner sees `queuedBytes` and closes a link that takes too little (linkBacklogBytes of the node).
 * Invariants: within one urgency, first in is first out; of bulk that waits one frame goes after at most `realtimeRun` of realtime.
 */
import type { Urgency } from './event.ts';
import type { Frame } from './frame.ts';
import { transportLimits } from './limits.ts';

/** After so many taken from its front a queue is cut, so that taking costs the same however much waits. */
const CUT_AFTER = 64;

export class Outbox {
  readonly #lanes: Readonly<Record<Urgency, Lane>> = {
    control: new Lane(),
    realtime: new Lane(),
    bulk: new Lane(),
  };
  #queuedBytes = 0;
  /** Of realtime, in a row, while bulk waited. */
  #run = 0;

  /** Of all payloads that wait. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get isEmpty(): boolean {
    const { control, realtime, bulk } = this.#lanes;
    return control.isEmpty && realtime.isEmpty && bulk.isEmpty;
  }

  /** When the one that has waited longest came; undefined when nothing waits. */
  get oldestAt(): number | undefined {
    if (this.isEmpty) return undefined;
    const { control, realtime, bulk } = this.#lanes;
    return Math.min(control.oldestAt, realtime.oldestAt, bulk.oldestAt);
  }

  push(frame: Frame, { urgency, now }: { urgency: Urgency; now: number }): void {
    this.#lanes[urgency].push({ frame, at: now });
    this.#queuedBytes += frame.payload.length;
  }

  shift(): Frame | undefined {
    const frame = this.#lanes.control.shift() ?? this.#block();
    this.#queuedBytes -= frame?.payload.length ?? 0;
    return frame;
  }

  #block(): Frame | undefined {
    const { realtime, bulk } = this.#lanes;
    const isBulksTurn = realtime.isEmpty || this.#run >= transportLimits.realtimeRun.value;
    this.#run = bulk.isEmpty || isBulksTurn ? 0 : this.#run + 1;
    return isBulksTurn && !bulk.isEmpty ? bulk.shift() : realtime.shift();
  }
}

interface Waiting {
  readonly frame: Frame;
  readonly at: number;
}

class Lane {
  #waiting: (Waiting | undefined)[] = [];
  #first = 0;

  get isEmpty(): boolean {
    return this.#first === this.#waiting.length;
  }

  /** Infinity when nothing waits. */
  get oldestAt(): number {
    return this.#waiting[this.#first]?.at ?? Infinity;
  }

  push(waiting: Waiting): void {
    this.#waiting.push(waiting);
  }

  shift(): Frame | undefined {
    const first = this.#waiting[this.#first];
    if (first === undefined) return undefined;
    this.#waiting[this.#first] = undefined;
    this.#first += 1;
    if (this.isEmpty) {
      this.#waiting = [];
      this.#first = 0;
    } else if (this.#first >= CUT_AFTER && this.#first * 2 >= this.#waiting.length) {
      this.#waiting.splice(0, this.#first);
      this.#first = 0;
    }
    return first.frame;
  }
}
