/** Guards (docs/spec/stem.md, 2): whom a node draws, how long it keeps them, and what it can't be made to do. */
import t from 'tap';
import { networks } from '../../../routing/index.ts';
import { stemLimits } from '../../../routing/stem/limits.ts';
import { SeededRandom } from '../../sim/random.ts';
import { DAY, GuardRig, HOUR, MINUTE, type Node, type RigOptions, SECOND } from './guard-rig.ts';

const SETTLE = stemLimits.guardSettleMs.value + SECOND;
const AFTER = networks.open.guardAfterMs;
const FULL_LOOK = 2 * stemLimits.guardLookMs.value;

/** So many strangers that have been there for long, and what follows from that. */
function among(count: number, options: RigOptions = {}): { rig: GuardRig; strangers: Node[] } {
  const rig = new GuardRig(options);
  const strangers = Array.from({ length: count }, (_, i) => rig.node(`stranger ${i}`));
  for (const stranger of strangers) rig.old(stranger);
  rig.pass(SETTLE);
  return { rig, strangers };
}

/** Σ (o − e)² ÷ e of counts that should be equal. */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

function draws(rig: GuardRig): number {
  return rig.guards.keep().draws.length;
}

void t.test('each candidate is drawn equally often, whatever it is like and whenever it came', async (t) => {
  const [CANDIDATES, DRAWS] = [12, 10_000];
  const random = new SeededRandom(5);
  const counts = [0, 1, 2].map(() => Array.from({ length: CANDIDATES }, () => 0));
  for (let draw = 0; draw < DRAWS; draw += 1) {
    const rig = new GuardRig({ random });
    for (let i = 0; i < CANDIDATES; i += 1) {
      // Near and far, silent and not, there for a day and for a year, named by the owner and found.
      const node = rig.node(`${i}`, { cost: i < 6 ? 1 : 500, tie: i % 5 === 0 ? 'chosen' : 'stranger' });
      rig.up(node, -(i % 2 === 0 ? AFTER : 365 * DAY));
      if (i % 3 === 0) for (const at of [0, 9_000]) rig.peers.silent(rig.linkTo(node), at);
      if (i % 4 === 0) for (let lie = 0; lie < 9; lie += 1) rig.peers.lied(rig.linkTo(node), 0);
      rig.now += 50;
    }
    rig.pass(SETTLE);
    for (const [place, identity] of rig.order.entries()) {
      const count = counts[place];
      if (count !== undefined) count[Number(identity)] = (count[Number(identity)] ?? 0) + 1;
    }
  }
  for (const count of counts) {
    t.equal(
      count.reduce((a, b) => a + b),
      DRAWS,
    );
    // 11 degrees of freedom: one in a thousand is above 31.3.
    t.ok(chiSquare(count) < 31.3, `${chiSquare(count).toFixed(1)} of ${count.join(' ')}`);
  }
});

void t.test('a node has three guards, which stay the same over days, new peers and a restart', async (t) => {
  const { rig, strangers } = among(20);
  const before = rig.order;
  t.equal(before.length, stemLimits.guards.value);
  t.equal(rig.own, before[0]);
  t.equal(rig.guards.kind, 'settled');
  t.same(rig.guards.inUse, { identity: before[0], isFriend: false });
  t.ok(rig.guards.mayBulk);
  for (let i = 0; i < 30; i += 1) rig.old(rig.node(`newcomer ${i}`));
  rig.pass(30 * DAY);
  t.same(rig.order, before);
  rig.restart({ offMs: HOUR });
  t.same(rig.order, before);
  t.equal(rig.own, undefined);
  t.equal(rig.guards.kind, 'none');
  for (const stranger of strangers) rig.old(stranger);
  rig.pass(SETTLE);
  t.same(rig.order, before);
  t.equal(rig.own, before[0]);
  t.equal(draws(rig), 3);
});

