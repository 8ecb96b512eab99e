import * as fc from 'fast-check';
import t from 'tap';
import { equalBytes } from '../../keys/index.ts';
import { runs } from '../keys/samples.ts';
import { get, noise, prose, put, tinyLayout, uriOf } from './files.ts';
import { MemoryNetwork } from './world.ts';

void t.test('any range of any file is what slicing the file gives', async () => {
  const cases = fc.record({
    length: fc.integer({ min: 0, max: 2_600 }),
    from: fc.nat(2_600),
    size: fc.nat(2_600),
    make: fc.constantFrom(noise, prose),
    window: fc.integer({ min: 1, max: 9 }),
    seed: fc.nat(),
  });
  fc.assert(
    fc.property(cases, ({ length, from, size, make, window, seed }) => {
      const content = make(length, seed);
      const offsetBytes = Math.min(from, length);
      const sizeBytes = Math.min(size, length - offsetBytes);
      const network = new MemoryNetwork();
      const uri = uriOf(put(content, { network, layout: tinyLayout, seed }));
      const world = { range: () => ({ offsetBytes, sizeBytes }) };
      const { outcome, written, progress } = get(uri, { network, layout: tinyLayout, window, seed, world });
      return (
        outcome.type === 'done' &&
        equalBytes(written, content.subarray(offsetBytes, offsetBytes + sizeBytes)) &&
        progress.at(-1)?.doneBytes === sizeBytes
      );
    }),
    runs(600),
  );
});

void t.test(
  'a range of a plain file takes the blocks that hold it and the lists that name them, and no others',
  async (t) => {
    const network = new MemoryNetwork();
    const content = noise(2_560);
    const uri = uriOf(put(content, { network, layout: tinyLayout }));
    const fetched = (offsetBytes: number, sizeBytes: number) => {
      network.fetches = 0;
      const world = { range: () => ({ offsetBytes, sizeBytes }) };
      const { written } = get(uri, { network, layout: tinyLayout, world });
      t.ok(equalBytes(written, content.subarray(offsetBytes, offsetBytes + sizeBytes)));
      return network.fetches;
    };
    // Top block, three levels of lists, content.
    t.equal(fetched(0, 1), 1 + 1 + 1 + 1 + 1, 'the first byte');
    t.equal(fetched(2_559, 1), 1 + 1 + 1 + 1 + 1, 'the last byte');
    t.equal(fetched(64, 64), 1 + 1 + 1 + 1 + 1, 'one whole block in the middle');
    t.equal(fetched(127, 2), 1 + 1 + 1 + 2 + 2, 'two bytes on both sides of a border of lists');
    t.equal(fetched(1_000, 0), 1, 'nothing');
  },
);

void t.test(
  'a range of a compressed file is read from the start, and no further than it needs',
  async (t) => {
    const network = new MemoryNetwork();
    // Prose first, so that the beginning needs few blocks; then noise.
    const content = Uint8Array.from([...prose(200_000), ...noise(150_000)]);
    const uri = uriOf(put(content, { network }));
    const fetched = (offsetBytes: number, sizeBytes: number) => {
      network.fetches = 0;
      const run = get(uri, { network, window: 1, world: { range: () => ({ offsetBytes, sizeBytes }) } });
      t.equal(run.opened?.form, 'zstd');
      t.equal(run.outcome.type, 'done');
      t.ok(equalBytes(run.written, content.subarray(offsetBytes, offsetBytes + sizeBytes)));
      return network.fetches;
    };
    const all = fetched(0, content.length);
    t.ok(fetched(10, 1_000) < all, 'the beginning');
    t.equal(fetched(content.length - 1, 1), all, 'the end');
    t.equal(fetched(5, 0), 1, 'nothing');
  },
);

void t.test('a range outside of the file is a bug of the caller', async (t) => {
  const network = new MemoryNetwork();
  const uri = uriOf(put(noise(100), { network }));
  for (const range of [
    { offsetBytes: 0, sizeBytes: 101 },
    { offsetBytes: 101, sizeBytes: 0 },
    { offsetBytes: -1, sizeBytes: 5 },
  ]) {
    t.throws(() => get(uri, { network, world: { range: () => range } }), { name: 'AssertionError' });
  }
});
