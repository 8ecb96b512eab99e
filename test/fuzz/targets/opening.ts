/**
 * The listening half of transport/session.ts, up to the reply. The input is a stream that somebody sends who knows the probe key; its
 * first byte says to which of two listeners, how it is cut into chunks and what the owner answers.
 *
 * Promises: nothing is written but the reply to an opening that was made for this listener, now, by the one who is named, with
 * nothing behind it, and let in; the owner is asked about such openings only; the same one is not taken twice; and every other caller
 * sees the same end.
 */
import { equalBytes } from '../../../keys/index.ts';
import { inviteId, ReplayGuard, Session, transportLimits } from '../../../transport/index.ts';
import type { LinkSecret, NodeReference, SessionEffect } from '../../../transport/index.ts';
import { SeededRandom } from '../../sim/random.ts';
import { keysOf, referenceOf, Side, STRANGER, WALL_MS } from '../../transport/session-pair.ts';
import { byteEdits } from '../edits/bytes.ts';
import { HEAD_BYTES, openEnvelope, sealEnvelope, type OpenedEnvelope } from '../hostile-caller.ts';
import { accepted, ensure, pick, type Change, type Target } from '../target.ts';

const { clockSkewMs, openingBytesLeast, openingBytesMost, replyBytesLeast, replyBytesMost } = transportLimits;
const { unansweredMsLeast, unansweredMsMost } = transportLimits;
const LISTENER = 2;
const keys = keysOf(LISTENER);
const OTHER_NETWORK = new Uint8Array(32).fill(8);
/** One of them wants a prefix. */
const listeners: readonly NodeReference[] = [
  referenceOf(LISTENER),
  referenceOf(LISTENER, { prefix: Buffer.from('GET / HTTP/1.1\r\n') }),
];

interface Opening {
  /** Index of the one that it was made for. */
  readonly listener: number;
  readonly caller: NodeReference;
  readonly timestampMs: number;
  readonly secret: LinkSecret;
  readonly isFresh: boolean;
  readonly stream: Uint8Array;
  /** What it holds without padding. */
  readonly content: Uint8Array;
  readonly nonce: Uint8Array;
}

const INVITE: LinkSecret = { type: 'invite', inviteSecret: new Uint8Array(32).fill(5) };
/** A caller's clock against the listener's. */
const SKEWS = [0, 0, 1, clockSkewMs.value, -clockSkewMs.value, clockSkewMs.value + 1, -clockSkewMs.value - 1];

const openings: readonly Opening[] = listeners.flatMap((_, listener) =>
  SKEWS.flatMap((skewMs, index) => [
    madeOpening({ listener, skewMs, number: 10 + index, network: undefined }),
    ...(index < 2 ? [madeOpening({ listener, skewMs, number: 20 + index, network: OTHER_NETWORK })] : []),
  ]),
);
const byNonce = new Map(openings.map((one) => [hex(one.nonce), one]));

export const opening: Target = {
  name: 'opening',
  promise: 'not a byte is written but the reply to a valid opening that is fresh and was let in',
  mostBytes: 1 + 64 + openingBytesMost.value + 200,
  edits: [editInside, editInside, resize, retime, renonce],
  sample: (random) => {
    const { listener, stream } = pick(openings, random);
    return Buffer.concat([Uint8Array.of(2 * random.below(128) + listener), stream]);
  },
  run: (input) => {
    const choice = input[0] ?? 0;
    const stream = input.subarray(1);
    const made = madeOf(stream, choice & 1);
    const replay = new ReplayGuard();
    const call = {
      choice,
      stream,
      replay,
      end: made === undefined ? stream.length : stream.length - made.rest,
    };
    const { session, effects } = called(call);
    const admit = effects.find((effect) => effect.type === 'admit');
    if (made?.rest === 0 && made.opening.isFresh) ensure(admit !== undefined, 'a fresh opening is read');
    if (admit === undefined) {
      ensure(effects.length === 1 && effects[0]?.type === 'setTimer', 'nobody sees anything');
      return { type: 'refused', shape: endOf(session) };
    }
    ensure(made?.opening.isFresh === true, 'the owner is asked about fresh openings only');
    ensure(effects.length === 2, 'the owner is asked once and nothing is sent');
    checkAdmit(admit, made.opening);
    // By its nonce; after a restart by its time.
    ensure(called(call).effects.length === 1, 'the same opening is not read twice');
    ensure(replay.accept(admit), 'it was not accepted before');
    const restarted = { ...call, replay: ReplayGuard.restore(replay.save()) };
    ensure(called(restarted).effects.length === 1, 'the same opening is not accepted twice');
    const isLetIn = (choice & 0x0e) === 0;
    const { secret } = made.opening;
    const verdict = isLetIn ? ({ type: 'accepted', secret } as const) : ({ type: 'refused' } as const);
    session.handle(1, { type: 'admitted', token: admit.token, verdict }, effects);
    const written = effects.flatMap((effect) => (effect.type === 'write' ? [effect.bytes.length] : []));
    ensure(written.length === (isLetIn && made.rest === 0 ? 1 : 0), 'a reply to whom was let in');
    const isOfSize = (size: number) => size >= replyBytesLeast.value && size <= replyBytesMost.value;
    ensure(written.every(isOfSize), 'the size of a reply');
    return accepted(`${endOf(session)} ${made.rest === 0}`);
  },
};

