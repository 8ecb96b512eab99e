/**
 * A connected socket behind the interface of transport/carrier.ts. How the socket came to be, dialled, accepted or handed over by a
 * proxy, is not known here, nor what is sent.
 *
 * Invariants: those of the carrier (test/compliance/carrier.ts); an error of the socket ends its carrier and nothing else.
 */
import type { Socket } from 'node:net';
import { transportLimits } from '../../transport/index.ts';
import type { Carrier, CarrierListener } from '../../transport/index.ts';

/** The states of this end. `closing`: `close` or `destroy` was called, the socket has not said `close` yet. */
type State = 'open' | 'closing' | 'closed';

export class SocketCarrier implements Carrier {
  /** The address at the other end, as the system names it; undefined when that was gone at once. */
  readonly remoteHost: string | undefined;
  readonly #socket: Socket;
  #listener: CarrierListener | undefined;
  #state: State = 'open';
  #corked = false;
  /** Whether the backlog was above zero since `drained` was last said. */
  #queued = false;
  #reason = 'closed by the other side';

  constructor(socket: Socket) {
    this.#socket = socket;
    this.remoteHost = socket.remoteAddress;
    socket.on('data', (bytes: Buffer) => {
      // A carrier that closes reads on, so that what it leaves unread does not turn its own last bytes into a reset.
      if (this.#state === 'open') this.#listener?.received(bytes);
    });
    socket.on('error', (error) => {
      this.#reason = error.message;
    });
    socket.once('close', () => {
      this.#state = 'closed';
      this.#listener?.closed(this.#reason);
    });
  }

  /** In the turn of the event loop in which the socket opened: nothing has been read from it by then. */
  listen(listener: CarrierListener): void {
    this.#listener = listener;
  }

  get backlogBytes(): number {
    return this.#state === 'closed' ? 0 : this.#socket.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (this.#state !== 'open' || !this.#socket.writable) return;
    // One system call for all that one turn of the loop has to say: on loopback the calls cost more than the bytes.
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        this.#socket.uncork();
      });
    }
    this.#socket.write(bytes, () => this.#written());
    if (this.#socket.writableLength > 0) this.#queued = true;
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#reason = 'closed here';
    this.#socket.end();
    const timer = setTimeout(() => this.#socket.destroy(), transportLimits.lingerMs.value);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  destroy(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closing';
    this.#reason = 'closed here';
    this.#socket.destroy();
  }

  /** Node's own `drain` comes only after 64 KiB; this comes after every write that had to wait. */
  #written(): void {
    if (this.#state !== 'open' || !this.#queued || this.#socket.writableLength > 0) return;
    this.#queued = false;
    this.#listener?.drained();
  }
}
