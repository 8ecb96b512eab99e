/** Time: who is silent and from when, Working, deadlines that shrink, back-off (routing.md, 9). */
import t from 'tap';
import { LOCAL_LINK, networks } from '../../routing/index.ts';
import { page } from './content.ts';
import { Rig } from './rig.ts';

const { acceptFloorMs, acceptRtts, workingEveryMs, workingPatienceMs, deadlineMs, hopMarginMs } =
  networks.open;
const { backoffFirstMs } = networks.open;

void t.test('a hop that accepts within a second is not silent, one that does not is', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  const [first, second] = [rig.peer(0.01), rig.peer(0.02)];
  rig.ask(asker);
  const hop = rig.hop();
  rig.pass(acceptFloorMs - 1);
  rig.says(hop, { type: 'accepted' });
  rig.pass(1_000);
  t.same(rig.verdicts, []);
  rig.says(hop, { type: 'dataNotFound', visits: 0 });
  t.strictSame([hop.link, rig.hop().link], [first, second]);
  rig.pass(acceptFloorMs - 1);
  t.same(rig.verdicts, []);
  rig.pass(1);
  t.strictSame(rig.verdicts, [{ link: second, verdict: 'silent' }]);
});

void t.test('a peer that is far away is given four round trips', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  rig.peer(0.01);
  const rttMs = 600;
  rig.ask(asker);
  const slow = rig.hop();
  rig.pass(rttMs);
  rig.says(slow, { type: 'accepted' }, { type: 'dataNotFound', visits: 0 });
  rig.ask(asker, { content: page(1) });
  rig.hop();
  rig.pass(acceptRtts * rttMs - 1);
  t.same(rig.verdicts, []);
  rig.pass(1);
  t.equal(rig.verdicts.length, 1);
});

void t.test('the round trip of a peer is smoothed: one slow answer moves it by an eighth', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  rig.peer(0.01);
  const accepts = (afterMs: number): void => {
    rig.ask(asker);
    const hop = rig.hop();
    rig.pass(afterMs);
    rig.says(hop, { type: 'accepted' }, { type: 'dataNotFound', visits: 0 });
  };
  accepts(400);
  accepts(1_200);
  rig.ask(asker);
  rig.hop();
  rig.pass(4 * 500 - 1);
  t.same(rig.verdicts, []);
  rig.pass(1);
  t.equal(rig.verdicts.length, 1);
});

void t.test('the asker hears Working every five seconds until the answer, and not after it', async (t) => {
  const rig = new Rig();
  const [asker] = [rig.peer(0.4), rig.peer(0.01)];
  const id = rig.ask(asker);
  const hop = rig.hop();
  rig.says(hop, { type: 'accepted' });
  rig.told(asker);
  for (let i = 0; i < 3; i += 1) {
    rig.pass(workingEveryMs - 1);
    t.same(rig.told(asker), []);
    rig.pass(1);
    t.strictSame(rig.told(asker), [{ type: 'working', id }]);
    rig.says(hop, { type: 'working' });
  }
  rig.says(hop, { type: 'dataFound', visits: 0, block: page().block });
  t.strictSame(rig.toldTypes(asker), ['dataFound']);
  rig.pass(60_000);
  t.same(rig.told(asker), []);
  t.equal(rig.timers, 0);
});

void t.test(
  'a hop that works is waited for, and one that stops is silent after twelve seconds',
  async (t) => {
    const rig = new Rig();
    const asker = rig.peer(0.4);
    const first = rig.peer(0.01);
    rig.peer(0.02);
    rig.ask(asker);
    const hop = rig.hop();
    rig.says(hop, { type: 'accepted' });
    for (let i = 0; i < 5; i += 1) {
      rig.pass(workingPatienceMs - 1);
      rig.says(hop, { type: 'working' });
    }
    t.same(rig.verdicts, []);
    rig.pass(workingPatienceMs - 1);
    t.same(rig.verdicts, []);
    rig.pass(1);
    t.strictSame(rig.verdicts, [{ link: first, verdict: 'silent' }]);
  },
);

void t.test('Working before Accepted buys no time', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  const first = rig.peer(0.01);
  rig.ask(asker);
  const hop = rig.hop();
  rig.pass(acceptFloorMs - 1);
  rig.says(hop, { type: 'working' });
  rig.pass(1);
  t.strictSame(rig.verdicts, [{ link: first, verdict: 'silent' }]);
});

