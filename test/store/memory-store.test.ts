/** The simulator's store keeps the contract of the real one. */
import t from 'tap';
import { blockOf, blockStoreCompliance, keyOf } from '../compliance/block-store.ts';
import { MemoryStore } from '../sim/memory-store.ts';

blockStoreCompliance(t, async (capacityBlocks, clock) => new MemoryStore(capacityBlocks, clock));

void t.test('the face without waiting is the same store', async (t) => {
  const store = new MemoryStore({ store: 1, cache: 1 });
  t.equal(store.putNow(keyOf(1), blockOf(1), { part: 'store' }), 'written');
  t.equal(await store.put(keyOf(1), blockOf(1), { part: 'cache' }), 'present');
  const kept = blockOf(2);
  await store.put(keyOf(2), kept, { part: 'cache' });
  t.equal(store.getNow(keyOf(2)), kept, 'by reference');
});
