/**
 * The Noise protocol framework, revision 34 (https://noiseprotocol.org/noise.html), for 25519, ChaChaPoly and SHA256, in the order
 * and with the names of the paper, to be held next to it: CipherState 5.1, SymmetricState 5.2, HandshakeState 5.3, psk 9.
 *
 * It knows nothing of links, and has no fallback, no rekey of one key (4.2: ours is a new handshake) and no out-of-order nonces. The
 * ephemeral secret is handed in, so that a handshake can be computed again. Of the patterns in the table the product uses IKpsk2; the
 * others hold the code against more of the public vectors.
 *
 * Invariants: foreign bytes never make it throw; a handshake that failed is never continued; a DH result of zeros fails (12.1).
 */
import { TAG_BYTES, assert, assertNever, primitives } from '../keys/index.ts';
import type { Aead } from '../keys/index.ts';

type Token = 'e' | 's' | 'ee' | 'es' | 'se' | 'ss' | 'psk';

interface PatternTable {
  /** Whether the initiator knows the responder's static key before: the pre-message `<- s`. */
  readonly knowsResponder: boolean;
  /** The first of the initiator, then in turn. */
  readonly messages: readonly (readonly Token[])[];
}

const PATTERNS = {
  NN: { knowsResponder: false, messages: [['e'], ['e', 'ee']] },
  NNpsk0: {
    knowsResponder: false,
    messages: [
      ['psk', 'e'],
      ['e', 'ee'],
    ],
  },
  XK: {
    knowsResponder: true,
    messages: [
      ['e', 'es'],
      ['e', 'ee'],
      ['s', 'se'],
    ],
  },
  XX: { knowsResponder: false, messages: [['e'], ['e', 'ee', 's', 'es'], ['s', 'se']] },
  IK: {
    knowsResponder: true,
    messages: [
      ['e', 'es', 's', 'ss'],
      ['e', 'ee', 'se'],
    ],
  },
  IKpsk1: {
    knowsResponder: true,
    messages: [
      ['e', 'es', 's', 'ss', 'psk'],
      ['e', 'ee', 'se'],
    ],
  },
  IKpsk2: {
    knowsResponder: true,
    messages: [
      ['e', 'es', 's', 'ss'],
      ['e', 'ee', 'se', 'psk'],
    ],
  },
} as const satisfies Readonly<Record<string, PatternTable>>;

const DH_BYTES = 32;
const HASH_BYTES = 32;
const NONCE_BYTES = 12;
const EMPTY = new Uint8Array(0);

/** 5.1, with a key: what has none is an `undefined` in SymmetricState. */
export class CipherState {
  readonly #aead: Aead;
  /** 32 bits of zeros, then n in 64 bits, little-endian (12.3). */
  readonly #nonce = new DataView(new ArrayBuffer(NONCE_BYTES));
  #n = 0;

  /** Zeroes `key`: it belongs to the cipher from here on. */
  constructor(key: Uint8Array) {
    this.#aead = primitives.chachaPoly(key);
    key.fill(0);
  }

  encryptWithAd(ad: Uint8Array, data: Uint8Array): Uint8Array {
    const sealed = this.#aead.seal({ nonce: this.#nonceBytes(), ad, data });
    this.#n += 1;
    return sealed;
  }

  /** EncryptWithAd of nothing added and parts in a row: `into` takes their bytes and the tag, exactly. */
  encryptInto(into: Uint8Array, parts: readonly Uint8Array[]): void {
    this.#aead.sealInto(into, { nonce: this.#nonceBytes(), ad: EMPTY, parts });
    this.#n += 1;
  }

  /** Undefined unless it is the next of the other side; n then stays where it is. */
  decryptWithAd(ad: Uint8Array, data: Uint8Array): Uint8Array | undefined {
    const opened = this.#aead.open({ nonce: this.#nonceBytes(), ad, data });
    if (opened) this.#n += 1;
    return opened;
  }

  #nonceBytes(): Uint8Array {
    assert(this.#n < Number.MAX_SAFE_INTEGER, 'a key is replaced long before its nonces end');
    this.#nonce.setUint32(4, this.#n >>> 0, true);
    this.#nonce.setUint32(8, Math.floor(this.#n / 0x1_0000_0000), true);
    return new Uint8Array(this.#nonce.buffer);
  }
}

/** 5.2 */
class SymmetricState {
  #ck: Uint8Array;
  #h: Uint8Array;
  #cipher: CipherState | undefined;

  constructor(protocolName: string) {
    const name = Buffer.from(protocolName);
    this.#h = new Uint8Array(HASH_BYTES);
    if (name.length <= HASH_BYTES) this.#h.set(name);
    else this.#h = primitives.sha256(name);
    this.#ck = this.#h.slice();
  }

