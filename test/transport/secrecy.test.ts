/**
 * A recorded link, and later everything that its two nodes keep: seeds, probe keys and psk. The attacker recomputes whatever can be
 * computed of the handshake without an ephemeral secret; with one, as a control, the same attacker reads on.
 */
import t from 'tap';
import { primitives } from '../../keys/index.ts';
import type { Random } from '../../keys/index.ts';
import { EnvelopeReader } from '../../transport/envelope.ts';
import { FrameOpener } from '../../transport/frame.ts';
import {
  decodeGreeting,
  decodeOpening,
  decodeReply,
  encodeWelcome,
  prologue,
} from '../../transport/greeting.ts';
import { presharedKey } from '../../transport/psk.ts';
import { HandshakeState } from '../../transport/noise.ts';
import type { CipherState } from '../../transport/noise.ts';
import { SeededRandom } from '../sim/random.ts';
import { NETWORK, STRANGER, Side, keysOf } from './session-pair.ts';

const initiator = keysOf(1);
const responder = keysOf(2);
const EMPTY = new Uint8Array(0);

/** Keeps a copy of all that it gave, in order. */
class RecordingRandom implements Random {
  readonly given: Uint8Array[] = [];
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  bytes(count: number): Uint8Array {
    const bytes = this.#random.bytes(count);
    this.given.push(bytes.slice());
    return bytes;
  }
}

/** All bytes of a link with messages in both directions and one change of keys, and the dialler's first ephemeral secret. */
function record() {
  const rekey = { afterMs: 1e12, afterBytes: 150_000 };
  const random = new RecordingRandom(21);
  const right = new Side(2, { rekey }).listen();
  const left = new Side(1, { rekey, random }).dial(right.self);
  const opening = left.takeWritten();
  right.receive(opening);
  const reply = right.takeWritten();
  left.receive(reply);
  const frames: { there: Uint8Array[]; back: Uint8Array[] } = { there: [], back: [] };
  const carry = () => {
    for (;;) {
      const [there, back] = [left.takeWrites(), right.takeWrites()];
      if (there.length + back.length === 0) return;
      for (const side of [left, right]) side.handle(0, { type: 'drained' });
      frames.there.push(...there);
      frames.back.push(...back);
      for (const bytes of there) right.receive(bytes);
      for (const bytes of back) left.receive(bytes);
    }
  };
  carry();
  for (let i = 0; i < 6; i++) {
    left.send(new Uint8Array(32_924));
    right.send(Uint8Array.of(i));
    carry();
  }
  const ephemeral = random.given.find((bytes) => bytes.length === 32) ?? EMPTY;
  return { opening, reply, frames, ephemeral };
}

/** What he reads without any ephemeral secret. */
function openEnvelopes({ opening, reply }: { opening: Uint8Array; reply: Uint8Array }) {
  const { probeKey } = responder;
  const outer = new EnvelopeReader({ type: 'opening', probeKey }).next({ bytes: opening, at: 0 });
  if (typeof outer !== 'object') throw new Error('the opening does not open');
  const inner = new EnvelopeReader({ type: 'reply', probeKey, openingNonce: outer.nonce });
  const answer = inner.next({ bytes: reply, at: 0 });
  const first = decodeOpening(outer.content);
  const second = typeof answer === 'object' ? decodeReply(answer.content) : undefined;
  if (!first || !second) throw new Error('an envelope has no message');
  return { nonce: outer.nonce, timestampMs: first.timestampMs, message1: first.noise, message2: second };
}

type Envelopes = ReturnType<typeof openEnvelopes>;

/**
 * Plays the responder of the recorded handshake with `ee` for the agreement that he does not have: its static key and psk are
 * his, the recorded ephemeral key stands where it would make its own, and `se` he computes from the initiator's static secret.
 */
