import * as fc from 'fast-check';
import t from 'tap';
import type { ContentFailure, FetchResult, InsertResult } from '../../client/event.ts';
import { clientLimits } from '../../client/limits.ts';
import { type Block, block, equalBytes, type RoutingKey, type Salt } from '../../keys/index.ts';
import { runs } from '../keys/samples.ts';
import { get, noise, prose, put, secret, targets, tinyLayout, uriOf } from './files.ts';
import { MemoryNetwork, MemorySink, MemorySource, placeName, SeededRandom, type Source } from './world.ts';

const { notFoundTries, noRouteFetchTries, noRouteInsertTries, backoffFirstMs, backoffMaxMs } = clientLimits;
const layout = tinyLayout;

/** A block of the right size that opens under no key. */
const garbage: Block = block(noise(32_924));

/** For each place a few wrong answers, drawn from a seed, and then the true one. */
function faulty<Result>(seed: number, { most, wrong }: { most: number; wrong: readonly Result[] }) {
  const left = new Map<string, number>();
  return ({ key, salt }: { key: RoutingKey; salt: Salt }): Result | undefined => {
    const random = new SeededRandom(`${seed}/${placeName(key, salt)}`);
    const count = left.get(placeName(key, salt)) ?? random.below(most + 1);
    left.set(placeName(key, salt), count - 1);
    return count > 0 ? wrong[(random.below(99) + count) % wrong.length] : undefined;
  };
}

void t.test('an upload survives refusals in any order, and what it inserted can be fetched', async () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 0, max: 2_000 }), (seed, length) => {
      const network = new MemoryNetwork();
      const most = noRouteInsertTries.value - 1;
      const wrong: InsertResult[] = [{ type: 'overloaded' }, { type: 'noRoute' }];
      network.insertFault = faulty(seed, { most, wrong });
      const content = noise(length, seed);
      const uri = uriOf(put(content, { network, layout, seed, window: 1 + (seed % 5) }));
      return equalBytes(get(uri, { network, layout, seed }).written, content);
    }),
    runs(200),
  );
});

void t.test(
  'a download survives refusals, blocks that are missing for a while and corrupt ones, in any order',
  async () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 0, max: 2_000 }),
        fc.constantFrom(noise, prose),
        (seed, length, make) => {
          const network = new MemoryNetwork();
          const content = make(length, seed);
          const target = seed % 2 === 0 ? targets.chk : targets.ksk;
          const uri = uriOf(put(content, { network, layout, target }));
          const topFaults = faulty<FetchResult>(seed, {
            most: 3,
            wrong: [{ type: 'overloaded' }, { type: 'noRoute' }],
          });
          const blockFaults = faulty<FetchResult>(seed, {
            most: Math.min(notFoundTries.value, noRouteFetchTries.value) - 1,
            wrong: [
              { type: 'overloaded' },
              { type: 'noRoute' },
              { type: 'notFound' },
              { type: 'found', block: garbage },
            ],
          });
          network.fetchFault = (place) => {
            // Of a top block each place is asked once, and the places are each other's retries.
            const isTop = network.blocks.has(placeName(place.key, 1));
            return isTop ? topFaults(place) : blockFaults(place);
          };
          const { outcome, written } = get(uri, { network, layout, seed, window: 1 + (seed % 7) });
          return outcome.type === 'done' && equalBytes(written, content);
        },
      ),
      runs(200),
    );
  },
);

void t.test('overload never ends an upload or a download, and the waits grow to a bound', async (t) => {
  const network = new MemoryNetwork();
  const content = noise(100_000);
  const refusals = 40;
  let left = refusals;
  const overloaded = () => (left-- > 0 ? ({ type: 'overloaded' } as const) : undefined);
  network.insertFault = overloaded;
  const putting = put(content, { network, window: 1 });
  t.equal(putting.progress.at(-1)?.failed, refusals);
  left = refusals;
  network.fetchFault = overloaded;
  const getting = get(uriOf(putting), { network, window: 1 });
  t.ok(equalBytes(getting.written, content));
  t.equal(getting.progress.at(-1)?.failed, refusals);
  for (const { endedAt } of [putting, getting]) {
    const waitedMs = endedAt - 1_000_000;
    t.ok(waitedMs <= refusals * backoffMaxMs.value, 'no wait above the bound');
    t.ok(
      waitedMs >= (refusals - 7) * (backoffMaxMs.value / 2),
      'from the eighth on each is at least half of it',
    );
  }
});

