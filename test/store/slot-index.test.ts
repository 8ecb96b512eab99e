/** What is known of slots in memory, against the plainest model of the same. */
import * as fc from 'fast-check';
import t from 'tap';
import { Displacement, dayOf } from '../../store/displacement.ts';
import { FreeSlots } from '../../store/free-slots.ts';
import { IdTable } from '../../store/id-table.ts';
import { storeLimits } from '../../store/limits.ts';
import { SlotLists } from '../../store/slot-lists.ts';
import type { UsedSegment } from '../../store/slot.ts';
import { FULL } from './stores.ts';

const RUNS = { numRuns: FULL ? 5_000 : 300 };

/** Few first bytes, so that many ids want one place of the table. */
function idOf(number: number): Uint8Array {
  const id = new Uint8Array(16);
  id[3] = number % 3;
  id[15] = number;
  return id;
}

void t.test('any names and forgettings give what a Map gives, also while the table grows', async () => {
  const step = fc.record({ do: fc.constantFrom('name', 'forget', 'grow'), id: fc.nat(30), slot: fc.nat(63) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      let slots = 16;
      const table = new IdTable(slots);
      const model = new Map<number, number>();
      for (const { do: what, id, slot } of steps) {
        const isTaken = [...model.values()].includes(slot);
        if (what === 'grow' && slots < 64) table.grow((slots += 16));
        else if (what === 'name' && !model.has(id) && !isTaken && slot < slots) {
          table.setId(slot, idOf(id));
          table.name(slot);
          model.set(id, slot);
        } else if (what === 'forget') {
          const named = model.get(id);
          if (named === undefined) continue;
          table.forget(named);
          model.delete(id);
        }
        for (let other = 0; other <= 30; other++)
          if (table.find(idOf(other)) !== model.get(other)) throw new Error(`id ${other}`);
        for (const [other, at] of model)
          if (Buffer.compare(table.idOf(at), idOf(other)) !== 0) throw new Error(`head of ${at}`);
      }
    }),
    RUNS,
  );
});

void t.test('a table that is as full as it gets still finds every id, and misses every other', async (t) => {
  const table = new IdTable(200);
  for (let slot = 0; slot < 200; slot++) {
    table.setId(slot, idOf(slot));
    table.name(slot);
  }
  for (let number = 0; number < 200; number++) t.equal(table.find(idOf(number)), number);
  for (let number = 200; number < 256; number++) t.equal(table.find(idOf(number)), undefined);
});

void t.test('any moves between lists give what arrays give', async () => {
  const step = fc.record({
    do: fc.constantFrom('append', 'remove', 'replace', 'grow'),
    slot: fc.nat(11),
    to: fc.nat(11),
    segment: fc.constantFrom<UsedSegment>(1, 2, 3),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const lists = new SlotLists(12);
      const model: Record<UsedSegment, number[]> = { 1: [], 2: [], 3: [] };
      const listOf = (slot: number) => ([1, 2, 3] as const).find((segment) => model[segment].includes(slot));
      for (const { do: what, slot, to, segment } of steps) {
        const held = listOf(slot);
        if (what === 'grow') lists.grow(14);
        if (what === 'append' && held === undefined) {
          lists.append(slot, segment);
          model[segment].push(slot);
        } else if (what === 'remove' && held !== undefined) {
          lists.remove(slot);
          model[held].splice(model[held].indexOf(slot), 1);
        } else if (what === 'replace' && held !== undefined && listOf(to) === undefined) {
          lists.replace({ from: slot, to });
          model[held][model[held].indexOf(slot)] = to;
        }
        const { newer, oldest } = lists.snapshot();
        for (const segment of [1, 2, 3] as const) {
          const walked: number[] = [];
          for (let place = oldest[segment - 1] ?? 0; place !== 0; place = newer[place - 1] ?? 0)
            walked.push(place - 1);
          if (walked.join() !== model[segment].join())
            throw new Error(`${walked.join()} is not ${model[segment].join()}`);
          if (lists.oldest(segment) !== model[segment][0]) throw new Error('the oldest differs');
          if (lists.count(segment) !== model[segment].length) throw new Error('the counts differ');
        }
      }
    }),
    RUNS,
  );
});

void t.test('a free slot is given once, and in another order each time', async (t) => {
  const orders = new Set<string>();
  for (let round = 0; round < 5; round++) {
    const free = new FreeSlots(40);
    for (let slot = 0; slot < 50; slot++) {
      if (slot === 40) free.grow(50);
      free.add(slot);
    }
    free.retain((slot) => slot < 45);
    const taken = Array.from({ length: 45 }, () => free.take() ?? -1);
    t.equal(free.take(), undefined);
    t.same(
      taken.toSorted((a, b) => a - b),
      Array.from({ length: 45 }, (_, slot) => slot),
    );
    orders.add(taken.join());
  }
  t.ok(orders.size > 1);
});

void t.test(
  'a link displaces a hundredth of a large store a day, and the bound is per link and day',
  async (t) => {
    const displacement = new Displacement();
    const day = dayOf(86_400_000 * 5 + 1);
    t.equal(day, 5);
    const most = { day, capacityBlocks: 1_000, probationBlocks: 1_000 };
    for (let count = 0; count < 10; count++) {
      t.ok(displacement.mayDisplace('a', most));
      displacement.count('a', day);
    }
    t.notOk(displacement.mayDisplace('a', most));
    t.ok(displacement.mayDisplace('b', most));
    t.ok(displacement.mayDisplace('b', { ...most, probationBlocks: 110 }));
    t.notOk(displacement.mayDisplace('b', { ...most, probationBlocks: 109 }), 'all links had a tenth of it');
    t.ok(displacement.mayDisplace('a', { ...most, day: 6 }));
    for (let link = 0; link < 2 * storeLimits.displacersKept.value; link++)
      displacement.count(`link ${link}`, day);
    t.notOk(
      displacement.mayDisplace('a', { ...most, probationBlocks: 1e6 }),
      'many links with small counts do not make it forget the greatest',
    );
  },
);
