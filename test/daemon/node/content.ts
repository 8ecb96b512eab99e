/** Contents and files for the tests of the node; the same on every run. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/** Bytes that no compressor makes shorter. */
export function noise(sizeBytes: number, name = 'noise'): Buffer {
  return createHash('shake256', { outputLength: sizeBytes }).update(name).digest();
}

/** Bytes that zstd makes shorter by more than half, and not by a thousand. */
export function prose(sizeBytes: number, name = 'prose'): Buffer {
  return Buffer.from(
    noise(Math.ceil(sizeBytes / 4), name)
      .toString('hex')
      .replaceAll(/./gs, '$&$&'),
  ).subarray(0, sizeBytes);
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** A folder for one test; short enough for a socket in it. */
export function scratch(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'mimeo-node-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function hashOfFile(path: string): string {
  return sha256(readFileSync(path)).toString('hex');
}
