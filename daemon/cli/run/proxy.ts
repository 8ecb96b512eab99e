/**
 * Bodies between the standard streams and the network. They pass the daemon's web interface: its socket carries no file content.
 */
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isErrorCode, UserError } from '../../../client/index.ts';
import { readDaemonFile } from '../../config/daemon-file.ts';

export interface Target {
  readonly dataDir: string;
  /** undefined: a new CHK. */
  readonly uri: string | undefined;
  readonly signal: AbortSignal;
}

export async function download(target: Target, sink: Writable): Promise<void> {
  const response = await ask('GET', target);
  await orGone(pipeline(response, sink, { signal: target.signal, end: false }));
}

/** Resolves with the key under which the content can be fetched. */
export async function upload(
  target: Target,
  body: { source: Readable; mimeType: string | undefined },
): Promise<string> {
  const response = await ask('PUT', target, body);
  return firstLine(await readAll(response));
}

async function ask(
  method: 'GET' | 'PUT',
  { dataDir, uri, signal }: Target,
  body?: { source: Readable; mimeType: string | undefined },
): Promise<IncomingMessage> {
  const daemon = readDaemonFile(dataDir);
  if (daemon === undefined) throw notRunning(dataDir);
  if (daemon.fproxy === undefined) {
    throw new UserError(
      'usage',
      'this daemon is a donor without web interface, which standard streams need: name a file',
    );
  }
  // Encoded as a whole: the key is one text, and nothing in it is a path or a query to HTTP.
  const address = new URL(uri === undefined ? '/' : `/${encodeURIComponent(uri)}`, daemon.fproxy);
  const headers = body?.mimeType === undefined ? {} : { 'Content-Type': body.mimeType };
  const asked = request(address, { method, headers, signal, agent: false });
  const answered = once(asked, 'response') as Promise<[IncomingMessage]>;
  try {
    // The answer may come before the body has left: a refusal.
    const sent = body === undefined ? asked.end() : pipeline(body.source, asked, { signal });
    const [response] = await Promise.race([
      answered,
      Promise.all([answered, sent]).then(([answer]) => answer),
    ]);
    if (response.statusCode === undefined || response.statusCode >= 400) throw await refusal(response);
    return response;
  } catch (error) {
    asked.destroy();
    if (error instanceof UserError) throw error;
    if (error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED') {
      throw notRunning(dataDir, error);
    }
    throw gone(error);
  }
}

/** The gateway names the code in a header and says what failed in the first line. */
async function refusal(response: IncomingMessage): Promise<UserError> {
  const code = response.headers['x-mimeo-error'];
  const said = firstLine(await readAll(response));
  if (typeof code !== 'string' || !isErrorCode(code)) {
    return new UserError('failed', `the web interface answered with status ${response.statusCode}`);
  }
  return new UserError(code, said.startsWith(`${code}: `) ? said.slice(code.length + 2) : said);
}

/** Answers other than content are a line or two. */
const MOST_BYTES = 65_536;

async function readAll(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const part of response) {
    text += String(part);
    if (text.length > MOST_BYTES) break;
  }
  return text;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]?.trim() ?? '';
}

async function orGone(transfer: Promise<void>): Promise<void> {
  try {
    await transfer;
  } catch (error) {
    throw gone(error);
  }
}

function gone(error: unknown): UserError {
  return new UserError('failed', 'the transfer broke off: a block could not be had, or the daemon has gone', {
    cause: error,
  });
}

function notRunning(dataDir: string, cause?: Error): UserError {
  return new UserError('daemon_not_running', `no daemon runs in ${dataDir}`, { cause });
}