void t.test(
  'a peer is no candidate before it was connected for the time, with breaks and a restart',
  async (t) => {
    const rig = new GuardRig();
    const node = rig.node('a', { dialable: true });
    const other = rig.node('b', { dialable: false });
    for (let part = 0; part < 4; part += 1) {
      rig.up(node);
      rig.up(other);
      // A provisional one would be drawn after this.
      rig.pass(stemLimits.provisionalMs.value - MINUTE);
      rig.down(node);
      rig.pass(DAY);
      rig.restart({ offMs: DAY });
    }
    t.same(rig.asks, []);
    t.equal(
      rig.guards.keep().connected.find(({ identity }) => identity === 'a')?.ms,
      4 * (stemLimits.provisionalMs.value - MINUTE),
    );
    // From here on with somebody who is a guard, so that only who is old enough is drawn.
    rig.old(rig.node('guard'));
    rig.pass(SETTLE);
    rig.up(node);
    rig.pass(AFTER - 4 * (stemLimits.provisionalMs.value - MINUTE) - MINUTE);
    t.same(rig.order, ['guard']);
    rig.pass(FULL_LOOK);
    t.same(rig.order, ['guard', 'a']);
    // Who can't be called again is none, however long it is there.
    rig.pass(3 * DAY);
    t.same(rig.order, ['guard', 'a']);
  },
);

void t.test('no two guards are of one group', async (t) => {
  const rig = new GuardRig();
  for (let i = 0; i < 12; i += 1) rig.old(rig.node(`${i}`, { group: i < 10 ? 'one' : `other ${i}` }));
  rig.pass(SETTLE);
  const groups = rig.order.map((identity) => rig.nodes.get(identity)?.group);
  t.equal(groups.length, 3);
  t.equal(new Set(groups).size, 3);
});

void t.test(
  'who is full or says nothing is no guard, costs no draw and is not asked for a day',
  async (t) => {
    const rig = new GuardRig();
    const mute = rig.node('mute', { answer: 'nothing' });
    const full = rig.node('full', { answer: 'full' });
    rig.old(mute);
    rig.old(full);
    rig.pass(stemLimits.guardFullMs.value / 2);
    t.same([...rig.asks].sort(), ['full', 'mute']);
    // What it may grant later is not wanted.
    t.same(rig.ends, ['mute']);
    rig.guards.granted(rig.linkTo(mute));
    t.same(rig.order, []);
    t.equal(draws(rig), 0);
    full.answer = 'grant';
    rig.pass(stemLimits.guardFullMs.value);
    t.same(rig.order, ['full']);
    t.equal(draws(rig), 1);
  },
);

void t.test('who has not been asked can grant nothing', async (t) => {
  const { rig } = among(3);
  const before = rig.order;
  const node = rig.node('spy');
  const link = rig.old(node);
  rig.guards.granted(link);
  rig.guards.full(link);
  t.same(rig.order, before);
  t.notOk(rig.guards.holds(link));
  // Nor does it count as connected by that.
  const other = rig.sessionUp(rig.node('other'));
  rig.guards.granted(other);
  rig.pass(2 * AFTER);
  t.notOk(rig.guards.isOld('other'));
});

void t.test('one is asked at a time, and another one at once when that one goes', async (t) => {
  const rig = new GuardRig();
  const nodes = Array.from({ length: 8 }, (_, i) => rig.node(`${i}`, { answer: 'nothing' }));
  for (const node of nodes) rig.old(node);
  rig.pass(SETTLE);
  t.equal(rig.asks.length, 1);
  // Others come, and still are not asked.
  rig.old(rig.node('new', { answer: 'nothing' }));
  rig.pass(SETTLE);
  t.equal(rig.asks.length, 1);
  const asked = nodes.find(({ identity }) => identity === rig.asks[0]) ?? rig.node('nobody');
  const link = rig.linkTo(asked);
  t.ok(rig.guards.holds(link));
  rig.down(asked);
  t.equal(rig.asks.length, 2);
  t.notOk(rig.guards.holds(link));
  rig.pass(stemLimits.guardAnswerMs.value - 1);
  t.equal(rig.asks.length, 2);
  rig.pass(1);
  t.equal(rig.asks.length, 3);
});