void t.test('being refused does not count as a try, neither of a fetch nor of an insert', async (t) => {
  const network = new MemoryNetwork();
  let answers: readonly ('overloaded' | 'noRoute')[] = [];
  const busy = Array.from({ length: 20 }, () => 'overloaded' as const);
  network.insertFault = () => {
    const [type, ...rest] = answers;
    answers = rest;
    return type && { type };
  };
  answers = [...busy, 'noRoute', ...busy, 'noRoute'];
  const uri = uriOf(put(noise(100_000), { network, window: 1 }));
  let fetches: readonly ('overloaded' | 'noRoute' | 'notFound')[] = [
    ...busy,
    'notFound',
    ...busy,
    'noRoute',
    ...busy,
  ];
  network.fetchFault = ({ key }) => {
    if (network.blocks.has(placeName(key, 1))) return undefined;
    const [type, ...rest] = fetches;
    fetches = rest;
    return type && { type };
  };
  t.ok(equalBytes(get(uri, { network, window: 1 }).written, noise(100_000)));
  t.equal(fetches.length, 0);
});

void t.test('the first wait is between half and all of its limit, and not always the same', async (t) => {
  const waits = new Set<number>();
  for (let seed = 0; seed < 20; seed++) {
    const network = new MemoryNetwork();
    let left = 1;
    network.insertFault = () => (left-- > 0 ? { type: 'noRoute' } : undefined);
    const waitedMs = put(noise(10), { network, seed }).endedAt - 1_000_000;
    t.ok(waitedMs >= backoffFirstMs.value / 2 && waitedMs <= backoffFirstMs.value);
    waits.add(waitedMs);
  }
  t.ok(waits.size > 10);
});

void t.test('without a route an upload ends with no_route after its tries', async (t) => {
  const network = new MemoryNetwork();
  network.insertFault = () => ({ type: 'noRoute' });
  const { outcome } = put(noise(100_000), { network, window: 1 });
  t.match(outcome, { type: 'failed', code: 'no_route' });
  t.equal(network.inserts, noRouteInsertTries.value);
});

void t.test(
  'without a route a download ends with no_route after its tries, at the top block and below it',
  async (t) => {
    const network = new MemoryNetwork();
    const uri = uriOf(put(noise(100_000), { network }));
    for (const isSpared of [0, 1]) {
      network.fetches = 0;
      network.fetchFault = () => (network.fetches > isSpared ? { type: 'noRoute' } : undefined);
      const { outcome } = get(uri, { network, window: 1 });
      t.match(outcome, { type: 'failed', code: 'no_route' });
      t.equal(network.fetches, isSpared + noRouteFetchTries.value);
    }
  },
);

void t.test(
  'a missing block is asked for several times, and the end says how many are missing',
  async (t) => {
    const network = new MemoryNetwork();
    const content = noise(10 * 32_768);
    const uri = uriOf(put(content, { network }));
    // Everything but the top block, which alone lies at a place with salt 1.
    const places = [...network.blocks.keys()].filter(
      (place) => !network.blocks.has(`${place.slice(0, 43)}/1`),
    );
    t.equal(places.length, 10);
    for (const place of places.slice(2, 5)) network.blocks.delete(place);
    network.fetches = 0;
    const { outcome, progress } = get(uri, { network, window: 10 });
    t.same(outcome, { type: 'failed', code: 'data_not_found', message: '3 of 11 blocks were not found' });
    t.equal(network.fetches, 1 + 7 + 3 * notFoundTries.value);
    t.match(progress.at(-1), { total: 11, succeeded: 8, failed: 3 * notFoundTries.value, fatallyFailed: 3 });
  },
);

void t.test('after a block was given up nothing new is begun', async (t) => {
  const network = new MemoryNetwork();
  const uri = uriOf(put(noise(100 * 32_768), { network }));
  network.fetches = 0;
  network.fetchFault = () => (network.fetches === 1 ? undefined : { type: 'notFound' });
  const { outcome } = get(uri, { network, window: 4 });
  t.match(outcome, { type: 'failed', code: 'data_not_found', message: '4 of 101 blocks were not found' });
  t.equal(network.fetches, 1 + 4 * notFoundTries.value);
});

void t.test('a block that never opens ends a download with bad_block', async (t) => {
  const network = new MemoryNetwork();
  const uri = uriOf(put(noise(100_000), { network }));
  network.fetches = 0;
  network.fetchFault = () => (network.fetches === 1 ? undefined : { type: 'found', block: garbage });
  const { outcome } = get(uri, { network });
  t.match(outcome, { type: 'failed', code: 'bad_block' });
});

void t.test('an insert over other data ends with collision, the same again is a success', async (t) => {
  for (const target of [targets.ssk, targets.ksk]) {
    const network = new MemoryNetwork();
    const first = put(noise(100_000, 1), { network, target });
    t.equal(put(noise(100_000, 1), { network, target, seed: 2 }).outcome.type, 'done');
    t.match(put(noise(100_000, 2), { network, target }).outcome, { type: 'failed', code: 'collision' });
    t.match(put(noise(5), { network, target }).outcome, { type: 'failed', code: 'collision' });
    t.ok(equalBytes(get(uriOf(first), { network }).written, noise(100_000, 1)));
  }
});

