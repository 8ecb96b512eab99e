/**
 * Inserts: `PUT /` and `PUT /KSK@word` for programs, the form of the home page for people. The body streams into the node, which
 * takes the whole of it before anything is inserted; the answer comes when the insert has ended.
 *
 * File names are not passed on unless the person asks for it: a name says who wrote a file more often than the file does.
 *
 * Invariant: a body that was cut, grew too large or lost its form ends the upload with an error; it never ends it early.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { assert, formatUri, parseUri } from '../keys/index.ts';
import { isErrorCode, UserError } from '../client/index.ts';
import { readable, uriOfTarget, writable } from './address.ts';
import { safeFileName } from './disposition.ts';
import type { Exchange } from './exchange.ts';
import { parseMimeType } from './mime.ts';
import { boundaryOf, readForm } from './multipart.ts';
import { insertedPage } from './pages.ts';
import { sendPage, sendText } from './respond.ts';

/** `PUT /KEY`: the body is the file, Content-Type its type, 201 with the key that reads it. */
export async function putContent(exchange: Exchange): Promise<void> {
  const uri = writable(uriOfTarget(exchange.target));
  await put(exchange, uri.kind === 'chk' ? undefined : formatUri(uri));
}

/** `PUT /`: as a CHK, whose key follows from the file. */
export function putHome(exchange: Exchange): Promise<void> {
  return put(exchange, undefined);
}

async function put(exchange: Exchange, key: string | undefined): Promise<void> {
  const body = new UploadBody(exchange);
  const mimeType = givenType(exchange.request.headers['content-type']);
  const uri = await insert(exchange, { body, content: body.chunks(), key, mimeType, fileName: undefined });
  sendText(exchange, 201, `${uri}\n`, { Location: `/${uri}` });
}

/** `POST /upload`: the form. */
export async function postUpload(exchange: Exchange): Promise<void> {
  const { formToken, bounds } = exchange.gateway;
  const boundary = boundaryOf(exchange.request.headers['content-type']);
  if (boundary === undefined)
    throw new UserError('bad_form', 'this address takes the upload form of the home page');
  const body = new UploadBody(exchange);
  const { fields, file } = await body.orItsFailure(
    readForm(body.chunks(), {
      boundary,
      shape: {
        texts: ['token', 'key', 'named'],
        fileField: 'file',
        fieldBytes: bounds.formFieldBytes,
        headBytes: bounds.formHeadBytes,
      },
    }),
  );
  if (!sameText(fields.get('token') ?? '', formToken)) {
    throw new UserError(
      'form_expired',
      'the form is not from this run of the daemon: load the home page again',
    );
  }
  if (file.name === '') throw new UserError('bad_form', 'no file was chosen');
  const uri = await insert(exchange, {
    body,
    content: file.body,
    key: fields.get('key')?.trim() || undefined,
    mimeType: givenType(file.mimeType),
    fileName: (fields.has('named') && safeFileName(file.name, bounds.fileNameBytes)) || undefined,
  });
  sendPage(exchange, 201, insertedPage(uri), { Location: `/${uri}` });
}

/** `GET /fetch?key=…`: the box of the home page leads to the address of the key. */
export async function fetchBox(exchange: Exchange): Promise<void> {
  const query = exchange.target.slice(exchange.target.indexOf('?') + 1);
  const key = new URLSearchParams(query).get('key') ?? '';
  const uri = formatUri(readable(parseUri(key)));
  sendText(exchange, 303, `/${uri}\n`, { Location: `/${uri}` });
}

interface Insert {
  readonly body: UploadBody;
  readonly content: AsyncIterable<Uint8Array>;
  readonly key: string | undefined;
  readonly mimeType: string | undefined;
  readonly fileName: string | undefined;
}

/** @returns the canonical key that reads what was inserted */
async function insert({ gateway, gone }: Exchange, { body, content, ...options }: Insert): Promise<string> {
  const job = await body.orItsFailure(gateway.content.upload(content, { ...options, signal: gone }));
  if (job.state !== 'finished') {
    const { code, message } = job.error ?? { code: 'cancelled', message: 'the insert was cancelled' };
    throw new UserError(isErrorCode(code) ? code : 'failed', message);
  }
  assert(job.uri !== undefined, 'a finished insert knows its key');
  return formatUri(parseUri(job.uri));
}

/** The body of a request, counted. */
class UploadBody {
  readonly #exchange: Exchange;
  /** Why the body ended early: whoever reads it may report that in words of its own. */
  #failure: UserError | undefined;

  /** @throws UserError too_large before a byte is asked for, when the request says its length. */
  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    if (Number(exchange.request.headers['content-length'] ?? 0) > exchange.gateway.bounds.uploadBytes)
      throw this.#tooLarge();
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    const { request, response, gateway, body } = this.#exchange;
    if (body === 'early') response.writeContinue();
    let bytes = 0;
    try {
      for await (const chunk of request as AsyncIterable<Uint8Array>) {
        bytes += chunk.length;
        if (bytes > gateway.bounds.uploadBytes) throw this.#tooLarge();
        yield chunk;
      }
    } catch (error) {
      // What the stream itself throws is a connection that broke or a request that took too long.
      this.#failure =
        error instanceof UserError ? error : new UserError('cancelled', 'the body was cut', { cause: error });
      throw this.#failure;
    }
  }

  /** What comes of reading this body, or why the body could not be read. */
  async orItsFailure<T>(reading: Promise<T>): Promise<T> {
    try {
      return await reading;
    } catch (error) {
      throw this.#failure ?? error;
    }
  }

  #tooLarge(): UserError {
    const most = this.#exchange.gateway.bounds.uploadBytes;
    return new UserError(
      'too_large',
      `an upload has at most ${most} bytes here: insert larger files with mimeo put`,
    );
  }
}

/** What a form of curl is sent as says nothing about the file. */
function givenType(header: string | undefined): string | undefined {
  const type = parseMimeType(header ?? '');
  return type?.essence === 'application/x-www-form-urlencoded' ? undefined : type?.text;
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => createHash('sha256').update(text).digest());
  return left !== undefined && right !== undefined && timingSafeEqual(left, right);
}
