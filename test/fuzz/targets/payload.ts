/**
 * What is inside of a handshake: the payloads that transport/greeting.ts reads out of Noise messages. The first byte of an input says
 * which of the two it is and whether the whole handshake is done with it, the rest is the payload, from somebody who holds the keys.
 *
 * Promises: a typed answer; a greeting names a reference that was signed, as it stands in the payload, a range of versions and 16 bytes of
 * an invite; a listener asks its owner about those greetings alone whose reference names the caller's key and its own network; a dialler
 * takes those welcomes alone with which it has a version in common, and delivers nothing.
 */
import { encodeCbor, equalBytes, type CborValue } from '../../../keys/index.ts';
import { negotiateVersion, ReplayGuard, Session, type SessionEffect } from '../../../transport/index.ts';
import { decodeGreeting, decodeWelcome, type Greeting } from '../../../transport/greeting.ts';
import { HandshakeState } from '../../../transport/noise.ts';
import { presharedKey } from '../../../transport/psk.ts';
import { referenceBytes } from '../../../transport/reference.ts';
import { SeededRandom } from '../../sim/random.ts';
import { identityOf, keysOf, NETWORK, referenceOf, STRANGER, WALL_MS } from '../../transport/session-pair.ts';
import { byteEdits } from '../edits/bytes.ts';
import { editCbor } from '../edits/cbor.ts';
import { openEnvelope, sealEnvelope } from '../hostile-caller.ts';
import { accepted, ensure, pick, type Answer, type Change, type Target } from '../target.ts';

const CALLER = 1;
const LISTENER = 2;
const [callerKeys, listenerKeys] = [keysOf(CALLER), keysOf(LISTENER)];
const [caller, listener] = [referenceOf(CALLER), referenceOf(LISTENER)];
const callerIdentity = identityOf(CALLER);
const EPHEMERAL = new Uint8Array(32).fill(3);
const VERSIONS = { min: 2, max: 5 };
const SIGNATURE_BYTES = 64;
const DOMAIN = Buffer.from('mimeo/reference/2');
/** The other bits choose the handshake in so many inputs: it takes eight agreements where a payload takes a signature. */
const WELCOME = 1;
const HANDSHAKE_IN = 16;

const references: readonly Uint8Array[] = [
  caller,
  caller,
  referenceOf(CALLER, { prefix: new Uint8Array(64) }),
  referenceOf(CALLER, { addresses: Array.from({ length: 8 }, (_, i) => `host-${i}.example:4711`) }),
  referenceOf(CALLER, { network: new Uint8Array(32) }),
  referenceOf(3),
].map(({ line }) => referenceBytes(line));

export const payload: Target = {
  name: 'payload',
  promise: 'what is said inside of a handshake is what was signed, and decides who is let in',
  mostBytes: 3_900,
  edits: [editFields, editFields, editReference, editReference],
  words: ['ref', 'ver', 'inv'],
  sample: (random) => Buffer.concat([random.bytes(1), encodeCbor(sampleFields(random))]),
  run: (input) => {
    const choice = input[0] ?? 0;
    const bytes = input.subarray(1);
    const isWhole = (choice >>> 1) % HANDSHAKE_IN === 0;
    return (choice & 1) === WELCOME ? runWelcome(bytes, isWhole) : runGreeting(bytes, isWhole);
  },
};

function runGreeting(bytes: Uint8Array, isWhole: boolean): Answer {
  const greeting = decodeGreeting(bytes);
  if (isWhole) {
    const reference = greeting?.reference;
    const isCallers = reference !== undefined && equalBytes(reference.agreementKey, caller.agreementKey);
    const isExpected = isCallers && equalBytes(reference.network, NETWORK);
    const effects = effectsOfCall(bytes);
    const asked = effects.filter((effect) => effect.type === 'admit');
    ensure(asked.length === (isExpected ? 1 : 0), 'the owner is asked about who has shown his key');
    ensure(
      asked[0] === undefined || asked[0].reference.line === reference?.line,
      'the reference that was read',
    );
    ensure(
      effects.every(({ type }) => type === 'setTimer' || type === 'admit'),
      'nothing is sent and nothing is closed',
    );
  }
  return greeting === undefined ? { type: 'refused', shape: 'greeting' } : checkGreeting(greeting, bytes);
}

function checkGreeting({ reference, versions, inviteId }: Greeting, bytes: Uint8Array): Answer {
  ensure(
    Buffer.from(bytes).includes(Buffer.from(referenceBytes(reference.line))),
    'the bytes that were signed',
  );
  checkVersions(versions);
  ensure(inviteId === undefined || inviteId.length === 16, 'the length of an invite id');
  const network = equalBytes(reference.network, NETWORK);
  return accepted(`${network} ${inviteId !== undefined} ${versions.min === versions.max}`);
}

function runWelcome(bytes: Uint8Array, isWhole: boolean): Answer {
  const versions = decodeWelcome(bytes);
  if (versions !== undefined) checkVersions(versions);
  const common = versions && negotiateVersion(VERSIONS, versions);
  if (isWhole && replyBytes(bytes) <= 1_536) {
    const effects = effectsOfReply(bytes);
    const established = effects.find((effect) => effect.type === 'established');
    ensure(established?.version === common, 'a link of the version that both have');
    const expected = common === undefined ? 'cancelTimer,close' : 'write,established,setTimer';
    ensure(effects.map(({ type }) => type).join() === expected, 'a first frame, or the end');
  }
  if (versions === undefined) return { type: 'refused', shape: 'welcome' };
  return accepted(`welcome ${common}`);
}