function checkAdmit(
  admit: Extract<SessionEffect, { type: 'admit' }>,
  { caller, timestampMs, secret }: Opening,
): void {
  ensure(equalBytes(admit.identity, caller.identity), 'who has made it');
  ensure(equalBytes(admit.agreementKey, caller.agreementKey), 'the key that was shown');
  ensure(admit.reference.line === caller.line, 'the reference of who has made it');
  ensure(admit.timestampMs === timestampMs, 'when it was made');
  const id = secret.type === 'invite' ? inviteId(secret.inviteSecret) : new Uint8Array(0);
  ensure(equalBytes(admit.inviteId ?? new Uint8Array(0), id), 'the invite');
}

interface Call {
  readonly choice: number;
  readonly stream: Uint8Array;
  readonly replay: ReplayGuard;
  /** Of the opening in the stream: in half of the inputs no chunk lies across it. */
  readonly end: number;
}

function called({ choice, stream, replay, end }: Call) {
  const self = listeners[choice & 1];
  ensure(self !== undefined, 'one of two listeners');
  const random = new SeededRandom(choice);
  const session = new Session({ self, keys, versions: { min: 1, max: 1 }, random, replay });
  const effects: SessionEffect[] = [];
  session.handle(0, { type: 'opened', role: 'listen', wallMs: WALL_MS }, effects);
  // Heads are cut small; a whole opening in single bytes would be a thousand times the same.
  const [small, large] = pick(
    [
      [3, 3_000],
      [64, 1_000],
      [300, 3_000],
      [10_000, 10_000],
    ] as const,
    random,
  );
  for (let at = 0; at < stream.length;) {
    const drawn = 1 + random.below(at < 2 * HEAD_BYTES ? small : large);
    const size = (choice & 0x20) === 0 && at < end ? Math.min(drawn, end - at) : drawn;
    // As a carrier does it: the chunk may be used again.
    const bytes = Uint8Array.from(stream.subarray(at, at + size));
    session.handle(0, { type: 'received', bytes }, effects);
    bytes.fill(0xff);
    at += size;
  }
  return { session, effects };
}

/** The same for all that was not let in; `unconfirmed` for who was. */
function endOf(session: Session): string {
  const effects: SessionEffect[] = [];
  session.handle(unansweredMsLeast.value - 1, { type: 'timer' }, effects);
  ensure(effects.length === 1 && effects[0]?.type === 'setTimer', 'it is not closed early');
  session.handle(unansweredMsMost.value, { type: 'timer' }, effects);
  ensure(effects.map(({ type }) => type).join() === 'setTimer,cancelTimer,close', 'it is closed in time');
  const last = effects.at(-1);
  return last?.type === 'close' ? last.reason : '';
}

