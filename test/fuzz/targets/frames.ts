/**
 * transport/link.ts and frame.ts behind an established session. The input is what the other side does, in steps of four bytes: it seals
 * messages and whatever else with its keys, and then it or somebody on the way changes, cuts, drops, repeats and moves frames.
 *
 * In most inputs the receiver is a link with keys that are told beforehand; where the first byte says so, a session that was
 * established by a handshake.
 *
 * Promises: what is delivered is what was sent, in order, up to the first thing that is wrong; after that nothing is, and the link is
 * closed with `bad_frame` as soon as it can be known; a stream in which nothing is wrong is not closed; and however it is cut, the same.
 */
import { equalBytes, TAG_BYTES } from '../../../keys/index.ts';
import { ReplayGuard, Session, transportLimits, type SessionEffect } from '../../../transport/index.ts';
import { Calling } from '../../../transport/call.ts';
import { FRAME_SIZES, type FrameType } from '../../../transport/frame.ts';
import { Link } from '../../../transport/link.ts';
import { CipherState } from '../../../transport/noise.ts';
import { SeededRandom } from '../../sim/random.ts';
import { keysOf, referenceOf, STRANGER, WALL_MS } from '../../transport/session-pair.ts';
import { accepted, ensure, pick, type Answer, type Change, type Target } from '../target.ts';

const STEP_BYTES = 4;
const STEPS_MOST = 8;
const HEAD_BYTES = 2 + TAG_BYTES;
const FIELD_BYTES = 3;
const EMPTY = new Uint8Array(0);
const TYPE_CODES: Record<FrameType, number> = { padding: 0, message: 1, rekey: 2, rekeyReply: 3, switch: 4 };
const [RECEIVER, SENDER] = [2, 1];
const receiverKeys = keysOf(RECEIVER);
const [receiverReference, senderReference] = [referenceOf(RECEIVER), referenceOf(SENDER)];
/** One session in so many inputs: a handshake takes as long as a hundred frames. */
const SESSION_IN = 64;
const END = new Uint8Array(Math.max(...FRAME_SIZES));

const STEPS = {
  /** A message of a length, as a sender makes it. */
  send: 0,
  padding: 1,
  /** A content that a sender would not make: any type, any length. Sealed with its key. */
  forge: 2,
  /** Any size code. */
  head: 3,
  noise: 4,
  repeat: 5,
  drop: 6,
  flip: 7,
  cut: 8,
  swap: 9,
} as const;
const STEP_COUNT = Object.keys(STEPS).length;

/** As it was sealed. */
interface Made {
  readonly bytes: Uint8Array;
  /** Whether a receiver may take it, in its place. */
  readonly isGood: boolean;
  /** Of a message. */
  readonly payload: Uint8Array | undefined;
}

export const frames: Target = {
  name: 'frames',
  promise: 'what was sent is delivered in order, up to the first thing that is wrong, and nothing after it',
  mostBytes: 1 + STEP_BYTES * STEPS_MOST,
  edits: [editStep, editStep],
  sample: (random) => {
    const count = 1 + random.below(4);
    const steps = Array.from({ length: count }, () => sampleStep(random));
    return Buffer.concat([random.bytes(1), ...steps]);
  },
  run: (input) => {
    const choice = input[0] ?? 0;
    const random = new SeededRandom(choice);
    const receiver = choice % SESSION_IN === 0 ? sessionReceiver() : linkReceiver();
    const { made, pieces } = streamOf(input.subarray(1), receiver.cipher);
    const bytes = new Uint8Array(Buffer.concat(pieces));
    const expected = expectedOf(made, bytes);
    const most = pick([40, 500, 40_000], random);
    for (let at = 0; at < bytes.length;) {
      // Only heads are cut in single bytes: a block would be a thousand times the same.
      const size = 1 + random.below(at < 2 * HEAD_BYTES ? 5 : most);
      // As a carrier does it: the chunk may be used again.
      const chunk = bytes.slice(at, at + size);
      receiver.receive(chunk);
      chunk.fill(0xff);
      at += size;
    }
    checkDelivered(receiver.effects, expected.payloads);
    if (!expected.isBroken) ensure(receiver.closedBy() === undefined, 'nothing was wrong');
    // Whatever was begun is ended by this, and is no frame.
    receiver.receive(END.slice(0, HEAD_BYTES));
    if (receiver.closedBy() === undefined) receiver.receive(END.slice());
    ensure(receiver.closedBy() === 'bad_frame', 'a frame that does not open closes the link');
    receiver.receive(END.slice(0, 1));
    checkDelivered(receiver.effects, expected.payloads);
    const written = receiver.effects.filter(({ type }) => type === 'write');
    ensure(written.length === 0, 'nothing of it is answered');
    return answerOf(expected, pieces.length);
  },
};

