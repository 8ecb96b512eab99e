/** The session as its owner sees it: who meets whom, messages in any chunks, time, and keys that do not fit. Hostile callers: opening.test.ts. */
import * as fc from 'fast-check';
import t from 'tap';
import { equalBytes } from '../../keys/index.ts';
import { inviteId, pairSecret, transportLimits } from '../../transport/index.ts';
import type { CloseReason, LinkSecret } from '../../transport/index.ts';
import { SeededRandom } from '../sim/random.ts';
import { runs } from '../keys/samples.ts';
import {
  STRANGER,
  Side,
  WALL_MS,
  establishedPair,
  exchange,
  identityOf,
  keysOf,
  referenceOf,
} from './session-pair.ts';
import type { SideOptions } from './session-pair.ts';

const { handshakeMs, keepAliveMs, silenceMs, frameBytes, windowBytes, realtimeRun, unansweredMsMost } =
  transportLimits;

/** Dials and lets both go on until they are quiet. */
function meet(
  {
    left = {},
    right = {},
    secret = STRANGER,
    wallMs = WALL_MS,
  }: { left?: SideOptions; right?: SideOptions; secret?: LinkSecret; wallMs?: number },
  peer = referenceOf(2, right),
): [Side, Side] {
  const dialler = new Side(1, left);
  const listener = new Side(2, right).listen();
  dialler.dial(peer, { secret, wallMs });
  exchange(dialler, listener);
  return [dialler, listener];
}

/** What both say when their time is over. */
function reasons([dialler, listener]: readonly [Side, Side]): (CloseReason | undefined)[] {
  dialler.handle(handshakeMs.value, { type: 'timer' });
  listener.handle(unansweredMsMost.value, { type: 'timer' });
  return [dialler.closeReason, listener.closeReason];
}

void t.test('strangers who know the reference learn each other and the version', async (t) => {
  const [left, right] = establishedPair();
  t.same(left.established, { type: 'established', identity: identityOf(2).publicKey, version: 1 });
  t.same(right.established, { type: 'established', identity: identityOf(1).publicKey, version: 1 });
  t.same(right.admit, {
    type: 'admit',
    token: right.admit?.token,
    identity: identityOf(1).publicKey,
    agreementKey: keysOf(1).agreementKey,
    reference: left.self,
    timestampMs: WALL_MS,
  });
});

void t.test('friends meet with their pair secret, and with it alone', async (t) => {
  const pair: LinkSecret = { type: 'pair', pairSecret: new Uint8Array(32).fill(4) };
  const other: LinkSecret = { type: 'pair', pairSecret: new Uint8Array(32).fill(5) };
  const [left, right] = meet({ secret: pair, right: { verdict: { type: 'accepted', secret: pair } } });
  t.ok(left.established && right.established);
  for (const [ours, theirs] of [
    [pair, STRANGER],
    [STRANGER, pair],
    [pair, other],
  ] as const) {
    const sides = meet({ secret: ours, right: { verdict: { type: 'accepted', secret: theirs } } });
    for (const side of sides) t.notOk(side.established);
    t.same(reasons(sides), ['bad_reply', 'unconfirmed']);
  }
});

void t.test(
  'one paste makes friends: the invite opens the first link, what both derive from it the next',
  async (t) => {
    const inviteSecret = new Uint8Array(32).fill(6);
    const invite: LinkSecret = { type: 'invite', inviteSecret };
    const [left, right] = meet({ secret: invite, right: { verdict: { type: 'accepted', secret: invite } } });
    t.ok(left.established && right.established);
    t.same(right.admit?.inviteId, inviteId(inviteSecret));
    const derived = () =>
      pairSecret({ secret: inviteSecret, inviterKey: right.self.identity, joinerKey: left.self.identity });
    const pairOf = (): LinkSecret => ({ type: 'pair', pairSecret: derived() });
    const later = meet({ secret: pairOf(), right: { verdict: { type: 'accepted', secret: pairOf() } } });
    t.ok(later[0].established && later[1].established);
    t.equal(later[1].admit?.inviteId, undefined);
  },
);

void t.test(
  'the highest common version is taken; without one the caller is told, and both close',
  async (t) => {
    const cases: [ours: [number, number], theirs: [number, number], version: number | undefined][] = [
      [[1, 3], [2, 5], 3],
      [[4, 4], [1, 9], 4],
      [[1, 2], [3, 4], undefined],
      [[7, 9], [1, 6], undefined],
    ];
    for (const [ours, theirs, version] of cases) {
      const sides = meet({
        left: { versions: { min: ours[0], max: ours[1] } },
        right: { versions: { min: theirs[0], max: theirs[1] } },
      });
      for (const side of sides) t.equal(side.established?.version, version);
      if (version === undefined) t.same(reasons(sides), ['no_common_version', 'no_common_version']);
    }
  },
);

