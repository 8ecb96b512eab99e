/** Inserts and fetches through a node's proxy, as curl does: streamed, counted and hashed, never held in memory. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { UserError } from '../../client/index.ts';

export interface Fetched {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly seconds: number;
}

/** @throws UserError with what the proxy says */
export async function fetchThrough(origin: string, uri: string): Promise<Fetched> {
  const began = performance.now();
  const answer = await fetch(`${origin}/${uri}`);
  if (!answer.ok || answer.body === null) throw await refusal(answer, `fetching ${uri.slice(0, 16)}…`);
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of answer.body) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { sizeBytes, sha256: hash.digest('hex'), seconds: (performance.now() - began) / 1_000 };
}

/** @returns the URI under which it can be fetched @throws UserError with what the proxy says */
export async function insertThrough(
  origin: string,
  what: { key: string; body: AsyncIterable<Uint8Array>; mimeType: string },
): Promise<{ uri: string; seconds: number }> {
  const began = performance.now();
  const answer = await fetch(`${origin}/${what.key}`, {
    method: 'PUT',
    headers: { 'Content-Type': what.mimeType },
    body: Readable.toWeb(Readable.from(what.body, { objectMode: false })) as ReadableStream,
    duplex: 'half',
  });
  if (!answer.ok) throw await refusal(answer, `inserting ${what.key.slice(0, 16)}…`);
  return { uri: (await answer.text()).trim(), seconds: (performance.now() - began) / 1_000 };
}

async function refusal(answer: Response, what: string): Promise<UserError> {
  return new UserError(
    'failed',
    `${what}: ${answer.status} ${(await answer.text()).trim().replaceAll('\n', ' ')}`,
  );
}