  get hash(): Uint8Array {
    return this.#h;
  }

  mixHash(data: Uint8Array): void {
    this.#h = primitives.sha256(this.#h, data);
  }

  mixKey(material: Uint8Array): void {
    const [ck, key] = this.#hkdf(material, 2);
    this.#setKeys(ck, key);
  }

  mixKeyAndHash(material: Uint8Array): void {
    const [ck, data, key] = this.#hkdf(material, 3);
    this.mixHash(data);
    this.#setKeys(ck, key);
  }

  encryptAndHash(data: Uint8Array): Uint8Array {
    const sealed = this.#cipher ? this.#cipher.encryptWithAd(this.#h, data) : data;
    this.mixHash(sealed);
    return sealed;
  }

  decryptAndHash(data: Uint8Array): Uint8Array | undefined {
    const opened = this.#cipher ? this.#cipher.decryptWithAd(this.#h, data) : data;
    if (opened) this.mixHash(data);
    return opened;
  }

  get sealsWithTag(): boolean {
    return this.#cipher !== undefined;
  }

  /** The first is of the initiator's messages. */
  split(): [CipherState, CipherState] {
    const [first, second] = this.#hkdf(EMPTY, 2);
    this.#ck.fill(0);
    this.#cipher = undefined;
    return [new CipherState(first), new CipherState(second)];
  }

  #setKeys(ck: Uint8Array, key: Uint8Array): void {
    this.#ck.fill(0);
    this.#ck = ck;
    this.#cipher = new CipherState(key);
  }

  /** 4.3: the HKDF of RFC 5869 without info. */
  #hkdf(ikm: Uint8Array, outputs: 2 | 3): [Uint8Array, Uint8Array, Uint8Array] {
    const out = primitives.hkdfSha256({ ikm, salt: this.#ck, info: EMPTY, length: outputs * HASH_BYTES });
    const part = (i: number) => out.slice(i * HASH_BYTES, (i + 1) * HASH_BYTES);
    const parts: [Uint8Array, Uint8Array, Uint8Array] = [part(0), part(1), part(2)];
    out.fill(0);
    return parts;
  }
}

export interface KeyPair {
  /** 32 bytes each. */
  readonly secret: Uint8Array;
  readonly publicKey: Uint8Array;
}

export interface HandshakeInput {
  readonly pattern: keyof typeof PATTERNS;
  readonly role: 'initiator' | 'responder';
  readonly prologue: Uint8Array;
  /** 32 random bytes, for this handshake alone; zeroed when it has ended. */
  readonly ephemeralSecret: Uint8Array;
  readonly s?: KeyPair;
  /** The responder's static key, where the initiator knows it before. */
  readonly rs?: Uint8Array;
  /** 32 bytes; may be given later, by `setPsk`. */
  readonly psk?: Uint8Array;
}

/** 5.3. Messages are read and written in turn until both are done, then split. */
export class HandshakeState {
  readonly #symmetric: SymmetricState;
  readonly #role: 'initiator' | 'responder';
  readonly #messages: readonly (readonly Token[])[];
  readonly #usesPsk: boolean;
  readonly #s: KeyPair | undefined;
  readonly #ephemeralSecret: Uint8Array;
  #e: KeyPair | undefined;
  #rs: Uint8Array | undefined;
  #re: Uint8Array | undefined;
  #psk: Uint8Array | undefined;
  #next = 0;
  #state: 'running' | 'failed' | 'split' = 'running';

  constructor({ pattern, role, prologue, ephemeralSecret, s, rs, psk }: HandshakeInput) {
    const { knowsResponder, messages }: PatternTable = PATTERNS[pattern];
    this.#role = role;
    this.#messages = messages;
    this.#usesPsk = messages.some((tokens) => tokens.includes('psk'));
    this.#s = s;
    this.#rs = rs;
    this.#psk = psk;
    this.#ephemeralSecret = ephemeralSecret;
    this.#symmetric = new SymmetricState(`Noise_${pattern}_25519_ChaChaPoly_SHA256`);
    this.#symmetric.mixHash(prologue);
    if (knowsResponder) this.#symmetric.mixHash(known(role === 'initiator' ? rs : s?.publicKey, 'a key'));
  }

  /** The other side's static key, once it has been read or if it was known. */
  get remoteStatic(): Uint8Array | undefined {
    return this.#rs;
  }

  /** h: the same on both sides when the handshake is done, and in no other handshake. */
  get hash(): Uint8Array {
    return this.#symmetric.hash.slice();
  }