void t.test('who comes over several links has no more chances than others', async (t) => {
  const random = new SeededRandom(8);
  let drawn = 0;
  for (let round = 0; round < 2_000; round += 1) {
    const rig = new GuardRig({ random });
    const often = rig.node('often');
    for (let link = 0; link < 4; link += 1) rig.old(often);
    for (let i = 0; i < 3; i += 1) rig.old(rig.node(`${i}`));
    rig.pass(SETTLE);
    if (rig.order[0] === 'often') drawn += 1;
  }
  // 500 ± 19; with four chances it would be 1143.
  t.ok(drawn > 420 && drawn < 580, `${drawn} of 2,000`);
});

void t.test('what a link counted before is added once', async (t) => {
  const rig = new GuardRig();
  const link = rig.up(rig.node('a'), -AFTER / 3);
  for (let time = 0; time < 5; time += 1) {
    rig.lose(link);
    rig.confirm(link);
  }
  t.equal(rig.guards.keep().connected[0]?.ms, AFTER / 3);
});

void t.test('the first that can be used takes own requests, and one silence is waited for', async (t) => {
  const { rig } = among(10);
  const [first, second] = [rig.guard(0), rig.guard(1)];
  rig.silent(first, 1);
  t.equal(rig.own, first.identity);
  rig.silent(first, 2);
  t.equal(rig.own, second.identity);
  rig.pass(DAY);
  t.equal(rig.own, first.identity);
  rig.down(first);
  t.equal(rig.own, second.identity);
  const link = rig.sessionUp(first);
  // Its place is asked for again on the new link.
  t.equal(rig.own, second.identity);
  t.ok(rig.guards.holds(link));
  rig.pass(SECOND);
  t.equal(rig.own, first.identity);
  t.equal(draws(rig), 3);
});

void t.test('a guard keeps its link, and its place, when the peer policy drops it', async (t) => {
  const { rig } = among(10);
  const first = rig.guard(0);
  const link = rig.linkTo(first);
  rig.lose(link);
  t.ok(rig.guards.holds(link));
  t.equal(rig.own, first.identity);
  rig.pass(40 * DAY);
  t.equal(rig.own, first.identity);
});

void t.test(
  'a provisional guard is settled by its time as a guard too, and not by that without a place',
  async (t) => {
    for (const answer of ['grant', 'full'] as const) {
      const rig = new GuardRig();
      const node = rig.node('a');
      const link = rig.up(node);
      rig.pass(stemLimits.provisionalMs.value + SECOND);
      rig.lose(link);
      if (answer === 'full') rig.guards.full(link);
      rig.pass(AFTER + FULL_LOOK);
      t.equal(rig.guards.keep().guards[0]?.isProvisional, answer === 'full');
      t.equal(rig.guards.isOld('a'), answer === 'grant');
    }
  },
);

void t.test(
  'a guard that says that it is full stays one without a place, and is asked again a day later',
  async (t) => {
    const { rig } = among(10);
    const before = rig.order;
    const first = rig.guard(0);
    rig.down(first);
    first.answer = 'full';
    rig.up(first);
    rig.pass(SECOND);
    t.same(rig.order, before);
    t.equal(rig.guards.order[0]?.link, undefined);
    t.equal(rig.own, before[1]);
    first.answer = 'grant';
    rig.pass(stemLimits.guardFullMs.value + FULL_LOOK);
    t.equal(rig.own, before[0]);
    rig.down(first);
    first.answer = 'full';
    const link = rig.up(first);
    rig.pass(stemLimits.guardUnseenMs.value + FULL_LOOK);
    // It counts as away, and no link sees more steps than may be.
    t.notOk(rig.order.includes(first.identity));
    t.ok((rig.steps.get(link) ?? 0) <= stemLimits.stemLinkSteps.value);
  },
);

