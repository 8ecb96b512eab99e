/** New keys under load, keys that grow too old, and frames that nobody who keeps to the protocol sends. */
import t from 'tap';
import { primitives } from '../../keys/index.ts';
import type { Agreement } from '../../transport/call.ts';
import { FrameSealer } from '../../transport/frame.ts';
import type { Frame } from '../../transport/frame.ts';
import { transportLimits } from '../../transport/index.ts';
import type { CloseReason, RekeyLimits, SessionEffect, Urgency } from '../../transport/index.ts';
import { Link } from '../../transport/link.ts';
import { CipherState } from '../../transport/noise.ts';
import { Rekey } from '../../transport/rekey.ts';
import { SeededRandom } from '../sim/random.ts';
import { toHex } from '../keys/samples.ts';
import { establishedPair, exchange, keysOf } from './session-pair.ts';
import type { Side } from './session-pair.ts';

const FULL = process.env['MIMEO_TEST_FULL'] !== undefined;
const NEVER_MS = 1e12;

function pairWith(rekey: RekeyLimits): [Side, Side] {
  return establishedPair({ left: { rekey }, right: { rekey } });
}

/** The keys of all ciphers that are made meanwhile. */
function keysMade(call: () => void): string[] {
  const keys: string[] = [];
  const original = { ...primitives };
  primitives.chachaPoly = (key) => {
    keys.push(toHex(key));
    return original.chachaPoly(key);
  };
  try {
    call();
  } finally {
    Object.assign(primitives, original);
  }
  return keys;
}

/** Urgency and number, so that a receiver can tell what is missing or moved. */
function numbered(urgency: Urgency, number: number, length: number): Uint8Array {
  const payload = new Uint8Array(Math.max(5, length));
  payload[0] = urgency === 'control' ? 1 : 2;
  new DataView(payload.buffer).setUint32(1, number);
  return payload;
}

function numbersOf(side: Side, urgency: Urgency): number[] {
  return side.delivered
    .filter(([first]) => first === (urgency === 'control' ? 1 : 2))
    .map((payload) => new DataView(payload.buffer, payload.byteOffset).getUint32(1));
}

void t.test(
  'keys change under load in both directions, and every message arrives once and in order',
  async (t) => {
    const random = new SeededRandom(20_260_105);
    for (let run = 0; run < (FULL ? 200 : 10); run++) {
      const [left, right] = pairWith({ afterMs: NEVER_MS, afterBytes: 800_000 });
      const sides = [left, right] as const;
      const onTheWay: Uint8Array[][] = [[], []];
      const sent = { control: [0, 0], bulk: [0, 0] };
      const keys = keysMade(() => {
        for (let step = 0; step < 600; step++) {
          const which = random.below(2);
          const from = sides[which] ?? left;
          const to = sides[1 - which] ?? right;
          const urgency = random.below(3) === 0 ? 'control' : 'bulk';
          const number = sent[urgency][which] ?? 0;
          from.send(numbered(urgency, number, urgency === 'bulk' ? 32_924 : random.below(300)), { urgency });
          sent[urgency][which] = number + 1;
          const queue = onTheWay[which] ?? [];
          queue.push(...from.takeWrites());
          // Now and then the carrier takes what there is, and some of what is on the way arrives.
          if (random.below(3) === 0) from.handle(0, { type: 'drained' });
          for (let i = random.below(5); i > 0; i--) {
            const bytes = queue.shift();
            if (bytes) to.receive(bytes);
          }
        }
        for (const [which, queue] of onTheWay.entries())
          for (const bytes of queue) sides[1 - which]?.receive(bytes);
        for (const side of sides) side.handle(0, { type: 'drained' });
        exchange(left, right);
      });
      for (const [which, to] of [right, left].entries()) {
        t.equal(to.closeReason, undefined);
        for (const urgency of ['control', 'bulk'] as const) {
          const count = sent[urgency][which] ?? 0;
          t.same(
            numbersOf(to, urgency),
            Array.from({ length: count }, (_, i) => i),
            urgency,
          );
        }
      }
      // Each side makes two for the link and six on the way to them, at every rekey.
      t.ok(keys.length >= 10 * 8, `${keys.length} keys`);
      const counts = new Map<string, number>();
      for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
      t.same([...new Set(counts.values())], [2], 'each is made once by each side and never again');
    }
  },
);

