export {
  BLOCK_BYTES,
  KEY_BYTES,
  PAYLOAD_BYTES,
  block,
  cryptoKey,
  equalBytes,
  fromText,
  publicKey,
  publicKeyHash,
  routingKey,
  seed,
  toText,
} from './bytes.ts';
export type { Block, Brand, CryptoKey, PublicKey, PublicKeyHash, Random, RoutingKey, Seed } from './bytes.ts';
export { decodeCbor, encodeCbor } from './cbor.ts';
export type { CborLimits, CborValue } from './cbor.ts';
export { PUBLIC_CONVERGENCE_SECRET, contentKey, decodeChk, encodeChk } from './chk.ts';
export { ParseError, assert, assertNever } from './errors.ts';
export type { ParseErrorCode } from './errors.ts';
export { explainUri } from './explain.ts';
export { identityFromSeed, verifySignature } from './identity.ts';
export type { Identity } from './identity.ts';
export { KskBusyError, deriveKsk } from './ksk.ts';
export type { KskSecret } from './ksk.ts';
export { keyLimits } from './limits.ts';
export type { Limits } from './limits.ts';
export { SALTS, asLocation, distance, location, locationOfIdentity, salt } from './location.ts';
export type { Location, Salt } from './location.ts';
export { canonicalName } from './name.ts';
export { native as primitives } from './primitives/native.ts';
export { TAG_BYTES } from './primitives/primitives.ts';
export type { Aead } from './primitives/primitives.ts';
export { createSsk, decodeSsk, encodeSsk, hashPublicKey, sskFromSeed, sskRoutingKey } from './ssk.ts';
export type { SskSecret } from './ssk.ts';
export { formatUri, parseUri, requestUri, sskOfUsk } from './uri.ts';
export type { Uri } from './uri.ts';
export { verifyBlock } from './verify.ts';
