/**
 * What every block store must do (store/block-store.ts), as tests to run against any of them. A store passes with any capacity
 * that `makeStore` is asked for; what only a disk can do (crashes, a full disk) is tested with the slot store.
 */
import * as fc from 'fast-check';
import type { Test } from 'tap';
import { BLOCK_BYTES, block, equalBytes, routingKey, toText } from '../../keys/index.ts';
import type { Block, RoutingKey } from '../../keys/index.ts';
import type { BlockStore, PutOutcome, StorePart } from '../../store/index.ts';

/** With exactly these capacities. `clock` gives milliseconds since 1970. */
export type MakeStore = (
  capacityBlocks: Readonly<Record<StorePart, number>>,
  clock: () => number,
) => Promise<BlockStore>;

const DAY_MS = 86_400_000;
const KEPT_DAYS = 10;

/** A key of its own for every number. */
export function keyOf(number: number): RoutingKey {
  const bytes = Buffer.alloc(32, 7);
  bytes.writeUInt32BE(number);
  return routingKey(new Uint8Array(bytes));
}

/** A block of its own for every number and version; no two have a long run of bytes in common. */
export function blockOf(number: number, version = 0): Block {
  const words = new Uint32Array(BLOCK_BYTES / 4);
  let state = (Math.imul(number + 1, 0x9e3779b1) ^ Math.imul(version + 1, 0x85ebca6b)) | 1;
  for (let at = 0; at < words.length; at++) {
    state = Math.imul(state, 0x2c9277b5) + 0xac564b05;
    words[at] = state ^ (state >>> 15);
  }
  return block(new Uint8Array(words.buffer));
}