/** The opening that a stream begins with, and how much is behind it. Padding is not looked at. */
function madeOf(stream: Uint8Array, listener: number): { opening: Opening; rest: number } | undefined {
  const start = prefixOf(listener).length;
  const opening = byNonce.get(hex(stream.subarray(start, start + 24)));
  if (opening?.listener !== listener) return undefined;
  const read = envelopeIn(stream, listener);
  if (read === undefined) return undefined;
  if (read.sizeBytes < openingBytesLeast.value || read.sizeBytes > openingBytesMost.value) return undefined;
  if (!equalBytes(read.content.subarray(0, opening.content.length), opening.content)) return undefined;
  return { opening, rest: stream.length - prefixOf(listener).length - read.sizeBytes };
}

function envelopeIn(stream: Uint8Array, listener: number): OpenedEnvelope | undefined {
  const prefix = prefixOf(listener);
  if (!equalBytes(stream.subarray(0, prefix.length), prefix)) return undefined;
  return openEnvelope(keys.probeKey, stream.subarray(prefix.length));
}

function prefixOf(listener: number): Uint8Array {
  return listeners[listener]?.prefix ?? new Uint8Array(0);
}

function madeOpening(made: {
  listener: number;
  skewMs: number;
  number: number;
  network: Uint8Array | undefined;
}): Opening {
  const { listener, skewMs, number, network } = made;
  const timestampMs = WALL_MS + skewMs;
  const secret = number % 3 === 0 ? INVITE : STRANGER;
  const side = new Side(number, {
    random: new SeededRandom(100 * listener + number),
    ...(network ? { network } : {}),
  });
  const peer = listeners[listener];
  ensure(peer !== undefined, 'one of two listeners');
  const stream = side.dial(peer, { secret, wallMs: timestampMs }).takeWritten();
  const read = envelopeIn(stream, listener);
  ensure(read !== undefined, 'an envelope that opens');
  const length = (read.content[8] ?? 0) * 256 + (read.content[9] ?? 0);
  const isFresh = network === undefined && Math.abs(skewMs) <= clockSkewMs.value;
  const content = read.content.slice(0, 10 + length);
  return { listener, caller: side.self, timestampMs, secret, isFresh, stream, content, nonce: read.nonce };
}

type EnvelopeEdit = (envelope: OpenedEnvelope, change: Change) => OpenedEnvelope | undefined;

/** What only those can do who know the reference. */
function editInside(change: Change): Uint8Array | undefined {
  return editEnvelope(change, (envelope) => {
    // Most of a content is padding, which nobody looks at.
    const end = change.random.below(2) === 0 ? envelope.content.length : 500;
    const content = pick(byteEdits, change.random)({ ...change, input: envelope.content.subarray(0, end) });
    return content && { ...envelope, content };
  });
}

function resize(change: Change): Uint8Array | undefined {
  const { random } = change;
  const edges = [openingBytesLeast.value, openingBytesMost.value].flatMap((edge) => [
    edge - 1,
    edge,
    edge + 1,
  ]);
  const sizeBytes = pick([...edges, 100, 2_816 + random.below(1_281)], random);
  return editEnvelope(change, (envelope) => ({
    ...envelope,
    content: envelope.content.subarray(0, Math.max(0, sizeBytes - 58)),
    sizeBytes,
  }));
}

function retime(change: Change): Uint8Array | undefined {
  return editEnvelope(change, (envelope) => {
    if (envelope.content.length < 8) return undefined;
    const content = Buffer.from(envelope.content);
    const times = [WALL_MS, WALL_MS + 1, 0, 2 ** 53];
    content.writeBigUInt64BE(
      change.random.below(9) === 0 ? 2n ** 64n - 1n : BigInt(pick(times, change.random)),
    );
    return { ...envelope, content };
  });
}

/** An old message in a new envelope. */
function renonce(change: Change): Uint8Array | undefined {
  return editEnvelope(change, (envelope) => ({ ...envelope, nonce: change.random.bytes(24) }));
}

function editEnvelope(change: Change, edit: EnvelopeEdit): Uint8Array | undefined {
  const listener = (change.input[0] ?? 0) & 1;
  const envelope = envelopeIn(change.input.subarray(1), listener);
  const edited = envelope && edit(envelope, change);
  if (edited === undefined || edited.content.length > openingBytesMost.value) return undefined;
  const head = Buffer.concat([change.input.subarray(0, 1), prefixOf(listener)]);
  return Buffer.concat([head, sealEnvelope(keys.probeKey, edited)]);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
