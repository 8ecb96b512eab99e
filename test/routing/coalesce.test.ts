/** Fetches for one key that meet at a node: who waits for whom, and for how long (routing.md, 8). */
import t from 'tap';
import { LOCAL_LINK, type LinkId, networks, routingLimits } from '../../routing/index.ts';
import type { Uid } from '../../routing/messages.ts';
import { loadLimits } from '../../routing/load/limits.ts';
import { page } from './content.ts';
import { type Asking, type Hop, Rig } from './rig.ts';

const { coalesceWaitMs } = networks.open;
const found = { type: 'dataFound', visits: 0, block: page().block } as const;
const notFound = { type: 'dataNotFound', visits: 0 } as const;

interface Meeting {
  readonly rig: Rig;
  readonly first: LinkId;
  readonly second: LinkId;
  readonly closer: LinkId;
  readonly hop: Hop;
}

/** A fetch of `first` is on at `closer`, and `second` is there to ask as well. */
function meeting({ away = 0.2, asking = {} }: { away?: number; asking?: Asking } = {}): Meeting {
  const rig = new Rig({ away });
  const [first, second, closer] = [rig.peer(0.4), rig.peer(0.41), rig.peer(0.01)];
  rig.ask(first, { htl: 15, ...asking });
  const hop = rig.hop();
  rig.says(hop, { type: 'accepted' });
  return { rig, first, second, closer, hop };
}

void t.test('a second fetch for a key waits for the first one and gets what it finds', async (t) => {
  const { rig, first, second, hop } = meeting();
  const id = rig.ask(second, { htl: 15 });
  t.same(rig.hops(), []);
  rig.pass(coalesceWaitMs - 1);
  rig.says(hop, found);
  t.strictSame(rig.toldTypes(first), ['accepted', 'dataFound']);
  t.strictSame(rig.told(second), [
    { type: 'accepted', id },
    { type: 'dataFound', id, visits: 0, block: page().block },
  ]);
  t.equal(rig.writes.length, 1, 'one copy is enough');
  t.equal(rig.router.pending, 0);
  t.equal(rig.timers, 0);
});

void t.test('a fetch waits two seconds, then it runs alone, and is answered once', async (t) => {
  const { rig, first, second, closer, hop } = meeting();
  rig.ask(second, { htl: 15 });
  rig.pass(coalesceWaitMs);
  const own = rig.hop();
  t.equal(own.link, closer);
  rig.says(hop, found);
  t.strictSame(rig.toldTypes(first), ['accepted', 'dataFound']);
  t.strictSame(rig.toldTypes(second), ['accepted']);
  rig.says(own, found);
  t.strictSame(rig.toldTypes(second), ['dataFound']);
});

void t.test('a fetch whose leader finds nothing runs alone', async (t) => {
  const { rig, first, second, closer, hop } = meeting({ asking: { htl: 2 } });
  rig.ask(second, { htl: 2 });
  t.same(rig.hops(), []);
  rig.says(hop, notFound);
  t.strictSame(rig.toldTypes(first), ['accepted', 'dataNotFound']);
  const own = rig.hop();
  t.not(own.link, closer, 'who has just had it not is asked last');
  rig.says(own, found);
  t.strictSame(rig.toldTypes(second), ['accepted', 'dataFound']);
  rig.pass(60_000);
  t.equal(rig.timers, 0, 'nothing is left of the wait');
});

void t.test('a fetch whose leader meets its deadline runs alone', async (t) => {
  const { rig, first, second, hop } = meeting({ asking: { deadlineMs: 5_000 } });
  rig.pass(4_000);
  rig.says(hop, { type: 'working' });
  rig.ask(second, { htl: 15 });
  t.same(rig.hops(), []);
  rig.pass(1_000);
  t.equal(rig.toldTypes(first).at(-1), 'dataNotFound');
  rig.says(rig.hop(), found);
  t.strictSame(rig.toldTypes(second), ['accepted', 'dataFound']);
});

void t.test('a fetch that meets its own deadline while it waits is answered, and only once', async (t) => {
  const { rig, second, hop } = meeting();
  rig.ask(second, { htl: 15, deadlineMs: 1_500 });
  rig.pass(1_500);
  t.strictSame(rig.toldTypes(second), ['accepted', 'dataNotFound']);
  rig.says(hop, found);
  t.same(rig.told(second), []);
  rig.pass(loadLimits.offerDelayMs.value);
  t.strictSame(rig.toldTypes(second), ['offered'], 'it is told that it may ask again');
  t.equal(rig.timers, 0);
});

void t.test('a fetch goes on waiting when the link of the leader’s asker is lost', async (t) => {
  const { rig, first, second, hop } = meeting();
  rig.ask(second, { htl: 15 });
  rig.down(first);
  rig.says(hop, found);
  t.strictSame(rig.toldTypes(second), ['accepted', 'dataFound']);
});

void t.test('a fetch that waits and whose asker is gone harms nobody', async (t) => {
  const { rig, first, second, hop } = meeting();
  rig.ask(second, { htl: 15 });
  rig.down(second);
  rig.says(hop, found);
  t.strictSame(rig.toldTypes(first), ['accepted', 'dataFound']);
  t.equal(rig.router.pending, 0);
});

