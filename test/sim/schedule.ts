/**
 * Virtual time: what is to happen, by (time, order of asking), so that two things at one moment happen in the order in which
 * they were asked for, on every run.
 *
 * Time is cut into windows. What falls into a later window lies in a list, unsorted; a window that begins is put into a small heap.
 * Most timers of a router are cancelled long before they are due, so they never see the heap: that, and numbers in typed arrays
 * instead of objects, makes a step several times cheaper than one heap of closures.
 */
import TinyQueue from 'tinyqueue';

/** Shorter than a link's latency, so that little falls into the window that is on. A power of two: the division is exact. */
const WINDOW_MS = 4;
const FIRST_SLOTS = 1_024;

/** Names what was asked for, until it has happened or was cancelled. */
export type Ticket = number;

export class Schedule<What> {
  /** By slot: what is asked for keeps its slot until it is taken. */
  #at = new Float64Array(FIRST_SLOTS);
  #order = new Float64Array(FIRST_SLOTS);
  readonly #what: (What | undefined)[] = [];
  readonly #free: number[] = [];
  #slots = 0;
  /** Slots of the window that is on, a binary heap. */
  readonly #heap: number[] = [];
  /** Slots of later windows, and the numbers of these windows. */
  readonly #later = new Map<number, number[]>();
  readonly #windows = new TinyQueue<number>([], (a, b) => a - b);
  #window = 0;
  #asked = 0;
  #now = 0;

  get now(): number {
    return this.#now;
  }

  /** What is asked for in the past happens now. */
  push(time: number, what: What): Ticket {
    const at = time > this.#now ? time : this.#now;
    const slot = this.#free.pop() ?? this.#newSlot();
    this.#at[slot] = at;
    this.#order[slot] = this.#asked;
    this.#asked += 1;
    this.#what[slot] = what;
    const window = Math.floor(at / WINDOW_MS);
    if (window <= this.#window) this.#heapPush(slot);
    else {
      const list = this.#later.get(window);
      if (list !== undefined) list.push(slot);
      else {
        this.#later.set(window, [slot]);
        this.#windows.push(window);
      }
    }
    return slot;
  }

  /** Only for what has not yet happened. */
  cancel(ticket: Ticket): void {
    this.#what[ticket] = undefined;
  }

  /** Takes what comes next and lets time pass to it; undefined when nothing is left up to `until`. */
  next(until: number): What | undefined {
    for (;;) {
      const slot = this.#heap[0];
      if (slot === undefined) {
        if (!this.#openWindow(until)) return undefined;
        continue;
      }
      const at = this.#at[slot] ?? 0;
      if (at > until) return undefined;
      this.#heapPop();
      const what = this.#what[slot];
      this.#what[slot] = undefined;
      this.#free.push(slot);
      if (what === undefined) continue;
      this.#now = at;
      return what;
    }
  }

  /** Lets time pass with nothing happening in it. */
  passTo(time: number): void {
    if (time > this.#now) this.#now = time;
  }

  #newSlot(): number {
    const slot = this.#slots;
    this.#slots += 1;
    if (slot === this.#at.length) {
      this.#at = grown(this.#at);
      this.#order = grown(this.#order);
    }
    return slot;
  }

  /** Puts the next window that has something into the heap. */
  #openWindow(until: number): boolean {
    const window = this.#windows.peek();
    if (window === undefined || window * WINDOW_MS > until) return false;
    this.#windows.pop();
    const list = this.#later.get(window) ?? [];
    this.#later.delete(window);
    this.#window = window;
    for (const slot of list) {
      if (this.#what[slot] === undefined) this.#free.push(slot);
      else this.#heapPush(slot);
    }
    return true;
  }

  #isBefore(a: number, b: number): boolean {
    const [atA, atB] = [this.#at[a] as number, this.#at[b] as number];
    return atA < atB || (atA === atB && (this.#order[a] as number) < (this.#order[b] as number));
  }

  #heapPush(slot: number): void {
    const heap = this.#heap;
    let place = heap.length;
    heap.push(slot);
    while (place > 0) {
      const above = (place - 1) >> 1;
      const other = heap[above] as number;
      if (!this.#isBefore(slot, other)) break;
      heap[place] = other;
      place = above;
    }
    heap[place] = slot;
  }

  #heapPop(): void {
    const heap = this.#heap;
    const last = heap.pop() as number;
    const length = heap.length;
    if (length === 0) return;
    let place = 0;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= length) break;
      if (below + 1 < length && this.#isBefore(heap[below + 1] as number, heap[below] as number)) below += 1;
      const other = heap[below] as number;
      if (!this.#isBefore(other, last)) break;
      heap[place] = other;
      place = below;
    }
    heap[place] = last;
  }
}

function grown(array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(array.length * 2);
  larger.set(array);
  return larger;
}
