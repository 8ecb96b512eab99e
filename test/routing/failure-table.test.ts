/** What was looked for in vain: who is told when it comes, and who is asked last (load.md, 7). */
import * as fc from 'fast-check';
import t from 'tap';
import { routingKey, salt } from '../../keys/index.ts';
import { FailureTable, type Place } from '../../routing/failure-table.ts';
import { LOCAL_LINK, type LinkId } from '../../routing/index.ts';
import { loadLimits } from '../../routing/load/limits.ts';

const { failureKeys, failureKeepMs, failureAvoidMs, failureLinks } = loadLimits;
const KEEP = failureKeepMs.value;

const link = (number: number): LinkId => number as LinkId;
const [ann, bob, cat, dan] = [link(1), link(2), link(3), link(4)];

function place(number: number, of = 0): Place {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, number);
  return { key: routingKey(bytes), salt: salt(of) };
}

void t.test(
  'who asked in vain is told once when the block comes by, the one who brought it excepted',
  async (t) => {
    const table = new FailureTable();
    for (const link of [ann, bob, cat]) table.asked(place(1), { link, now: 0 });
    t.strictSame(table.found(place(1), { from: bob, now: 1 }).askers, [ann, cat]);
    t.strictSame(table.found(place(1), { from: bob, now: 2 }).askers, []);
  },
);

void t.test('the owner is not remembered', async (t) => {
  const table = new FailureTable();
  table.asked(place(1), { link: LOCAL_LINK, now: 0 });
  t.equal(table.size, 0);
  t.strictSame(table.found(place(1), { from: ann, now: 1 }).askers, []);
});

void t.test('another place of the key is another matter', async (t) => {
  const table = new FailureTable();
  table.asked(place(1, 0), { link: ann, now: 0 });
  table.failed(place(1, 0), { link: bob, now: 0 });
  t.strictSame(table.found(place(1, 1), { from: cat, now: 1 }), { askers: [], failures: [] });
  t.equal(table.avoided(place(1, 1), 1).size, 0);
});

void t.test('an asker is forgotten after the time that an offer is good for', async (t) => {
  const table = new FailureTable();
  table.asked(place(1), { link: ann, now: 0 });
  table.asked(place(1), { link: bob, now: 1 });
  t.strictSame(table.found(place(1), { from: cat, now: KEEP }).askers, [bob]);
});

void t.test('a peer that had it not is asked last for a while', async (t) => {
  const table = new FailureTable();
  table.failed(place(1), { link: ann, now: 0 });
  table.failed(place(1), { link: bob, now: 1 });
  t.strictSame([...table.avoided(place(1), 1)], [ann, bob]);
  t.strictSame([...table.avoided(place(1), failureAvoidMs.value)], [bob]);
  t.equal(table.failedAt(place(1), { link: ann, now: failureAvoidMs.value }), 0, 'but remembered longer');
});

void t.test('when the block was found, who had it not is said once more and then forgotten', async (t) => {
  const table = new FailureTable();
  table.failed(place(1), { link: ann, now: 3 });
  table.failed(place(1), { link: bob, now: 5 });
  t.strictSame(table.found(place(1), { from: cat, now: 9 }).failures, [
    { link: ann, at: 3 },
    { link: bob, at: 5 },
  ]);
  t.equal(table.failedAt(place(1), { link: ann, now: 9 }), undefined);
  t.equal(table.size, 0);
});

void t.test(
  'an offer of a peer that was asked in vain is taken: it is asked first, and the askers are told once',
  async (t) => {
    const table = new FailureTable();
    for (const link of [ann, bob]) table.asked(place(1), { link, now: 0 });
    for (const link of [bob, cat, dan]) table.failed(place(1), { link, now: 0 });
    t.strictSame(table.offered(place(1), { link: bob, now: 5 }), [ann]);
    t.strictSame(table.offered(place(1), { link: cat, now: 6 }), []);
    t.strictSame([...table.offersOf(place(1), 7)], [bob, cat]);
    t.strictSame([...table.avoided(place(1), 7)], [dan], 'who offers is not avoided');
  },
);

void t.test('an offer of a peer that was not asked is ignored', async (t) => {
  const table = new FailureTable();
  table.asked(place(1), { link: ann, now: 0 });
  t.equal(table.offered(place(1), { link: bob, now: 1 }), undefined);
  t.equal(table.offered(place(2), { link: bob, now: 1 }), undefined);
  table.failed(place(1), { link: bob, now: 1 });
  t.equal(table.offered(place(1), { link: bob, now: 1 + KEEP }), undefined, 'or not lately');
  t.equal(table.offersOf(place(1), 1).size, 0);
});