void t.test(
  'a guard that gives a new place to peers alone is asked again when the link is confirmed',
  async (t) => {
    for (const order of ['full first', 'confirmed first']) {
      const { rig } = among(10);
      const first = rig.guard(0);
      rig.down(first);
      first.answer = 'full';
      const link = rig.sessionUp(first);
      first.answer = 'grant';
      if (order === 'full first') rig.pass(SECOND);
      rig.confirm(link);
      rig.pass(SECOND);
      t.equal(rig.own, first.identity);
      t.equal(rig.steps.get(link), 2);
    }
  },
);

void t.test('a guard that is away is dialled at once after a start, then less and less often', async (t) => {
  const { rig, strangers } = among(10);
  const first = rig.guard(0);
  rig.off(first);
  rig.pass(1.25 * stemLimits.guardDialFirstMs.value);
  t.same(rig.calls, [first.identity]);
  rig.pass(DAY);
  // 1, 2, 4, 8, 16 and then 30 minutes apart, each ± a quarter.
  t.ok(rig.calls.length > 40 && rig.calls.length < 64, `${rig.calls.length} calls`);
  rig.calls.length = 0;
  rig.restart();
  for (const stranger of strangers) stranger.isOn = false;
  rig.guards.begin();
  rig.pass(2 * SECOND);
  t.same([...rig.calls].sort(), [...rig.order].sort());
  first.isOn = true;
  rig.pass(30 * MINUTE);
  t.equal(rig.own, first.identity);
  rig.calls.length = 0;
  rig.pass(30 * MINUTE);
  t.notOk(rig.calls.includes(first.identity));
  // It begins anew each time: after 1, 3, 7 and 15 minutes.
  rig.off(first);
  rig.pass(18.75 * stemLimits.guardDialFirstMs.value);
  t.equal(rig.calls.filter((identity) => identity === first.identity).length, 4);
});

void t.test('friends and chosen peers are dialled by the host', async (t) => {
  const rig = new GuardRig();
  const nodes = [
    rig.node('friend', { tie: 'friend' }),
    rig.node('chosen', { tie: 'chosen', dialable: false }),
  ];
  for (const node of nodes) rig.old(node);
  rig.pass(SETTLE);
  t.same(rig.order, ['friend', 'chosen']);
  for (const node of nodes) rig.down(node);
  rig.pass(DAY);
  t.same(rig.calls, []);
});

// --- friends -------------------------------------------------------------------------------------------------------------------

void t.test('the first place is for one of one or two friends, the others are for strangers', async (t) => {
  for (const count of [1, 2]) {
    const rig = new GuardRig({ seed: count });
    for (let i = 0; i < 10; i += 1) rig.old(rig.node(`stranger ${i}`));
    // Young, and of the group of somebody.
    for (let i = 0; i < count; i += 1) rig.up(rig.node(`friend ${i}`, { tie: 'friend', group: 'one' }));
    rig.pass(SETTLE);
    const ties = rig.order.map((identity) => rig.nodes.get(identity)?.tie);
    t.same(ties, ['friend', 'stranger', 'stranger']);
    t.ok(rig.guards.inUse?.isFriend);
  }
});

void t.test('of three friends and more guards are drawn alone, equally', async (t) => {
  const random = new SeededRandom(3);
  const counts = [0, 0, 0, 0, 0];
  for (let round = 0; round < 2_000; round += 1) {
    const rig = new GuardRig({ random });
    for (let i = 0; i < 5; i += 1) rig.old(rig.node(`stranger ${i}`));
    for (let i = 0; i < 5; i += 1) rig.up(rig.node(`${i}`, { tie: 'friend', uplink: i }));
    rig.pass(SETTLE);
    for (const identity of rig.order) counts[Number(identity)] = (counts[Number(identity)] ?? 0) + 1;
  }
  t.equal(
    counts.reduce((a, b) => a + b),
    6_000,
  );
  // 4 degrees of freedom: one in a thousand is above 18.5.
  t.ok(chiSquare(counts) < 18.5, counts.join(' '));
});

