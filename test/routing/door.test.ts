/** Who may ask: uids seen before, ids in use, too many requests, types of later versions (routing.md, 2, 5 and 10). */
import t from 'tap';
import { LOCAL_LINK, type LinkId, networks, routingLimits } from '../../routing/index.ts';
import { loadLimits } from '../../routing/load/limits.ts';
import type { Uid } from '../../routing/messages.ts';
import { SeenUids } from '../../routing/seen.ts';
import { page } from './content.ts';
import { Rig } from './rig.ts';

const { seenKeepMs } = networks.open;
const { pendingPerLink, pendingRequests } = routingLimits;

void t.test('a uid that is in work is refused, whoever brings it and whatever it asks for', async (t) => {
  const rig = new Rig();
  const [asker, other, peer] = [rig.peer(0.4), rig.peer(0.41), rig.peer(0.01)];
  const uid = rig.freshUid();
  rig.ask(asker, { uid });
  t.equal(rig.hop().link, peer);
  for (const [from, content] of [
    [asker, page()],
    [other, page()],
    [peer, page(1)],
  ] as const) {
    rig.told(from);
    const id = rig.ask(from, { uid, content });
    t.strictSame(rig.told(from), [
      { type: 'accepted', id },
      { type: 'routeNotFound', id, visits: 0 },
    ]);
  }
  t.same(rig.hops(), []);
  t.equal(rig.router.pending, 1);
  t.same(rig.verdicts, [], 'a loop is nobody’s fault');
});

void t.test('a uid is refused after its answer, even with the block on the disk', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  rig.keep(page());
  const uid = rig.freshUid();
  rig.ask(asker, { uid });
  t.strictSame(rig.toldTypes(asker), ['accepted', 'dataFound']);
  rig.ask(asker, { uid });
  t.strictSame(rig.toldTypes(asker), ['accepted', 'routeNotFound']);
});

void t.test('a uid is forgotten once its time is up, on a quiet node too', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  rig.keep(page());
  const uid = rig.freshUid();
  const answer = (): string | undefined => {
    rig.ask(asker, { uid });
    return rig.toldTypes(asker).at(-1);
  };
  t.equal(answer(), 'dataFound');
  rig.pass(seenKeepMs - 1);
  t.equal(answer(), 'routeNotFound');
  rig.pass(2);
  t.equal(answer(), 'dataFound');
  rig.pass(seenKeepMs - 1);
  rig.ask(asker);
  t.equal(answer(), 'routeNotFound', 'the time begins anew with the second answer');
  rig.pass(2);
  rig.ask(asker);
  t.equal(answer(), 'dataFound');
});

void t.test('a refused uid is not kept any longer for being asked again', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  const uid = rig.freshUid();
  rig.ask(asker, { uid });
  rig.pass(seenKeepMs / 2);
  rig.ask(asker, { uid });
  rig.pass(seenKeepMs / 2 + 1);
  const peer = rig.peer(0.01);
  rig.ask(asker, { uid });
  t.equal(rig.hop().link, peer);
});

void t.test('more uids than the limit push out the one that was answered longest ago', async (t) => {
  const seen = new SeenUids({ keepMs: seenKeepMs, most: routingLimits.seenUids.value });
  const uid = (number: number): Uid => number.toString(16).padStart(16, '0') as Uid;
  const comes = (number: number, now: number): boolean => {
    const accepted = seen.accept(uid(number), now);
    if (accepted) seen.answered(uid(number), now);
    return accepted;
  };
  const limit = routingLimits.seenUids.value;
  const later = seenKeepMs + 1;
  comes(0, 0);
  comes(1, seenKeepMs - 1);
  t.ok(comes(0, later), 'forgotten in the meantime, and now the younger one');
  for (let number = 2; number < limit; number += 1) comes(number, later);
  t.notOk(comes(1, later), 'as many as the limit are kept');
  comes(limit, later);
  t.notOk(comes(0, later));
  t.ok(comes(1, later));
});