void t.test(
  'a node that dials itself sends nothing, and one that hears itself does not answer',
  async (t) => {
    const left = new Side(1).dial(referenceOf(1));
    t.equal(left.closeReason, 'self_connection');
    t.equal(left.takeWritten().length, 0);
    // With another identity over the same keys it is not found before the listener reads it.
    const confused = { ...referenceOf(1), identity: identityOf(2).publicKey };
    const dialler = new Side(1).dial(confused);
    const listener = new Side(1).listen();
    exchange(dialler, listener);
    t.same(reasons([dialler, listener]), ['handshake_timeout', 'self_connection']);
  },
);

void t.test('whoever dials with keys that are not of the node that answers gets no reply', async (t) => {
  const network = new Uint8Array(32).fill(8);
  const cases: [what: string, sides: [Side, Side], reason: CloseReason][] = [
    ['another network', meet({ right: { network } }), 'bad_handshake'],
    ['another probe key', meet({}, { ...referenceOf(2), probeKey: keysOf(3).probeKey }), 'bad_opening'],
    [
      'another static key',
      meet({}, { ...referenceOf(2), agreementKey: keysOf(3).agreementKey }),
      'bad_handshake',
    ],
    ['a missing prefix', meet({ right: { prefix: Buffer.from('GET /') } }, referenceOf(2)), 'bad_prefix'],
    ['a prefix too many', meet({}, referenceOf(2, { prefix: Buffer.from('GET /') })), 'bad_opening'],
  ];
  for (const [what, sides, reason] of cases) {
    t.same(reasons(sides), ['handshake_timeout', reason], what);
    t.equal(sides[1].admit, undefined);
  }
  const prefix = Buffer.from('GET / HTTP/1.1\r\n');
  const [left, right] = meet({ right: { prefix } });
  t.ok(left.established && right.established, 'the right prefix opens');
});

void t.test('a reference that names a key of small order is not called', async (t) => {
  const left = new Side(1).dial({ ...referenceOf(2), agreementKey: new Uint8Array(32) });
  t.equal(left.closeReason, 'bad_reply');
  t.equal(left.takeWritten().length, 0);
});

void t.test('who shows the reference of another, or none of this network, is not asked about', async (t) => {
  const network = new Uint8Array(32).fill(8);
  // The prologue is of the right network, the reference within is not.
  const liar = { ...referenceOf(1), line: referenceOf(1, { network }).line };
  const thief = { ...referenceOf(1), line: referenceOf(3).line };
  for (const self of [liar, thief, { ...liar, line: 'mimeo-node:AAAA' }]) {
    const sides = meet({ left: { self } });
    t.same(reasons(sides), ['handshake_timeout', 'bad_caller']);
    t.equal(sides[1].admit, undefined);
  }
});

void t.test('whoever the owner refuses hears nothing', async (t) => {
  const sides = meet({ right: { verdict: { type: 'refused' } } });
  t.ok(sides[1].admit);
  t.same(reasons(sides), ['handshake_timeout', 'refused']);
});

void t.test('the owner may take its time: nothing is sent before its answer', async (t) => {
  const right = new Side(2, { verdict: 'later' }).listen();
  const left = new Side(1).dial(right.self);
  exchange(left, right);
  t.ok(right.admit);
  t.notOk(right.effects.some(({ type }) => type === 'write'));
  if (right.admit) right.answer(5_000, right.admit, { type: 'accepted', secret: STRANGER });
  exchange(left, right, 5_000);
  t.ok(left.established && right.established);
});

void t.test('an owner that lets in without the guard having accepted is a bug', async (t) => {
  const right = new Side(2, { verdict: 'later' }).listen();
  exchange(new Side(1).dial(right.self), right);
  const { admit } = right;
  if (!admit) throw new Error('nobody asked');
  const verdict = { type: 'accepted', secret: STRANGER } as const;
  t.throws(() => right.handle(0, { type: 'admitted', token: admit.token, verdict }), /guard/);
});

void t.test(
  'a caller whose clock differs by more than the limit is not answered, up to the limit it is',
  async (t) => {
    const { value } = transportLimits.clockSkewMs;
    for (const skewMs of [-value, value]) {
      const [left, right] = meet({ wallMs: WALL_MS + skewMs });
      t.ok(left.established && right.established, `${skewMs} ms`);
    }
    for (const skewMs of [-value - 1, value + 1]) {
      t.same(reasons(meet({ wallMs: WALL_MS + skewMs })), ['handshake_timeout', 'bad_time'], `${skewMs} ms`);
    }
  },
);

