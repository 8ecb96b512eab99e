/** What a router makes of failures: whom a second try asks, who is told that a block has come, and that none of it is the owner's (load.md, 7). */
import t from 'tap';
import { LOCAL_LINK, type LinkId } from '../../routing/index.ts';
import { loadLimits } from '../../routing/load/limits.ts';
import { page } from './content.ts';
import { Rig } from './rig.ts';

const { offerDelayMs, failureAvoidMs, failureKeepMs } = loadLimits;
const found = { type: 'dataFound', visits: 0, block: page().block } as const;
const offered = { type: 'offered', key: page().key, salt: 0 } as const;

interface Scene {
  readonly rig: Rig;
  readonly asker: LinkId;
  readonly other: LinkId;
  readonly closer: LinkId;
  readonly next: LinkId;
}

/** `who` has asked for the page in vain: `closer` had it not, and HTL was spent. */
function failed(who: 'peer' | 'owner' | 'stem' = 'peer'): Scene {
  const rig = new Rig();
  const [asker, other, closer, next] = [rig.peer(0.4), rig.peer(0.41), rig.peer(0.01), rig.peer(0.02)];
  rig.ask(who === 'owner' ? LOCAL_LINK : asker, { htl: 2, ...(who === 'stem' ? { phase: 'stem' } : {}) });
  rig.allHopsSay({ type: 'accepted' }, { type: 'dataNotFound', visits: 1_000 });
  for (const link of [asker, other, LOCAL_LINK]) rig.told(link);
  return { rig, asker, other, closer, next };
}

void t.test('a second try goes another way for half a minute', async (t) => {
  const { rig, other, closer, next } = failed();
  rig.ask(other, { htl: 2 });
  t.equal(rig.hopSays({ type: 'accepted' }, { type: 'routeNotFound', visits: 0 }), next);
  rig.hopSays(found);
  rig.rest();
  const later = failed();
  later.rig.pass(failureAvoidMs.value);
  later.rig.ask(other, { htl: 2 });
  t.equal(later.rig.hop().link, closer);
});

void t.test('an insert goes to those who are to have the block, whoever has failed', async (t) => {
  const { rig, other, closer } = failed();
  rig.insert(other);
  t.equal(rig.hop().link, closer);
});

for (const who of ['owner', 'stem'] as const) {
  void t.test(
    `what came ${who === 'owner' ? 'from the owner' : 'by the stem'} leaves no trace`,
    async (t) => {
      const { rig, asker, other, closer } = failed(who);
      t.equal(rig.timers, 0);
      rig.ask(other, { htl: 2 });
      t.equal(rig.hopSays({ type: 'accepted' }, found), closer, 'nobody is avoided');
      rig.pass(offerDelayMs.value);
      t.notOk(rig.toldTypes(asker).includes('offered'), 'nobody is told');
    },
  );
}

void t.test('who asked in vain is told once that the block has come, within some seconds', async (t) => {
  const { rig, asker, other } = failed();
  rig.ask(other);
  rig.hopSays({ type: 'accepted' }, found);
  t.same(rig.told(asker), [], 'not at the moment at which it came');
  rig.pass(offerDelayMs.value);
  t.strictSame(rig.told(asker), [offered]);
  t.notOk(rig.toldTypes(other).includes('offered'), 'who has just got it is not');
  rig.ask(other);
  rig.pass(offerDelayMs.value);
  t.same(rig.told(asker), []);
});

void t.test('an insert that is kept is told to who asked before, one that is not kept is not', async (t) => {
  for (const outcome of ['kept', 'failed'] as const) {
    const { rig, asker, other } = failed();
    rig.outcomes.push(outcome);
    rig.insert(other);
    rig.allHopsSay({ type: 'accepted' }, { type: 'insertStored', visits: 0 });
    rig.pass(offerDelayMs.value);
    t.equal(rig.toldTypes(asker).includes('offered'), outcome === 'kept', outcome);
  }
});

void t.test('what the owner finds or inserts is not told to anybody', async (t) => {
  for (const what of ['fetch', 'insert'] as const) {
    const { rig, asker } = failed();
    if (what === 'fetch') {
      rig.ask(LOCAL_LINK);
      rig.hopSays({ type: 'accepted' }, found);
    } else {
      rig.insert(LOCAL_LINK);
      rig.allHopsSay({ type: 'accepted' }, { type: 'insertStored', visits: 0 });
    }
    rig.pass(offerDelayMs.value);
    t.notOk(rig.toldTypes(asker).includes('offered'), what);
  }
});

void t.test('an offer of who had it not is passed on, and the next fetch goes there first', async (t) => {
  const { rig, asker, other, closer } = failed();
  rig.receive(closer, offered);
  t.same(rig.hops(), [], 'nothing moves');
  rig.pass(offerDelayMs.value);
  t.strictSame(rig.told(asker), [offered]);
  rig.peer(0.001);
  rig.ask(other);
  t.equal(rig.hopSays({ type: 'accepted' }, found), closer);
});

void t.test('an offer does not draw what the owner asks for', async (t) => {
  const { rig, closer } = failed();
  rig.pass(failureAvoidMs.value);
  rig.receive(closer, offered);
  const closest = rig.peer(0.001);
  rig.ask(LOCAL_LINK);
  t.equal(rig.hop().link, closest);
});

void t.test('an offer that nobody has waited for is ignored', async (t) => {
  const { rig, asker, next, closer } = failed();
  rig.receive(next, offered);
  rig.receive(closer, { ...offered, salt: 1 });
  rig.receive(LOCAL_LINK, offered);
  rig.pass(offerDelayMs.value);
  t.same(rig.told(asker), []);
  rig.pass(failureKeepMs.value);
  rig.receive(closer, offered);
  rig.pass(offerDelayMs.value);
  t.same(rig.told(asker), [], 'nor one that comes too late');
});

void t.test('a node that nobody asks for anything forgets, and then has no timer', async (t) => {
  const { rig } = failed();
  // The lists of peers are told meanwhile.
  rig.pass(failureKeepMs.value / 2);
  t.equal(rig.judge.timers, 1);
  rig.pass(2 * failureKeepMs.value);
  t.equal(rig.judge.timers, 0);
});
