export { StoreError } from './block-store.ts';
export type { BlockStore, PutOutcome, StorePart, StoreStats } from './block-store.ts';
export { storeLimits } from './limits.ts';
export { openSlotStore } from './slot-store.ts';
