/** What friends tell each other about the way to an open node (peers.md, 10): when, to whom, and what is made of it. */
import t from 'tap';
import { encodeCbor } from '../../keys/index.ts';
import { LOCAL_LINK, type LinkId, decodeMessage, networks } from '../../routing/index.ts';
import { routingLimits } from '../../routing/limits.ts';
import { Rig } from './rig.ts';

const AFTER_MS = routingLimits.uplinkAfterMs.value;
/** Longer than any draw. */
const ALL_MS = 1.3 * AFTER_MS;

/** What a friend was told since this was last asked. */
function told(rig: Rig, link: LinkId): number[] {
  return rig.told(link).flatMap((message) => (message.type === 'uplink' ? [message.value] : []));
}

function says(rig: Rig, link: LinkId, value: number): void {
  rig.receive(link, { type: 'uplink', value });
}

void t.test('where no friend knows an open node nothing is said', async (t) => {
  const rig = new Rig();
  const friends = [rig.peer(0.1), rig.peer(0.2)];
  says(rig, friends[0] as LinkId, 7);
  rig.pass(ALL_MS);
  for (const friend of friends) t.strictSame(told(rig, friend), []);
  t.equal(rig.router.uplink, 7);
});

void t.test('one more than the smallest of the others is said, and never back', async (t) => {
  const rig = new Rig();
  const [near, far, none] = [rig.peer(0.1), rig.peer(0.2), rig.peer(0.3)];
  says(rig, near, 1);
  says(rig, far, 3);
  rig.pass(ALL_MS);
  t.equal(rig.router.uplink, 2);
  t.strictSame(told(rig, near), [4], 'as if it were not there');
  t.strictSame(told(rig, far), [2]);
  t.strictSame(told(rig, none), [2]);
});

void t.test(
  'a change is said to all at one time, between three and five quarters later, and once',
  async (t) => {
    const at = new Set<number>();
    for (let seed = 1; seed <= 5; seed += 1) {
      const rig = new Rig({ seed });
      const [near, other] = [rig.peer(0.1), rig.peer(0.2)];
      says(rig, near, 2);
      const began = rig.now;
      rig.pass(0.74 * AFTER_MS);
      t.strictSame(told(rig, other), [], 'who knows when a link ended does not see here what hung on it');
      says(rig, near, 4);
      while (rig.now < began + 1.26 * AFTER_MS) {
        rig.pass(100);
        const values = told(rig, other);
        if (values.length > 0) at.add(Math.round((rig.now - began) / 100));
        if (values.length > 0) t.strictSame(values, [5], 'what holds then');
      }
    }
    t.ok(at.size >= 4, 'drawn anew each time');
  },
);

void t.test('what is taken back before it was said is never said', async (t) => {
  const rig = new Rig();
  const [near, other] = [rig.peer(0.1), rig.peer(0.2)];
  says(rig, near, 2);
  says(rig, near, 7);
  rig.pass(ALL_MS);
  t.strictSame(told(rig, other), []);
});

void t.test('a friend that comes is told at once, and one that goes takes its way with it', async (t) => {
  const rig = new Rig();
  const near = rig.peer(0.1);
  says(rig, near, 0);
  const late = rig.peer(0.2);
  t.strictSame(told(rig, late), [1]);
  rig.down(near);
  rig.pass(ALL_MS);
  t.strictSame(told(rig, late), [7]);
});

void t.test('a friend that has fallen silent is no way, and one that answers again is one', async (t) => {
  const rig = new Rig();
  const [near, other] = [rig.peer(0.1), rig.peer(0.2)];
  says(rig, near, 1);
  rig.pass(ALL_MS);
  t.strictSame(told(rig, other), [2]);
  for (let i = 0; i < 2; i += 1) {
    rig.ask(LOCAL_LINK);
    rig.pass(3_000);
    rig.hops();
  }
  rig.pass(ALL_MS);
  t.strictSame(told(rig, other), [7]);
  rig.pass(10 * routingLimits.silenceHalfLifeMs.value);
  rig.ask(LOCAL_LINK);
  t.equal(rig.hopSays({ type: 'accepted' }, { type: 'dataNotFound', visits: 0 }), near);
  rig.pass(ALL_MS);
  t.strictSame(told(rig, other), [2]);
});

void t.test(
  'a stranger that says it breaks a rule, and so does a friend where there are no strangers',
  async (t) => {
    const rig = new Rig();
    const stranger = rig.peer(0.1, { tie: 'stranger' });
    says(rig, stranger, 0);
    t.strictSame(rig.verdicts, [{ link: stranger, verdict: 'violation' }]);
    for (const name of ['friends-small', 'friends-medium'] as const) {
      const alone = new Rig({ params: networks[name] });
      const [friend, other] = [alone.peer(0.1), alone.peer(0.2)];
      says(alone, friend, 0);
      t.strictSame(alone.verdicts, [{ link: friend, verdict: 'violation' }]);
      alone.pass(ALL_MS);
      t.strictSame(told(alone, other), []);
      t.equal(alone.router.uplink, 7, 'a liar draws nothing to himself there');
      alone.ask(LOCAL_LINK);
      t.equal(alone.hop().request.route.phase, 'greedy');
    }
  },
);

void t.test('a value is 0 to 7, and nothing else is a message', async (t) => {
  for (let value = 0; value <= 7; value += 1)
    t.strictSame(decodeMessage(encodeCbor({ type: 'uplink', value })), { type: 'uplink', value });
  for (const value of [8, -1, 2 ** 32, '0', null, new Uint8Array(1)])
    t.throws(() => decodeMessage(encodeCbor({ type: 'uplink', value })), { code: 'bad_message' });
  t.throws(() => decodeMessage(encodeCbor({ type: 'uplink' })), { code: 'bad_message' });
  t.throws(() => decodeMessage(encodeCbor({ type: 'uplink', value: 1, id: 2 })), { code: 'bad_message' });
});