export function blockStoreCompliance(t: Test, makeStore: MakeStore): void {
  const withStore = async (
    capacityBlocks: Record<StorePart, number>,
    use: (store: BlockStore, nextDay: () => void) => Promise<void>,
  ) => {
    let nowMs = 20_000 * DAY_MS;
    const store = await makeStore(capacityBlocks, () => nowMs);
    const nextDay = () => {
      nowMs += DAY_MS;
    };
    try {
      await use(store, nextDay);
    } finally {
      await store.close();
    }
  };

  void t.test('a key that was never put has no block', (t) =>
    withStore({ store: 2, cache: 2 }, async (store) => {
      t.equal(await store.get(keyOf(1)), undefined);
      t.match(store.stats().parts, { store: { blocks: 0 }, cache: { blocks: 0 } });
    }),
  );

  void t.test('a block comes back byte for byte from the part that it was put into', (t) =>
    withStore({ store: 2, cache: 2 }, async (store) => {
      t.equal(await store.put(keyOf(1), blockOf(1), { part: 'store' }), 'written');
      t.equal(await store.put(keyOf(2), blockOf(2), { part: 'cache' }), 'written');
      t.ok(holds(await store.get(keyOf(1)), blockOf(1)));
      t.ok(holds(await store.get(keyOf(2)), blockOf(2)));
      t.match(store.stats().parts, { store: { blocks: 1 }, cache: { blocks: 1 } });
    }),
  );

  for (const part of ['store', 'cache'] as const) {
    void t.test(`the same block again in ${part} is present`, (t) =>
      withStore({ store: 2, cache: 2 }, async (store) => {
        await store.put(keyOf(1), blockOf(1), { part });
        t.equal(await store.put(keyOf(1), blockOf(1), { part }), 'present');
        t.equal(store.stats().parts[part].blocks, 1);
      }),
    );

    for (const other of ['store', 'cache'] as const) {
      void t.test(
        `another block for a key in ${part}, put into ${other}, is a collision and changes nothing`,
        (t) =>
          withStore({ store: 2, cache: 2 }, async (store) => {
            await store.put(keyOf(1), blockOf(1), { part });
            t.equal(await store.put(keyOf(1), blockOf(1, 1), { part: other }), 'collision');
            t.ok(holds(await store.get(keyOf(1)), blockOf(1)));
            t.equal(store.stats().parts[part].blocks, 1);
          }),
      );
    }

    void t.test(`a full ${part} drops its least recently used block, and the other part keeps all`, (t) =>
      withStore({ store: 3, cache: 3 }, async (store) => {
        const other = part === 'store' ? 'cache' : 'store';
        for (const number of [11, 12, 13]) await store.put(keyOf(number), blockOf(number), { part: other });
        for (const number of [1, 2, 3]) await store.put(keyOf(number), blockOf(number), { part });
        await store.get(keyOf(1), 'somebody');
        await store.get(keyOf(3));
        await store.put(keyOf(2), blockOf(2), { part });
        t.equal(await store.put(keyOf(4), blockOf(4), { part }), 'written');
        t.equal(
          await store.get(keyOf(3)),
          undefined,
          'the only one that nobody used since: a question of nobody’s leaves no trace',
        );
        t.equal(await store.put(keyOf(5), blockOf(5), { part }), 'written');
        t.equal(await store.get(keyOf(1)), undefined);
        for (const number of [2, 4, 5, 11, 12, 13])
          t.ok(holds(await store.get(keyOf(number)), blockOf(number)));
        t.match(store.stats().parts, { store: { blocks: 3 }, cache: { blocks: 3 } });
      }),
    );
  }

  void t.test('a block in the cache that is put into the store moves', (t) =>
    withStore({ store: 2, cache: 1 }, async (store) => {
      await store.put(keyOf(1), blockOf(1), { part: 'cache' });
      t.equal(await store.put(keyOf(1), blockOf(1), { part: 'store' }), 'written');
      t.match(store.stats().parts, { store: { blocks: 1 }, cache: { blocks: 0 } });
      await store.put(keyOf(2), blockOf(2), { part: 'cache' });
      t.ok(holds(await store.get(keyOf(1)), blockOf(1)), 'traffic in the cache does not reach it');
    }),
  );

  void t.test('a block in the store that is put into the cache is present', (t) =>
    withStore({ store: 2, cache: 2 }, async (store) => {
      await store.put(keyOf(1), blockOf(1), { part: 'store' });
      t.equal(await store.put(keyOf(1), blockOf(1), { part: 'cache' }), 'present');
      t.match(store.stats().parts, { store: { blocks: 1 }, cache: { blocks: 0 } });
    }),
  );

  void t.test('puts of one key at the same time write one block, and all agree which', (t) =>
    withStore({ store: 4, cache: 4 }, async (store) => {
      const versions = [0, 0, 1, 0, 1];
      const outcomes = await Promise.all(
        versions.map((version) => store.put(keyOf(1), blockOf(1, version), { part: 'store' })),
      );
      t.equal(outcomes.filter((outcome) => outcome === 'written').length, 1);
      const winner = versions[outcomes.indexOf('written')] ?? -1;
      t.ok(holds(await store.get(keyOf(1)), blockOf(1, winner)));
      for (const [index, outcome] of outcomes.entries()) {
        if (versions[index] !== winner) t.equal(outcome, 'collision');
        else t.ok(outcome === 'written' || outcome === 'present');
      }
    }),
  );

  void t.test('a block that two links fetch on different days outlives a flood of new ones', (t) =>
    withStore({ store: 5, cache: 1 }, async (store, nextDay) => {
      for (let number = 0; number < 5; number++)
        await store.put(keyOf(number), blockOf(number), { part: 'store' });
      for (const number of [0, 1, 2, 3]) await store.get(keyOf(number), 'first');
      await store.get(keyOf(1), 'second');
      nextDay();
      await store.get(keyOf(0), 'second');
      await store.get(keyOf(2), 'first');
      await store.get(keyOf(3));
      t.equal(
        store.stats().parts.store.protectedBlocks,
        1,
        'not the same day, not the same link, not nobody',
      );
      for (let number = 10; number < 20; number++)
        await store.put(keyOf(number), blockOf(number), { part: 'store' });
      t.ok(holds(await store.get(keyOf(0)), blockOf(0)));
      for (const number of [1, 2, 3, 4]) t.equal(await store.get(keyOf(number)), undefined);
      t.match(store.stats().parts.store, { blocks: 5, protectedBlocks: 1 });
    }),
  );

  void t.test('at most four fifths of the store are protected: the oldest goes back to probation', (t) =>
    withStore({ store: 5, cache: 1 }, async (store, nextDay) => {
      for (let number = 0; number < 5; number++) {
        await store.put(keyOf(number), blockOf(number), { part: 'store' });
        await store.get(keyOf(number), 'first');
      }
      nextDay();
      for (let number = 0; number < 5; number++) await store.get(keyOf(number), 'second');
      t.equal(store.stats().parts.store.protectedBlocks, 4);
      await store.put(keyOf(9), blockOf(9), { part: 'store' });
      t.equal(await store.get(keyOf(0)), undefined, 'the one that went back made room');
      for (const number of [1, 2, 3, 4, 9]) t.ok(holds(await store.get(keyOf(number)), blockOf(number)));
    }),
  );

  void t.test('one link displaces one block of a small store a day, and then is refused', (t) =>
    withStore({ store: 3, cache: 1 }, async (store, nextDay) => {
      const put = (number: number, part: StorePart, from?: string) =>
        store.put(keyOf(number), blockOf(number), { part, from });
      for (const number of [0, 1, 2])
        t.equal(await put(number, 'store', 'flooder'), 'written', 'there is room');
      for (let day = 0; day < KEPT_DAYS; day++) nextDay();
      t.equal(await put(3, 'store', 'flooder'), 'written');
      t.equal(await put(4, 'store', 'flooder'), 'refused');
      t.equal(await store.get(keyOf(4)), undefined);
      for (const number of [1, 2, 3])
        t.ok(holds(await store.get(keyOf(number)), blockOf(number)), 'nothing was changed');
      t.equal(await put(3, 'store', 'flooder'), 'present', 'what is there needs no room');
      t.equal(await put(5, 'store', 'another'), 'written');
      t.equal(await put(6, 'store', 'a third'), 'refused', 'two blocks by all links');
      t.equal(await put(6, 'store'), 'written', "nobody's link has no bound");
      for (const number of [20, 21, 22]) t.equal(await put(number, 'cache', 'flooder'), 'written');
      t.equal(await put(22, 'store', 'flooder'), 'refused', 'a move into the store takes room there');
      t.match(store.stats().parts.cache, { blocks: 1 }, 'and stays where it is');
      for (let day = 0; day < KEPT_DAYS; day++) nextDay();
      t.equal(await put(22, 'store', 'flooder'), 'written');
      t.match(store.stats().parts, { store: { blocks: 3 }, cache: { blocks: 0 } });
    }),
  );

  void t.test('a tenth of probation is displaced by all links together in a day', (t) =>
    withStore({ store: 50, cache: 1 }, async (store, nextDay) => {
      for (let number = 0; number < 50; number++)
        await store.put(keyOf(number), blockOf(number), { part: 'store' });
      for (let number = 0; number < 20; number++) await store.get(keyOf(number), 'first');
      nextDay();
      for (let number = 0; number < 20; number++) await store.get(keyOf(number), 'second');
      for (let day = 0; day < KEPT_DAYS; day++) nextDay();
      t.match(store.stats().parts.store, { protectedBlocks: 20 });
      const flood = async (from: number) => {
        const outcomes: PutOutcome[] = [];
        for (let number = from; number < from + 5; number++)
          outcomes.push(
            await store.put(keyOf(number), blockOf(number), { part: 'store', from: `link ${number}` }),
          );
        return outcomes;
      };
      const allowed = ['written', 'written', 'written', 'refused', 'refused'];
      t.same(await flood(100), allowed);
      nextDay();
      t.same(await flood(200), allowed);
      for (let number = 0; number < 50; number++)
        t.equal(holds(await store.get(keyOf(number)), blockOf(number)), number < 20 || number >= 26);
    }),
  );

  void t.test('what has come, or was first fetched, in the last ten days is pushed out by no link', (t) =>
    withStore({ store: 2, cache: 1 }, async (store, nextDay) => {
      const put = (number: number, from?: string) =>
        store.put(keyOf(number), blockOf(number), { part: 'store', from });
      await put(1, 'a');
      for (let day = 0; day < 4; day++) nextDay();
      await put(2, 'a');
      // Who asks for all the others makes this one the least recently used.
      await store.get(keyOf(1), 'b');
      for (let day = 4; day < 13; day++) {
        nextDay();
        t.equal(await put(3, 'c'), 'refused', `day ${day + 1}`);
      }
      nextDay();
      t.equal(await put(3, 'c'), 'written', 'ten days after it came');
      t.equal(await store.get(keyOf(2)), undefined);
      t.equal(await put(4, 'd'), 'written', 'ten days after its first fetch');
      t.equal(await put(5, 'e'), 'refused');
      t.equal(await put(5), 'written', 'nobody’s link has no bound');
      t.equal(await store.get(keyOf(3)), undefined);
    }),
  );

  void t.test('puts and gets at the same time never give the bytes of another key', (t) =>
    withStore({ store: 3, cache: 3 }, async (store) => {
      const wrong: number[] = [];
      const use = async (number: number, part: StorePart) => {
        await store.put(keyOf(number), blockOf(number), { part });
        const found = await store.get(keyOf((number + 1) % 9));
        if (found && !equalBytes(found, blockOf((number + 1) % 9))) wrong.push(number);
      };
      const uses: Promise<void>[] = [];
      for (let round = 0; round < 20; round++) {
        for (let number = 0; number < 9; number++)
          uses.push(use(number, (number + round) % 2 ? 'store' : 'cache'));
      }
      await Promise.all(uses);
      t.same(wrong, []);
      t.ok(store.stats().usedBytes <= store.stats().limitBytes);
    }),
  );

  void t.test('what was begun before close is done; later calls are refused', async (t) => {
    const store = await makeStore({ store: 2, cache: 2 }, () => 0);
    const begun = [
      store.put(keyOf(1), blockOf(1), { part: 'store' }),
      store.put(keyOf(2), blockOf(2), { part: 'cache' }),
    ];
    const closed = store.close();
    t.same(await Promise.all(begun), ['written', 'written']);
    await closed;
    await t.rejects(store.get(keyOf(1)), { code: 'store_closed' });
    await t.rejects(store.put(keyOf(3), blockOf(3), { part: 'store' }), { code: 'store_closed' });
    await store.close();
  });

  void t.test(
    'any sequence of calls gives what two lists with the least recently used first give',
    async (t) => {
      const step = fc.record({
        do: fc.constantFrom('get', 'put', 'put'),
        number: fc.nat(7),
        version: fc.constantFrom(0, 0, 0, 1),
        part: fc.constantFrom<StorePart>('store', 'cache'),
      });
      const capacity = fc.record({
        store: fc.integer({ min: 1, max: 4 }),
        cache: fc.integer({ min: 1, max: 4 }),
      });
      await fc.assert(
        fc.asyncProperty(capacity, fc.array(step, { maxLength: 60 }), async (capacityBlocks, steps) => {
          const model = new Model(capacityBlocks);
          await withStore(capacityBlocks, async (store) => {
            for (const { do: what, number, version, part } of steps) {
              if (what === 'get') {
                const expected = model.get(number);
                const found = await store.get(keyOf(number), 'somebody');
                const same =
                  expected === undefined ? found === undefined : holds(found, blockOf(number, expected));
                if (!same) throw new Error(`get ${number} should give version ${expected}`);
              } else {
                const expected = model.put(number, version, part);
                const outcome = await store.put(keyOf(number), blockOf(number, version), { part });
                if (outcome !== expected)
                  throw new Error(`put ${number} gave ${outcome}, should be ${expected}`);
              }
              const { parts, usedBytes, limitBytes } = store.stats();
              if (parts.store.blocks !== model.store.length || parts.cache.blocks !== model.cache.length) {
                throw new Error('the counts differ');
              }
              if (usedBytes > limitBytes) throw new Error('over the limit');
            }
          });
        }),
        { numRuns: process.env['MIMEO_TEST_FULL'] ? 500 : 40 },
      );
      t.pass('all sequences agree');
    },
  );
}

