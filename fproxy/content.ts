/**
 * GET and HEAD of a key: the file streams to the reader while its blocks arrive.
 *
 * Nothing is filtered and nothing is sniffed. What a browser could act on is sent as a download, and everything goes out behind
 * the wall of headers of docs/spec/fproxy.md, 4.
 *
 * Invariants: of one answer at most one piece and what the socket buffers are in memory, however slow the reader. An answer whose
 * head was sent has exactly the length that the head says, or its connection is destroyed. When the reader leaves, the
 * fetch ends.
 */
import type { OutgoingHttpHeaders } from 'node:http';
import { assert, assertNever, formatUri } from '../keys/index.ts';
import { UserError, type OpenedFile } from '../client/index.ts';
import { fileNameOf, readable, uriOfTarget } from './address.ts';
import { attachment } from './disposition.ts';
import { taken, type Exchange } from './exchange.ts';
import { parseMimeType, plays, showsSafely, UNKNOWN_TYPE } from './mime.ts';
import { hasCopy, rangeHolds, readRange } from './range.ts';
import { Refusal, sendEmpty, writeHead } from './respond.ts';

export async function serveContent(exchange: Exchange): Promise<void> {
  const { gateway, gone, target } = exchange;
  const uri = readable(uriOfTarget(target));
  const file = await gateway.content.open(formatUri(uri), { signal: gone });
  const close = () => file.close();
  gone.addEventListener('abort', close);
  try {
    const name = attachment(fileNameOf(uri), gateway.bounds.fileNameBytes);
    await answer(exchange, { file, headers: contentHeaders(file, name) });
  } finally {
    gone.removeEventListener('abort', close);
    file.close();
  }
}

interface Content {
  readonly file: OpenedFile;
  readonly headers: OutgoingHttpHeaders;
}

async function answer(exchange: Exchange, { file, headers }: Content): Promise<void> {
  const { method, headers: asked, headersDistinct } = exchange.request;
  const tag = entityTag(file);
  if (hasCopy(asked['if-none-match'], tag)) {
    sendEmpty(exchange, 304, headers);
    return;
  }
  const size = file.sizeBytes;
  const whole = { ...headers, 'Content-Length': size };
  if (method === 'HEAD') {
    sendEmpty(exchange, 200, whole);
    return;
  }
  const span = readRange(
    rangeHolds(headersDistinct['if-range']?.join(), tag) ? asked.range : undefined,
    size,
  );
  switch (span.type) {
    case 'whole':
      await stream(exchange, { file, status: 200, headers: whole, start: 0, end: size - 1 });
      return;
    case 'part': {
      const { start, end } = span;
      const part = {
        ...headers,
        'Content-Length': end - start + 1,
        'Content-Range': `bytes ${start}-${end}/${size}`,
      };
      await stream(exchange, { file, status: 206, headers: part, start, end });
      return;
    }
    case 'unsatisfiable':
      throw new Refusal('range_unsatisfiable', `the file has ${size} bytes`, {
        'Content-Range': `bytes */${size}`,
      });
  }
  assertNever(span);
}

interface Body extends Content {
  readonly status: number;
  readonly start: number;
  /** Inclusive; `start - 1` when there is nothing to send. */
  readonly end: number;
}

/** Sends the head with the first piece: until then a block that can't be had still becomes a status of its own. */
async function stream(exchange: Exchange, { file, status, headers, start, end }: Body): Promise<void> {
  const { response, gone } = exchange;
  const length = end - start + 1;
  if (length === 0) {
    sendEmpty(exchange, status, headers);
    return;
  }
  let sent = 0;
  for await (const piece of file.read({ start, end })) {
    if (gone.aborted) return;
    sent += piece.length;
    if (sent > length) break;
    if (!response.headersSent) writeHead(exchange, status, headers);
    if (!response.write(piece)) await taken(exchange, 'drain');
  }
  if (gone.aborted) return;
  if (sent !== length) throw new UserError('failed', `reading gave ${sent} bytes instead of ${length}`);
  response.end();
}

function entityTag({ etag }: OpenedFile): string {
  assert(/^[\x21\x23-\x7e]+$/.test(etag), 'an etag is visible ASCII without quotes');
  return `"${etag}"`;
}

function contentHeaders(file: OpenedFile, disposition: string): OutgoingHttpHeaders {
  const type = parseMimeType(file.mimeType) ?? { essence: UNKNOWN_TYPE, text: UNKNOWN_TYPE };
  return {
    'Content-Type': type.text,
    'Content-Security-Policy': plays(type) ? PLAYER_WALL : WALL,
    'Referrer-Policy': 'no-referrer',
    'Accept-Ranges': 'bytes',
    ETag: entityTag(file),
    ...(!showsSafely(type) && { 'Content-Disposition': disposition }),
  };
}

const INSIDE = [
  "default-src 'none'",
  "img-src 'self'",
  "media-src 'self'",
  "style-src 'unsafe-inline'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');
/** Not together with Cross-Origin-Opener-Policy: browsers answer that combination with a network error. */
const WALL = `sandbox; ${INSIDE}`;
/** A browser's player asks for the address again from inside its page; from a page without an origin the guard refuses that. */
const PLAYER_WALL = `sandbox allow-same-origin; ${INSIDE}`;
