/**
 * Carriers straight over TCP: dialling and listening. It knows nothing of what is sent, and does not decide whom to dial or let in.
 *
 * Invariant: an error of one socket concerns no other one.
 */
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { assert } from '../../keys/index.ts';
import { transportLimits } from '../../transport/index.ts';
import type { CarrierListener } from '../../transport/index.ts';
import { DialError } from './dial-error.ts';
import { openSocket } from './open-socket.ts';
import { SocketCarrier } from './socket-carrier.ts';

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly listener: CarrierListener;
  readonly timeoutMs?: number;
  /** Calls the dial off, until it has succeeded. */
  readonly signal?: AbortSignal | undefined;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Called with each carrier that somebody opened; gives who listens to it. */
  readonly accept: (carrier: SocketCarrier) => CarrierListener;
}

export interface Listening {
  /** As bound: with the port that was chosen. */
  readonly host: string;
  readonly port: number;
  /** Stops listening and destroys the carriers that came in here; resolves when all are closed. */
  close(): Promise<void>;
}

/**
 * The listener hears nothing unless it succeeds. An onion address is never looked up (RFC 7686): the question alone would tell the
 * name servers whom this node wants to reach.
 * @throws an error of the system with its `code`; ETIMEDOUT after `timeoutMs`; DialError onion_needs_proxy, dial_cancelled
 */
export async function dialTcp(options: DialOptions): Promise<SocketCarrier> {
  const { host, port, listener, timeoutMs = transportLimits.dialMs.value, signal } = options;
  if (/(?:^|\.)onion$/iu.test(host)) {
    throw new DialError(
      'onion_needs_proxy',
      'onion addresses are reached through a proxy only: set socks.proxy',
    );
  }
  const timeout = () => Object.assign(new Error(`${host}:${port} did not answer`), { code: 'ETIMEDOUT' });
  const carrier = new SocketCarrier(await openSocket({ host, port, timeoutMs, timeout, signal }));
  carrier.listen(listener);
  return carrier;
}

/** @throws an error of the system with its `code`: EADDRINUSE, EACCES, EADDRNOTAVAIL */
export async function listenTcp({ host, port, accept }: ListenOptions): Promise<Listening> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const carrier = new SocketCarrier(socket);
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
