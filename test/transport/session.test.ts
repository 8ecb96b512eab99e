/** The session: the handshake, its refusals, messages in any chunks, time, and a hostile other side. */
import * as fc from 'fast-check';
import t from 'tap';
import { encodeCbor, equalBytes } from '../../keys/index.ts';
import { transportLimits } from '../../transport/index.ts';
import type { CloseReason, Role } from '../../transport/index.ts';
import { encodeFrame } from '../../transport/frame.ts';
import { authMessage, encodeHello } from '../../transport/hello.ts';
import { SeededRandom } from '../sim/random.ts';
import { NETWORK, Side, establishedPair, exchange, identityOf } from './session-pair.ts';

const FULL = process.env['MIMEO_TEST_FULL'] !== undefined;
const { handshakeMs, keepAliveMs, silenceMs, frameBytes, helloBytes } = transportLimits;

const goodHello = {
  identity: identityOf(2).publicKey,
  network: NETWORK,
  nonce: new Uint8Array(32).fill(3),
  versions: { min: 1, max: 1 },
};

function helloFrame(change: Partial<typeof goodHello> = {}): Uint8Array {
  return encodeFrame(encodeHello({ ...goodHello, ...change }), helloBytes.value);
}

/** A frame with whatever length, allowed or not. */
function frame(payload: Uint8Array): Uint8Array {
  return encodeFrame(payload, payload.length);
}

void t.test('two nodes learn each other and the version, whoever dialled', async (t) => {
  const [left, right] = establishedPair();
  t.same(left.established, { type: 'established', identity: identityOf(2).publicKey, version: 1 });
  t.same(right.established, { type: 'established', identity: identityOf(1).publicKey, version: 1 });
});

void t.test('the highest common version is taken, and none closes both sides', async (t) => {
  const cases: [ours: [number, number], theirs: [number, number], version: number | undefined][] = [
    [[1, 3], [2, 5], 3],
    [[4, 4], [1, 9], 4],
    [[1, 2], [3, 4], undefined],
    [[7, 9], [1, 6], undefined],
  ];
  for (const [ours, theirs, version] of cases) {
    const left = new Side(1, { versions: { min: ours[0], max: ours[1] } }).open('dial');
    const right = new Side(2, { versions: { min: theirs[0], max: theirs[1] } }).open('listen');
    exchange(left, right);
    for (const side of [left, right]) {
      t.equal(side.established?.version, version);
      t.equal(side.closeReason, version === undefined ? 'no_common_version' : undefined);
    }
  }
});

void t.test('another network is closed, and nothing is signed for it', async (t) => {
  const left = new Side(1).open('dial');
  const right = new Side(2, { network: new Uint8Array(32).fill(8) }).open('listen');
  left.takeWritten();
  left.receive(right.takeWritten());
  t.equal(left.closeReason, 'wrong_network');
  t.equal(left.takeWritten().length, 0);
});

void t.test('a node that has dialled itself closes', async (t) => {
  const left = new Side(1).open('dial');
  const right = new Side(1, { random: new SeededRandom(77) }).open('listen');
  exchange(left, right);
  t.equal(left.closeReason, 'self_connection');
  t.equal(right.closeReason, 'self_connection');
});

void t.test('an identity that is not accepted is closed before anything is signed', async (t) => {
  for (const role of ['dial', 'listen'] as const) {
    const expected = identityOf(3).publicKey;
    const side = new Side(1, { accepts: (identity) => equalBytes(identity, expected) }).open(role);
    side.takeWritten();
    side.receive(helloFrame());
    t.equal(side.closeReason, 'unexpected_identity');
    t.equal(side.takeWritten().length, 0);
  }
});

