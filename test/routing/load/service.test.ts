/** What peers are owed for what they did (load.md, 2). */
import * as fc from 'fast-check';
import t from 'tap';
import { loadLimits } from '../../../routing/load/limits.ts';
import { ServiceLedger } from '../../../routing/load/service.ts';

const { grantBlocks, weightLeast, weightMost, accountsKept, serviceHalfLifeMs } = loadLimits;

/** A node with peers that have served so many blocks each, and used up their grants. */
function ledgerOf(served: Readonly<Record<string, number>>): ServiceLedger {
  const ledger = new ServiceLedger();
  for (const [identity, blocks] of Object.entries(served)) {
    ledger.linked(identity, 0);
    ledger.took(identity, { blocks: grantBlocks.value, now: 0 });
    for (let i = 0; i < blocks; i += 1) ledger.served(identity, 0);
  }
  return ledger;
}

void t.test('a peer weighs what it has served, measured by the median peer', async (t) => {
  const ledger = ledgerOf({ half: 50, median: 100, double: 200 });
  t.equal(ledger.weightOf('half', 0), 0.5);
  t.equal(ledger.weightOf('median', 0), 1);
  t.equal(ledger.weightOf('double', 0), 2);
});

void t.test('nobody weighs more than the most, or less than the least', async (t) => {
  const ledger = ledgerOf({ none: 0, median: 10, huge: 10_000 });
  t.equal(ledger.weightOf('none', 0), weightLeast.value);
  t.equal(ledger.weightOf('huge', 0), weightMost.value);
});

void t.test('a newcomer weighs as much as the median peer until it has taken its grant', async (t) => {
  const ledger = ledgerOf({ a: 100, b: 100, c: 100 });
  ledger.linked('new', 0);
  ledger.took('new', { blocks: grantBlocks.value - 1, now: 0 });
  t.equal(ledger.weightOf('new', 0), 1);
  ledger.took('new', { blocks: 1, now: 0 });
  t.equal(ledger.weightOf('new', 0), weightLeast.value);
});

void t.test('who comes back does not get a second grant', async (t) => {
  const ledger = ledgerOf({ a: 100, b: 100, rider: 0 });
  ledger.unlinked('rider');
  ledger.linked('rider', 0);
  t.equal(ledger.weightOf('rider', 0), weightLeast.value);
});

void t.test('what was served and taken halves in the half-life', async (t) => {
  const ledger = ledgerOf({ a: 100, old: 100, rider: 0 });
  for (let i = 0; i < 50; i += 1) ledger.served('a', serviceHalfLifeMs.value);
  t.equal(ledger.weightOf('old', serviceHalfLifeMs.value), 1);
  t.equal(ledger.weightOf('a', serviceHalfLifeMs.value), 2);
  t.equal(ledger.weightOf('rider', serviceHalfLifeMs.value), 1, 'half of the grant is there again');
});

void t.test('in a young network, where nobody has served, newcomers are alike', async (t) => {
  const ledger = new ServiceLedger();
  for (const identity of ['a', 'b', 'c']) ledger.linked(identity, 0);
  for (const identity of ['a', 'b', 'c']) t.equal(ledger.weightOf(identity, 0), 1);
});

void t.test('peers that are gone do not count for the median', async (t) => {
  const ledger = ledgerOf({ here: 100, also: 100, gone: 1, away: 1, left: 1 });
  for (const identity of ['gone', 'away', 'left']) ledger.unlinked(identity);
  t.equal(ledger.weightOf('here', 0), 1);
});

void t.test('who has no account weighs the least', async (t) => {
  t.equal(new ServiceLedger().weightOf('nobody', 0), weightLeast.value);
});

void t.test('the accounts are bounded, and the one linked longest ago goes first', async (t) => {
  const ledger = new ServiceLedger();
  for (let i = 0; i <= accountsKept.value; i += 1) {
    ledger.linked(`peer ${i}`, i);
    ledger.unlinked(`peer ${i}`);
  }
  t.equal(ledger.size, accountsKept.value);
  t.equal(ledger.weightOf('peer 0', accountsKept.value), weightLeast.value, 'it is not known');
  t.equal(ledger.weightOf('peer 1', accountsKept.value), 1, 'it has its grant');
});

void t.test('weights stay within their bounds, and who served more never weighs less', async () => {
  const deed = fc.record({
    who: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    what: fc.constantFrom('served', 'took', 'linked', 'unlinked'),
    blocks: fc.nat(300),
    passMs: fc.nat(10_000_000),
  });
  fc.assert(
    fc.property(fc.array(deed, { maxLength: 200 }), (deeds) => {
      const ledger = ledgerOf({ a: 0, b: 1, c: 10, d: 100, e: 0 });
      let now = 0;
      for (const { who, what, blocks, passMs } of deeds) {
        now += passMs;
        if (what === 'served') ledger.served(who, now);
        else if (what === 'took') ledger.took(who, { blocks, now });
        else if (what === 'linked') ledger.linked(who, now);
        else ledger.unlinked(who);
        const before = ledger.weightOf(who, now);
        if (before < weightLeast.value || before > weightMost.value) return false;
        ledger.served(who, now);
        // The median may rise by the same block, by which the weight then stays.
        if (ledger.weightOf(who, now) < Math.min(before, 1)) return false;
      }
      return true;
    }),
  );
});
