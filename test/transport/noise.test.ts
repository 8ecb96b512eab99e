/** Noise against the public vectors, and what they can't show: refusal of everything that was not written for this handshake. */
import * as fc from 'fast-check';
import t from 'tap';
import { primitives } from '../../keys/index.ts';
import { HandshakeState } from '../../transport/noise.ts';
import type { CipherState, HandshakeInput, KeyPair } from '../../transport/noise.ts';
import { hex, publicVectors, runs, toHex } from '../keys/samples.ts';

interface Vector {
  readonly protocol_name: string;
  readonly init_prologue: string;
  readonly init_psks?: readonly string[];
  readonly init_static?: string;
  readonly init_ephemeral: string;
  readonly init_remote_static?: string;
  readonly resp_prologue: string;
  readonly resp_psks?: readonly string[];
  readonly resp_static?: string;
  readonly resp_ephemeral: string;
  readonly handshake_hash: string;
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[];
}

const file = publicVectors('noise-25519-chachapoly-sha256') as { vectors: readonly Vector[] } | undefined;
const EMPTY = new Uint8Array(0);

function pair(secret: Uint8Array): KeyPair {
  return { secret, publicKey: primitives.x25519PublicKey(secret) };
}

function sideOf(vector: Vector, role: 'initiator' | 'responder'): HandshakeState {
  const isInitiator = role === 'initiator';
  const s = isInitiator ? vector.init_static : vector.resp_static;
  const psk = (isInitiator ? vector.init_psks : vector.resp_psks)?.[0];
  const rs = isInitiator ? vector.init_remote_static : undefined;
  return new HandshakeState({
    pattern: vector.protocol_name.split('_')[1] as HandshakeInput['pattern'],
    role,
    prologue: hex(isInitiator ? vector.init_prologue : vector.resp_prologue),
    ephemeralSecret: hex(isInitiator ? vector.init_ephemeral : vector.resp_ephemeral),
    ...(s === undefined ? {} : { s: pair(hex(s)) }),
    ...(psk === undefined ? {} : { psk: hex(psk) }),
    ...(rs === undefined ? {} : { rs: hex(rs) }),
  });
}

void t.test(
  'all public vectors come out byte by byte, handshake, transport and hash',
  { skip: file ? false : 'the public vectors are not at hand' },
  async (t) => {
    const vectors = file?.vectors ?? [];
    t.equal(vectors.length, 7);
    for (const vector of vectors) {
      const sides = [sideOf(vector, 'initiator'), sideOf(vector, 'responder')] as const;
      const handshakeMessages = vector.protocol_name.includes('_X') ? 3 : 2;
      let ciphers: { send: CipherState; receive: CipherState }[] = [];
      for (const [i, { payload, ciphertext }] of vector.messages.entries()) {
        const from = i % 2;
        const [writer, reader] = from === 0 ? sides : ([sides[1], sides[0]] as const);
        if (i < handshakeMessages) {
          t.equal(toHex(writer.writeMessage(hex(payload)) ?? EMPTY), ciphertext, vector.protocol_name);
          t.equal(toHex(reader.readMessage(hex(ciphertext)) ?? EMPTY), payload);
          continue;
        }
        if (i === handshakeMessages) {
          for (const side of sides) t.equal(toHex(side.hash), vector.handshake_hash);
          ciphers = sides.map((side) => side.split());
        }
        t.equal(toHex(ciphers[from]?.send.encryptWithAd(EMPTY, hex(payload)) ?? EMPTY), ciphertext);
        t.equal(toHex(ciphers[1 - from]?.receive.decryptWithAd(EMPTY, hex(ciphertext)) ?? EMPTY), payload);
      }
    }
  },
);

const secrets = fc.uint8Array({ minLength: 32, maxLength: 32 });

/** Both ends of a handshake as links have it; `change` is what the responder has otherwise. */
function links(
  bytes: { a: Uint8Array; b: Uint8Array; ea: Uint8Array; eb: Uint8Array; psk: Uint8Array },
  change: Partial<HandshakeInput> = {},
): [HandshakeState, HandshakeState] {
  const common = { pattern: 'IKpsk2', prologue: Buffer.from('test') } as const;
  const { psk } = bytes;
  const b = pair(bytes.b);
  const ea = bytes.ea.slice();
  const eb = bytes.eb.slice();
  return [
    new HandshakeState({
      ...common,
      role: 'initiator',
      ephemeralSecret: ea,
      s: pair(bytes.a),
      rs: b.publicKey,
      psk,
    }),
    new HandshakeState({ ...common, role: 'responder', ephemeralSecret: eb, s: b, psk, ...change }),
  ];
}

