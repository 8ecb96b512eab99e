/**
 * Where a key lives on the circle [0, 1): what routing compares (docs/spec/keys.md, 6).
 *
 * A location is derived, never chosen: a node's from its public key, a key's from the routing key and a salt. Three salts give
 * a key three places, so that hiding it takes three eclipses instead of one. Storage and verification ignore the location.
 *
 * Invariant: a location is an integer multiple of 2^-53 in [0, 1), so that times 2^53 it is an exact integer (its form on the
 * wire) and every node computes the same bits: a division by a power of two rounds nowhere.
 */
import { type Brand, type PublicKey, type RoutingKey } from './bytes.ts';
import { assert } from './errors.ts';
import { native } from './primitives/native.ts';

export type Location = Brand<number, 'Location'>;
export type Salt = 0 | 1 | 2;

export const SALTS: readonly Salt[] = [0, 1, 2];

const KEY_DOMAIN = Buffer.from('mimeo/loc');
const NODE_DOMAIN = Buffer.from('mimeo/node-loc');

/** @throws AssertionError unless 0, 1 or 2: a codec checks what is foreign. */
export function salt(value: number): Salt {
  assert(value === 0 || value === 1 || value === 2, 'a salt is 0, 1 or 2');
  return value;
}

/** For locations that come from elsewhere than a hash: a codec's integer divided by 2^53, a simulator's draw. */
export function asLocation(fraction: number): Location {
  assert(fraction >= 0 && fraction < 1, 'a location lies in [0, 1)');
  return fraction as Location;
}

export function location(key: RoutingKey, salt: Salt): Location {
  return fraction(native.sha256(KEY_DOMAIN, Uint8Array.of(salt), key));
}

export function locationOfIdentity(publicKey: PublicKey): Location {
  return fraction(native.sha256(NODE_DOMAIN, publicKey));
}

/** The shorter way round the circle: 0 … 0.5. */
export function distance(a: Location, b: Location): number {
  const straight = Math.abs(a - b);
  return Math.min(straight, 1 - straight);
}

/** The first 53 bits of a hash, big-endian. */
function fraction(hash: Uint8Array): Location {
  const view = new DataView(hash.buffer, hash.byteOffset, hash.byteLength);
  return asLocation((view.getUint32(0) * 2 ** 21 + (view.getUint32(4) >>> 11)) / 2 ** 53);
}
