/**
 * A connection to a running daemon, as an `Api`. It does not check results: the daemon is ours, and may be a newer one that
 * answers with more fields. No reconnecting: a command that loses its daemon says so.
 *
 * Invariant: every call ends, with a result or a `UserError`; when the connection is gone, all that wait are told.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { JSONRPCClient, JSONRPCErrorException, type JSONRPCResponse } from 'json-rpc-2.0';
import { UserError, type Api, type MethodName, type Params, type Result } from '../../client/index.ts';
import { readDaemonFile } from '../config/daemon-file.ts';
import { fromWireError } from './errors.ts';
import { rpcLimits } from './limits.ts';
import { LineSplitter } from './lines.ts';

export interface ApiConnection extends Api {
  close(): void;
}

/** @throws UserError daemon_not_running */
export async function connectApi(dataDir: string): Promise<ApiConnection> {
  const path = readDaemonFile(dataDir)?.rpcSocket;
  if (path === undefined) throw new UserError('daemon_not_running', `no daemon runs in ${dataDir}`);
  const socket = connect(path);
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(rpcLimits.connectMs.value) });
  } catch (error) {
    socket.destroy();
    throw new UserError('daemon_not_running', `no daemon runs in ${dataDir}: its socket does not answer`, {
      cause: error,
    });
  }
  return overSocket(socket);
}

function overSocket(socket: Socket): ApiConnection {
  const lines = new LineSplitter(rpcLimits.answerBytes.value);
  const client = new JSONRPCClient((request: unknown) => {
    // A line to a socket that is closed is an answer that never comes.
    if (!socket.writable) throw new Error(LOST);
    socket.write(`${JSON.stringify(request)}\n`);
  });
  socket.on('data', (chunk: Buffer) => {
    for (const part of lines.push(chunk)) {
      const answer = part.type === 'line' ? parseAnswer(part.text) : undefined;
      if (answer === undefined) socket.destroy();
      else client.receive(answer);
    }
  });
  socket.on('error', () => undefined);
  socket.on('close', () => client.rejectAllPendingRequests(LOST));
  return {
    async call<M extends MethodName>(name: M, params: Params<M>): Promise<Result<M>> {
      try {
        return (await client.request(name, params)) as Result<M>;
      } catch (error) {
        throw toUserError(error);
      }
    },
    close: () => socket.destroy(),
  };
}

const LOST = 'the daemon closed the connection';

function toUserError(error: unknown): UserError {
  // Errors that the library makes itself have code 0: there was no answer.
  if (!(error instanceof JSONRPCErrorException) || error.code === 0)
    return new UserError('daemon_stopping', LOST, { cause: error });
  return fromWireError(error);
}

/** A batch is no answer: none is ever asked for, and the library does not look what is in one. */
function parseAnswer(line: string): JSONRPCResponse | undefined {
  try {
    const answer: unknown = JSON.parse(line);
    const isObject = typeof answer === 'object' && answer !== null && !Array.isArray(answer);
    return isObject ? (answer as JSONRPCResponse) : undefined;
  } catch {
    return undefined;
  }
}
