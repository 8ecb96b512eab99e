/** A daemon's socket over the small api, and a client that writes what it likes: for the tests of the socket. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { z } from 'zod';
import type { Api } from '../../client/index.ts';
import { writeDaemonFile } from '../../daemon/config/daemon-file.ts';
import { createDispatch } from '../../daemon/rpc/dispatch.ts';
import { LineSplitter } from '../../daemon/rpc/lines.ts';
import { startRpcServer } from '../../daemon/rpc/server.ts';
import { smallApi } from './rpc-small-api.ts';

/** tap's own directories are named after the test: too long for a socket. */
export function freshDir(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'mimeo-test-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export const answerSchema = z.object({
  jsonrpc: z.literal('2.0'),
  id: z.union([z.string(), z.number(), z.null()]),
  result: z.looseObject({}).optional(),
  error: z
    .object({
      code: z.number(),
      message: z.string(),
      data: z.object({ code: z.string(), retryable: z.boolean(), hint: z.string() }),
    })
    .optional(),
});
type Answer = z.output<typeof answerSchema>;

/** A client that writes what it likes and reads lines. */
export class RawClient {
  readonly socket: Socket;
  readonly #lines = new LineSplitter(2 ** 26);
  readonly #received: string[] = [];
  readonly closed: Promise<unknown>;

  constructor(path: string) {
    this.socket = connect(path);
    this.socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => this.socket.once('close', resolve));
    this.socket.on('data', (chunk: Buffer) => {
      for (const part of this.#lines.push(chunk)) if (part.type === 'line') this.#received.push(part.text);
      this.socket.emit('lines');
    });
  }

  async next(): Promise<unknown> {
    while (this.#received.length === 0) await once(this.socket, 'lines');
    return JSON.parse(this.#received.shift() ?? '');
  }

  async ask(text: string): Promise<Answer> {
    this.socket.write(`${text}\n`);
    return answerSchema.parse(await this.next());
  }
}

export interface Served {
  readonly path: string;
  readonly dataDir: string;
  readonly bugs: unknown[];
  client(): RawClient;
}

export async function serve(t: Test, api?: Api): Promise<Served> {
  const dataDir = freshDir(t);
  const path = join(dataDir, 'rpc.sock');
  const bugs: unknown[] = [];
  const dispatch = createDispatch({ api: api ?? smallApi(dataDir), onBug: (error) => bugs.push(error) });
  const server = await startRpcServer({ path, dispatch });
  writeDaemonFile(dataDir, { pid: process.pid, rpcSocket: path, listen: '127.0.0.1:1', version: '0' });
  const clients: RawClient[] = [];
  t.teardown(async () => {
    for (const { socket } of clients) socket.destroy();
    await server.close();
  });
  return {
    path,
    dataDir,
    bugs,
    client() {
      const client = new RawClient(path);
      clients.push(client);
      return client;
    },
  };
}

export function request(id: number, method: string, params?: object): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, ...(params && { params }) });
}
