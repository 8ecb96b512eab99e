/**
 * The index on disk (docs/spec/store.md, 5): node:sqlite, one row for every slot of the file, values sealed. Blocks; runs in the
 * disk's thread.
 *
 * It is read once, at opening, and only written afterwards: questions are answered from memory (retention.ts).
 *
 * Invariants: a commit that has returned survives a power cut. Filled and free slots have rows of one form and size. The file is
 * locked from opening to closing. An index that turns out to be damaged throws an error that `isCorrupt` knows.
 */
import { existsSync, rmSync, statSync } from 'node:fs';
import { randomFillSync } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import { assert } from '../keys/index.ts';
import type { Aead } from '../keys/index.ts';
import { CorruptIndex } from './disk-error.ts';
import type { DiskIo } from './disk-io.ts';
import { FORMAT, PAGE_BYTES, indexPages, walLimitBytes } from './layout.ts';
import type { StoreSecrets } from './secrets.ts';
import { ID_BYTES, NONCE_BYTES } from './slot.ts';
import type { Segment } from './slot.ts';

export const INDEX_FILE = 'index.sqlite';
const WAL_FILE = `${INDEX_FILE}-wal`;

/** What a row says. */
export interface Row {
  readonly slot: number;
  readonly segment: Segment;
  /** The write counter of the block; 0 for a free slot. */
  readonly counter: number;
}

export interface NamedRow extends Row {
  readonly id: Uint8Array;
}

const ROW_BYTES = 4 + 1 + 6;
const BATCH_AD = Buffer.from('mimeo/store/2/batch');

/** Deletes the index. What it said is lost; the slots are not touched. */
export function deleteIndex(directory: string): void {
  for (const name of [INDEX_FILE, WAL_FILE, `${INDEX_FILE}-shm`, `${INDEX_FILE}-journal`])
    rmSync(join(directory, name), { force: true });
}

export class DiskIndex {
  readonly #database: DatabaseSync;
  readonly #walPath: string;
  readonly #secrets: StoreSecrets;
  readonly #select: StatementSync;
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;
  readonly #setBatch: StatementSync;
  #walLimitBytes = 0;

  /** Opens or makes it, and locks it. @throws errors of SQLite as they come: `diskError`, `isCorrupt` */
  constructor(directory: string, secrets: StoreSecrets) {
    const path = join(directory, INDEX_FILE);
    this.#walPath = join(directory, WAL_FILE);
    this.#secrets = secrets;
    const database = new DatabaseSync(path, { timeout: 0 });
    try {
      // Exclusive before WAL: then there is no -shm file, and the lock is held until the end.
      database.exec(`
        PRAGMA page_size = ${PAGE_BYTES};
        PRAGMA locking_mode = EXCLUSIVE;
        PRAGMA temp_store = MEMORY;
        PRAGMA secure_delete = ON;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA wal_autocheckpoint = 0;
        PRAGMA cache_spill = OFF;
        BEGIN IMMEDIATE;
        COMMIT`);
      if (numberOf(database, 'PRAGMA page_size') !== PAGE_BYTES)
        throw new CorruptIndex('the index has other pages than ours');
      if (numberOf(database, 'SELECT count(*) FROM sqlite_schema') === 0) makeTables(database);
      const format = numberOf(database, 'PRAGMA user_version');
      if (format !== FORMAT) throw new CorruptIndex(`the index says that it has format ${format}`);
      this.#select = database.prepare('SELECT sealed FROM slots WHERE id = ?');
      this.#insert = database.prepare('INSERT OR REPLACE INTO slots (id, sealed) VALUES (?, ?)');
      this.#delete = database.prepare('DELETE FROM slots WHERE id = ?');
      this.#setBatch = database.prepare('INSERT OR REPLACE INTO batch (one, sealed) VALUES (1, ?)');
    } catch (error) {
      database.close();
      throw error;
    }
    this.#database = database;
  }

  /** The bounds of its files, for a store of so many slots. */
  setCapacity(slots: number): void {
    this.#walLimitBytes = walLimitBytes(slots);
    this.#database.exec(`PRAGMA max_page_count = ${indexPages(slots)}`);
  }