void t.test(
  'an offer is good for as long as an asker is remembered, and ends when the peer has it not',
  async (t) => {
    const table = new FailureTable();
    table.failed(place(1), { link: ann, now: 0 });
    table.offered(place(1), { link: ann, now: 1 });
    t.strictSame([...table.offersOf(place(1), KEEP)], [ann]);
    t.equal(table.offersOf(place(1), KEEP + 1).size, 0);
    table.failed(place(1), { link: bob, now: KEEP + 1 });
    table.offered(place(1), { link: bob, now: KEEP + 2 });
    table.failed(place(1), { link: bob, now: KEEP + 3 });
    t.equal(table.offersOf(place(1), KEEP + 4).size, 0);
  },
);

void t.test('of askers and of failures of one key the last ones are remembered', async (t) => {
  const table = new FailureTable();
  const links = Array.from({ length: failureLinks.value + 3 }, (_, i) => link(i + 1));
  for (const link of links) {
    table.asked(place(1), { link, now: 0 });
    table.failed(place(1), { link, now: 0 });
  }
  t.strictSame([...table.avoided(place(1), 0)], links.slice(3));
  t.strictSame(table.found(place(1), { from: LOCAL_LINK, now: 0 }).askers, links.slice(3));
});

void t.test('more keys than are kept push out those that were touched longest ago', async (t) => {
  const table = new FailureTable();
  const half = failureKeys.value / 2;
  for (let i = 0; i < failureKeys.value; i += 1) {
    table.asked(place(i), { link: ann, now: 0 });
    // One of the first is asked for again and again.
    if (i % 100 === 0) table.asked(place(0), { link: ann, now: 0 });
    if (table.size > failureKeys.value) t.fail(`${table.size} keys`);
  }
  t.strictSame(table.found(place(0), { from: bob, now: 0 }).askers, [ann]);
  t.strictSame(table.found(place(failureKeys.value - half + 1), { from: bob, now: 0 }).askers, [ann]);
  for (let i = 0; i < failureKeys.value; i += 1) table.asked(place(1_000_000 + i), { link: ann, now: 0 });
  t.strictSame(table.found(place(failureKeys.value - 1), { from: bob, now: 0 }).askers, []);
});

void t.test('a trace is gone from memory after twice its time, though nobody asks', async (t) => {
  const table = new FailureTable();
  table.forget(0);
  t.equal(table.forgetsAt, undefined, 'nothing is remembered');
  table.asked(place(1), { link: ann, now: 5 });
  t.equal(table.forgetsAt, KEEP + 5);
  table.forget(KEEP + 5);
  t.equal(table.size, 1);
  t.equal(table.forgetsAt, 2 * KEEP + 5);
  table.forget(2 * KEEP + 5);
  t.equal(table.size, 0);
  table.asked(place(1), { link: ann, now: 2 * KEEP });
  table.forget(10 * KEEP);
  t.equal(table.size, 0);
});

void t.test('whatever happens, what is told is fresh, bounded, and never the owner', async () => {
  const act = fc.record({
    what: fc.constantFrom('asked', 'failed', 'offered', 'found', 'offersOf', 'avoided'),
    number: fc.nat(3),
    from: fc.nat(30),
    passMs: fc.oneof(fc.nat(1_000), fc.nat(KEEP)),
  });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 300 }), (acts) => {
      const table = new FailureTable();
      const askedAt = new Map<string, number>();
      const failedAt = new Map<string, number>();
      let now = 0;
      for (const { what, number, from, passMs } of acts) {
        now += passMs;
        const at = { link: link(from), now };
        const name = (by: LinkId): string => `${number}/${by}`;
        let told: readonly LinkId[] = [];
        if (what === 'asked') {
          table.asked(place(number), at);
          askedAt.set(name(at.link), now);
        } else if (what === 'failed') {
          table.failed(place(number), at);
          failedAt.set(name(at.link), now);
        } else if (what === 'offered') {
          told = table.offered(place(number), at) ?? [];
        } else if (what === 'found') {
          told = table.found(place(number), { from: at.link, now }).askers;
        } else {
          const peers =
            what === 'avoided'
              ? [...table.avoided(place(number), now)]
              : [...table.offersOf(place(number), now)];
          if (peers.length > failureLinks.value) return false;
          if (peers.some((by) => !failedAt.has(name(by)))) return false;
        }
        if (told.length > failureLinks.value || told.includes(LOCAL_LINK) || told.includes(at.link))
          return false;
        if (told.some((by) => now - (askedAt.get(name(by)) ?? -Infinity) >= KEEP)) return false;
        for (const by of told) askedAt.delete(name(by));
      }
      return table.size <= 4;
    }),
  );
});
