/** Folders and files for targets whose reader takes a path: made when they are first asked for, removed with the process. */
import { ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders = new Map<string, string>();

export function scratchFolder(name: string): string {
  const known = folders.get(name);
  if (known !== undefined) return known;
  const path = mkdtempSync(join(tmpdir(), `mimeo-fuzz-${name}-`));
  process.on('exit', () => rmSync(path, { recursive: true, force: true }));
  folders.set(name, path);
  return path;
}

/**
 * A file that is given one content after the other. It stays open and is never emptied first: ext4 flushes a file that was cut to
 * nothing and written again when it is closed, which took 2 ms an input where this takes 10 µs.
 */
export class ScratchFile {
  readonly #folder: string;
  readonly #name: string;
  #file: number | undefined;

  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
  }

  get path(): string {
    return join(scratchFolder(this.#folder), this.#name);
  }

  /** Its descriptor, at which the content stands from the beginning. */
  holding(content: Uint8Array): number {
    this.#file ??= openSync(this.path, 'w+', 0o600);
    for (let done = 0; done < content.length;)
      done += writeSync(this.#file, content, done, content.length - done, done);
    ftruncateSync(this.#file, content.length);
    return this.#file;
  }
}
