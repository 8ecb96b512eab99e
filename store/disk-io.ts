/**
 * The calls that change the disk, behind one small interface, so that a test or a bench can stand between: drop what was not
 * synced, slow a sync down, cut the power at a chosen call. Production uses `plainDisk` and nothing else.
 *
 * All of them block: this is the disk's own thread.
 */
import { closeSync, fdatasyncSync, fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';

export interface DiskIo {
  /** All of `bytes` into the slots file. */
  write(bytes: Uint8Array, position: number): void;
  /** How many bytes there were. */
  read(into: Uint8Array, position: number): number;
  truncate(sizeBytes: number): void;
  sizeBytes(): number;
  /** What was written to the slots file before is durable afterwards. */
  sync(): void;
  /** `run` ends a transaction of the index; it is durable afterwards. */
  commit(run: () => void): void;
  /** `run` folds the log into the index. */
  checkpoint(run: () => void): void;
  /** `run` replaces the recency file. */
  saveRecency(run: () => void): void;
  close(): void;
}

/** What a module that is named in `DiskWrap` exports. */
export interface DiskWrapper {
  readonly wrapDisk: (disk: DiskIo, directory: string, options: unknown) => DiskIo;
}

export function plainDisk(file: number): DiskIo {
  return {
    write: (bytes, position) => writeAll(file, bytes, position),
    read: (into, position) => readAll(file, into, position),
    truncate: (sizeBytes) => ftruncateSync(file, sizeBytes),
    sizeBytes: () => fstatSync(file).size,
    sync: () => fdatasyncSync(file),
    commit: (run) => run(),
    checkpoint: (run) => run(),
    saveRecency: (run) => run(),
    close: () => closeSync(file),
  };
}

/** `pwrite` may write less than it was given (a full disk, a signal): the rest follows, or the error that it then meets. */
function writeAll(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;)
    done += writeSync(file, bytes, done, bytes.length - done, position + done);
}

function readAll(file: number, into: Uint8Array, position: number): number {
  let done = 0;
  while (done < into.length) {
    const count = readSync(file, into, done, into.length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}
