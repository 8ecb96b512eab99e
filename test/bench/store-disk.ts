/**
 * The disk of the store bench: a module for the seam (store/disk-io.ts) that counts and times the calls in memory that the main
 * thread can read, and makes each of those that wait for the disk last longer when it is told to.
 *
 * It changes nothing else: what is durable and what fails is the real disk's.
 */
import type { DiskIo } from '../../store/disk-io.ts';

export interface MeteredDisk {
  /** Before each sync, commit and checkpoint. */
  readonly delayMs: number;
  /** `meter()`. */
  readonly meter: SharedArrayBuffer;
}

const KINDS = ['write', 'sync', 'commit', 'checkpoint'] as const;
type Kind = (typeof KINDS)[number];

/** For each kind how many calls there were, and how long they took. */
export function meter(): SharedArrayBuffer {
  return new SharedArrayBuffer(KINDS.length * 16);
}

export function readMeter(shared: SharedArrayBuffer): Readonly<Record<Kind, { calls: number; ms: number }>> {
  const numbers = new Float64Array(shared);
  const of = (kind: Kind) => {
    const at = 2 * KINDS.indexOf(kind);
    return { calls: numbers[at] ?? 0, ms: numbers[at + 1] ?? 0 };
  };
  return { write: of('write'), sync: of('sync'), commit: of('commit'), checkpoint: of('checkpoint') };
}

export function wrapDisk(disk: DiskIo, _directory: string, options: unknown): DiskIo {
  const { delayMs, meter: shared } = options as MeteredDisk;
  const numbers = new Float64Array(shared);
  const still = new Int32Array(new SharedArrayBuffer(4));
  const timed = (kind: Kind, run: () => void) => {
    const at = 2 * KINDS.indexOf(kind);
    const began = performance.now();
    if (delayMs > 0 && kind !== 'write') Atomics.wait(still, 0, 0, delayMs);
    run();
    numbers[at] = (numbers[at] ?? 0) + 1;
    numbers[at + 1] = (numbers[at + 1] ?? 0) + performance.now() - began;
  };
  return {
    ...disk,
    write: (bytes, position) => timed('write', () => disk.write(bytes, position)),
    sync: () => timed('sync', () => disk.sync()),
    commit: (run) => timed('commit', () => disk.commit(run)),
    checkpoint: (run) => timed('checkpoint', () => disk.checkpoint(run)),
  };
}
