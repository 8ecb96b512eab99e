/** How many strangers are let in: in all, of one group, and in a while. */
import t from 'tap';
import { transportLimits } from '../../../transport/index.ts';
import { nodeLimits } from '../../../daemon/node/limits.ts';
import { StrangerRoom } from '../../../daemon/node/stranger-room.ts';

const { strangerLinks, strangersPerGroup, strangerCalls, strangerCallEveryMs, groupCalls } = nodeLimits;

function knock(room: StrangerRoom<object>, group: string, now = 0) {
  const ticket = {};
  return { ticket, isIn: room.enter(ticket, { group, now }) };
}

void t.test('a group has its share of the room, and others theirs', (t) => {
  const room = new StrangerRoom<object>(0);
  const tries = Array.from({ length: 20 }, () => knock(room, 'crowd'));
  t.equal(tries.filter(({ isIn }) => isIn).length, strangersPerGroup.value);
  t.ok(knock(room, 'another').isIn);
  const [first] = tries;
  if (first !== undefined) room.leave(first.ticket);
  t.notOk(knock(room, 'crowd').isIn, 'who leaves makes room, but the calls of the group are used up');
  t.ok(knock(room, 'crowd', nodeLimits.groupCallEveryMs.value).isIn, 'until a while later');
  t.end();
});

void t.test('the room is full when it is, whoever comes', (t) => {
  const room = new StrangerRoom<object>(0);
  const far = 1_000 * strangerCallEveryMs.value;
  const inside = Array.from({ length: strangerLinks.value }, (_, n) => knock(room, `group ${n}`, far));
  t.ok(inside.every(({ isIn }) => isIn));
  t.notOk(knock(room, 'late', 2 * far).isIn);
  for (const { ticket } of inside.slice(0, 1)) room.leave(ticket);
  t.ok(knock(room, 'late', 2 * far).isIn);
  t.end();
});

void t.test('who comes and goes all the time uses up the calls of its group alone', (t) => {
  const room = new StrangerRoom<object>(0);
  let letIn = 0;
  for (let call = 0; call < 1_000; call += 1) {
    const { ticket, isIn } = knock(room, 'restless');
    if (isIn) letIn += 1;
    room.leave(ticket);
  }
  t.equal(letIn, groupCalls.value);
  t.ok(knock(room, 'quiet').isIn);
  t.end();
});

void t.test('while an opening is good, fewer are let in than the replay guard has places for', (t) => {
  const room = new StrangerRoom<object>(0);
  let letIn = 0;
  for (let now = 0; now < 2 * transportLimits.clockSkewMs.value; now += 50) {
    const { ticket, isIn } = knock(room, `group ${now}`, now);
    if (isIn) letIn += 1;
    room.leave(ticket);
  }
  t.ok(letIn > strangerCalls.value);
  t.ok(letIn < transportLimits.callersKept.value, `${letIn}`);
  t.end();
});
