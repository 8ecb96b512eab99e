/**
 * Two carriers that are joined in memory. What one writes the other receives in a later turn of the event loop, as chunks of at most
 * `chunkBytes`; nothing is lost and nothing takes time.
 */
import type { Carrier, CarrierListener } from '../../transport/index.ts';

export interface MemoryPairOptions {
  readonly listeners: readonly [CarrierListener, CarrierListener];
  readonly chunkBytes?: number;
}

export function memoryPair({ listeners, chunkBytes = 65_536 }: MemoryPairOptions): [Carrier, Carrier] {
  const left = new MemoryCarrier(listeners[0], chunkBytes);
  const right = new MemoryCarrier(listeners[1], chunkBytes);
  left.join(right);
  right.join(left);
  return [left, right];
}

class MemoryCarrier implements Carrier {
  readonly #listener: CarrierListener;
  readonly #chunkBytes: number;
  #peer: MemoryCarrier | undefined;
  #queue: Uint8Array[] = [];
  #backlogBytes = 0;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #scheduled = false;

  constructor(listener: CarrierListener, chunkBytes: number) {
    this.#listener = listener;
    this.#chunkBytes = chunkBytes;
  }

  join(peer: MemoryCarrier): void {
    this.#peer = peer;
  }

  get backlogBytes(): number {
    return this.#backlogBytes;
  }

  write(bytes: Uint8Array): void {
    if (this.#state !== 'open' || bytes.length === 0) return;
    this.#queue.push(bytes);
    this.#backlogBytes += bytes.length;
    this.#schedule();
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#schedule();
  }

  destroy(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closing';
    this.#dropQueue();
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#run();
    });
  }

  #run(): void {
    if (this.#state === 'closed') return;
    const hadBacklog = this.#backlogBytes > 0;
    for (const bytes of this.#queue.splice(0)) {
      for (let at = 0; at < bytes.length; at += this.#chunkBytes) {
        this.#peer?.deliver(bytes.slice(at, at + this.#chunkBytes));
      }
    }
    this.#backlogBytes = 0;
    if (this.#state === 'closing') {
      this.#end('closed here');
      this.#peer?.otherSideEnded();
    } else if (hadBacklog) {
      this.#listener.drained();
    }
  }

  deliver(bytes: Uint8Array): void {
    if (this.#state === 'open') this.#listener.received(bytes);
  }

  otherSideEnded(): void {
    if (this.#state !== 'closed') this.#end('closed by the other side');
  }

  #end(reason: string): void {
    this.#state = 'closed';
    this.#dropQueue();
    this.#listener.closed(reason);
  }

  #dropQueue(): void {
    this.#queue = [];
    this.#backlogBytes = 0;
  }
}