void t.test(
  'a friend that knows no way but back does not count among strangers, and does in a network of friends',
  async (t) => {
    const { rig } = among(10);
    rig.restart();
    rig.kept = undefined;
    const lone = new GuardRig();
    const friend = lone.node('friend', { tie: 'friend', uplink: 7 });
    lone.up(friend);
    for (let i = 0; i < 5; i += 1) lone.old(lone.node(`stranger ${i}`));
    lone.pass(SETTLE);
    t.notOk(lone.order.includes('friend'));
    friend.uplink = 2;
    lone.guards.noticed();
    lone.pass(SETTLE);
    t.equal(lone.order[0], 'friend');
    const alone = new GuardRig({ params: networks['friends-small'] });
    for (const name of ['a', 'b']) alone.up(alone.node(name, { tie: 'friend', uplink: 7 }));
    alone.pass(SETTLE);
    t.same([...alone.order].sort(), ['a', 'b']);
  },
);

void t.test('of two friends the one that knows no way but back is never drawn', async (t) => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const rig = new GuardRig({ seed });
    rig.up(rig.node('back', { tie: 'friend', uplink: 7 }));
    rig.up(rig.node('way', { tie: 'friend', uplink: 0 }));
    rig.pass(HOUR);
    t.same(rig.order, ['way']);
  }
});

void t.test('the first place is kept for a friend that has no room', async (t) => {
  const rig = new GuardRig();
  const friend = rig.node('friend', { tie: 'friend', answer: 'full' });
  rig.up(friend);
  for (let i = 0; i < 10; i += 1) rig.old(rig.node(`stranger ${i}`));
  rig.pass(HOUR);
  t.equal(rig.order.length, 2);
  t.notOk(rig.order.includes('friend'));
  friend.answer = 'grant';
  rig.pass(stemLimits.guardFullMs.value);
  t.equal(rig.order.length, 3);
  t.equal(rig.order[0], 'friend');
  t.equal(draws(rig), 3);
});

void t.test(
  'a first friend takes the first place and the last guard goes, as a draw that counts',
  async (t) => {
    const { rig } = among(10);
    const before = rig.order;
    const friend = rig.node('friend', { tie: 'friend' });
    rig.up(friend);
    rig.pass(SETTLE);
    t.same(rig.order, ['friend', before[0], before[1]]);
    t.same(rig.ends, [before[2]]);
    t.equal(draws(rig), 4);
    rig.up(rig.node('another', { tie: 'friend' }));
    rig.pass(DAY);
    t.same(rig.order, ['friend', before[0], before[1]]);
  },
);

void t.test('a first friend waits when no draw is left', async (t) => {
  const { rig } = among(10);
  const gone = rig.guard(2);
  rig.off(gone);
  rig.pass(stemLimits.guardUnseenMs.value + FULL_LOOK);
  t.equal(draws(rig), 4);
  const before = rig.order;
  rig.up(rig.node('friend', { tie: 'friend' }));
  rig.pass(stemLimits.guardDrawsMs.value - stemLimits.guardUnseenMs.value - HOUR);
  t.same(rig.order, before);
  rig.pass(2 * HOUR);
  t.equal(rig.order[0], 'friend');
});

void t.test('who has nobody but two friends has both as guards', async (t) => {
  const rig = new GuardRig();
  for (const name of ['a', 'b']) rig.up(rig.node(name, { tie: 'friend', uplink: 1 }));
  rig.pass(SETTLE);
  t.equal(rig.order.length, 1);
  rig.pass(stemLimits.provisionalMs.value + FULL_LOOK);
  t.same([...rig.order].sort(), ['a', 'b']);
});

