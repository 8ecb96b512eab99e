/**
 * The JSON-RPC socket: connections, lines, answers in the order in which calls end. What a call means is dispatch.ts's.
 *
 * Invariant: whatever a client sends or fails to read, a connection holds at most one unfinished line, `callsAtOnce` calls and
 * their answers: while an answer waits to be read, nothing more is read from its connection.
 */
import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import type { Dispatch, Load } from './dispatch.ts';
import { rpcLimits } from './limits.ts';
import { LineSplitter } from './lines.ts';
import { removeSocket, removeSocketAndFolder } from './socket-path.ts';

export interface RpcServer {
  /** Takes no more connections; calls that run may end within `drainMs`, then everything is cut and the socket is gone. */
  close(): Promise<void>;
}

/** Whoever calls holds the lock of the data directory: a socket that lies at the path belongs to a dead process. */
export async function startRpcServer(options: { path: string; dispatch: Dispatch }): Promise<RpcServer> {
  const { path, dispatch } = options;
  removeSocket(path);
  const connections = new Set<Connection>();
  // Half-open, because `printf … | nc -U` ends its side before it has its answer.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection = new Connection(socket, dispatch);
    connections.add(connection);
    socket.on('close', () => connections.delete(connection));
  });
  server.maxConnections = rpcLimits.connections.value;
  server.listen(path);
  await once(server, 'listening');
  chmodSync(path, 0o600);
  return { close: () => close(server, connections, path) };
}

async function close(server: Server, connections: ReadonlySet<Connection>, path: string): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  for (const connection of connections) connection.finish();
  const cut = setTimeout(() => {
    for (const connection of connections) connection.cut();
  }, rpcLimits.drainMs.value);
  await closed;
  clearTimeout(cut);
  removeSocketAndFolder(path);
}

class Connection {
  readonly #socket: Socket;
  readonly #dispatch: Dispatch;
  readonly #lines = new LineSplitter(rpcLimits.lineBytes.value);
  readonly #load: Load = { calls: 0, badLines: 0 };
  /** Lines whose answer is not written yet. */
  #unanswered = 0;
  #halfLine: NodeJS.Timeout | undefined;
  #state: 'open' | 'finishing' = 'open';

  constructor(socket: Socket, dispatch: Dispatch) {
    this.#socket = socket;
    this.#dispatch = dispatch;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => socket.resume());
    socket.on('end', () => this.finish());
    socket.on('close', () => clearTimeout(this.#halfLine));
    // A client that went away is no event for anybody; 'close' follows.
    socket.on('error', () => undefined);
  }

  /** Reads nothing more; ends when the last answer is written. */
  finish(): void {
    this.#state = 'finishing';
    clearTimeout(this.#halfLine);
    this.#endIfDone();
  }

  cut(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    for (const part of this.#lines.push(chunk)) {
      if (this.#state === 'finishing') return;
      if (part.type === 'too long' || this.#load.badLines >= rpcLimits.badLines.value) {
        this.cut();
        return;
      }
      void this.#answer(part.text);
    }
    clearTimeout(this.#halfLine);
    if (this.#lines.isInsideLine)
      this.#halfLine = setTimeout(() => this.cut(), rpcLimits.halfLineMs.value).unref();
  }

  async #answer(line: string): Promise<void> {
    this.#unanswered++;
    const answer = await this.#dispatch(line, this.#load);
    this.#unanswered--;
    if (answer !== undefined && this.#socket.writable && !this.#socket.write(`${answer}\n`))
      this.#socket.pause();
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#state === 'finishing' && this.#unanswered === 0) this.#socket.end();
  }
}