function checkDelivered(effects: readonly SessionEffect[], payloads: readonly Uint8Array[]): void {
  const delivered = effects.flatMap((effect) => (effect.type === 'deliver' ? [effect.payload] : []));
  ensure(delivered.length === payloads.length, 'as many messages as came whole and in order');
  for (const [index, payload] of payloads.entries())
    ensure(equalBytes(delivered[index] ?? EMPTY, payload), 'the messages that were sent, in their order');
}

function answerOf({ payloads, isBroken }: Expected, count: number): Answer {
  const shape = `${'#'.repeat(payloads.length)} ${'+'.repeat(count)}`;
  return isBroken ? { type: 'refused', shape } : accepted(shape);
}

interface Expected {
  readonly payloads: readonly Uint8Array[];
  readonly isBroken: boolean;
}

/** Told from the bytes alone: as many frames as the stream begins with, as they were sealed. */
function expectedOf(made: readonly Made[], stream: Uint8Array): Expected {
  const payloads: Uint8Array[] = [];
  let at = 0;
  for (const { bytes, isGood, payload } of made) {
    if (!isGood || !equalBytes(stream.subarray(at, at + bytes.length), bytes)) break;
    at += bytes.length;
    if (payload !== undefined) payloads.push(payload);
  }
  return { payloads, isBroken: at !== stream.length };
}

interface Stream {
  readonly made: readonly Made[];
  /** What arrives. */
  readonly pieces: readonly Uint8Array[];
}

function streamOf(plan: Uint8Array, cipher: CipherState): Stream {
  const view = Buffer.from(plan);
  const made: Made[] = [];
  const pieces: Uint8Array[] = [];
  const put = (content: Sealed): void => {
    const bytes = sealed(cipher, content);
    const payload = content.type === TYPE_CODES.message ? declared(content) : undefined;
    made.push({ bytes, isGood: isAllowed(content), payload });
    pieces.push(bytes);
  };
  for (let at = 0; at + STEP_BYTES <= view.length; at += STEP_BYTES) {
    const step = view.readUInt8(at) % STEP_COUNT;
    const [first, second] = [view.readUInt8(at + 1), view.readUInt16BE(at + 2)];
    const index = pieces.length === 0 ? 0 : first % pieces.length;
    const chosen = pieces[index] ?? EMPTY;
    switch (step) {
      case STEPS.send:
        put(sealable(TYPE_CODES.message, payloadOf(lengthOf(second), first)));
        break;
      case STEPS.padding:
        put(sealable(TYPE_CODES.padding, payloadOf(first % 200, 0)));
        break;
      case STEPS.forge:
        put({ type: first % 7, declaredBytes: second, payload: payloadOf(second % 200, first), sizeCode: 0 });
        break;
      case STEPS.head:
        put({ ...sealable(TYPE_CODES.padding, EMPTY), sizeCode: second });
        break;
      case STEPS.noise:
        pieces.push(new SeededRandom(second).bytes(1 + first));
        break;
      case STEPS.repeat:
        pieces.push(chosen);
        break;
      case STEPS.drop:
        pieces.splice(index, 1);
        break;
      case STEPS.flip:
        if (chosen.length > 0) pieces[index] = flipped(chosen, second);
        break;
      case STEPS.cut:
        if (chosen.length > 0) pieces[index] = chosen.subarray(0, second % chosen.length);
        break;
      case STEPS.swap:
        pieces.splice(second % (pieces.length + 1), 0, ...pieces.splice(index, 1));
        break;
    }
  }
  return { made, pieces };
}

interface Sealed {
  readonly type: number;
  readonly declaredBytes: number;
  readonly payload: Uint8Array;
  readonly sizeCode: number;
}

function sealable(type: number, payload: Uint8Array): Sealed {
  const sizeCode = FRAME_SIZES.findIndex((size) => size >= overheadBytes() + payload.length);
  return { type, declaredBytes: payload.length, payload, sizeCode };
}

/** The payload that a receiver reads: what was declared, which may be less, or more with zeros of the padding. */
function declared({ declaredBytes, payload }: Sealed): Uint8Array {
  const read = new Uint8Array(declaredBytes);
  read.set(payload.subarray(0, declaredBytes));
  return read;
}

/** Of what may be sent now: no new keys were asked for, and the old ones are young. */
function isAllowed({ type, declaredBytes, sizeCode }: Sealed): boolean {
  const fits = declaredBytes <= (FRAME_SIZES[sizeCode] ?? -1) - overheadBytes();
  return fits && (type === TYPE_CODES.padding || (type === TYPE_CODES.message && declaredBytes > 0));
}

function overheadBytes(): number {
  return HEAD_BYTES + FIELD_BYTES + TAG_BYTES;
}