void t.test('whoever cannot sign for the identity that it names is closed', async (t) => {
  const side = new Side(1).open('dial');
  const ownHello = side.takeWritten();
  side.receive(helloFrame());
  const frames = { dialHello: ownHello, listenHello: helloFrame() };
  const good = identityOf(2).sign(authMessage('listen', frames));
  const bad: [what: string, signature: Uint8Array][] = [
    ['zeros', new Uint8Array(64)],
    ['of another identity', identityOf(3).sign(authMessage('listen', frames))],
    ['for the other role', identityOf(2).sign(authMessage('dial', frames))],
    ['its own one sent back', side.takeWritten().slice(4)],
    ['over changed hellos', identityOf(2).sign(authMessage('listen', { ...frames, listenHello: ownHello }))],
    ['one bit wrong', good.map((byte, at) => (at === 40 ? byte ^ 4 : byte))],
    ['cut off', good.slice(0, 63)],
    ['empty', new Uint8Array(0)],
  ];
  for (const [what, signature] of bad) {
    // The session keeps its state inside, so each try has a new one; equal seeds give equal nonces.
    const again = new Side(1).open('dial');
    again.receive(Buffer.concat([helloFrame(), frame(signature)]));
    t.equal(again.closeReason, 'bad_signature', what);
    t.equal(again.established, undefined);
  }
  side.receive(frame(good));
  t.ok(side.established, 'and the right one is accepted');
});

void t.test('what was recorded of one link opens no other', async (t) => {
  const left = new Side(1).open('dial');
  const right = new Side(2).open('listen');
  const recorded = [right.takeWritten()];
  right.receive(left.takeWritten());
  recorded.push(right.takeWritten());
  left.receive(Buffer.concat(recorded));
  t.ok(left.established);

  const later = new Side(1, { random: new SeededRandom(99) }).open('dial');
  later.receive(Buffer.concat(recorded));
  t.equal(later.closeReason, 'bad_signature');
});

void t.test('somebody between two nodes who changes the versions is found out', async (t) => {
  const versions = { min: 1, max: 2 };
  const left = new Side(1, { versions }).open('dial');
  const right = new Side(2, { versions }).open('listen');
  const lowered = Buffer.from(right.takeWritten());
  const at = lowered.indexOf(Buffer.from(encodeCbor([1, 2])));
  lowered.set(encodeCbor([1, 1]), at);
  left.receive(lowered);
  right.receive(left.takeWritten());
  left.receive(right.takeWritten());
  t.equal(left.closeReason, 'bad_signature');
  t.equal(right.closeReason, 'bad_signature');
});

void t.test('hellos that are none close', async (t) => {
  const cbor = { identity: goodHello.identity, network: NETWORK, nonce: goodHello.nonce, versions: [1, 1] };
  const { nonce, ...withoutNonce } = cbor;
  const bad: [what: string, payload: Uint8Array][] = [
    ['empty', new Uint8Array(0)],
    ['not CBOR', Uint8Array.of(0xff)],
    ['a list', encodeCbor([1, 2])],
    ['without nonce', encodeCbor(withoutNonce)],
    ['short nonce', encodeCbor({ ...cbor, nonce: nonce.slice(1) })],
    ['identity as text', encodeCbor({ ...cbor, identity: 'me' })],
    ['versions as a number', encodeCbor({ ...cbor, versions: 1 })],
    ['versions upside down', encodeCbor({ ...cbor, versions: [2, 1] })],
    ['version 0', encodeCbor({ ...cbor, versions: [0, 1] })],
    ['three versions', encodeCbor({ ...cbor, versions: [1, 1, 1] })],
    ['bytes after it', Buffer.concat([encodeCbor(cbor), Uint8Array.of(0)])],
  ];
  for (const [what, payload] of bad) {
    const side = new Side(1).open('listen');
    side.receive(frame(payload));
    t.equal(side.closeReason, 'bad_hello', what);
  }
  const side = new Side(1).open('listen');
  side.receive(frame(encodeCbor({ ...cbor, later: 'a field that this version does not know' })));
  t.equal(side.closeReason, undefined);
});