  setPsk(psk: Uint8Array): void {
    this.#psk = psk;
  }

  /** Undefined when the other side's key gives a DH result of zeros. */
  writeMessage(payload: Uint8Array): Uint8Array | undefined {
    const parts: Uint8Array[] = [];
    for (const token of this.#takeTurn('write')) {
      if (token === 'e') {
        const publicKey = primitives.x25519PublicKey(this.#ephemeralSecret);
        this.#e = { secret: this.#ephemeralSecret, publicKey };
        parts.push(publicKey);
        this.#mixEphemeral(publicKey);
      } else if (token === 's') {
        parts.push(this.#symmetric.encryptAndHash(known(this.#s, 's').publicKey));
      } else if (!this.#mix(token)) {
        return this.#fail();
      }
    }
    parts.push(this.#symmetric.encryptAndHash(payload));
    return new Uint8Array(Buffer.concat(parts));
  }

  /** The payload; undefined for a message that is not one of this handshake. */
  readMessage(message: Uint8Array): Uint8Array | undefined {
    let rest = message;
    for (const token of this.#takeTurn('read')) {
      if (token === 'e') {
        if (rest.length < DH_BYTES) return this.#fail();
        this.#re = rest.slice(0, DH_BYTES);
        rest = rest.subarray(DH_BYTES);
        this.#mixEphemeral(this.#re);
      } else if (token === 's') {
        const length = DH_BYTES + (this.#symmetric.sealsWithTag ? TAG_BYTES : 0);
        if (rest.length < length) return this.#fail();
        this.#rs = this.#symmetric.decryptAndHash(rest.slice(0, length));
        if (!this.#rs) return this.#fail();
        rest = rest.subarray(length);
      } else if (!this.#mix(token)) {
        return this.#fail();
      }
    }
    return this.#symmetric.decryptAndHash(rest)?.slice() ?? this.#fail();
  }

  /** After the last message. */
  split(): { readonly send: CipherState; readonly receive: CipherState } {
    assert(this.#state === 'running' && this.#next === this.#messages.length, 'split comes last, once');
    this.#state = 'split';
    const [first, second] = this.#symmetric.split();
    primitives.x25519Forget(this.#ephemeralSecret);
    this.#ephemeralSecret.fill(0);
    return this.#role === 'initiator' ? { send: first, receive: second } : { send: second, receive: first };
  }

  #takeTurn(direction: 'read' | 'write'): readonly Token[] {
    const writer = this.#next % 2 === 0 ? 'initiator' : 'responder';
    assert(this.#state === 'running', 'a handshake that has ended is not continued');
    assert((direction === 'write') === (writer === this.#role), 'the messages of a handshake alternate');
    const tokens = known(this.#messages[this.#next], 'a message');
    this.#next += 1;
    return tokens;
  }

  /** 9.2: with a psk the ephemeral key goes into the cipher key too. */
  #mixEphemeral(publicKey: Uint8Array): void {
    this.#symmetric.mixHash(publicKey);
    if (this.#usesPsk) this.#symmetric.mixKey(publicKey);
  }

  /** The tokens that put nothing into the message. False for a DH result of zeros. */
  #mix(token: Exclude<Token, 'e' | 's'>): boolean {
    const isInitiator = this.#role === 'initiator';
    switch (token) {
      case 'psk':
        this.#symmetric.mixKeyAndHash(known(this.#psk, 'psk'));
        return true;
      case 'ee':
        return this.#mixDh(this.#e, this.#re);
      case 'ss':
        return this.#mixDh(this.#s, this.#rs);
      case 'es':
        return isInitiator ? this.#mixDh(this.#e, this.#rs) : this.#mixDh(this.#s, this.#re);
      case 'se':
        return isInitiator ? this.#mixDh(this.#s, this.#re) : this.#mixDh(this.#e, this.#rs);
      default:
        return assertNever(token);
    }
  }

  #mixDh(own: KeyPair | undefined, other: Uint8Array | undefined): boolean {
    const { secret } = known(own, 'an own key');
    const shared = primitives.x25519({ secret, publicKey: known(other, 'a key of the other side') });
    if (!shared) return false;
    this.#symmetric.mixKey(shared);
    shared.fill(0);
    return true;
  }

  #fail(): undefined {
    this.#state = 'failed';
    primitives.x25519Forget(this.#ephemeralSecret);
    this.#ephemeralSecret.fill(0);
    return undefined;
  }
}

function known<T>(value: T | undefined, what: string): T {
  assert(value !== undefined, `the pattern needs ${what}`);
  return value;
}