void t.test('a timestamp is good once, and then only a greater one', async (t) => {
  const { replay } = meet({})[1];
  // Another nonce each time, so that it is not that which is known.
  let seeds = 0;
  for (const [wallMs, isGood] of [
    [WALL_MS, false],
    [WALL_MS - 1, false],
    [WALL_MS + 1, true],
  ] as const) {
    const sides = meet({ wallMs, left: { random: new SeededRandom(50 + seeds++) }, right: { replay } });
    t.equal(sides[0].established !== undefined, isGood);
    if (!isGood) t.same(reasons(sides), ['handshake_timeout', 'replayed']);
  }
});

void t.test('a reply that is not the right one closes the caller', async (t) => {
  const right = new Side(2).listen();
  right.receive(new Side(1).dial(right.self).takeWritten());
  const reply = right.takeWritten();
  const cases = [
    new SeededRandom(4).bytes(600),
    reply.map((byte, at) => (at === 30 ? byte ^ 1 : byte)),
    reply.map((byte, at) => (at === 100 ? byte ^ 1 : byte)),
    Buffer.concat([reply, Uint8Array.of(0)]),
  ];
  for (const bytes of cases) {
    const left = new Side(1).dial(right.self);
    left.receive(bytes);
    t.equal(left.closeReason, 'bad_reply');
    t.notOk(left.established);
  }
  const left = new Side(1).dial(right.self);
  left.receive(reply);
  t.ok(left.established, 'equal seeds make equal openings, so the reply itself fits');
});

void t.test('messages arrive whole and in order, however the stream is cut', async (t) => {
  const lengths = fc.array(
    fc.oneof(
      fc.integer({ min: 1, max: 300 }),
      fc.constantFrom(1, 219, 220, 987, 988, 4_059, 4_060, 32_924, frameBytes.value),
    ),
    { minLength: 1, maxLength: 6 },
  );
  const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 100_000 })), {
    minLength: 1,
  });
  fc.assert(
    fc.property(lengths, cuts, fc.integer(), (lengths, cuts, seed) => {
      const [left, right] = establishedPair();
      const random = new SeededRandom(seed);
      const payloads = lengths.map((length) => random.bytes(length));
      for (const payload of payloads) left.send(payload.slice());
      const stream = left.takeAll();
      let at = 0;
      for (let cut = 0; at < stream.length; cut++) {
        const chunk = stream.slice(at, (at += cuts[cut % cuts.length] ?? 1));
        right.receive(chunk);
        chunk.fill(0xee);
      }
      return (
        right.delivered.length === payloads.length &&
        right.delivered.every((got, i) => equalBytes(got, payloads[i] ?? got.slice(1)))
      );
    }),
    runs(1_500),
  );
  t.pass('for all chunkings, with chunks that are overwritten after the call');
});

void t.test('a handshake byte by byte establishes as one in two chunks does', async (t) => {
  const right = new Side(2).listen();
  const left = new Side(1).dial(right.self);
  for (const byte of left.takeWritten()) right.receive(Uint8Array.of(byte));
  for (const byte of right.takeWritten()) left.receive(Uint8Array.of(byte));
  t.ok(left.established);
  t.notOk(right.established, 'not before a frame has come');
  left.send(Uint8Array.of(1, 2, 3));
  for (const byte of left.takeWritten()) right.receive(Uint8Array.of(byte));
  t.ok(right.established);
  t.same(right.delivered, [Uint8Array.of(1, 2, 3)]);
  const order = right.effects
    .map(({ type }) => type)
    .filter((type) => type === 'established' || type === 'deliver');
  t.same(order, ['established', 'deliver']);
});

void t.test('control overtakes the bulk that has not been handed over, and nothing else', async (t) => {
  const [left, right] = establishedPair();
  const count = 20;
  for (let i = 0; i < count; i++) left.send(new Uint8Array(32_924).fill(i));
  const before = left.takeWrites().length;
  t.ok(before < count, `the window takes ${before} of ${count}`);
  t.ok(before * 33_536 >= windowBytes.value, 'and is filled');
  t.equal(left.session.queuedBytes, (count - before) * 32_924);
  const [again, to] = establishedPair();
  for (let i = 0; i < count; i++) again.send(new Uint8Array(32_924).fill(i));
  for (let i = 0; i < 3; i++) again.send(Uint8Array.of(100 + i), { urgency: 'control' });
  to.receive(again.takeAll());
  const bulk = Array.from({ length: count }, (_, i) => i);
  t.same(
    to.delivered.map(([first]) => first),
    [...bulk.slice(0, before), 100, 101, 102, ...bulk.slice(before)],
  );
  t.equal(again.session.queuedBytes, 0);
  t.equal(right.closeReason, undefined);
});