function checkVersions({ min, max }: { min: number; max: number }): void {
  ensure(Number.isInteger(min) && Number.isInteger(max), 'versions are numbers');
  ensure(min >= 1 && min <= max && max <= 65_535, 'versions are a range');
}

/** What a listener does with an opening whose message 1 holds this payload. */
function effectsOfCall(greeting: Uint8Array): SessionEffect[] {
  const nonce = new Uint8Array(24);
  const noise = new HandshakeState({
    pattern: 'IKpsk2',
    role: 'initiator',
    prologue: prologueOf(nonce),
    ephemeralSecret: EPHEMERAL.slice(),
    s: { secret: callerKeys.agreementSecret, publicKey: callerKeys.agreementKey },
    rs: listener.agreementKey,
  });
  const message = noise.writeMessage(greeting);
  ensure(message !== undefined, 'a message of ours');
  const content = Buffer.concat([timeOf(), lengthOf(message), message]);
  const session = new Session({
    self: listener,
    keys: listenerKeys,
    versions: VERSIONS,
    random: new SeededRandom(LISTENER),
    replay: new ReplayGuard(),
  });
  const effects: SessionEffect[] = [];
  session.handle(0, { type: 'opened', role: 'listen', wallMs: WALL_MS }, effects);
  const bytes = sealEnvelope(listenerKeys.probeKey, { nonce, content, sizeBytes: 2_816 });
  session.handle(0, { type: 'received', bytes }, effects);
  return effects;
}

/** What a dialler does with a reply whose message 2 holds this payload, after its opening. */
function effectsOfReply(welcome: Uint8Array): SessionEffect[] {
  const session = new Session({
    self: caller,
    keys: callerKeys,
    versions: VERSIONS,
    random: new SeededRandom(CALLER),
    replay: new ReplayGuard(),
  });
  const effects: SessionEffect[] = [];
  const opened = { type: 'opened', role: 'dial', wallMs: WALL_MS, peer: listener, secret: STRANGER } as const;
  session.handle(0, opened, effects);
  const [written] = effects.splice(0);
  const opening = written?.type === 'write' ? openEnvelope(listenerKeys.probeKey, written.bytes) : undefined;
  ensure(opening !== undefined, 'an opening of ours');
  const noise = new HandshakeState({
    pattern: 'IKpsk2',
    role: 'responder',
    prologue: prologueOf(opening.nonce),
    ephemeralSecret: EPHEMERAL.slice(),
    s: { secret: listenerKeys.agreementSecret, publicKey: listenerKeys.agreementKey },
    psk: presharedKey(STRANGER, {
      responderProbeKey: listenerKeys.probeKey,
      initiatorKey: callerKeys.agreementKey,
      responderKey: listenerKeys.agreementKey,
    }),
  });
  const length = Buffer.from(opening.content).readUInt16BE(8);
  ensure(noise.readMessage(opening.content.subarray(10, 10 + length)) !== undefined, 'message 1 of ours');
  const message = noise.writeMessage(welcome);
  ensure(message !== undefined, 'a message of ours');
  const content = Buffer.concat([lengthOf(message), message]);
  const reply = { nonce: new Uint8Array(24), content, sizeBytes: 256 };
  const bytes = sealEnvelope(listenerKeys.probeKey, reply, opening.nonce);
  session.handle(0, { type: 'received', bytes }, effects);
  return effects;
}

/** Of the reply around a payload: head and tags of the envelope, length, ephemeral key, tag. */
function replyBytes(welcome: Uint8Array): number {
  return 42 + 16 + 2 + 32 + 16 + welcome.length;
}

function prologueOf(nonce: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from('mimeo/link/1'), NETWORK, nonce, timeOf()]);
}

function timeOf(): Uint8Array {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(WALL_MS));
  return time;
}

function lengthOf(message: Uint8Array): Uint8Array {
  return Uint8Array.of(message.length >>> 8, message.length);
}

function sampleFields(random: SeededRandom): CborValue {
  const min = 1 + random.below(7);
  return {
    ref: pick(references, random),
    ver: [min, min + pick([0, 1, 60_000], random)],
    ...(random.below(2) === 0 ? {} : { inv: random.bytes(16) }),
  };
}

function editFields(change: Change): Uint8Array | undefined {
  const fields = editCbor({ ...change, input: change.input.subarray(1) });
  return fields && Buffer.concat([change.input.subarray(0, 1), fields]);
}

/** Hostile CBOR inside of a reference, signed by the one that it names or left with the old signature. */
function editReference(change: Change): Uint8Array | undefined {
  const { input, random } = change;
  const reference = pick(references, random);
  const body = reference.subarray(0, -SIGNATURE_BYTES);
  const edit = random.below(4) === 0 ? pick(byteEdits, random) : editCbor;
  const edited = edit({ ...change, input: body });
  if (edited === undefined || edited.length > 3_000) return undefined;
  const isSigned = random.below(2) === 0;
  const signature = isSigned
    ? callerIdentity.sign(Buffer.concat([DOMAIN, edited]))
    : reference.subarray(-SIGNATURE_BYTES);
  const ref = Buffer.concat([edited, signature]);
  const fields = encodeCbor({ ref, ver: [1, 1 + random.below(9)] });
  return Buffer.concat([input.subarray(0, 1), fields]);
}
