export { StoreError } from './block-store.ts';
export type {
  BlockStore,
  DiskStore,
  PartStats,
  PutOptions,
  PutOutcome,
  StoreErrorCode,
  StorePart,
  StoreStats,
  VerifyProgress,
  VerifyReport,
} from './block-store.ts';
export { storeLimits } from './limits.ts';
export type { DiskWrap, SlotStoreOptions } from './options.ts';
export { openSlotStore } from './slot-store.ts';