void t.test('a frame longer than its state allows closes at its head', async (t) => {
  const heads = (length: number) => Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length);
  for (const length of [helloBytes.value + 1, frameBytes.value, 0xffffffff]) {
    const side = new Side(1).open('listen');
    side.receive(heads(length));
    t.equal(side.closeReason, 'frame_too_long', `hello of ${length}`);
  }
  const awaitingAuth = new Side(1).open('listen');
  awaitingAuth.receive(Buffer.concat([helloFrame(), heads(65)]));
  t.equal(awaitingAuth.closeReason, 'frame_too_long', 'auth of 65');
  const [left, right] = establishedPair();
  left.handle(0, { type: 'send', payload: new Uint8Array(frameBytes.value) });
  right.receive(left.takeWritten());
  t.equal(right.delivered[0]?.length, frameBytes.value, 'the longest message passes');
  right.receive(heads(frameBytes.value + 1));
  t.equal(right.closeReason, 'frame_too_long');
});

void t.test('messages arrive whole and in order, however the stream is cut', async (t) => {
  const lengths = fc.array(
    fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(1, 32_924, frameBytes.value)),
    { minLength: 1, maxLength: 6 },
  );
  const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 100_000 })), {
    minLength: 1,
  });
  fc.assert(
    fc.property(lengths, cuts, fc.integer(), (lengths, cuts, seed) => {
      const [left, right] = establishedPair();
      const random = new SeededRandom(seed);
      const payloads = lengths.map((length) => random.bytes(length));
      for (const payload of payloads) left.handle(0, { type: 'send', payload });
      const stream = left.takeWritten();
      let at = 0;
      for (let cut = 0; at < stream.length; cut++) {
        const chunk = Uint8Array.from(stream.subarray(at, (at += cuts[cut % cuts.length] ?? 1)));
        right.receive(chunk);
        chunk.fill(0xee);
      }
      return (
        right.delivered.length === payloads.length &&
        right.delivered.every((got, i) => equalBytes(got, payloads[i] ?? got.slice(1)))
      );
    }),
    { numRuns: FULL ? 2_000 : 150 },
  );
  t.pass('for all chunkings, with chunks that are overwritten after the call');
});

void t.test('a handshake byte by byte, with the first message in the same chunk as its end', async (t) => {
  const left = new Side(1).open('dial');
  const right = new Side(2).open('listen');
  const fromRight = right.takeWritten();
  for (const byte of left.takeWritten()) right.receive(Uint8Array.of(byte));
  left.receive(Buffer.concat([fromRight, right.takeWritten()]));
  t.ok(left.established);
  left.handle(0, { type: 'send', payload: Uint8Array.of(1, 2, 3) });
  right.receive(left.takeWritten());
  t.ok(right.established);
  t.same(right.delivered, [Uint8Array.of(1, 2, 3)]);
});

void t.test(
  'a side that never says hello, or never signs, is closed when the time for it is over',
  async (t) => {
    for (const received of [new Uint8Array(0), helloFrame(), helloFrame().slice(0, 20)]) {
      const side = new Side(1).open('listen', 1_000);
      if (received.length > 0) side.receive(received, 2_000);
      const deadline = 1_000 + handshakeMs.value;
      t.equal(side.timerAt, deadline, 'what it says does not put it off');
      side.handle(deadline - 1, { type: 'timer' });
      t.equal(side.closeReason, undefined);
      t.equal(side.timerAt, deadline, 'a timer that came early is set again');
      side.handle(deadline, { type: 'timer' });
      t.equal(side.closeReason, 'handshake_timeout');
      t.equal(side.timerAt, undefined);
    }
  },
);

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

void t.test('two idle nodes keep their link for a day', async (t) => {
  const pair = establishedPair();
  runUntil(24 * 3_600_000, pair);
  for (const side of pair) {
    t.equal(side.closeReason, undefined);
    t.same(side.delivered, [], 'keep-alives are not delivered');
  }
});

void t.test('a node that has gone is noticed after the time of silence', async (t) => {
  const [left] = establishedPair(500);
  runUntil(500 + silenceMs.value - 1, [left]);
  t.equal(left.closeReason, undefined);
  const keepAlives = left.takeWritten();
  t.ok(keepAlives.length > 0 && keepAlives.every((byte) => byte === 0), 'it said that it was there');
  runUntil(500 + silenceMs.value, [left]);
  t.equal(left.closeReason, 'silent');
});

