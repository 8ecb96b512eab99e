/** Bytes a second that a node may send or receive (load.md, 3). */
import * as fc from 'fast-check';
import t from 'tap';
import { TokenBucket } from '../../../routing/load/bucket.ts';

void t.test('a full bucket takes one charge of any size, and is empty until it is paid', async (t) => {
  const bucket = new TokenBucket({ bytesPerSecond: 1_000, burstBytes: 500, now: 0 });
  t.ok(bucket.fullness(0) > 0);
  bucket.spend(33_000, 0);
  t.ok(bucket.fullness(32_500) <= 0);
  t.equal(bucket.fullAt(0, 0), 32_501);
  t.ok(bucket.fullness(32_501) > 0);
});

void t.test('idleness saves up no more than the burst', async (t) => {
  const bucket = new TokenBucket({ bytesPerSecond: 1_000, burstBytes: 500, now: 0 });
  bucket.spend(500, 86_400_000);
  t.ok(bucket.fullness(86_400_000) <= 0);
});

void t.test('what is put back was not spent, and never makes more than the burst', async (t) => {
  const bucket = new TokenBucket({ bytesPerSecond: 1_000, burstBytes: 500, now: 0 });
  bucket.spend(800, 0);
  bucket.spend(-800, 0);
  t.ok(bucket.fullness(0) > 0);
  bucket.spend(-10_000, 0);
  bucket.spend(500, 0);
  t.ok(bucket.fullness(0) <= 0);
});

void t.test('who spends only while it is open never passes rate × time + burst + one charge', async () => {
  const step = fc.record({ waitMs: fc.nat(5_000), bytes: fc.integer({ min: 1, max: 70_000 }) });
  fc.assert(
    fc.property(
      fc.integer({ min: 100, max: 1_000_000 }),
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.array(step, { maxLength: 200 }),
      (bytesPerSecond, burstBytes, steps) => {
        const bucket = new TokenBucket({ bytesPerSecond, burstBytes, now: 0 });
        const spent: { at: number; bytes: number }[] = [];
        let now = 0;
        for (const { waitMs, bytes } of steps) {
          now += waitMs;
          if (bucket.fullness(now) <= 0) continue;
          bucket.spend(bytes, now);
          spent.push({ at: now, bytes });
        }
        return spent.every((first, i) => {
          let sum = 0;
          return spent.slice(i).every(({ at, bytes }) => {
            sum += bytes;
            return sum <= (bytesPerSecond * (at - first.at)) / 1_000 + burstBytes + bytes + 1e-6 * sum;
          });
        });
      },
    ),
  );
});

void t.test(
  'a bucket is as full as asked at the moment that it names, and not a millisecond and a half before',
  async () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 1_000_000 }),
        fc.integer({ min: 1, max: 10_000_000 }),
        fc.double({ min: 0, max: 0.95, noNaN: true }),
        (bytesPerSecond, bytes, fullness) => {
          const spent = (): TokenBucket => {
            const bucket = new TokenBucket({ bytesPerSecond, burstBytes: bytesPerSecond, now: 0 });
            bucket.spend(bytes, 0);
            return bucket;
          };
          const at = spent().fullAt(0, fullness);
          if (at === 0) return spent().fullness(0) > fullness;
          return spent().fullness(Math.max(0, at - 1.5)) <= fullness && spent().fullness(at) > fullness;
        },
      ),
    );
  },
);
