/**
 * Which Ed25519 keys and signatures are well formed, decided on the bytes and before any curve arithmetic. Both
 * implementations ask here first, because the libraries below them differ: OpenSSL takes points of small order and
 * non-canonical keys, noble's strict mode multiplies by the cofactor. A signature that one relay takes and the next
 * refuses would cut an SSK off half of the network, and a key of small order signs every message.
 *
 * It does not verify: the equation [S]B = R + [k]A, without cofactor (RFC 8032, 5.1.7), is the caller's.
 *
 * Invariant: what passes has y < p in A and in R, neither of small order, and S < L.
 */
import { equalBytes } from '../bytes.ts';

const POINT_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** 2^255 − 19 and the order of the base point, as the encodings write numbers: little-endian. */
const P = Buffer.from('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', 'hex');
const L = Buffer.from('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010', 'hex');

/** y of the eight points of small order. The top bit is the sign of x and is masked before the comparison. */
const SMALL_ORDER_Y = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].map((hex) => Buffer.from(hex, 'hex'));

export function isWellFormed(publicKey: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== POINT_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  const r = signature.subarray(0, POINT_BYTES);
  const s = signature.subarray(POINT_BYTES);
  return isBelow(s, L) && isStrictPoint(publicKey) && isStrictPoint(r);
}

function isStrictPoint(encoded: Uint8Array): boolean {
  const y = Uint8Array.from(encoded);
  y[31] = (y[31] ?? 0) & 0x7f;
  return isBelow(y, P) && !SMALL_ORDER_Y.some((small) => equalBytes(y, small));
}

/** Of two little-endian numbers of 32 bytes. Everything compared here is public, so time may tell. */
function isBelow(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = POINT_BYTES - 1; i >= 0; i--) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
