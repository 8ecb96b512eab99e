/**
 * What a store on disk is opened with. The key is this store's own: the daemon derives one for each store from its master key.
 */
export interface SlotStoreOptions {
  /** Made if it is missing, for this user alone. Nothing else belongs into it. */
  readonly directory: string;
  /** Bound of all files together, at every moment. */
  readonly sizeBytes: number;
  /** Share of *store* in the slots, from 0 to 1; the rest is *cache*. Half unless given; 0 for a client cache. */
  readonly storeShare?: number;
  /** 32 secret bytes. Without them nothing on the disk can be read or tested against a list of keys. */
  readonly key: Uint8Array;
  /** Milliseconds since 1970: for the day, on which protection and displacement depend. The system's unless given. */
  readonly clock?: () => number;
  /** For tests and benches: a module that wraps the calls on the disk (disk-io.ts). */
  readonly io?: DiskWrap;
}

/** `module` is the URL of a module that exports `wrapDisk`; `options` is cloned into the worker. */
export interface DiskWrap {
  readonly module: string;
  readonly options?: unknown;
}
