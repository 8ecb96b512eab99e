/**
 * Opens a socket that is to become a carrier: bounded in time, called off by a signal, and negotiated with, if there is anything
 * to negotiate. What the socket says afterwards is its carrier's business.
 *
 * Invariants: it ends within `timeoutMs` whatever the other side does; a socket that was not handed out is destroyed; no error of
 * a socket is without somebody to hear it.
 */
import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { DialError } from './dial-error.ts';

interface OpenOptions {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  /** What to fail with after `timeoutMs`. */
  readonly timeout: () => Error;
  readonly signal?: AbortSignal | undefined;
  /** What has to pass on the connected socket first. */
  readonly negotiate?: (socket: Socket) => Promise<void>;
}

/**
 * Resolves in a turn of the event loop in which nothing of the other side can have been lost yet.
 * @throws what ended it first: an error of the system, `timeout()`, DialError dial_cancelled, what `negotiate` throws
 */
export async function openSocket(options: OpenOptions): Promise<Socket> {
  const { host, port, timeoutMs, timeout, signal, negotiate } = options;
  const cancelled = () => new DialError('dial_cancelled', 'nobody waits for it any more');
  if (signal?.aborted === true) throw cancelled();
  const socket = connect({ host, port, noDelay: true });
  let failure: Error | undefined;
  const fail = (error: Error) => {
    failure ??= error;
    socket.destroy(error);
  };
  const timer = setTimeout(() => fail(timeout()), timeoutMs);
  const onAbort = () => fail(cancelled());
  signal?.addEventListener('abort', onAbort);
  socket.on('error', fail);
  try {
    await once(socket, 'connect');
    await negotiate?.(socket);
    return socket;
  } catch (error) {
    socket.destroy();
    // What the negotiation makes of a socket that was destroyed under it says less than why that was.
    throw failure ?? error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    // A failed socket may still have something to say; a good one has its carrier to hear it before anything can happen.
    if (!socket.destroyed) socket.off('error', fail);
  }
}