/** The contract in its plainest form: lists, newest last. */
class Model {
  readonly store: { number: number; version: number }[] = [];
  readonly cache: { number: number; version: number }[] = [];
  readonly #capacity: Record<StorePart, number>;

  constructor(capacity: Record<StorePart, number>) {
    this.#capacity = capacity;
  }

  get(number: number): number | undefined {
    for (const list of [this.store, this.cache]) {
      const at = list.findIndex((item) => item.number === number);
      const [item] = at < 0 ? [] : list.splice(at, 1);
      if (item) {
        list.push(item);
        return item.version;
      }
    }
    return undefined;
  }

  put(number: number, version: number, part: StorePart): PutOutcome {
    const list = this[part];
    const inStore = this.store.some((item) => item.number === number);
    const existing = [...this.store, ...this.cache].find((item) => item.number === number);
    if (existing && existing.version !== version) return 'collision';
    if (existing && (inStore || part === 'cache')) {
      this.get(number);
      return 'present';
    }
    if (existing) this.cache.splice(this.cache.indexOf(existing), 1);
    if (list.length === this.#capacity[part]) list.shift();
    list.push({ number, version });
    return 'written';
  }
}

function holds(found: Block | undefined, expected: Block): boolean {
  return found !== undefined && toText(found) === toText(expected);
}