void t.test('a refusal of a fetch has the form and the delay of a dead end', async (t) => {
  const rig = new Rig({ disk: 'held' });
  const [asker, other] = [rig.peer(0.4), rig.peer(0.41)];
  const uid = rig.freshUid();
  rig.ask(asker, { uid });
  const refusedId = rig.ask(other, { uid });
  t.strictSame(rig.told(other), [{ type: 'accepted', id: refusedId }]);
  t.equal(rig.diskWaiting, 2, 'both have cost a look at the disk');
  rig.diskAnswers(1);
  t.strictSame(rig.told(other), [{ type: 'routeNotFound', id: refusedId, visits: 0 }]);

  const lonely = new Rig({ disk: 'held' });
  const only = lonely.peer(0.4);
  const id = lonely.ask(only);
  t.strictSame(lonely.told(only), [{ type: 'accepted', id }]);
  t.equal(lonely.diskWaiting, 1);
  lonely.diskAnswers();
  t.strictSame(lonely.told(only), [{ type: 'routeNotFound', id, visits: 0 }]);
});

void t.test('a refused insert is not accepted, so that its block does not travel for nothing', async (t) => {
  const rig = new Rig({ disk: 'held' });
  const asker = rig.peer(0.4);
  const uid = rig.freshUid();
  rig.ask(asker, { uid, type: 'insertRequest' });
  rig.told(asker);
  const id = rig.ask(asker, { uid, type: 'insertRequest' });
  t.same(rig.told(asker), []);
  rig.receive(asker, { type: 'insertBlock', id, block: page().block });
  rig.diskAnswers();
  t.strictSame(rig.told(asker), [{ type: 'routeNotFound', id, visits: 0 }]);
  t.same(rig.writes, []);
});

void t.test('an asker that is gone is not told of its refusal', async (t) => {
  const rig = new Rig({ disk: 'held' });
  const asker = rig.peer(0.4);
  const uid = rig.freshUid();
  for (let i = 0; i < 2; i += 1) rig.ask(asker, { uid });
  rig.down(asker);
  rig.rest();
  t.equal(rig.router.pending, 0);
});

void t.test('an id that is in use is a violation, and the request under it goes on', async (t) => {
  const rig = new Rig({ disk: 'held' });
  const [asker, other] = [rig.peer(0.4), rig.peer(0.41)];
  const id = rig.ask(asker);
  rig.ask(asker, { id });
  t.strictSame(rig.verdicts, [{ link: asker, verdict: 'violation' }]);
  rig.ask(other, { id });
  t.equal(rig.verdicts.length, 1, 'another link has ids of its own');
  rig.rest();
  t.strictSame(rig.toldTypes(asker), ['accepted', 'routeNotFound']);
});

void t.test('the id of a refused request is in use until its refusal', async (t) => {
  const rig = new Rig({ disk: 'held' });
  const asker = rig.peer(0.4);
  const uid = rig.freshUid();
  rig.ask(asker, { uid });
  const id = rig.ask(asker, { uid });
  rig.ask(asker, { id });
  t.strictSame(rig.verdicts, [{ link: asker, verdict: 'violation' }]);
});

void t.test('an id may be used again after its answer', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  const id = rig.ask(asker);
  rig.ask(asker, { id });
  t.strictSame(rig.toldTypes(asker), ['accepted', 'routeNotFound', 'accepted', 'routeNotFound']);
  t.same(rig.verdicts, []);
});

void t.test(
  'more requests of one link than its share are refused as overload, the owner’s too',
  async (t) => {
    for (const who of ['peer', 'owner'] as const) {
      const rig = new Rig({ disk: 'held' });
      const asker = who === 'owner' ? LOCAL_LINK : rig.peer(0.4);
      const other = rig.peer(0.41);
      rig.keep(page());
      for (let i = 0; i < pendingPerLink.value; i += 1) rig.ask(asker);
      t.strictSame(new Set(rig.toldTypes(asker)), new Set(['accepted']));
      const id = rig.ask(asker);
      t.strictSame(rig.told(asker), [{ type: 'rejectedOverload', id }]);
      rig.ask(other);
      t.strictSame(rig.toldTypes(other), ['accepted'], 'others have a share of their own');
      rig.diskAnswers();
      t.equal(rig.toldTypes(asker)[0], 'dataFound');
      rig.ask(asker);
      t.equal(rig.toldTypes(asker)[0], 'accepted', 'there is room again');
    }
  },
);

