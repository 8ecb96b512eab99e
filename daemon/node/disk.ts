/**
 * What the node has on disk beside its small state files, and how `store.size` is divided among it: blocks for others, the owner's
 * own cache, and uploads on their way (docs/spec/node.md, 7). What each does with its share is its own affair.
 *
 * Invariant: the three together never pass `sizeBytes`.
 */
import { join } from 'node:path';
import { UserError } from '../../client/index.ts';
import { SIZE_FILE } from '../config/data-dir.ts';
import { processLimits } from '../config/limits.ts';
import { type DiskStore, StoreError, type VerifyReport, openSlotStore } from '../../store/index.ts';
import { nodeLimits } from './limits.ts';
import type { MasterKey } from './master-key.ts';
import { Spool } from './spool.ts';
import { writeStateFile } from './state-file.ts';

export interface DiskOptions {
  readonly dataDir: string;
  readonly sizeBytes: number;
  readonly master: MasterKey;
}

export class Disk {
  readonly store: DiskStore;
  readonly clientCache: DiskStore;
  readonly spool: Spool;
  readonly #dataDir: string;

  private constructor(parts: { store: DiskStore; clientCache: DiskStore; spool: Spool; dataDir: string }) {
    this.store = parts.store;
    this.clientCache = parts.clientCache;
    this.spool = parts.spool;
    this.#dataDir = parts.dataDir;
  }

  /** @throws UserError config_invalid, store_format, data_dir_locked, disk_full, disk_failed, disk_quota */
  static async open({ dataDir, sizeBytes, master }: DiskOptions): Promise<Disk> {
    const shares = divide(sizeBytes);
    return refusing(async () => {
      const store = await openSlotStore({
        directory: join(dataDir, 'store'),
        sizeBytes: shares.store,
        key: master.diskKey('store'),
      });
      try {
        const clientCache = await openSlotStore({
          directory: join(dataDir, 'client-cache'),
          sizeBytes: shares.clientCache,
          storeShare: 0,
          key: master.diskKey('clientCache'),
        });
        const spool = new Spool(join(dataDir, 'spool'), shares.spool);
        return new Disk({ store, clientCache, spool, dataDir });
      } catch (error) {
        await store.close();
        throw error;
      }
    });
  }

  get limitBytes(): number {
    return this.store.stats().limitBytes + this.clientCache.stats().limitBytes + this.spool.limitBytes;
  }

  get usedBytes(): number {
    return this.store.stats().usedBytes + this.clientCache.stats().usedBytes + this.spool.usedBytes;
  }

  /** Whether every part of it looks alike, however much was ever kept. */
  get silent(): boolean {
    return this.store.stats().silent && this.clientCache.stats().silent;
  }

  /** Whether the disk gave the room that `store.size` promises, so far. */
  get hasRoom(): boolean {
    return this.store.stats().hasRoom && this.clientCache.stats().hasRoom;
  }

  /** Also for later starts, unless the configuration says otherwise then. @throws UserError config_invalid, store_busy, disk_full, disk_failed */
  async resize(sizeBytes: number): Promise<void> {
    const shares = divide(sizeBytes);
    await refusing(async () => {
      await this.store.resize(shares.store);
      await this.clientCache.resize(shares.clientCache);
    });
    this.spool.limitBytes = shares.spool;
    writeStateFile(join(this.#dataDir, SIZE_FILE), `${sizeBytes}\n`);
  }

  /** What lies in both stores together. @throws UserError disk_failed */
  async verify(): Promise<VerifyReport> {
    return refusing(async () => {
      const store = await this.store.verify();
      const own = await this.clientCache.verify();
      return {
        slots: store.slots + own.slots,
        blocks: store.blocks + own.blocks,
        damaged: store.damaged + own.damaged,
        free: store.free + own.free,
      };
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.store.close(), this.clientCache.close()]);
  }
}

/** @throws UserError config_invalid */
function divide(sizeBytes: number): { store: number; clientCache: number; spool: number } {
  const least = processLimits.storeLeastBytes.value;
  if (sizeBytes < least)
    throw new UserError('config_invalid', `${sizeBytes} bytes are too few: a node needs ${least} at least`);
  const spool = Math.floor((sizeBytes * nodeLimits.spoolShare.value) / 100);
  const clientCache = Math.floor((sizeBytes * nodeLimits.clientCacheShare.value) / 100);
  return { store: sizeBytes - spool - clientCache, clientCache, spool };
}

async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StoreError) throw new UserError(error.code, error.message, { cause: error });
    throw error;
  }
}