void t.test('a fetch is still waited for while its leader goes on to another closer peer', async (t) => {
  const { rig, second, hop } = meeting();
  const other = rig.peer(0.02);
  rig.ask(second, { htl: 10 });
  rig.says(hop, notFound);
  const next = rig.hop();
  t.equal(next.link, other);
  rig.says(next, found);
  t.strictSame(rig.toldTypes(second), ['accepted', 'dataFound']);
});

void t.test('one that ran alone is waited for by the next', async (t) => {
  const { rig, first, second, hop } = meeting();
  rig.ask(second, { htl: 15 });
  rig.pass(coalesceWaitMs);
  const own = rig.hop();
  rig.says(own, { type: 'accepted' });
  rig.says(hop, found);
  rig.told(first);
  rig.ask(first, { htl: 15, content: { ...page(), block: page().block } });
  t.strictSame(rig.toldTypes(first), ['accepted', 'dataFound'], 'by now it lies on the disk');
});

/** What keeps a fetch from waiting for another one. */
const alone: readonly {
  readonly name: string;
  readonly meet?: Parameters<typeof meeting>[0];
  readonly from?: (meeting: Meeting) => LinkId;
  readonly asking?: Asking;
}[] = [
  { name: 'it has more HTL left than the first one has', asking: { htl: 17 } },
  { name: 'it came from the node where the first one is on: they cross', from: ({ closer }) => closer },
  { name: 'it came from the one who asked for the first one', from: ({ first }) => first },
  { name: 'the first one is on at a node that is no closer', meet: { away: 0.005 } },
  { name: 'it goes to another place of the key', asking: { salt: 1 } },
  { name: 'it asks for another key', asking: { content: page(1) } },
  { name: 'it came by the stem', asking: { phase: 'stem' } },
  { name: 'it is the owner’s', from: () => LOCAL_LINK },
  {
    name: 'it is the owner’s, though it says that it is greedy',
    from: () => LOCAL_LINK,
    asking: { phase: 'greedy' },
  },
  { name: 'the first one came by the stem', meet: { asking: { phase: 'stem' } } },
  { name: 'it is an insert', asking: { type: 'insertRequest' } },
];

for (const { name, meet = {}, from = ({ second }: Meeting) => second, asking = {} } of alone) {
  void t.test(`a fetch runs alone when ${name}`, async (t) => {
    const met = meeting(meet);
    const { rig } = met;
    // Somebody to go to, whoever asks.
    rig.peer(0.012);
    const id = rig.ask(from(met), { htl: 10, ...asking });
    if (asking.type === 'insertRequest')
      rig.receive(from(met), { type: 'insertBlock', id, block: page().block });
    t.equal(rig.hops().length, 1);
    t.equal(rig.router.pending, 2);
  });
}

void t.test('a fetch runs alone when the first one is the owner’s', async (t) => {
  const rig = new Rig();
  const asker = rig.peer(0.4);
  rig.peer(0.01);
  rig.ask(LOCAL_LINK);
  rig.says(rig.hop(), { type: 'accepted' });
  rig.ask(asker, { htl: 2 });
  t.equal(rig.hops().length, 1);
});

void t.test('the one that arrives at the same HTL may wait, the one with one more may not', async (t) => {
  const { rig, second } = meeting({ asking: { htl: 10 } });
  rig.ask(second, { htl: 10 });
  t.same(rig.hops(), []);
  rig.ask(second, { htl: 11 });
  t.equal(rig.hops().length, 1);
});

void t.test('as many wait for one fetch as the limit says; the next one leads', async (t) => {
  const { rig, second, hop } = meeting();
  const most = routingLimits.waitersPerFetch.value;
  for (let i = 0; i < most; i += 1) rig.ask(second, { htl: 10 });
  t.same(rig.hops(), []);
  rig.ask(second, { htl: 10 });
  t.equal(rig.hops().length, 1);
  rig.told(second);
  rig.says(hop, found);
  t.equal(rig.toldTypes(second).length, most);
});

void t.test('two nodes whose fetches cross do not wait for each other', async (t) => {
  // Each is the closest peer of the other, and both have a third one.
  const [a, b] = [new Rig({ away: 0.02 }), new Rig({ away: -0.01 })];
  const [askerA, toB] = [a.peer(0.4), a.peer(-0.01)];
  const [askerB, toA] = [b.peer(0.41), b.peer(0.02)];
  a.ask(askerA);
  b.ask(askerB, { uid: 'ffffffffffffffff' as Uid });
  const [fromA, fromB] = [a.hop(), b.hop()];
  t.strictSame([fromA.link, fromB.link], [toB, toA]);
  b.receive(toA, fromA.request);
  a.receive(toB, fromB.request);
  for (const told of b.told(toA)) a.receive(toB, told);
  for (const told of a.told(toB)) b.receive(toA, told);
  // Each has only the asker left to ask, so neither has joined the other.
  t.strictSame([a.hops().map(({ link }) => link), b.hops().map(({ link }) => link)], [[askerA], [askerB]]);
});
