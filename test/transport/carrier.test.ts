/** The pair in memory keeps the contract of a carrier, so that tests on it say something about real ones. */
import t from 'tap';
import { carrierCompliance } from '../compliance/carrier.ts';
import { memoryPair } from './memory-carrier.ts';

for (const chunkBytes of [1_000, 1_048_576]) {
  void t.test(`chunks of ${chunkBytes} bytes`, async (t) => {
    carrierCompliance(t, async (_, listeners) => memoryPair({ listeners, chunkBytes }));
  });
}
