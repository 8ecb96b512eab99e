export { StoreError } from './block-store.ts';
export type {
  BlockStore,
  DiskStore,
  PutOptions,
  PutOutcome,
  StorePart,
  StoreStats,
  VerifyReport,
} from './block-store.ts';
export { storeLimits } from './limits.ts';
export type { SlotStoreOptions } from './options.ts';
export { openSlotStore } from './slot-store.ts';