void t.test('realtime overtakes bulk, and of bulk that waits each fourth block goes', async (t) => {
  const [left, right] = establishedPair();
  for (let i = 0; i < 20; i++) left.send(new Uint8Array(32_924).fill(i), { urgency: 'bulk' });
  const sealed = left.takeWrites();
  const [before, run] = [sealed.length, realtimeRun.value];
  for (let i = 0; i < 2 * run + 1; i++)
    left.send(new Uint8Array(32_924).fill(100 + i), { urgency: 'realtime' });
  left.send(Uint8Array.of(200), { urgency: 'control' });
  right.receive(new Uint8Array(Buffer.concat(sealed)));
  left.handle(0, { type: 'drained' });
  right.receive(left.takeAll());
  const realtime = Array.from({ length: 2 * run + 1 }, (_, i) => 100 + i);
  t.same(
    right.delivered.map(([first]) => first),
    [
      ...Array.from({ length: before }, (_, i) => i),
      200,
      ...realtime.slice(0, run),
      before,
      ...realtime.slice(run, 2 * run),
      before + 1,
      ...realtime.slice(2 * run),
      ...Array.from({ length: 20 - before - 2 }, (_, i) => before + 2 + i),
    ],
  );
});

void t.test('how long a message waits for its carrier is known, of whatever urgency', async (t) => {
  for (const urgency of ['control', 'realtime', 'bulk'] as const) {
    const [left] = establishedPair();
    t.equal(left.session.waitingSince, undefined);
    // One more than the carrier takes waits from then on.
    let now = 1_000;
    while (left.session.waitingSince === undefined)
      left.send(new Uint8Array(32_924), { urgency, now: (now += 1) });
    t.equal(left.session.waitingSince, now);
    left.send(new Uint8Array(32_924), { urgency, now: now + 50 });
    t.equal(left.session.waitingSince, now);
    left.handle(now + 60, { type: 'drained' });
    t.equal(left.session.waitingSince, undefined);
  }
});

void t.test(
  'a frame that is dropped, repeated, moved or changed closes the link, and delivers nothing more',
  async (t) => {
    const damages: [what: string, (frames: Uint8Array[]) => Uint8Array[]][] = [
      ['dropped', ([a, , c, d]) => [a, c, d] as Uint8Array[]],
      ['repeated', ([a, b, c]) => [a, b, b, c] as Uint8Array[]],
      ['moved', ([a, b, c, d]) => [a, c, b, d] as Uint8Array[]],
      ['cut', ([a, b, c]) => [a, b?.subarray(1), c] as Uint8Array[]],
    ];
    for (let at = 0; at < 256; at++) {
      const flip = (frame: Uint8Array = new Uint8Array(0)) =>
        frame.map((byte, i) => (i === at ? byte ^ (1 << (at % 8)) : byte));
      damages.push([`bit flipped in byte ${at}`, ([a, b, c]) => [a, flip(b), c] as Uint8Array[]]);
    }
    for (const [what, damage] of damages) {
      const [left, right] = establishedPair();
      for (let i = 0; i < 4; i++) left.send(Uint8Array.of(i));
      right.receive(new Uint8Array(Buffer.concat(damage(left.takeWrites()))));
      t.equal(right.closeReason, 'bad_frame', what);
      t.ok(right.delivered.every(([first], i) => first === i) && right.delivered.length < 3, what);
    }
  },
);

void t.test('what one side sealed is not taken by itself', async (t) => {
  const [left] = establishedPair();
  left.send(Uint8Array.of(1));
  left.receive(left.takeWritten());
  t.equal(left.closeReason, 'bad_frame');
});

void t.test('the caller gives up when no reply has come in time', async (t) => {
  const left = new Side(1).dial(referenceOf(2), { now: 1_000 });
  const deadline = 1_000 + handshakeMs.value;
  left.receive(new SeededRandom(1).bytes(30), 2_000);
  t.equal(left.timerAt, deadline, 'what comes does not put it off');
  left.handle(deadline - 1, { type: 'timer' });
  t.equal(left.closeReason, undefined);
  left.handle(deadline, { type: 'timer' });
  t.equal(left.closeReason, 'handshake_timeout');
  t.equal(left.timerAt, undefined);
});