void t.test(
  'a source that changes between its two readings ends with source_changed, and has no top block',
  async (t) => {
    const { publicKey } = secret;
    for (const make of [noise, prose]) {
      const content = make(200_000);
      const changed = content.slice();
      changed[150_000] = 255;
      for (const later of [changed, content.subarray(0, 100_000), new Uint8Array(0), make(200_000, 2)]) {
        const network = new MemoryNetwork();
        const source = new MemorySource(content, later);
        const { outcome, uriKnown } = put(content, { network, target: targets.ssk, world: { source } });
        t.match(outcome, { type: 'failed', code: 'source_changed' }, `${make.name} to ${later.length} bytes`);
        t.equal(uriKnown, undefined);
        t.notOk([...network.blocks.values()].some((block) => equalBytes(block.subarray(0, 32), publicKey)));
      }
    }
  },
);

void t.test('a source or a sink that fails ends the machine with its code', async (t) => {
  const failure = (code: ContentFailure['code']): ContentFailure => ({
    type: 'failure',
    code,
    message: 'of the disk',
  });
  const content = noise(100_000);
  const network = new MemoryNetwork();
  const uri = uriOf(put(content, { network }));

  const source = (changes: Partial<Source>): Source => {
    const true_ = new MemorySource(content);
    return {
      measure: () => true_.measure(),
      read: (form, sizeBytes) => true_.read(form, sizeBytes),
      end: () => true_.end(),
      ...changes,
    };
  };
  const sources = [
    source({ measure: () => failure('source_unreadable') }),
    source({ read: () => failure('source_unreadable') }),
    source({ end: () => failure('source_unreadable') }),
  ];
  for (const broken of sources) {
    const { outcome } = put(content, { world: { source: broken } });
    t.same(outcome, { type: 'failed', code: 'source_unreadable', message: 'of the disk' });
  }

  const writeFails = new MemorySink();
  writeFails.write = () => failure('disk_full');
  const endFails = new MemorySink();
  endFails.end = () => failure('disk_full');
  for (const sink of [writeFails, endFails]) {
    const { outcome } = get(uri, { network, world: { sink } });
    t.same(outcome, { type: 'failed', code: 'disk_full', message: 'of the disk' });
  }
});

void t.test('a machine can be cancelled at any step, and does nothing afterwards', async (t) => {
  const network = new MemoryNetwork();
  network.insertFault = faulty(1, { most: 2, wrong: [{ type: 'overloaded' }] });
  const content = noise(2_000);
  const putting = put(content, { network, layout });
  network.fetchFault = faulty(1, { most: 2, wrong: [{ type: 'overloaded' }] });
  const uri = uriOf(putting);
  const getting = get(uri, { network, layout });
  for (let step = 1; step < putting.steps; step++) {
    const into = new MemoryNetwork();
    into.insertFault = faulty(1, { most: 2, wrong: [{ type: 'overloaded' }] });
    const { outcome } = put(content, { network: into, layout, world: { cancelAfter: step } });
    if (outcome.type !== 'cancelled') t.fail(`upload, step ${step}: ${outcome.type}`);
  }
  for (let step = 1; step < getting.steps; step++) {
    network.fetchFault = faulty(1, { most: 2, wrong: [{ type: 'overloaded' }] });
    const { outcome } = get(uri, { network, layout, world: { cancelAfter: step } });
    if (outcome.type !== 'cancelled') t.fail(`download, step ${step}: ${outcome.type}`);
  }
  t.ok(putting.steps > 100 && getting.steps > 100, `${putting.steps} and ${getting.steps} steps`);
});

void t.test('progress only grows, and ends with everything done', async (t) => {
  const network = new MemoryNetwork();
  const content = noise(2_000);
  const putting = put(content, { network, layout });
  const getting = get(uriOf(putting), { network, layout });
  for (const { progress } of [putting, getting]) {
    for (const [index, now] of progress.entries()) {
      const before = progress[index - 1];
      if (before === undefined) continue;
      t.notSame(now, before, 'only news is told');
      t.ok(
        now.succeeded >= before.succeeded && now.doneBytes >= before.doneBytes && now.total >= before.total,
      );
    }
    const last = progress.at(-1);
    t.match(last, { finalizedTotal: true, sizeBytes: 2_000, doneBytes: 2_000, failed: 0, fatallyFailed: 0 });
    t.equal(last?.succeeded, last?.total);
    t.equal(last?.required, last?.total);
  }
});
