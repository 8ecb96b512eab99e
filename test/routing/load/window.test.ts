/** How much a node asks of one peer at a time (load.md, 5). */
import * as fc from 'fast-check';
import t from 'tap';
import { loadLimits } from '../../../routing/load/limits.ts';
import { Window, type WindowEnd } from '../../../routing/load/window.ts';

const { windowFirst, windowMost, pauseFirstMs, pauseMostMs } = loadLimits;

/** Sends as many as there is room for at `now`, and ends them all in one way at `until`. */
function round(window: Window, how: WindowEnd, { now, until }: { now: number; until: number }): number {
  const sent: number[] = [];
  while (window.hasRoom(now)) sent.push(window.sent());
  for (const round of sent) window.ended(how, { now: until, round, chance: 0.5 });
  return sent.length;
}

void t.test(
  'an unknown peer is sent a few at once, and twice as many after each full round of answers',
  async (t) => {
    const window = new Window();
    t.equal(round(window, 'answered', { now: 0, until: 1 }), windowFirst.value);
    const second = round(window, 'answered', { now: 2, until: 3 });
    t.ok(second > windowFirst.value && second <= windowFirst.value * 2, `${second}`);
  },
);

void t.test('a burst of refusals halves the window once', async (t) => {
  const window = new Window();
  for (let i = 0; i < 10; i += 1) round(window, 'answered', { now: i, until: i });
  const before = window.size;
  round(window, 'refused', { now: 20, until: 21 });
  t.equal(window.size, before / 2);
});

void t.test('after a refusal the window grows by one a round', async (t) => {
  const window = new Window();
  for (let i = 0; i < 10; i += 1) round(window, 'answered', { now: i, until: i });
  round(window, 'refused', { now: 20, until: 21 });
  const before = window.size;
  round(window, 'answered', { now: 22, until: 23 });
  t.ok(window.size > before && window.size <= before + 1.01, `${before} → ${window.size}`);
});

void t.test('answers to a window that is not filled do not make it grow', async (t) => {
  const window = new Window();
  for (let i = 0; i < 10; i += 1) round(window, 'answered', { now: i, until: i });
  const before = window.size;
  for (let i = 0; i < 100; i += 1) {
    window.ended('answered', { now: 100 + i, round: window.sent(), chance: 0 });
  }
  t.equal(window.size, before);
});

/** Fills the window at `now`, is refused a millisecond later, and says when there is room again. */
function refused(window: Window, now: number): { sent: number; pauseMs: number; roomAt: number } {
  const sent = round(window, 'refused', { now, until: now + 1 });
  const roomAt = window.roomAt(now + 1);
  return { sent, pauseMs: roomAt - now - 1, roomAt };
}

void t.test(
  'a peer that refuses even one is left alone for longer and longer, and then asked for one',
  async (t) => {
    const window = new Window();
    const halvings = Math.log2(windowFirst.value);
    const rounds: { sent: number; pauseMs: number }[] = [];
    for (let now = 0; rounds.length < halvings + 11;) {
      const { roomAt, ...round } = refused(window, now);
      rounds.push(round);
      if (round.pauseMs > 0) t.equal(window.hasRoom(roomAt - 1), false);
      now = roomAt;
    }
    for (let halving = 0; halving < halvings; halving += 1)
      t.strictSame(rounds[halving], { sent: windowFirst.value / 2 ** halving, pauseMs: 0 }, 'too many');
    t.strictSame(rounds[halvings], { sent: 1, pauseMs: pauseFirstMs.value }, '1 is, too');
    t.strictSame(rounds[halvings + 1], { sent: 1, pauseMs: 2 * pauseFirstMs.value });
    t.strictSame(rounds.at(-1), { sent: 1, pauseMs: pauseMostMs.value });
  },
);

void t.test('a silent peer gets one request at a time, after a pause', async (t) => {
  const window = new Window();
  for (let i = 0; i < 10; i += 1) round(window, 'answered', { now: i, until: i });
  round(window, 'silent', { now: 20, until: 1_020 });
  t.equal(window.size, 1);
  t.equal(window.roomAt(1_020), 1_020 + pauseFirstMs.value);
});

void t.test('an answer ends the doubling of pauses', async (t) => {
  const window = new Window();
  let now = 0;
  for (let i = 0; i < Math.log2(windowFirst.value) + 6; i += 1) now = refused(window, now).roomAt;
  round(window, 'answered', { now, until: now + 1 });
  t.equal(window.roomAt(now + 1), now + 1);
  const again = refused(window, now + 1);
  t.strictSame(
    [again.pauseMs, refused(window, again.roomAt).pauseMs],
    [0, pauseFirstMs.value],
    'it had grown to 2',
  );
});

void t.test('whatever the peer does, the window stays within its bounds and never sends more', async () => {
  const step = fc.record({
    how: fc.constantFrom<WindowEnd>('answered', 'refused', 'silent', 'dropped'),
    passMs: fc.nat(2_000),
    send: fc.nat(200),
    chance: fc.double({ min: 0, max: 0.999, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const window = new Window();
      const open: number[] = [];
      let now = 0;
      for (const { how, passMs, send, chance } of steps) {
        now += passMs;
        for (let i = 0; i < send && window.hasRoom(now); i += 1) open.push(window.sent());
        if (window.inWork !== open.length || open.length > windowMost.value) return false;
        const round = open.shift();
        if (round !== undefined) window.ended(how, { now, round, chance });
        if (window.size < 1 || window.size > windowMost.value) return false;
        // Alone in the window, one is let through within the longest pause.
        if (open.length === 0 && window.roomAt(now) > now + 1.5 * pauseMostMs.value) return false;
      }
      return true;
    }),
  );
});
