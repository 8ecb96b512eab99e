/**
 * The dialler's half of the handshake (docs/spec/links.md, 5): it makes the opening and reads the reply. It keeps no time and sends
 * nothing itself.
 *
 * Invariant: whoever makes a reply that is read here holds the static key of the reference that was called, and the link's secret.
 */
import type { Chunk } from './gather.ts';
import { ENVELOPE_NONCE_BYTES, EnvelopeReader, sealEnvelope } from './envelope.ts';
import type { LinkSecret } from './event.ts';
import { decodeReply, decodeWelcome, encodeGreeting, encodeOpening, prologue } from './greeting.ts';
import { inviteId } from './invite.ts';
import { KEY_BYTES } from './link-keys.ts';
import { HandshakeState } from './noise.ts';
import type { CipherState } from './noise.ts';
import { presharedKey } from './psk.ts';
import type { NodeReference } from './reference.ts';
import type { SessionOptions } from './session-options.ts';
import type { VersionRange } from './version.ts';

/** What both ends have after the handshake: the keys, and what later ones are made with. */
export interface Agreement {
  readonly send: CipherState;
  readonly receive: CipherState;
  /** Of Noise: names this handshake. */
  readonly hash: Uint8Array;
  readonly remoteKey: Uint8Array;
  readonly psk: Uint8Array;
}

export interface Called {
  readonly agreement: Agreement;
  readonly theirVersions: VersionRange;
}

export class Calling {
  readonly #noise: HandshakeState;
  readonly #reader: EnvelopeReader;
  readonly #remoteKey: Uint8Array;
  readonly #psk: Uint8Array;
  /** Undefined when the reference names a key with which nobody can agree on anything. */
  readonly opening: Uint8Array | undefined;

  constructor(
    options: SessionOptions,
    call: { readonly peer: NodeReference; readonly secret: LinkSecret; readonly timestampMs: number },
  ) {
    const { self, keys, versions, random } = options;
    const { peer, secret, timestampMs } = call;
    const { agreementKey, probeKey } = peer;
    const nonce = random.bytes(ENVELOPE_NONCE_BYTES);
    this.#remoteKey = agreementKey;
    this.#psk = presharedKey(secret, {
      responderProbeKey: probeKey,
      initiatorKey: keys.agreementKey,
      responderKey: agreementKey,
    });
    this.#noise = new HandshakeState({
      pattern: 'IKpsk2',
      role: 'initiator',
      prologue: prologue({ network: self.network, nonce, timestampMs }),
      ephemeralSecret: random.bytes(KEY_BYTES),
      s: { secret: keys.agreementSecret, publicKey: keys.agreementKey },
      rs: agreementKey,
      psk: this.#psk,
    });
    this.#reader = new EnvelopeReader({ type: 'reply', probeKey, openingNonce: nonce });
    const invited = secret.type === 'invite' ? { inviteId: inviteId(secret.inviteSecret) } : {};
    const noise = this.#noise.writeMessage(encodeGreeting({ reference: self, versions, ...invited }));
    const content = noise && encodeOpening({ timestampMs, noise });
    const sealed = content && sealEnvelope({ type: 'opening', probeKey }, { nonce, content, random });
    this.opening = sealed && new Uint8Array(Buffer.concat([peer.prefix, sealed]));
  }

  /** Undefined while more is needed; after any other answer it is not called again. */
  next(chunk: Chunk): Called | 'bad_reply' | undefined {
    const envelope = this.#reader.next(chunk);
    if (envelope === undefined) return undefined;
    if (envelope === 'bad_prefix' || envelope === 'bad_envelope') return 'bad_reply';
    const message = decodeReply(envelope.content);
    const payload = message && this.#noise.readMessage(message);
    const theirVersions = payload && decodeWelcome(payload);
    if (!theirVersions) return 'bad_reply';
    const { hash } = this.#noise;
    const agreement = { ...this.#noise.split(), hash, remoteKey: this.#remoteKey, psk: this.#psk };
    return { agreement, theirVersions };
  }
}