/** Lets time pass for `sides` by their timers alone, what they write arriving at once at the next one. */
function runUntil(end: number, sides: readonly Side[]): void {
  for (;;) {
    const next = sides.toSorted((a, b) => (a.timerAt ?? Infinity) - (b.timerAt ?? Infinity))[0];
    const now = next?.timerAt ?? Infinity;
    if (!next || now > end) return;
    next.handle(now, { type: 'timer' });
    const [left, right] = sides;
    if (left && right) exchange(left, right, now);
  }
}

void t.test('two idle nodes keep their link for a day, through all its rekeys', async (t) => {
  const pair = establishedPair();
  runUntil(24 * 3_600_000, pair);
  for (const side of pair) {
    t.equal(side.closeReason, undefined);
    t.same(side.delivered, [], 'keep-alives are not delivered');
  }
});

void t.test('a node that has gone is noticed after the time of silence', async (t) => {
  const [left] = establishedPair({ now: 500 });
  runUntil(500 + silenceMs.value - 1, [left]);
  t.equal(left.closeReason, undefined);
  t.ok(left.takeWritten().length >= 256, 'it said that it was there');
  runUntil(500 + silenceMs.value, [left]);
  t.equal(left.closeReason, 'silent');
});

void t.test('whoever sends messages sends no keep-alives', async (t) => {
  const [left] = establishedPair();
  left.takeWrites();
  let sent = 0;
  for (let now = 0; now < silenceMs.value - keepAliveMs.value; now += keepAliveMs.value / 4) {
    left.send(Uint8Array.of(1), { now });
    sent += 1;
    if (left.timerAt !== undefined && left.timerAt <= now) left.handle(now, { type: 'timer' });
  }
  t.equal(left.takeWrites().length, sent);
});

void t.test('after close nothing happens any more, and close is the last effect', async (t) => {
  const [left] = establishedPair();
  left.handle(0, { type: 'carrierClosed' });
  t.equal(left.closeReason, 'carrier_closed');
  const count = left.effects.length;
  left.handle(1, { type: 'carrierClosed' });
  left.handle(1, { type: 'timer' });
  left.handle(1, { type: 'drained' });
  left.send(Uint8Array.of(1), { now: 1 });
  left.receive(Uint8Array.of(1), 1);
  t.equal(left.effects.length, count);
  t.equal(left.effects.at(-1)?.type, 'close');
});

void t.test('messages of our own that break the rules are bugs', async (t) => {
  const [left] = establishedPair();
  t.throws(() => left.send(new Uint8Array(0)), /1 to 33499 bytes/);
  t.throws(() => left.send(new Uint8Array(frameBytes.value + 1)), /1 to 33499 bytes/);
  const early = new Side(1).dial(referenceOf(2));
  t.throws(() => early.send(Uint8Array.of(1)), /after the handshake/);
});

void t.test(
  'an owner that answers while it performs the effects does not bring frames out of order',
  async (t) => {
    const [left, right] = establishedPair({
      left: { rekey: { afterMs: 1e9, afterBytes: 60_000 } },
      right: { rekey: { afterMs: 1e9, afterBytes: 60_000 } },
    });
    // A chunk with a rekey message and messages in it makes the listener write and deliver in one call.
    for (let i = 0; i < 3; i++) left.send(new Uint8Array(32_924).fill(i));
    right.receive(left.takeAll());
    const last = right.effects.slice(-5).map(({ type }) => type);
    t.ok(last.indexOf('write') < last.indexOf('deliver'), last.join());
    t.ok(last.includes('write') && last.includes('deliver'));

    // The same in the chunk that establishes it.
    const listener = new Side(2, { rekey: { afterMs: 1e9, afterBytes: 60_000 } }).listen();
    const dialler = new Side(1, { rekey: { afterMs: 1e9, afterBytes: 60_000 } }).dial(listener.self);
    listener.receive(dialler.takeWritten());
    dialler.receive(listener.takeWritten());
    for (let i = 0; i < 3; i++) dialler.send(new Uint8Array(32_924).fill(i));
    listener.receive(dialler.takeAll());
    const all = listener.effects.map(({ type }) => type);
    t.ok(all.lastIndexOf('write') < all.indexOf('established'), all.join());
    t.ok(all.indexOf('established') < all.indexOf('deliver'), all.join());
    t.equal(all.filter((type) => type === 'write').length, 2, 'the reply, and that to the rekey');
  },
);
