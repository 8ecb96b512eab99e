/**
 * How an answer leaves: headers that every answer has, pages, texts, and errors in the form that their reader expects.
 * The walls that the headers build are justified one by one in docs/spec/fproxy.md, 4.
 *
 * Invariants: every answer passes `writeHead`. Nothing is written to a connection that is gone. An error after the head ends the
 * connection, so that a cut body never looks complete.
 */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { ParseError } from '../keys/index.ts';
import { UserError, type ErrorCode } from '../client/index.ts';
import type { Exchange } from './exchange.ts';
import type { Html } from './html.ts';
import { confirmPage, errorPage } from './pages.ts';

const EVERYWHERE: OutgoingHttpHeaders = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'X-DNS-Prefetch-Control': 'off',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

/** Our own pages. Under `no-referrer` a browser would send `Origin: null` with the form, which the guard refuses. */
const PAGE: OutgoingHttpHeaders = {
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
};

/** An expected failure whose answer carries headers of its own: what is allowed, how long the file is. */
export class Refusal extends UserError {
  readonly headers: OutgoingHttpHeaders;

  constructor(code: ErrorCode, message: string, headers: OutgoingHttpHeaders) {
    super(code, message);
    this.name = 'Refusal';
    this.headers = headers;
  }
}

export function writeHead(
  { request, response }: Exchange,
  status: number,
  headers: OutgoingHttpHeaders,
): void {
  // What is left of a body that nobody reads would be taken for the next request.
  if (hasBody(request.headers) && !request.readableEnded) response.shouldKeepAlive = false;
  response.writeHead(status, { ...EVERYWHERE, ...headers });
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: OutgoingHttpHeaders;
}

/** Sends a body that is there; for HEAD node leaves the body out. */
export function send(exchange: Exchange, { status, type, body, headers }: Answer): void {
  if (exchange.gone.aborted) return;
  const length = Buffer.byteLength(body);
  writeHead(exchange, status, { ...PAGE, 'Content-Type': type, 'Content-Length': length, ...headers });
  exchange.response.end(body);
}

export function sendText(
  exchange: Exchange,
  status: number,
  text: string,
  headers?: OutgoingHttpHeaders,
): void {
  send(exchange, { status, type: 'text/plain; charset=utf-8', body: text, ...(headers && { headers }) });
}

export function sendPage(
  exchange: Exchange,
  status: number,
  page: Html,
  headers?: OutgoingHttpHeaders,
): void {
  send(exchange, { status, type: 'text/html; charset=utf-8', body: page.text, ...(headers && { headers }) });
}

export function sendEmpty(exchange: Exchange, status: number, headers: OutgoingHttpHeaders): void {
  if (exchange.gone.aborted) return;
  writeHead(exchange, status, headers);
  exchange.response.end();
}

/** A page for a person who navigates, two lines for programs. */
export function sendError(exchange: Exchange, error: UserError): void {
  const { response, request } = exchange;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { http, hint } = error.info;
  const headers: OutgoingHttpHeaders = {
    'X-Mimeo-Error': error.code,
    ...(http === 503 && { 'Retry-After': exchange.gateway.bounds.retryAfterSeconds }),
    ...(error instanceof Refusal && error.headers),
  };
  if (request.headers['sec-fetch-mode'] === 'navigate' && takesHtml(exchange)) {
    sendPage(exchange, http, errorPage({ code: error.code, message: error.message, hint }), headers);
  } else {
    sendText(exchange, http, `${error.code}: ${oneLine(error.message)}\n${hint}\n`, headers);
  }
}

/** Asks a person whom another site sent here. Refused all the same, so that no program takes the page for the content. */
export function sendConfirmation(exchange: Exchange): void {
  if (takesHtml(exchange)) {
    const page = confirmPage({ origin: exchange.origin, target: exchange.target });
    sendPage(exchange, 403, page, { 'X-Mimeo-Error': 'cross_site' });
  } else {
    sendError(exchange, new UserError('cross_site', 'another web page caused this request'));
  }
}

/** The expected failure that `error` is; anything else is a bug and goes on to end the process. */
export function expected(error: unknown): UserError {
  if (error instanceof UserError) return error;
  if (error instanceof ParseError) return new UserError(error.code, error.message, { cause: error });
  throw error;
}

function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Whether Accept names HTML itself: every browser does when it navigates; curl and wget say no more than `*` + `/*`. */
function takesHtml({ request }: Exchange): boolean {
  return /(?:^|,)\s*text\/html\s*(?:,|$|;(?!\s*q=0(?:\.0*)?\s*(?:,|$)))/i.test(request.headers.accept ?? '');
}

function oneLine(text: string): string {
  // eslint-disable-next-line no-control-regex -- finding control characters is the purpose
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/gu, ' ');
}
