/**
 * Carriers over TCP: dialling, listening, and a socket behind the interface of transport/carrier.ts. It knows nothing of what is
 * sent, and does not decide whom to dial or let in.
 *
 * Invariants: those of the carrier (test/compliance/carrier.ts); an error of a socket ends its carrier and nothing else.
 */
import { createServer, connect } from 'node:net';
import type { Server, Socket } from 'node:net';
import { assert } from '../../keys/index.ts';
import { transportLimits } from '../../transport/index.ts';
import type { Carrier, CarrierListener } from '../../transport/index.ts';

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly listener: CarrierListener;
  readonly timeoutMs?: number;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Called with each carrier that somebody opened; gives who listens to it. */
  readonly accept: (carrier: Carrier) => CarrierListener;
}

export interface Listening {
  /** As bound: with the port that was chosen. */
  readonly host: string;
  readonly port: number;
  /** Stops listening and destroys the carriers that came in here; resolves when all are closed. */
  close(): Promise<void>;
}

/** The listener hears nothing unless it succeeds. @throws an error of the system with its `code`; ETIMEDOUT after `timeoutMs` */
export function dialTcp(options: DialOptions): Promise<Carrier> {
  const { host, port, listener, timeoutMs = transportLimits.dialMs.value } = options;
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    const timer = setTimeout(() => {
      socket.destroy(Object.assign(new Error(`${host}:${port} did not answer`), { code: 'ETIMEDOUT' }));
    }, timeoutMs);
    socket.once('error', reject);
    socket.once('close', () => clearTimeout(timer));
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', reject);
      const carrier = new TcpCarrier(socket);
      carrier.listen(listener);
      resolve(carrier);
    });
  });
}

/** @throws an error of the system with its `code`: EADDRINUSE, EACCES, EADDRNOTAVAIL */
export async function listenTcp({ host, port, accept }: ListenOptions): Promise<Listening> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const carrier = new TcpCarrier(socket);
    carrier.listen(accept(carrier));
  });
  server.maxConnections = transportLimits.inboundCarriers.value;
  await bind(server, { host, port });
  // An accept that fails (too many open files) concerns one caller.
  server.on('error', () => {});
  const address = server.address();
  assert(address !== null && typeof address === 'object', 'a bound TCP server has an address');
  let closing: Promise<void> | undefined;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { host: address.address, port: address.port, close: () => (closing ??= close()) };
}

function bind(server: Server, at: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(at, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** The states of this end. `closing`: `close` or `destroy` was called, the socket has not said `close` yet. */
type State = 'open' | 'closing' | 'closed';

class TcpCarrier implements Carrier {
  readonly #socket: Socket;
  #listener: CarrierListener | undefined;
  #state: State = 'open';
  #corked = false;
  /** Whether the backlog was above zero since `drained` was last said. */
  #queued = false;
  #reason = 'closed by the other side';

  constructor(socket: Socket) {
    this.#socket = socket;
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

  /** In the turn of the event loop in which the socket opened: nothing can have come by then. */
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