void t.test(
  'where there are no strangers those that were added are drawn at once, after a friend and beside friends',
  async (t) => {
    const rig = new GuardRig({ params: networks['friends-small'] });
    for (const name of ['a', 'b']) rig.up(rig.node(name, { tie: 'chosen', group: 'one' }));
    rig.pass(SETTLE);
    t.same([...rig.order].sort(), ['a', 'b']);
    t.equal(rig.guards.kind, 'settled');
    t.ok(rig.guards.mayBulk);
    const third = new Set<string>();
    for (let seed = 1; seed <= 20; seed += 1) {
      const mixed = new GuardRig({ params: networks['friends-small'], seed });
      for (const name of ['a', 'b']) mixed.up(mixed.node(name, { tie: 'chosen' }));
      for (const name of ['friend', 'another']) mixed.up(mixed.node(name, { tie: 'friend' }));
      mixed.pass(SETTLE);
      t.match(mixed.order[0], /friend|another/);
      for (const identity of mixed.order.slice(1)) third.add(identity);
    }
    t.same(third, new Set(['a', 'another', 'b', 'friend']));
  },
);

// --- the beginning -------------------------------------------------------------------------------------------------------------

void t.test('a new node draws a provisional guard from five peers of two sources', async (t) => {
  const rig = new GuardRig();
  for (let i = 0; i < 5; i += 1) rig.up(rig.node(`${i}`, { source: 'seed' }));
  // Called by itself: nobody has offered it. And one that can't be called again.
  rig.up(rig.node('5'));
  rig.up(rig.node('6', { dialable: false, source: 'other' }));
  rig.pass(MINUTE);
  t.same(rig.asks, []);
  rig.up(rig.node('7', { source: 'other' }));
  rig.pass(SETTLE);
  t.equal(rig.order.length, 1);
  t.equal(rig.guards.kind, 'provisional');
  t.equal(draws(rig), 1);
  t.ok(rig.guards.keep().guards[0]?.isProvisional);
});

void t.test('with fewer peers it draws when the first has been there for ten minutes', async (t) => {
  const rig = new GuardRig();
  rig.up(rig.node('a'));
  rig.pass(stemLimits.provisionalMs.value - SECOND);
  t.same(rig.asks, []);
  rig.pass(2 * SECOND);
  t.same(rig.order, ['a']);
  t.equal(rig.guards.kind, 'provisional');
  t.ok(rig.guards.mayBulk);
});

void t.test(
  'own bulk requests wait until the provisional guard has been there for ten minutes',
  async (t) => {
    const rig = new GuardRig();
    for (let i = 0; i < 5; i += 1) rig.up(rig.node(`${i}`, { source: `${i}` }));
    rig.pass(SETTLE);
    t.not(rig.own, undefined);
    t.notOk(rig.guards.mayBulk);
    const before = rig.changes;
    rig.pass(stemLimits.provisionalMs.value - 2 * SETTLE);
    t.notOk(rig.guards.mayBulk);
    rig.pass(2 * SETTLE);
    t.ok(rig.guards.mayBulk);
    t.ok(rig.changes > before, 'who waits is told');
  },
);

void t.test(
  'a provisional guard is one like the others after a day, and then the others are drawn',
  async (t) => {
    const rig = new GuardRig();
    for (let i = 0; i < 8; i += 1) rig.up(rig.node(`${i}`, { source: `${i}` }));
    rig.pass(AFTER - FULL_LOOK);
    t.equal(rig.order.length, 1);
    t.equal(rig.guards.kind, 'provisional');
    const [first] = rig.order;
    rig.pass(2 * FULL_LOOK);
    t.equal(rig.guards.kind, 'settled');
    t.equal(rig.order.length, 3);
    t.equal(rig.order[0], first);
  },
);