void t.test('an idle link gets new keys when its time has come, again and again', async (t) => {
  const [left, right] = pairWith({ afterMs: 1_000, afterBytes: 1e9 });
  const keys = keysMade(() => {
    for (let now = 0; now <= 20_000; now += 100) {
      for (const side of [left, right]) {
        if (side.timerAt !== undefined && side.timerAt <= now) side.handle(now, { type: 'timer' });
      }
      exchange(left, right, now);
    }
  });
  t.equal(left.closeReason, undefined);
  t.equal(right.closeReason, undefined);
  t.ok(keys.length >= 18 * 16, `${keys.length} keys`);
});

void t.test('keys that nobody replaces close the link at twice their limits, on both sides', async (t) => {
  const never = { afterMs: NEVER_MS, afterBytes: 1e12 };
  const some = { afterMs: 60_000, afterBytes: 100_000 };
  const send = (from: Side, to: Side) => {
    for (let i = 0; i < 10 && !from.closeReason; i++) {
      from.send(new Uint8Array(32_924));
      const bytes = from.takeAll();
      if (to.closeReason) return;
      to.receive(bytes);
    }
  };
  // The listener has limits and the dialler, whose part it would be, has none.
  const received = establishedPair({ left: { rekey: never }, right: { rekey: some } });
  send(...received);
  t.equal(received[1].closeReason, 'rekey_overdue', 'received');
  t.ok(received[1].delivered.length >= 5, 'not before');
  const sent = establishedPair({ left: { rekey: never }, right: { rekey: some } });
  send(sent[1], sent[0]);
  t.equal(sent[1].closeReason, 'rekey_overdue', 'sent');
  const [, idle] = establishedPair({
    left: { rekey: never },
    right: { rekey: { afterMs: 20_000, afterBytes: 1e9 } },
  });
  idle.handle(39_999, { type: 'timer' });
  t.equal(idle.closeReason, undefined);
  idle.handle(40_000, { type: 'timer' });
  t.equal(idle.closeReason, 'rekey_overdue', 'time');
  // The dialler asks, and nobody answers.
  const [asking] = pairWith({ afterMs: 20_000, afterBytes: 1e9 });
  asking.handle(20_000, { type: 'timer' });
  t.ok(asking.takeWritten().length > 0);
  asking.handle(40_000, { type: 'timer' });
  t.equal(asking.closeReason, 'rekey_overdue', 'no answer');
});

void t.test('a dialler that asks for new keys all the time is closed', async (t) => {
  const eager = { afterMs: NEVER_MS, afterBytes: 300 };
  const [left, right] = establishedPair({ left: { rekey: eager } });
  left.send(Uint8Array.of(1));
  exchange(left, right);
  t.equal(right.closeReason, 'bad_frame');
});

/** A link whose other side is in the hands of the test, which has its keys. */
function forged(role: 'dial' | 'listen'): { link: Link; sealer: FrameSealer } {
  const key = () => new Uint8Array(32).fill(7);
  const agreement: Agreement = {
    send: new CipherState(new Uint8Array(32).fill(8)),
    receive: new CipherState(key()),
    hash: new Uint8Array(32),
    remoteKey: keysOf(2).agreementKey,
    psk: new Uint8Array(32),
  };
  // So old that a rekey would be in time.
  const rekey = { afterMs: 10, afterBytes: 1e9 };
  const options = { keys: keysOf(1), random: new SeededRandom(1), rekey };
  const link = new Link(options, { agreement, role, now: 0 });
  return { link, sealer: new FrameSealer(new CipherState(key())) };
}

void t.test('frames that are none of the protocol, or not now, close the link', async (t) => {
  const empty = new Uint8Array(0);
  const cases: [role: 'dial' | 'listen', frame: Frame][] = [
    ['listen', { type: 'message', payload: empty }],
    ['listen', { type: 'switch', payload: empty }],
    ['dial', { type: 'switch', payload: empty }],
    ['listen', { type: 'rekeyReply', payload: new Uint8Array(48) }],
    ['dial', { type: 'rekeyReply', payload: new Uint8Array(48) }],
    ['dial', { type: 'rekey', payload: new Uint8Array(96) }],
    ['listen', { type: 'rekey', payload: new Uint8Array(96) }],
    ['listen', { type: 'rekey', payload: empty }],
  ];
  for (const [role, frame] of cases) {
    const { link, sealer } = forged(role);
    const effects: SessionEffect[] = [];
    const fault: CloseReason | undefined = link.receive(9, { bytes: sealer.seal(frame), at: 0 }, effects);
    t.equal(fault, 'bad_frame', `${frame.type} to ${role}`);
    t.same(effects, []);
  }
  const { link, sealer } = forged('listen');
  t.equal(link.receive(9, { bytes: sealer.seal({ type: 'padding', payload: empty }), at: 0 }, []), undefined);
});