function sealed(cipher: CipherState, { type, declaredBytes, payload, sizeCode }: Sealed): Uint8Array {
  const size = FRAME_SIZES[sizeCode] ?? 256;
  const content = new Uint8Array(size - HEAD_BYTES - TAG_BYTES);
  content.set([type, declaredBytes >>> 8, declaredBytes]);
  content.set(payload, FIELD_BYTES);
  const head = cipher.encryptWithAd(EMPTY, Uint8Array.of(sizeCode >>> 8, sizeCode));
  return Buffer.concat([head, cipher.encryptWithAd(EMPTY, content)]);
}

function flipped(piece: Uint8Array, at: number): Uint8Array {
  const bytes = Uint8Array.from(piece);
  const index = at % bytes.length;
  bytes[index] = (bytes[index] ?? 0) ^ (1 << (at % 8));
  return bytes;
}

/** Any length, but most often a short one: a long frame takes as long as a hundred of those. */
function lengthOf(drawn: number): number {
  return drawn % (drawn % 32 === 0 ? transportLimits.frameBytes.value + 1 : 1_100);
}

function payloadOf(size: number, fill: number): Uint8Array {
  return new Uint8Array(size).fill(fill);
}

interface Receiver {
  /** The sender's. */
  readonly cipher: CipherState;
  readonly effects: readonly SessionEffect[];
  readonly receive: (bytes: Uint8Array) => void;
  readonly closedBy: () => string | undefined;
}

function linkReceiver(): Receiver {
  const key = (fill: number) => new CipherState(new Uint8Array(32).fill(fill));
  const shared = { hash: new Uint8Array(32), remoteKey: new Uint8Array(32), psk: new Uint8Array(32) };
  const agreement = { send: key(1), receive: key(2), ...shared };
  const link = new Link(
    { keys: receiverKeys, random: new SeededRandom(RECEIVER) },
    { agreement, role: 'listen', now: 0 },
  );
  const effects: SessionEffect[] = [];
  let fault: string | undefined;
  return {
    cipher: key(2),
    effects,
    receive: (bytes) => {
      // As its session does: a link is not asked again after a fault.
      if (fault === undefined) fault = link.receive(0, { bytes, at: 0 }, effects);
    },
    closedBy: () => fault,
  };
}

function sessionReceiver(): Receiver {
  const replay = new ReplayGuard();
  const options = { versions: { min: 1, max: 1 }, replay };
  const session = new Session({
    self: receiverReference,
    keys: receiverKeys,
    random: new SeededRandom(RECEIVER),
    ...options,
  });
  const calling = new Calling(
    { self: senderReference, keys: keysOf(SENDER), random: new SeededRandom(SENDER), ...options },
    { peer: receiverReference, secret: STRANGER, timestampMs: WALL_MS },
  );
  const effects: SessionEffect[] = [];
  session.handle(0, { type: 'opened', role: 'listen', wallMs: WALL_MS }, effects);
  session.handle(0, { type: 'received', bytes: calling.opening ?? EMPTY }, effects);
  const admit = effects.find((effect) => effect.type === 'admit');
  ensure(admit !== undefined && replay.accept(admit), 'a fresh opening');
  const verdict = { type: 'accepted', secret: STRANGER } as const;
  session.handle(0, { type: 'admitted', token: admit.token, verdict }, effects);
  const reply = effects.find((effect) => effect.type === 'write');
  const called = calling.next({ bytes: reply?.bytes ?? EMPTY, at: 0 });
  ensure(typeof called === 'object', 'a reply');
  const cipher = called.agreement.send;
  const bytes = sealed(cipher, sealable(TYPE_CODES.padding, EMPTY));
  session.handle(0, { type: 'received', bytes }, effects);
  ensure(
    effects.some(({ type }) => type === 'established'),
    'a link',
  );
  effects.length = 0;
  return {
    cipher,
    effects,
    receive: (bytes) => session.handle(0, { type: 'received', bytes }, effects),
    closedBy: () => effects.find((effect) => effect.type === 'close')?.reason,
  };
}

function sampleStep(random: SeededRandom): Uint8Array {
  const second = pick([1, 219, 220, 987, 988, 32 * 127, random.below(0x1_0000)], random);
  // Most often something that is in order, or nothing would be delivered.
  const step = random.below(8) === 0 ? random.below(STEP_COUNT) : pick([STEPS.send, STEPS.padding], random);
  return Uint8Array.of(step, random.below(256), second >>> 8, second);
}

/** One step becomes another one, or one is put in. */
function editStep({ input, random }: Change): Uint8Array {
  const at = 1 + STEP_BYTES * random.below(Math.floor((input.length - 1) / STEP_BYTES) + 1);
  const step = Uint8Array.of(random.below(STEP_COUNT), ...random.bytes(3));
  const over = random.below(2) === 0 ? 0 : STEP_BYTES;
  return Buffer.concat([input.subarray(0, at), step, input.subarray(at + over)]);
}
