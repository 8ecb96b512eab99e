/**
 * New keys for a link that is up (docs/spec/links.md, 8): another IKpsk2 handshake, whose messages travel as frames. It makes and
 * reads its messages; when they are due and which frame is the last under the old keys is link.ts's.
 *
 * Invariant: each handshake is bound to the one before it by its prologue, so the chain of a link has one beginning and no branches.
 */
import { assert } from '../keys/index.ts';
import type { Agreement } from './call.ts';
import type { Role } from './event.ts';
import { KEY_BYTES } from './link-keys.ts';
import { HandshakeState } from './noise.ts';
import type { CipherState } from './noise.ts';
import type { SessionOptions } from './session-options.ts';

/** The keys to come. */
export interface NextKeys {
  readonly send: CipherState;
  readonly receive: CipherState;
}

const PROLOGUE = Buffer.from('mimeo/link/rekey/1');
const EMPTY = new Uint8Array(0);

export class Rekey {
  readonly #options: Pick<SessionOptions, 'keys' | 'random'>;
  readonly #remoteKey: Uint8Array;
  readonly #psk: Uint8Array;
  #hash: Uint8Array;
  #asked: HandshakeState | undefined;

  constructor(options: Pick<SessionOptions, 'keys' | 'random'>, { remoteKey, psk, hash }: Agreement) {
    this.#options = options;
    this.#remoteKey = remoteKey;
    this.#psk = psk;
    this.#hash = hash;
  }

  /** The dialler's: message 1. */
  ask(): Uint8Array {
    this.#asked = this.#handshake('dial');
    const message = this.#asked.writeMessage(EMPTY);
    assert(message, 'a key that agreed once agrees again');
    return message;
  }

  /** The listener's: message 2 and the keys. Undefined for what is no message 1 of this link. */
  answer(message: Uint8Array): { readonly reply: Uint8Array; readonly next: NextKeys } | undefined {
    const handshake = this.#handshake('listen');
    if (handshake.readMessage(message)?.length !== 0) return undefined;
    const { remoteStatic } = handshake;
    if (!remoteStatic || Buffer.compare(remoteStatic, this.#remoteKey) !== 0) return undefined;
    const reply = handshake.writeMessage(EMPTY);
    return reply && { reply, next: this.#finish(handshake) };
  }

  /** The dialler's: the keys. Undefined unless it has asked and this is the answer. */
  complete(reply: Uint8Array): NextKeys | undefined {
    const handshake = this.#asked;
    this.#asked = undefined;
    if (handshake?.readMessage(reply)?.length !== 0) return undefined;
    return this.#finish(handshake);
  }

  #finish(handshake: HandshakeState): NextKeys {
    this.#hash = handshake.hash;
    return handshake.split();
  }

  #handshake(role: Role): HandshakeState {
    const { keys, random } = this.#options;
    return new HandshakeState({
      pattern: 'IKpsk2',
      role: role === 'dial' ? 'initiator' : 'responder',
      prologue: Buffer.concat([PROLOGUE, this.#hash]),
      ephemeralSecret: random.bytes(KEY_BYTES),
      s: { secret: keys.agreementSecret, publicKey: keys.agreementKey },
      ...(role === 'dial' ? { rs: this.#remoteKey } : {}),
      psk: this.#psk,
    });
  }
}
