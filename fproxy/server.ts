/**
 * The gateway as a running server: listening, limits of connections, the order in which a request is judged, routed and answered.
 *
 * It listens on loopback only and keeps nothing between requests. Keys are no routes: whatever is no page is taken for a key.
 *
 * Invariants: the guard comes first, so a refused request reaches no handler, no body is read for it, and the node does not hear
 * of it. Every request that passes is answered once, or its connection is destroyed.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { addRoute, createRouter, findRoute } from 'rou3';
import { assert } from '../keys/index.ts';
import { UserError, type Api, type ContentApi } from '../client/index.ts';
import { serveContent } from './content.ts';
import { taken, type Exchange, type Gateway } from './exchange.ts';
import { allowedHosts, judge } from './guard.ts';
import { home } from './home.ts';
import { boundsWith, type Bounds } from './limits.ts';
import { expected, Refusal, send, sendConfirmation, sendEmpty, sendError } from './respond.ts';
import { style } from './style.ts';
import { fetchBox, postUpload, putContent, putHome } from './upload.ts';

export interface FproxyOptions {
  readonly host: '127.0.0.1' | '::1';
  /** 0 for any free one. */
  readonly port: number;
  readonly api: Api;
  readonly content: ContentApi;
  /** Tighter than fproxy/limits.ts. */
  readonly bounds?: Partial<Bounds>;
}

export interface Fproxy {
  /** What to open in a browser, without a slash at the end. */
  readonly origin: string;
  readonly port: number;
  /** Stops accepting; running answers may end within `drainMs`, then every connection is destroyed. */
  close(): Promise<void>;
}

/** @throws UserError port_in_use, or failed when this address can't be listened on */
export async function startFproxy({
  host,
  port,
  api,
  content,
  bounds: tighter = {},
}: FproxyOptions): Promise<Fproxy> {
  const bounds = boundsWith(tighter);
  const gateway: Gateway = { api, content, formToken: randomBytes(32).toString('base64url'), bounds };
  const server = createServer({
    maxHeaderSize: bounds.requestHeadBytes,
    headersTimeout: bounds.headTimeoutMs,
    requestTimeout: bounds.requestTimeoutMs,
    connectionsCheckingInterval: Math.min(bounds.headTimeoutMs, 5_000),
  });
  // Past a count node drops headers without a word, and the guard must see them all: their bytes are bounded instead.
  server.maxHeadersCount = 0;
  server.maxConnections = bounds.connections;
  await listen(server, { host, port });
  const bound = (server.address() as AddressInfo).port;
  const running = serve(server, { gateway, hosts: allowedHosts(host, bound) });
  return {
    origin: `http://${host === '::1' ? '[::1]' : host}:${bound}`,
    port: bound,
    close: () => close(server, { running, drainMs: bounds.drainMs }),
  };
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const code = error.code === 'EADDRINUSE' ? 'port_in_use' : 'failed';
      reject(
        new UserError(code, `fproxy can't listen on ${host}, port ${port}: ${error.message}`, {
          cause: error,
        }),
      );
    });
    server.listen({ host, port }, () => {
      server.removeAllListeners('error');
      // Later ones are about one connection that could not be accepted, for want of file handles; it is closed, the next may do.
      server.on('error', () => {});
      resolve();
    });
  });
}

/** @returns the answers that are under way, kept up to date */
function serve(
  server: Server,
  { gateway, hosts }: { gateway: Gateway; hosts: ReadonlySet<string> },
): ReadonlySet<Promise<void>> {
  const running = new Set<Promise<void>>();
  /** The connection and not the response says when the reader is gone: a pipelined response that waits hears nothing. */
  const closed = new WeakMap<Socket, AbortSignal>();

  const receive = (request: IncomingMessage, response: ServerResponse, body: Exchange['body']) => {
    const connection = closed.get(request.socket);
    assert(connection !== undefined, 'a request comes over a connection');
    const gone = AbortSignal.any([connection]);
    const exchange = { gateway, request, response, gone, body, origin: '', target: request.url ?? '' };
    const answering = answer(exchange, { hosts, busy: running.size >= gateway.bounds.requests }).finally(() =>
      running.delete(answering),
    );
    running.add(answering);
  };
  server.on('connection', (socket: Socket) => {
    const controller = new AbortController();
    closed.set(socket, controller.signal);
    socket.once('close', () => controller.abort());
  });
  server.on('request', (request, response) => receive(request, response, 'sent'));
  // Without this node would tell the client to send its body before the guard has seen the request.
  server.on('checkContinue', (request, response) => receive(request, response, 'early'));
  return running;
}

/** Never rejects but for a bug, which ends the process. */
async function answer(
  unjudged: Exchange,
  { hosts, busy }: { hosts: ReadonlySet<string>; busy: boolean },
): Promise<void> {
  const verdict = judge(unjudged.request, hosts);
  if (verdict.type === 'refuse') {
    sendError(unjudged, new UserError(verdict.code, verdict.message));
  } else {
    const exchange = { ...unjudged, origin: verdict.origin };
    try {
      if (busy) throw new UserError('overloaded', 'too many requests are being answered');
      if (verdict.type === 'confirm') sendConfirmation(exchange);
      else await handlerOf(exchange)(exchange);
    } catch (error) {
      // The reader left; whoever was told by the signal may answer with its reason.
      if (!exchange.gone.aborted || error !== exchange.gone.reason) sendError(exchange, expected(error));
    }
  }
  await taken(unjudged, 'finish');
}

type Handler = (exchange: Exchange) => Promise<void> | void;
type Route = Partial<Record<'GET' | 'PUT' | 'POST', Handler>>;

const router = createRouter<Route>();
const add = (path: string, route: Route) => addRoute(router, '', path, route);
add('/', { GET: home, PUT: putHome });
add('/style.css', {
  GET: (exchange) => send(exchange, { status: 200, type: 'text/css; charset=utf-8', body: style }),
});
add('/favicon.ico', { GET: (exchange) => sendEmpty(exchange, 204, {}) });
add('/fetch', { GET: fetchBox });
add('/upload', { POST: postUpload });
add('/**', { GET: serveContent, PUT: putContent });

function handlerOf({ request, target }: Exchange): Handler {
  const [path = '/'] = target.split('?', 1);
  const route = findRoute(router, '', path)?.data;
  assert(route !== undefined, 'the last route takes every path');
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const handler = method === 'GET' || method === 'PUT' || method === 'POST' ? route[method] : undefined;
  if (handler !== undefined) return handler;
  const allowed = Object.keys(route).flatMap((each) => (each === 'GET' ? ['GET', 'HEAD'] : [each]));
  throw new Refusal('method_not_allowed', `${request.method ?? ''} is not done here`, {
    Allow: allowed.join(', '),
  });
}

async function close(
  server: Server,
  { running, drainMs }: { running: ReadonlySet<Promise<void>>; drainMs: number },
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const drained = new AbortController();
  await Promise.race([
    Promise.allSettled(running),
    setTimeout(drainMs, undefined, { signal: drained.signal }).catch(() => {}),
  ]);
  drained.abort();
  server.closeAllConnections();
  await closed;
}