void t.test(
  'a second provisional guard is drawn when the first is away for ten minutes, and no third',
  async (t) => {
    const rig = new GuardRig();
    const nodes = Array.from({ length: 8 }, (_, i) => rig.node(`${i}`, { source: `${i}` }));
    for (const node of nodes) rig.up(node);
    rig.pass(SETTLE);
    const [first] = rig.order;
    rig.off(rig.guard(0));
    rig.pass(stemLimits.provisionalAwayMs.value - SECOND);
    t.same(rig.order, [first]);
    rig.pass(2 * SECOND);
    const [, second] = rig.order;
    t.equal(rig.order.length, 2);
    t.equal(rig.own, second);
    rig.off(rig.guard(1));
    rig.pass(20 * HOUR);
    rig.restart();
    for (const node of nodes) if (node.isOn) rig.up(node);
    rig.pass(HOUR);
    t.same(rig.order, [first, second]);
    t.equal(rig.own, undefined);
    // They stay away, and there are candidates at last.
    rig.pass(DAY);
    t.equal(rig.order.length, 3);
    t.equal(rig.guards.kind, 'settled');
    t.equal(draws(rig), 4);
  },
);

void t.test('no second provisional guard is drawn while the own line is down', async (t) => {
  const rig = new GuardRig();
  const nodes = Array.from({ length: 8 }, (_, i) => rig.node(`${i}`, { source: `${i}`, isOn: false }));
  for (const node of nodes) rig.up(node);
  rig.pass(SETTLE);
  for (const node of nodes) rig.down(node);
  rig.pass(HOUR);
  const before = rig.order;
  const others = nodes.filter(({ identity }) => identity !== before[0]);
  for (const node of others) rig.up(node);
  rig.pass(stemLimits.provisionalAwayMs.value / 2);
  t.same(rig.order, before);
});

void t.test('in a small network everybody is a candidate, but not in its first minutes', async (t) => {
  const rig = new GuardRig({ knownNodes: stemLimits.smallNetwork.value - 1 });
  for (let i = 0; i < 4; i += 1) rig.up(rig.node(`${i}`, { group: 'one', dialable: false }));
  rig.pass(stemLimits.provisionalMs.value - SECOND);
  t.same(rig.asks, []);
  rig.pass(2 * SECOND);
  t.equal(rig.order.length, 3);
  t.equal(rig.guards.kind, 'settled');
  t.ok(rig.guards.mayBulk);
});

void t.test('in a test network a guard is drawn a second after the first peer', async (t) => {
  const rig = new GuardRig({ params: networks.testnet });
  rig.up(rig.node('a'));
  rig.pass(SETTLE);
  t.same(rig.order, ['a']);
  t.ok(rig.guards.mayBulk);
});

// --- the end -------------------------------------------------------------------------------------------------------------------

void t.test('a guard lives for 120 to 180 days, and is replaced then, one after the other', async (t) => {
  const lives: number[] = [];
  for (let seed = 1; seed <= 40; seed += 1) {
    const { rig } = among(20, { seed });
    const { guards } = rig.guards.keep();
    for (const { drawnAt, endsAt } of guards) lives.push((endsAt - drawnAt) / DAY);
    if (seed > 5) continue;
    const ends = guards.map(({ endsAt }) => endsAt).sort((a, b) => a - b);
    rig.pass((ends[0] ?? 0) - rig.wallMs - HOUR);
    const before = rig.order;
    rig.pass(2 * HOUR);
    const goes = guards.find(({ endsAt }) => endsAt === ends[0])?.identity;
    t.same(
      rig.order.slice(0, 2),
      before.filter((identity) => identity !== goes),
    );
    t.same(rig.ends, [goes]);
  }
  t.ok(Math.min(...lives) >= 120 && Math.max(...lives) <= 180);
  t.ok(Math.min(...lives) < 125 && Math.max(...lives) > 175);
});

