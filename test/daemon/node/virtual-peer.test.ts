/** The owner as a peer: how much it may have open, and that it is answered. */
import t from 'tap';
import { BLOCK_BYTES, block, routingKey, salt } from '../../../keys/index.ts';
import { LOCAL_LINK, type Message, type RouterEvent, routingLimits } from '../../../routing/index.ts';
import type { RequestId } from '../../../routing/messages.ts';
import { nodeLimits } from '../../../daemon/node/limits.ts';
import { type Ask, VirtualPeer } from '../../../daemon/node/virtual-peer.ts';
import { noise } from './content.ts';

const OPEN = routingLimits.pendingPerLink.value;
const WAITING = nodeLimits.waitingRequests.value;
const BLOCK = block(Uint8Array.from(noise(BLOCK_BYTES)));

/** A virtual peer whose router is this test. */
class Rig {
  readonly sent: Message[] = [];
  readonly links = new Set<number>();
  readonly results: string[] = [];
  readonly peer = new VirtualPeer({
    deadlineMs: 5_000,
    dispatch: (event: RouterEvent) => {
      if (event.type !== 'message' || event.message.type === 'reserved') throw new Error(event.type);
      this.links.add(event.link);
      this.sent.push(event.message);
    },
  });

  ask(type: 'fetch' | 'insert', number: number): () => void {
    const key = routingKey(noise(32, String(number)));
    const common = { key, salt: salt(1), priority: 'realtime' } as const;
    const ask: Ask =
      type === 'fetch'
        ? { type, ...common, done: ({ type }) => this.results.push(`${number} ${type}`) }
        : { type, ...common, block: BLOCK, done: ({ type }) => this.results.push(`${number} ${type}`) };
    return this.peer.ask(ask);
  }

  get requests(): RequestId[] {
    return this.sent.flatMap((message) =>
      message.type === 'dataRequest' || message.type === 'insertRequest' ? [message.id] : [],
    );
  }
}

const answer = (id: RequestId): Message => ({ type: 'dataNotFound', id, visits: 3 });

void t.test('what a job asks is a request of a peer, on the local link and by the stem', (t) => {
  const rig = new Rig();
  rig.ask('fetch', 0);
  rig.ask('insert', 1);
  const [fetch, insert] = rig.sent;
  const common = { salt: 1, priority: 'realtime', deadlineMs: 5_000, route: { phase: 'stem' } };
  t.match(fetch, { type: 'dataRequest', key: noise(32, '0'), ...common });
  t.match(insert, { type: 'insertRequest', key: noise(32, '1'), ...common });
  t.equal(rig.sent.length, 2, 'no block before it was accepted');
  const [, id] = rig.requests;
  rig.peer.receive({ type: 'accepted', id: id ?? (0 as RequestId) });
  t.match(rig.sent[2], { type: 'insertBlock', id, block: BLOCK });
  t.same([...rig.links], [LOCAL_LINK]);
  t.end();
});

void t.test('each answer of the network is one to the job', (t) => {
  const cases: [Ask['type'], (id: RequestId) => Message, string][] = [
    ['fetch', (id) => ({ type: 'dataFound', id, visits: 1, block: BLOCK }), 'found'],
    ['fetch', (id) => ({ type: 'dataNotFound', id, visits: 1 }), 'notFound'],
    ['fetch', (id) => ({ type: 'routeNotFound', id, visits: 0 }), 'noRoute'],
    ['fetch', (id) => ({ type: 'rejectedOverload', id }), 'overloaded'],
    ['insert', (id) => ({ type: 'insertStored', id, visits: 1 }), 'stored'],
    ['insert', (id) => ({ type: 'insertCollision', id, visits: 1, block: BLOCK }), 'collision'],
    ['insert', (id) => ({ type: 'dataNotFound', id, visits: 1 }), 'noRoute'],
    ['insert', (id) => ({ type: 'routeNotFound', id, visits: 0 }), 'noRoute'],
    ['insert', (id) => ({ type: 'rejectedOverload', id }), 'overloaded'],
  ];
  const rig = new Rig();
  for (const [number, [type, message]] of cases.entries()) {
    rig.ask(type, number);
    const id = rig.requests.at(-1) ?? (0 as RequestId);
    rig.peer.receive({ type: 'accepted', id });
    rig.peer.receive({ type: 'working', id });
    t.equal(rig.results.length, number, 'not before the last word');
    rig.peer.receive(message(id));
  }
  t.same(
    rig.results,
    cases.map(([, , result], number) => `${number} ${result}`),
  );
  t.end();
});

void t.test('no more are open than a link may have; the others wait, and go on in order', (t) => {
  const rig = new Rig();
  const count = 3 * OPEN;
  for (let number = 0; number < count; number += 1) rig.ask(number % 2 === 0 ? 'fetch' : 'insert', number);
  for (let answered = 0; answered < count; answered += 1) {
    const open = rig.requests.length - rig.results.length;
    if (open !== Math.min(OPEN, count - answered)) t.fail(`${open} are open after ${answered} answers`);
    rig.peer.receive(answer(rig.requests[answered] ?? (0 as RequestId)));
  }
  t.equal(rig.requests.length, count);
  t.equal(new Set(rig.requests).size, count, 'no id is used twice');
  t.same(
    rig.results.map((result) => Number(result.split(' ')[0])),
    Array.from({ length: count }, (_, number) => number),
  );
  t.end();
});

void t.test('one that waits and is dropped is never asked', (t) => {
  const rig = new Rig();
  const drops = Array.from({ length: OPEN + 3 }, (_, number) => rig.ask('fetch', number));
  drops[OPEN]?.();
  drops[OPEN + 1]?.();
  for (let turn = 0; turn < OPEN + 1; turn += 1)
    rig.peer.receive(answer(rig.requests[turn] ?? (0 as RequestId)));
  t.equal(rig.requests.length, OPEN + 1);
  t.equal(rig.results.at(-1), `${OPEN + 2} notFound`);
  t.end();
});

void t.test('more than can wait are refused as overloaded, not at once but soon', async (t) => {
  const rig = new Rig();
  for (let number = 0; number < OPEN + WAITING + 2; number += 1) rig.ask('fetch', number);
  t.same(rig.results, [], 'never from inside the call');
  await Promise.resolve();
  t.same(rig.results, [`${OPEN + WAITING} overloaded`, `${OPEN + WAITING + 1} overloaded`]);
  t.equal(rig.requests.length, OPEN);
});