const bytes = fc.record({ a: secrets, b: secrets, ea: secrets, eb: secrets, psk: secrets });

void t.test('both ends get the same keys, crosswise, and the same hash', async (t) => {
  fc.assert(
    fc.property(bytes, fc.uint8Array({ maxLength: 300 }), (bytes, payload) => {
      const [initiator, responder] = links(bytes);
      const first = responder.readMessage(initiator.writeMessage(payload) ?? EMPTY);
      const second = initiator.readMessage(responder.writeMessage(payload) ?? EMPTY);
      const [left, right] = [initiator.split(), responder.split()];
      const there = right.receive.decryptWithAd(EMPTY, left.send.encryptWithAd(EMPTY, payload));
      const back = left.receive.decryptWithAd(EMPTY, right.send.encryptWithAd(EMPTY, payload));
      return [first, second, there, back].every((got) => got && toHex(got) === toHex(payload));
    }),
    runs(500),
  );
  t.pass('for all keys and payloads');
});

void t.test('a message with one bit changed, or cut anywhere, is refused and never throws', async (t) => {
  fc.assert(
    fc.property(bytes, fc.nat(), fc.nat(7), fc.boolean(), (bytes, place, bit, isCut) => {
      const [initiator, responder] = links(bytes);
      const message = initiator.writeMessage(Uint8Array.of(1, 2, 3)) ?? EMPTY;
      const at = place % message.length;
      if (isCut) return responder.readMessage(message.slice(0, at)) === undefined;
      // The highest bit of a point is not looked at (RFC 7748, 5), but it is in the hash.
      message[at] = (message[at] ?? 0) ^ (1 << bit);
      return responder.readMessage(message) === undefined;
    }),
    runs(2_000),
  );
  t.pass('for all of them');
});

void t.test(
  'another psk, prologue or static key is noticed by whoever reads what depends on it',
  async (t) => {
    const [sample] = fc.sample(bytes, { numRuns: 1, seed: 5 });
    if (!sample) throw new Error('no sample');
    const zeros = new Uint8Array(32);
    const [initiator, otherPsk] = links(sample, { psk: zeros });
    t.ok(otherPsk.readMessage(initiator.writeMessage(EMPTY) ?? EMPTY), 'the psk comes last');
    t.equal(initiator.readMessage(otherPsk.writeMessage(EMPTY) ?? EMPTY), undefined);
    for (const change of [{ prologue: Buffer.from('toast') }, { s: pair(zeros) }]) {
      const [initiator, responder] = links(sample, change);
      t.equal(responder.readMessage(initiator.writeMessage(EMPTY) ?? EMPTY), undefined);
    }
  },
);

void t.test('points of small order, whose agreements everybody knows, fail the handshake', async (t) => {
  const [sample] = fc.sample(bytes, { numRuns: 1, seed: 6 });
  if (!sample) throw new Error('no sample');
  // RFC 7748, 6.1 and the list of https://cr.yp.to/ecdh.html#validate
  const small = [
    '00'.repeat(32),
    `01${'00'.repeat(31)}`,
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    `ec${'ff'.repeat(30)}7f`,
    `ed${'ff'.repeat(30)}7f`,
    `ee${'ff'.repeat(30)}7f`,
  ].map(hex);
  for (const point of small) {
    const [initiator, responder] = links(sample);
    const message = initiator.writeMessage(EMPTY) ?? EMPTY;
    message.set(point);
    t.equal(responder.readMessage(message), undefined, `ephemeral ${toHex(point)}`);
    const caller = new HandshakeState({
      pattern: 'IKpsk2',
      role: 'initiator',
      prologue: EMPTY,
      ephemeralSecret: sample.ea.slice(),
      s: pair(sample.a),
      rs: point,
      psk: sample.psk,
    });
    t.equal(caller.writeMessage(EMPTY), undefined, `static ${toHex(point)}`);
  }
});

void t.test('a handshake that failed or is over is not continued, nor written out of turn', async (t) => {
  const [sample] = fc.sample(bytes, { numRuns: 1, seed: 7 });
  if (!sample) throw new Error('no sample');
  const [initiator, responder] = links(sample);
  t.throws(() => responder.writeMessage(EMPTY), /alternate/);
  t.equal(responder.readMessage(EMPTY), undefined);
  t.throws(() => responder.writeMessage(EMPTY), /not continued/);
  t.throws(() => initiator.split(), /comes last/);
});