void t.test('a guard whose life has ended stays while nobody can follow it', async (t) => {
  const { rig, strangers } = among(3);
  rig.pass(200 * DAY);
  t.equal(rig.order.length, 3);
  t.equal(rig.own, rig.order[0]);
  t.same([...rig.order].sort(), strangers.map(({ identity }) => identity).sort());
});

void t.test('a guard that is away for 30 days is replaced, and not a day sooner', async (t) => {
  const { rig } = among(20);
  const gone = rig.guard(0);
  rig.off(gone);
  rig.pass(stemLimits.guardUnseenMs.value - HOUR);
  t.ok(rig.order.includes(gone.identity));
  rig.pass(2 * HOUR);
  t.notOk(rig.order.includes(gone.identity));
  t.equal(rig.order.length, 3);
});

void t.test('a guard that comes back while another one is asked to follow it stays', async (t) => {
  const { rig, strangers } = among(4);
  const before = rig.order;
  const gone = rig.guard(1);
  const other = strangers.find(({ identity }) => !before.includes(identity)) ?? rig.node('nobody');
  other.answer = 'nothing';
  rig.off(gone);
  let days = 0;
  while (!rig.asks.includes(other.identity) && days < 40) {
    rig.pass(10 * SECOND);
    days += 10 / 86_400;
  }
  t.ok(days > 29 && days < 31);
  rig.up(gone);
  rig.pass(SECOND);
  rig.guards.granted(rig.linkTo(other));
  t.same(rig.order, before);
  t.same(rig.ends, [other.identity]);
  t.equal(draws(rig), 3);
});

void t.test('a node that was off for months looks for its guards before it draws others', async (t) => {
  const { rig, strangers } = among(20);
  const before = rig.order;
  rig.restart({ offMs: 100 * DAY });
  for (const stranger of strangers) if (!before.includes(stranger.identity)) rig.old(stranger);
  rig.pass(10 * MINUTE);
  t.same(rig.order, before);
  t.equal(rig.own, before[0]);
  rig.pass(DAY);
  t.same(rig.order, before);
});

void t.test(
  'nobody is drawn when four were in sixty days, restarts and clocks that go back included',
  async (t) => {
    const { rig, strangers } = among(20);
    rig.off(rig.guard(0));
    rig.pass(31 * DAY);
    t.equal(draws(rig), 4);
    const before = rig.order;
    rig.off(rig.guard(0));
    rig.restart({ setMs: -400 * DAY });
    for (const stranger of strangers) if (stranger.isOn) rig.old(stranger);
    rig.pass(59 * DAY);
    t.same(rig.order, before);
    rig.pass(2 * DAY);
    t.not(rig.order[0], before[0]);
  },
);

// --- bounds --------------------------------------------------------------------------------------------------------------------

void t.test('a node without links and guards has no timer, and one with all guards few', async (t) => {
  const lone = new GuardRig();
  t.equal(lone.timers, 0);
  const node = lone.node('a', { dialable: false });
  lone.up(node);
  lone.pass(HOUR);
  lone.down(node);
  lone.pass(HOUR);
  t.equal(lone.timers, 0);
  const { rig } = among(20);
  rig.pass(DAY);
  t.equal(rig.timers, 1);
});

void t.test('who grants a place and swallows what is sent is no guard, and costs no draw', async (t) => {
  const rig = new GuardRig();
  const hole = rig.node('hole', { answer: 'swallow' });
  rig.old(hole);
  rig.pass(30 * SECOND);
  t.same(rig.asks, ['hole']);
  t.same(rig.ends, ['hole'], 'it need not keep a place');
  t.same(rig.order, []);
  t.same(rig.guards.keep().draws, []);
  rig.old(rig.node('good'));
  rig.pass(30 * SECOND);
  t.same(rig.order, ['good']);
});