function replay({ nonce, timestampMs, message1, message2 }: Envelopes, ee: Uint8Array) {
  const original = { ...primitives };
  const theirs = message2.slice(0, 32);
  const stand = new Uint8Array(32).fill(1);
  const isStand = (secret: Uint8Array) => Buffer.compare(secret, stand) === 0;
  const firstEphemeral = message1.slice(0, 32);
  Object.assign(primitives, {
    x25519PublicKey: (secret: Uint8Array) => (isStand(secret) ? theirs : original.x25519PublicKey(secret)),
    x25519: ({ secret, publicKey }: { secret: Uint8Array; publicKey: Uint8Array }) => {
      if (!isStand(secret)) return original.x25519({ secret, publicKey });
      if (Buffer.compare(publicKey, firstEphemeral) === 0) return ee.slice();
      return original.x25519({ secret: initiator.agreementSecret, publicKey: theirs });
    },
  });
  try {
    const noise = new HandshakeState({
      pattern: 'IKpsk2',
      role: 'responder',
      prologue: prologue({ network: NETWORK, nonce, timestampMs }),
      ephemeralSecret: stand.slice(),
      s: { secret: responder.agreementSecret, publicKey: responder.agreementKey },
      psk: presharedKey(STRANGER, {
        responderProbeKey: responder.probeKey,
        initiatorKey: initiator.agreementKey,
        responderKey: responder.agreementKey,
      }),
    });
    const payload1 = noise.readMessage(message1);
    const written = noise.writeMessage(encodeWelcome({ min: 1, max: 1 }));
    return { payload1, isMessage2: Buffer.compare(written ?? EMPTY, message2) === 0, keys: noise.split() };
  } finally {
    Object.assign(primitives, original);
  }
}

/** How many frames a key opens from the first on. */
function openable(frames: readonly Uint8Array[], cipher: CipherState): number {
  const opener = new FrameOpener(cipher);
  const isOpen = (frame: Uint8Array) => typeof opener.next({ bytes: frame, at: 0 }) === 'object';
  const failed = frames.findIndex((frame) => !isOpen(frame));
  return failed < 0 ? frames.length : failed;
}

void t.test('without an ephemeral secret he reads who called whom and when, and not one frame', async (t) => {
  const link = record();
  const envelopes = openEnvelopes(link);
  t.equal(envelopes.timestampMs, 1_800_000_000_000, 'the time of the opening');
  const points = [
    initiator.agreementKey,
    responder.agreementKey,
    envelopes.message1.slice(0, 32),
    envelopes.message2.slice(0, 32),
  ];
  const secrets = [
    initiator.agreementSecret,
    responder.agreementSecret,
    initiator.probeKey,
    responder.probeKey,
  ];
  const agreements = secrets.flatMap((secret) =>
    points.flatMap((publicKey) => primitives.x25519({ secret, publicKey }) ?? []),
  );
  const candidates = [...agreements, ...points, ...secrets, new Uint8Array(32)];
  for (const ee of candidates) {
    const { payload1, isMessage2, keys } = replay(envelopes, ee);
    t.same(decodeGreeting(payload1 ?? EMPTY)?.reference.identity, new Side(1).self.identity, 'who called');
    t.notOk(isMessage2);
    t.equal(openable(link.frames.there, keys.receive), 0);
    t.equal(openable(link.frames.back, keys.send), 0);
  }
});

void t.test(
  'control: with one ephemeral secret the same attacker reads all frames up to the next keys',
  async (t) => {
    const link = record();
    const envelopes = openEnvelopes(link);
    const ee = primitives.x25519({ secret: link.ephemeral, publicKey: envelopes.message2.slice(0, 32) });
    const { isMessage2, keys } = replay(envelopes, ee ?? EMPTY);
    t.ok(isMessage2);
    const there = openable(link.frames.there, keys.receive);
    const back = openable(link.frames.back, keys.send);
    t.ok(there >= 5 && back >= 5, `${there} and ${back} frames`);
    t.ok(
      there < link.frames.there.length && back < link.frames.back.length,
      'and those after a rekey stay closed',
    );
  },
);
