/**
 * The listener's half of the handshake (docs/spec/links.md, 5 and 6): it reads an opening, says who calls, and makes the reply once the
 * owner has let the caller in. It keeps no time and sends nothing itself.
 *
 * Invariants: cheap checks come first, and after one has failed nothing is computed any more; the caller that it names holds the
 * keys that the opening names, has made it for this node and this network, and not for an opening that was seen before.
 */
import { assert, equalBytes } from '../keys/index.ts';
import type { Agreement } from './call.ts';
import type { CloseReason } from './effect.ts';
import { ENVELOPE_NONCE_BYTES, EnvelopeReader, sealEnvelope } from './envelope.ts';
import type { Envelope } from './envelope.ts';
import type { LinkSecret } from './event.ts';
import type { Chunk } from './gather.ts';
import { decodeGreeting, decodeOpening, encodeReply, encodeWelcome, prologue } from './greeting.ts';
import type { Greeting } from './greeting.ts';
import { transportLimits } from './limits.ts';
import { KEY_BYTES } from './link-keys.ts';
import { HandshakeState } from './noise.ts';
import { presharedKey } from './psk.ts';
import type { SessionOptions } from './session-options.ts';

export interface Caller extends Greeting {
  readonly type: 'caller';
  readonly agreementKey: Uint8Array;
  readonly timestampMs: number;
}

interface Fault {
  readonly type: 'fault';
  readonly reason: CloseReason;
}

/** A caller that has shown who it is and waits for a reply. */
interface Waiting {
  readonly noise: HandshakeState;
  readonly openingNonce: Uint8Array;
  readonly caller: Caller;
}

export class Answering {
  readonly #options: SessionOptions;
  readonly #reader: EnvelopeReader;
  #waiting: Waiting | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { probeKey } = options.keys;
    this.#reader = new EnvelopeReader({ type: 'opening', probeKey }, options.self.prefix);
  }

  /** Undefined while more is needed; after any other answer it is not called again. */
  next(chunk: Chunk, times: { readonly now: number; readonly wallMs: number }): Caller | Fault | undefined {
    const envelope = this.#reader.next(chunk);
    switch (envelope) {
      case undefined:
        return undefined;
      case 'bad_prefix':
        return fault('bad_prefix');
      case 'bad_envelope':
        return fault('bad_opening');
      default:
        // An honest caller waits for the reply.
        return chunk.at < chunk.bytes.length ? fault('bad_opening') : this.#read(envelope, times);
    }
  }

  /** After `next` gave a caller. Undefined when its ephemeral key is one with which nobody can agree on anything. */
  reply(secret: LinkSecret): { readonly bytes: Uint8Array; readonly agreement: Agreement } | undefined {
    assert(this.#waiting, 'there is somebody to reply to');
    const { noise, openingNonce, caller } = this.#waiting;
    this.#waiting = undefined;
    const { keys, versions, random } = this.#options;
    const psk = presharedKey(secret, {
      responderProbeKey: keys.probeKey,
      initiatorKey: caller.agreementKey,
      responderKey: keys.agreementKey,
    });
    noise.setPsk(psk);
    const message = noise.writeMessage(encodeWelcome(versions));
    if (!message) return undefined;
    const kind = { type: 'reply', probeKey: keys.probeKey, openingNonce } as const;
    const nonce = random.bytes(ENVELOPE_NONCE_BYTES);
    const bytes = sealEnvelope(kind, { nonce, content: encodeReply(message), random });
    const { hash } = noise;
    return { bytes, agreement: { ...noise.split(), hash, remoteKey: caller.agreementKey, psk } };
  }

  /** In the order of their cost: clock, nonce, Noise with two agreements, reference with a signature. */
  #read({ nonce, content }: Envelope, { now, wallMs }: { now: number; wallMs: number }): Caller | Fault {
    const opening = decodeOpening(content);
    if (!opening) return fault('bad_opening');
    const { self, keys, random, replay } = this.#options;
    const { timestampMs } = opening;
    if (Math.abs(timestampMs - wallMs) > transportLimits.clockSkewMs.value) return fault('bad_time');
    if (!replay.enter({ nonce, now })) return fault('replayed');
    const noise = new HandshakeState({
      pattern: 'IKpsk2',
      role: 'responder',
      prologue: prologue({ network: self.network, nonce, timestampMs }),
      ephemeralSecret: random.bytes(KEY_BYTES),
      s: { secret: keys.agreementSecret, publicKey: keys.agreementKey },
    });
    const payload = noise.readMessage(opening.noise);
    const agreementKey = noise.remoteStatic;
    if (!payload || !agreementKey) return fault('bad_handshake');
    if (equalBytes(agreementKey, keys.agreementKey)) return fault('self_connection');
    if (!replay.isFresh({ agreementKey, timestampMs })) return fault('replayed');
    const greeting = decodeGreeting(payload);
    if (!greeting) return fault('bad_caller');
    const { reference } = greeting;
    const isItsOwn = equalBytes(reference.agreementKey, agreementKey);
    if (!isItsOwn || !equalBytes(reference.network, self.network)) return fault('bad_caller');
    const caller: Caller = { type: 'caller', ...greeting, agreementKey, timestampMs };
    this.#waiting = { noise, openingNonce: nonce, caller };
    return caller;
  }
}

function fault(reason: CloseReason): Fault {
  return { type: 'fault', reason };
}