/** A router that has as much in work as it may have: fetches of eight links that wait for the disk. */
function full(): { rig: Rig; links: LinkId[] } {
  const rig = new Rig({ disk: 'held' });
  rig.keep(page());
  const count = pendingRequests.value / pendingPerLink.value;
  const links = Array.from({ length: count }, (_, i) => rig.peer(0.3 + i / 100));
  for (const link of links) {
    for (let i = 0; i < pendingPerLink.value; i += 1) rig.ask(link);
    rig.told(link);
  }
  return { rig, links };
}

void t.test(
  'a request that finds the node full waits for half a second, then it is refused, the owner’s too',
  async (t) => {
    for (const who of ['peer', 'owner'] as const) {
      const { rig } = full();
      t.equal(rig.router.pending, pendingRequests.value);
      const late = who === 'owner' ? LOCAL_LINK : rig.peer(0.45);
      const id = rig.ask(late);
      rig.pass(loadLimits.queueWaitMs.value - 1);
      t.same(rig.told(late), [], 'it waits');
      rig.ask(late, { id });
      t.equal(rig.verdicts.length, who === 'owner' ? 0 : 1, 'its id is in use');
      rig.pass(1);
      t.strictSame(rig.told(late), [{ type: 'rejectedOverload', id }]);
      rig.rest();
      t.equal(rig.router.pending, 0);
      t.equal(rig.timers, 0);
    }
  },
);

void t.test('a request that waits is let in as soon as another one has ended', async (t) => {
  const { rig } = full();
  const [late, later] = [rig.peer(0.45), rig.peer(0.46)];
  rig.ask(late);
  rig.ask(later);
  rig.pass(10);
  t.same([...rig.told(late), ...rig.told(later)], []);
  rig.diskAnswers();
  t.strictSame([rig.toldTypes(late), rig.toldTypes(later)], [['accepted'], []], 'one for one');
  t.equal(rig.router.pending, pendingRequests.value);
  rig.diskAnswers();
  t.strictSame(rig.toldTypes(later), ['accepted']);
});

void t.test('what waits goes with its link', async (t) => {
  const { rig } = full();
  const late = rig.peer(0.45);
  rig.ask(late);
  rig.down(late);
  rig.diskAnswers();
  t.equal(rig.router.pending, pendingRequests.value - 1);
  rig.pass(loadLimits.queueWaitMs.value);
  t.same(rig.told(late), []);
});

void t.test('what has waited has that much less time', async (t) => {
  const { rig } = full();
  const late = rig.peer(0.45);
  rig.ask(late, { deadlineMs: 10_000 });
  rig.pass(400);
  rig.diskAnswers();
  t.strictSame(rig.toldTypes(late), ['accepted']);
  rig.pass(9_599);
  t.notOk(rig.toldTypes(late).includes('dataNotFound'));
  rig.pass(1);
  t.ok(rig.toldTypes(late).includes('dataNotFound'));
});

void t.test('a uid that was refused as overload has not been seen', async (t) => {
  const rig = new Rig({ disk: 'held' });
  const [asker, other] = [rig.peer(0.4), rig.peer(0.41)];
  const peer = rig.peer(0.01);
  for (let i = 0; i < pendingPerLink.value; i += 1) rig.ask(asker, { phase: 'stem', htl: 1 });
  const uid = rig.freshUid();
  rig.ask(asker, { uid });
  t.equal(rig.toldTypes(asker).at(-1), 'rejectedOverload');
  rig.ask(other, { uid });
  rig.diskAnswers(rig.diskWaiting - 1);
  t.equal(rig.hop().link, peer);
});

void t.test('a type that is reserved is answered unsupported, and the link stays', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  rig.receive(asker, { type: 'reserved', name: 'circuit.open' });
  t.strictSame(rig.told(asker), [{ type: 'unsupported', name: 'circuit.open' }]);
  rig.receive(asker, { type: 'unsupported', name: 'beacon' });
  t.same(rig.told(asker), [], 'that is not answered');
  t.same(rig.verdicts, []);
});

void t.test('what comes from a link that is down is not heard', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  rig.down(asker);
  rig.ask(asker);
  rig.receive(asker, { type: 'reserved', name: 'beacon' });
  rig.down(asker);
  t.equal(rig.router.pending, 0);
  t.same(rig.told(asker), []);
});