void t.test(
  'new keys are agreed on with the static key of the link, in its order, and with no other',
  async (t) => {
    const agreement = (remote: number, hash: number): Agreement => ({
      send: new CipherState(new Uint8Array(32)),
      receive: new CipherState(new Uint8Array(32)),
      hash: new Uint8Array(32).fill(hash),
      remoteKey: keysOf(remote).agreementKey,
      psk: new Uint8Array(32),
    });
    const random = new SeededRandom(1);
    const asking = (number: number, hash = 0) =>
      new Rekey({ keys: keysOf(number), random }, agreement(2, hash));
    const answering = () => new Rekey({ keys: keysOf(2), random }, agreement(1, 0));
    const dialler = asking(1);
    const answer = answering().answer(dialler.ask());
    t.ok(answer && dialler.complete(answer.reply));
    t.equal(answering().answer(asking(3).ask()), undefined, 'another static key');
    t.equal(answering().answer(asking(1, 1).ask()), undefined, 'another handshake before');
    t.equal(dialler.complete(answer?.reply ?? new Uint8Array(0)), undefined, 'a reply that comes twice');
  },
);

void t.test('padding is zeros, whatever was sent before', async (t) => {
  const cipher = () => new CipherState(new Uint8Array(32).fill(7));
  const [sealer, opener] = [new FrameSealer(cipher()), cipher()];
  const none = new Uint8Array(0);
  sealer.seal({ type: 'message', payload: new Uint8Array(200).fill(0xaa) });
  const frame = sealer.seal({ type: 'message', payload: Uint8Array.of(1, 2) });
  for (let i = 0; i < 2; i++) opener.encryptWithAd(none, none);
  t.ok(opener.decryptWithAd(none, frame.subarray(0, 18)));
  const content = opener.decryptWithAd(none, frame.subarray(18)) ?? none;
  t.equal(toHex(content), `0100020102${'00'.repeat(217)}`);
});

void t.test('heads and contents with impossible fields close the link', async (t) => {
  const seal = (head: Uint8Array, content: Uint8Array) => {
    const cipher = new CipherState(new Uint8Array(32).fill(7));
    const none = new Uint8Array(0);
    return new Uint8Array(
      Buffer.concat([cipher.encryptWithAd(none, head), cipher.encryptWithAd(none, content)]),
    );
  };
  const content = (type: number, length: number) => {
    const bytes = new Uint8Array(222);
    bytes.set([type, length >>> 8, length & 0xff]);
    return bytes;
  };
  const cases: [what: string, bytes: Uint8Array, fault: CloseReason | undefined][] = [
    ['a good one', seal(Uint8Array.of(0, 0), content(1, 219)), undefined],
    ['a size that there is not', seal(Uint8Array.of(0, 4), content(1, 5)), 'bad_frame'],
    ['a size out of reach', seal(Uint8Array.of(1, 0), content(1, 5)), 'bad_frame'],
    ['a type that there is not', seal(Uint8Array.of(0, 0), content(5, 5)), 'bad_frame'],
    ['a length past the end', seal(Uint8Array.of(0, 0), content(1, 220)), 'bad_frame'],
  ];
  for (const [what, bytes, fault] of cases) {
    t.equal(forged('listen').link.receive(1, { bytes, at: 0 }, []), fault, what);
  }
});

void t.test(
  'what is handed to a carrier that takes nothing stays within the window and one frame',
  async (t) => {
    const [left] = establishedPair();
    for (let i = 0; i < 100; i++) left.send(new Uint8Array(32_924), { urgency: i % 2 ? 'bulk' : 'control' });
    for (let now = 0; now < 60_000; now += 20_000) left.handle(now, { type: 'timer' });
    const handed = left.takeWritten().length;
    t.ok(handed <= transportLimits.windowBytes.value + 33_536, `${handed} bytes`);
  },
);
