/** A gateway over a node in memory, and the clients that tests ask it with: an ordinary one, and bare sockets for hostile bytes. */
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Test } from 'tap';
import { startFproxy, type Fproxy, type FproxyOptions } from '../../fproxy/index.ts';
import { MemoryNode } from './memory-node.ts';

export interface Web extends Fproxy {
  readonly node: MemoryNode;
}

export async function startWeb(
  t: Test,
  options: Partial<Pick<FproxyOptions, 'bounds' | 'host' | 'content'>> = {},
): Promise<Web> {
  const node = new MemoryNode();
  const fproxy = await startFproxy({ host: '127.0.0.1', port: 0, api: node, content: node, ...options });
  t.teardown(() => fproxy.close());
  return { ...fproxy, node };
}

export interface Asking {
  readonly method?: string;
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
}

/** One request over a connection of its own. Rejects when the answer is cut. */
export function ask(web: Fproxy, { method = 'GET', path, headers = {}, body }: Asking): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const { hostname } = new URL(web.origin);
    const host = hostname.replace(/^\[|\]$/g, '');
    const asking = httpRequest({ host, port: web.port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const whole = Buffer.concat(chunks);
        const status = response.statusCode ?? 0;
        resolve({ status, headers: response.headers, body: whole, text: whole.toString() });
      });
    });
    asking.on('error', reject);
    asking.end(body);
  });
}

export function dial(web: Fproxy): Socket {
  return connect({ host: '127.0.0.1', port: web.port });
}

/** Sends bytes as they are and returns what comes until the other side closes. */
export async function raw(web: Fproxy, bytes: string | Uint8Array): Promise<string> {
  const socket = dial(web);
  socket.write(bytes);
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of socket) chunks.push(chunk as Buffer);
  } catch {
    // A reset ends the answer as well as a close does.
  }
  return Buffer.concat(chunks).toString('latin1');
}

/** The head of a request over a bare socket that is closed after its answer. */
export function head(lines: readonly string[]): string {
  return [...lines, 'Connection: close', '', ''].join('\r\n');
}

/** A CHK that parses; `digit` makes different ones. */
export function chk(digit: string, name?: string): string {
  const key = `${digit.repeat(42)}A`;
  return `CHK@${key},${key},AQA${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}

/** The headers of a browser that was sent here by a page elsewhere, and of one that follows a person's own click here. */
export const foreignNavigation = {
  'sec-fetch-site': 'cross-site',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
};
export const ownNavigation = { ...foreignNavigation, 'sec-fetch-site': 'same-origin' };
