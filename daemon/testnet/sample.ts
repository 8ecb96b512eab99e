/** Content for test networks: the page that `npm start` publishes, and files of any size that are the same on every run. */
import { createHash } from 'node:crypto';

export const samplePage = `Every copy is an original.

This text came in at one node of a small network on this machine and was fetched
from another. It lies there in a block that its holders can't read, under a key
that follows from the word you asked for. Each node that it passed kept a copy.

    curl -T file.txt ADDRESS/CHK@       puts a file in, prints its key
    curl ADDRESS/KEY                    gets it out, at any node
`;

const CHUNK_BYTES = 64 * 1024;

/** Bytes that no compressor makes shorter, from a name. */
export async function* noise(name: string, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < sizeBytes; offset += CHUNK_BYTES) {
    const chunk = createHash('shake256', { outputLength: Math.min(CHUNK_BYTES, sizeBytes - offset) });
    yield chunk.update(`${name}/${offset}`).digest();
  }
}

export async function* text(content: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(content);
}

export async function sha256Of(content: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of content) hash.update(chunk);
  return hash.digest('hex');
}
