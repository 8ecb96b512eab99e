/**
 * Who a node is: an Ed25519 key pair. Its public key gives the node's location (location.ts) and signs its reference.
 *
 * It knows no domain strings: whoever signs puts one before the message, so that no signature can be passed off as another.
 */
import { type PublicKey, type Seed, seed as asSeed } from './bytes.ts';
import { native } from './primitives/native.ts';

export interface Identity {
  readonly publicKey: PublicKey;
  /** 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
}

export function identityFromSeed(seed: Seed): Identity {
  const own = asSeed(Uint8Array.from(seed));
  return {
    publicKey: native.ed25519PublicKey(own),
    sign: (message) => native.ed25519Sign({ seed: own, message }),
  };
}

/** Strict (primitives/ed25519-strict.ts); false for a signature of the wrong length. */
export function verifySignature(signed: {
  readonly publicKey: PublicKey;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}): boolean {
  return native.ed25519Verify(signed);
}
