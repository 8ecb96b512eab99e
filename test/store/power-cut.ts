/**
 * A disk whose power fails at a chosen call: a module for the seam (store/disk-io.ts), loaded into the disk's thread.
 *
 * At call number `cutAt` it leaves in `crashTo` what a disk could have kept of the directory, and ends the thread:
 * - Of the slots file, what was written since the last sync is there or not, page by page of 4 KiB, by seeded coins; so is its growth.
 * - Of the index's log, what was appended since the last commit returned, likewise; missing pages are zero, or the end.
 * - Within a checkpoint the pages of the index are a mix of old and new, and the log is whole: it is cut after they are synced.
 * - The recency file is the old one or the new one, and beside it may lie a torn one.
 *
 * The thread's own files are left alone, because SQLite closes them as the thread ends and would repair what was torn.
 */
import {
  appendFileSync,
  cpSync,
  existsSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { DiskIo } from '../../store/disk-io.ts';

export interface PowerCut {
  readonly cutAt: number;
  readonly seed: number;
  readonly crashTo: string;
  /** Gets a line with the name of the call that was cut. */
  readonly log: string;
}

const PAGE_BYTES = 4_096;

export function wrapDisk(disk: DiskIo, directory: string, options: unknown): DiskIo {
  const { cutAt, seed, crashTo, log } = options as PowerCut;
  const coin = coins(seed);
  /** Of the slots file, as they were at the last sync; undefined: behind its end. */
  const before = new Map<number, Uint8Array | undefined>();
  let syncedBytes = disk.sizeBytes();
  let walBytes = sizeOf('index.sqlite-wal');
  let calls = 0;

  function sizeOf(name: string): number {
    return statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Whether this is the call. */
  function isCut(): boolean {
    return ++calls === cutAt;
  }

  function cut(what: string, overlay: () => void = () => undefined): never {
    cpSync(directory, crashTo, { recursive: true });
    tearSlots();
    tear('index.sqlite-wal', walBytes);
    overlay();
    appendFileSync(log, `${what}\n`);
    process.exit();
  }

  function tearSlots(): void {
    const path = join(crashTo, 'store.slots');
    const bytes = readFileSync(path);
    for (const [page, old] of before) {
      if (coin() < 0.5) continue;
      bytes.fill(0, page * PAGE_BYTES, Math.min((page + 1) * PAGE_BYTES, bytes.length));
      // The file may have been cut within the page since.
      bytes.set(old?.subarray(0, bytes.length - page * PAGE_BYTES) ?? [], page * PAGE_BYTES);
    }
    const kept = coin() < 0.5 || bytes.length <= syncedBytes ? bytes.length : syncedBytes;
    writeFileSync(path, bytes.subarray(0, kept));
  }

  function tear(name: string, from: number): void {
    const path = join(crashTo, name);
    if (!existsSync(path)) return;
    const bytes = readFileSync(path);
    for (let at = from; at < bytes.length; at += PAGE_BYTES)
      if (coin() < 0.5) bytes.fill(0, at, Math.min(at + PAGE_BYTES, bytes.length));
    writeFileSync(path, bytes);
    if (bytes.length > from && coin() < 0.3)
      truncateSync(path, from + Math.floor(coin() * (bytes.length - from)));
  }

  function remember(position: number, length: number): void {
    const size = disk.sizeBytes();
    for (let page = Math.floor(position / PAGE_BYTES); page * PAGE_BYTES < position + length; page++) {
      if (before.has(page)) continue;
      const old = new Uint8Array(PAGE_BYTES);
      const count = page * PAGE_BYTES < size ? disk.read(old, page * PAGE_BYTES) : 0;
      before.set(page, count > 0 ? old.subarray(0, count) : undefined);
    }
  }

  return {
    ...disk,
    write: (bytes, position) => {
      remember(position, bytes.length);
      disk.write(bytes, position);
      if (isCut()) cut('write');
    },
    truncate: (sizeBytes) => {
      if (isCut()) cut('truncate, before');
      disk.truncate(sizeBytes);
      for (const page of before.keys()) if (page * PAGE_BYTES >= sizeBytes) before.delete(page);
      syncedBytes = Math.min(syncedBytes, sizeBytes);
      if (isCut()) cut('truncate');
    },
    sync: () => {
      if (isCut()) cut('sync');
      disk.sync();
      before.clear();
      syncedBytes = disk.sizeBytes();
    },
    commit: (run) => {
      // A log that was made again by a rebuild is shorter.
      walBytes = Math.min(walBytes, sizeOf('index.sqlite-wal'));
      disk.commit(run);
      if (isCut()) cut('commit');
      walBytes = sizeOf('index.sqlite-wal');
      if (isCut()) cut('after a commit');
    },
    checkpoint: (run) => {
      if (isCut()) {
        const old = readFileSync(join(directory, 'index.sqlite'));
        const wal = readFileSync(join(directory, 'index.sqlite-wal'));
        disk.checkpoint(run);
        const mixed = readFileSync(join(directory, 'index.sqlite'));
        for (let at = 0; at < mixed.length; at += 1_024)
          if (coin() < 0.5) mixed.fill(0, at, at + 1_024).set(old.subarray(at, at + 1_024), at);
        cut('checkpoint', () => {
          writeFileSync(join(crashTo, 'index.sqlite'), mixed);
          writeFileSync(join(crashTo, 'index.sqlite-wal'), wal);
        });
      }
      disk.checkpoint(run);
      walBytes = sizeOf('index.sqlite-wal');
    },
    saveRecency: (run) => {
      if (!isCut()) {
        disk.saveRecency(run);
        return;
      }
      const path = join(directory, 'recency');
      const old = existsSync(path) ? readFileSync(path) : undefined;
      disk.saveRecency(run);
      const fresh = readFileSync(path);
      cut('recency', () => {
        const at = join(crashTo, 'recency');
        if (coin() < 0.3) return;
        writeFileSync(`${at}.new`, fresh.subarray(0, Math.floor(coin() * fresh.length)));
        if (old) writeFileSync(at, old);
        else truncateSync(at, 0);
      });
    },
  };
}

/** mulberry32: equal coins for equal seeds. */
export function coins(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