  /** The number of the last batch that was committed; undefined when there is none that our key opens. */
  lastBatch(): number | undefined {
    const sealed = this.#database.prepare('SELECT sealed FROM batch').get()?.['sealed'];
    if (!(sealed instanceof Uint8Array)) return undefined;
    const data = open(this.#secrets.state, BATCH_AD, sealed);
    return data?.length === 6 ? Buffer.from(data).readUIntBE(0, 6) : undefined;
  }

  /** Every row; `undefined` for one that our key does not open. @throws CorruptIndex when they are out of order */
  *rows(): Generator<NamedRow | undefined> {
    let previous: Uint8Array | undefined;
    for (const { id, sealed } of this.#database.prepare('SELECT id, sealed FROM slots').iterate()) {
      if (!(id instanceof Uint8Array) || !(sealed instanceof Uint8Array) || id.length !== ID_BYTES) {
        yield undefined;
        continue;
      }
      // The table is a tree of ids: out of order, searches in it miss rows.
      if (previous && Buffer.compare(previous, id) >= 0) throw new CorruptIndex('rows are out of order');
      previous = id;
      const data = open(this.#secrets.row, id, sealed);
      if (data?.length !== ROW_BYTES) yield undefined;
      else yield { id, ...rowOf(data) };
    }
  }

  /** In one transaction, durable when it returns. */
  commit(disk: DiskIo, change: () => void): void {
    // Before, not after: a checkpoint that fails must not make a commit that succeeded look like one that did not.
    if (existsSync(this.#walPath) && statSync(this.#walPath).size > this.#walLimitBytes)
      this.checkpoint(disk);
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      change();
      disk.commit(() => this.#database.exec('COMMIT'));
    } catch (error) {
      // SQLite ends the transaction by itself when it is out of room; then there is nothing to roll back.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  /** What the row of `id` says, if there is one that our key opens. */
  row(id: Uint8Array): Row | undefined {
    const sealed = this.#select.get(id)?.['sealed'];
    const data = sealed instanceof Uint8Array ? open(this.#secrets.row, id, sealed) : undefined;
    return data?.length === ROW_BYTES ? rowOf(data) : undefined;
  }

  /** Within `commit`. */
  put({ id, slot, segment, counter }: NamedRow): void {
    const data = Buffer.alloc(ROW_BYTES);
    data.writeUInt32BE(slot);
    data[4] = segment;
    data.writeUIntBE(counter, 5, 6);
    this.#insert.run(id, seal(this.#secrets.row, id, data));
  }

  /** Within `commit`. @throws CorruptIndex when there was no such row */
  remove(id: Uint8Array): void {
    if (this.#delete.run(id).changes !== 1) throw new CorruptIndex('a row of the index is missing');
  }

  /** Within `commit`; nothing happens when there is no such row. */
  removeIfThere(id: Uint8Array): void {
    this.#delete.run(id);
  }

  /** Within `commit`. */
  setLastBatch(batch: number): void {
    const data = Buffer.alloc(6);
    data.writeUIntBE(batch, 0, 6);
    this.#setBatch.run(seal(this.#secrets.state, BATCH_AD, data));
  }

  /** @throws when the disk does not take it; the log stays whole then */
  checkpoint(disk: DiskIo): void {
    disk.checkpoint(() => this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)'));
  }

  /** Gives room back after many rows have gone. */
  compact(disk: DiskIo, slots: number): void {
    this.checkpoint(disk);
    if (numberOf(this.#database, 'PRAGMA page_count') <= indexPages(slots)) return;
    disk.commit(() => this.#database.exec('VACUUM'));
    this.checkpoint(disk);
  }

  close(): void {
    this.#database.close();
  }
}

function makeTables(database: DatabaseSync): void {
  database.exec(`
    BEGIN;
    CREATE TABLE slots (id BLOB PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE batch (one INTEGER PRIMARY KEY, sealed BLOB NOT NULL);
    PRAGMA user_version = ${FORMAT};
    COMMIT`);
}

function numberOf(database: DatabaseSync, question: string): number {
  const [value] = Object.values(database.prepare(question).get() ?? {});
  assert(typeof value === 'number', `${question} gives a number`);
  return value;
}

function rowOf(data: Uint8Array): Row {
  const view = Buffer.from(data);
  return { slot: view.readUInt32BE(0), segment: (view[4] ?? 0) as Segment, counter: view.readUIntBE(5, 6) };
}

/** Nonce ‖ sealed ‖ tag. */
function seal(aead: Aead, ad: Uint8Array, data: Uint8Array): Uint8Array {
  const nonce = randomFillSync(new Uint8Array(NONCE_BYTES));
  return Buffer.concat([nonce, aead.seal({ nonce, ad, data })]);
}

function open(aead: Aead, ad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  if (sealed.length < NONCE_BYTES) return undefined;
  return aead.open({ nonce: sealed.subarray(0, NONCE_BYTES), ad, data: sealed.subarray(NONCE_BYTES) });
}