void t.test('whoever sends messages sends no keep-alives', async (t) => {
  const [left] = establishedPair();
  for (let now = 0; now < silenceMs.value - keepAliveMs.value; now += keepAliveMs.value / 4) {
    left.handle(now, { type: 'send', payload: Uint8Array.of(1) });
    if (left.timerAt !== undefined && left.timerAt <= now) left.handle(now, { type: 'timer' });
  }
  const keepAlives = left.effects.filter((effect) => effect.type === 'write' && effect.bytes.length === 4);
  t.same(keepAlives, []);
});

void t.test('after close nothing happens any more, and close is the last effect', async (t) => {
  const [left] = establishedPair();
  left.handle(0, { type: 'carrierClosed' });
  t.equal(left.closeReason, 'carrier_closed');
  const count = left.effects.length;
  left.handle(1, { type: 'carrierClosed' });
  left.handle(1, { type: 'timer' });
  left.handle(1, { type: 'send', payload: Uint8Array.of(1) });
  left.receive(encodeFrame(Uint8Array.of(1), 1), 1);
  t.equal(left.effects.length, count);
  t.equal(left.effects.at(-1)?.type, 'close');
});

void t.test(
  'a carrier that ends in the middle of the handshake or of a frame closes the session',
  async (t) => {
    const early = new Side(1).open('dial');
    early.receive(helloFrame().slice(0, 30));
    early.handle(1, { type: 'carrierClosed' });
    t.equal(early.closeReason, 'carrier_closed');
    const [left] = establishedPair();
    left.receive(Uint8Array.of(0, 0, 0, 9, 1));
    left.handle(1, { type: 'carrierClosed' });
    t.equal(left.closeReason, 'carrier_closed');
    t.same(left.delivered, []);
  },
);

void t.test('messages of our own that break the rules are bugs', async (t) => {
  const [left] = establishedPair();
  t.throws(() => left.handle(0, { type: 'send', payload: new Uint8Array(0) }), /keep-alive/);
  t.throws(() => left.handle(0, { type: 'send', payload: new Uint8Array(frameBytes.value + 1) }), /at most/);
  const early = new Side(1).open('dial');
  t.throws(() => early.handle(0, { type: 'send', payload: Uint8Array.of(1) }), /after the handshake/);
});

void t.test(
  'no stream of bytes makes a session throw, and none but a handshake establishes it',
  async (t) => {
    const random = new SeededRandom(20_260_101);
    const reasons = new Map<CloseReason | 'open', number>();
    const hello = helloFrame();
    for (let run = 0; run < (FULL ? 100_000 : 10_000); run++) {
      const role: Role = run % 2 ? 'dial' : 'listen';
      const side = new Side(1).open(role);
      const [kind = 0, place = 0, length = 0] = random.bytes(3);
      let stream = random.bytes(length);
      // A third is noise, a third is a hello with one byte changed, a third a true hello with noise after it.
      if (kind % 3 === 1)
        stream = hello.map((byte, at) => (at === place % hello.length ? byte ^ (1 + (length % 255)) : byte));
      if (kind % 3 === 2) stream = Buffer.concat([hello, Uint8Array.of(0, 0, 0, place % 66), stream]);
      for (let at = 0; at < stream.length; at += 1 + place) side.receive(stream.slice(at, at + 1 + place));
      if (side.established || side.delivered.length > 0) t.fail(`run ${run} was let in`);
      const reason = side.closeReason;
      if (reason === undefined) side.handle(handshakeMs.value, { type: 'timer' });
      if (side.closeReason === undefined) t.fail(`run ${run} was never closed`);
      reasons.set(reason ?? 'open', (reasons.get(reason ?? 'open') ?? 0) + 1);
    }
    for (const reason of ['open', 'frame_too_long', 'bad_hello', 'wrong_network', 'bad_signature'] as const) {
      t.ok((reasons.get(reason) ?? 0) > 10, `${reason} was reached ${reasons.get(reason)} times`);
    }
  },
);