void t.test('only the hop that is missing is blamed: its predecessor goes on working', async (t) => {
  // The asker is itself a router here: what one tells the other is passed on by hand.
  const above = new Rig({ away: 0.3 });
  const below = new Rig({ away: 0.2 });
  const [asker, toBelow] = [above.peer(0.4), above.peer(0.2)];
  const [fromAbove, blackHole] = [below.peer(0.3), below.peer(0.01)];
  const other = below.peer(0.05);
  above.ask(asker);
  const hop = above.hop();
  below.receive(fromAbove, hop.request);
  const swallowed = below.hop();
  below.says(swallowed, { type: 'accepted' });
  for (let second = 0; second < 12; second += 1) {
    for (const message of below.told(fromAbove)) above.receive(toBelow, message);
    above.pass(1_000);
    below.pass(1_000);
  }
  t.strictSame(below.verdicts, [{ link: blackHole, verdict: 'silent' }]);
  t.same(above.verdicts, []);
  t.equal(below.hop().link, other);
  t.strictSame(above.toldTypes(asker), ['accepted', 'working', 'working']);
});

void t.test('each hop is given less time than the one before', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  rig.peer(0.01);
  rig.peer(0.02);
  rig.ask(asker, { deadlineMs: 30_000 });
  const hop = rig.hop();
  t.equal(hop.request.deadlineMs, 30_000 - hopMarginMs);
  rig.pass(700.5);
  rig.says(hop, { type: 'dataNotFound', visits: 0 });
  t.equal(rig.hop().request.deadlineMs, 30_000 - 701 - hopMarginMs, 'in whole milliseconds, rounded down');
});

void t.test('nobody is waited for longer than the network says', async (t) => {
  const rig = new Rig();
  const [asker] = [rig.peer(0.4), rig.peer(0.01)];
  rig.ask(asker, { deadlineMs: 3_600_000 });
  t.equal(rig.hop().request.deadlineMs, deadlineMs - hopMarginMs);
});

void t.test(
  'at its deadline a search answers that it found nothing, and its hop is not blamed',
  async (t) => {
    const rig = new Rig();
    const [asker] = [rig.peer(0.4), rig.peer(0.01)];
    const id = rig.ask(asker, { deadlineMs: 11_000 });
    const hop = rig.hop();
    rig.says(hop, { type: 'accepted' });
    rig.pass(10_999);
    t.strictSame(rig.toldTypes(asker), ['accepted', 'working', 'working']);
    rig.pass(1);
    t.strictSame(rig.told(asker), [{ type: 'dataNotFound', id, visits: 0 }]);
    t.same(rig.verdicts, []);
    rig.says(hop, { type: 'dataFound', visits: 0, block: page().block });
    t.same(rig.told(asker), []);
    t.equal(rig.timers, 0);
  },
);

void t.test('a request that has too little time for one more hop is answered at once', async (t) => {
  const rig = new Rig();
  const [asker] = [rig.peer(0.4), rig.peer(0.01)];
  rig.ask(asker, { deadlineMs: 2 * hopMarginMs - 1 });
  t.strictSame(rig.toldTypes(asker), ['accepted', 'dataNotFound']);
  t.same(rig.hops(), []);
  rig.ask(asker, { deadlineMs: 2 * hopMarginMs });
  t.equal(rig.hop().request.deadlineMs, hopMarginMs);
});

void t.test('a request without any time is answered, by the disk if it is quick', async (t) => {
  const rig = new Rig({ disk: 'held' });
  const asker = rig.peer(0.4);
  rig.keep(page());
  rig.ask(asker, { deadlineMs: 0 });
  rig.diskAnswers();
  t.strictSame(rig.toldTypes(asker), ['accepted', 'dataFound']);
  rig.ask(asker, { deadlineMs: 0 });
  rig.pass(0);
  t.strictSame(rig.toldTypes(asker), ['accepted', 'dataNotFound']);
  rig.rest();
  t.same(rig.told(asker), []);
});

void t.test('a peer that was silent is left alone for a while, and then asked again', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  const [first, second] = [rig.peer(0.01), rig.peer(0.02)];
  rig.ask(asker);
  const hop = rig.hop();
  rig.pass(acceptFloorMs);
  t.strictSame([hop.link, rig.hop().link], [first, second]);
  rig.ask(asker, { content: page(1), phase: 'stem' });
  rig.ask(asker, { phase: 'stem' });
  t.notOk(rig.hops().some(({ link }) => link === first));
  rig.pass(1.5 * backoffFirstMs);
  rig.ask(asker, { phase: 'stem' });
  t.ok(rig.hops().some(({ link }) => link === first));
});

void t.test('with every peer left alone there is no route', async (t) => {
  const rig = new Rig();
  const peer = rig.peer(0.01);
  rig.ask(LOCAL_LINK);
  t.equal(rig.hop().link, peer);
  rig.pass(acceptFloorMs);
  t.strictSame(rig.toldTypes(LOCAL_LINK), ['accepted', 'routeNotFound']);
  rig.ask(LOCAL_LINK);
  t.same(rig.hops(), []);
  t.strictSame(rig.toldTypes(LOCAL_LINK), ['accepted', 'routeNotFound']);
});
