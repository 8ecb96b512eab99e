/**
 * The signed subspace key: a block that the owner of a key pair signs, under a name (docs/spec/keys.md, 5).
 *
 * The owner can sign two blocks for one name, and the network keeps whichever it met first: an SSK says who, not which. Nodes
 * see the public key and a blinded name, so they can check a block and can link the blocks of one owner, but not read names.
 *
 * Invariant: a block that `decodeSsk` opens was signed by the owner for this very name.
 */
import {
  type Block,
  block as asBlock,
  type CryptoKey,
  cryptoKey as asCryptoKey,
  equalBytes,
} from './bytes.ts';
import { KEY_BYTES, type PublicKey, type PublicKeyHash, publicKeyHash as asPublicKeyHash } from './bytes.ts';
import {
  type Random,
  type RoutingKey,
  routingKey as asRoutingKey,
  type Seed,
  seed as asSeed,
} from './bytes.ts';
import { ParseError } from './errors.ts';
import { canonicalName } from './name.ts';
import { native } from './primitives/native.ts';
import type { Primitives } from './primitives/primitives.ts';
import { body, header, seal, trailer, unseal } from './sealed.ts';

const NAME_DOMAIN = Buffer.from('mimeo/ssk/name');
const ROUTING_DOMAIN = Buffer.from('mimeo/ssk/routing');

/** What inserts: whoever has the seed signs for the subspace, for ever. `cryptoKey` alone reads. */
export interface SskSecret {
  readonly seed: Seed;
  readonly publicKey: PublicKey;
  readonly cryptoKey: CryptoKey;
}

export function createSsk(random: Random): SskSecret {
  return sskFromSeed({
    seed: asSeed(random.bytes(KEY_BYTES)),
    cryptoKey: asCryptoKey(random.bytes(KEY_BYTES)),
  });
}

export function sskFromSeed({ seed, cryptoKey }: { seed: Seed; cryptoKey: CryptoKey }): SskSecret {
  return { seed, publicKey: native.ed25519PublicKey(seed), cryptoKey };
}

export function hashPublicKey(publicKey: PublicKey, primitives: Primitives = native): PublicKeyHash {
  return asPublicKeyHash(primitives.sha256(publicKey));
}

/** What a reader has: field 1 and 2 of the request URI, and a name. */
export interface SskAddress {
  readonly publicKeyHash: PublicKeyHash;
  readonly cryptoKey: CryptoKey;
  readonly name: string;
}

/** @throws ParseError bad_key when the name is none. */
export function sskRoutingKey(address: SskAddress, primitives: Primitives = native): RoutingKey {
  const blindedName = blind(address, primitives);
  return routingKeyOf({ publicKeyHash: address.publicKeyHash, blindedName }, primitives);
}

/**
 * @throws ParseError bad_key when the name is none.
 * @throws AssertionError when the payload is longer than PAYLOAD_BYTES.
 */
export function encodeSsk(
  { secret, name, payload }: { secret: SskSecret; name: string; payload: Uint8Array },
  primitives: Primitives = native,
): { routingKey: RoutingKey; block: Block } {
  const { seed, publicKey, cryptoKey } = secret;
  const head = new Uint8Array(2 * KEY_BYTES);
  head.set(publicKey);
  head.set(blind({ cryptoKey, name }, primitives), KEY_BYTES);
  const block = asBlock(seal({ kind: 'ssk', cryptoKey, header: head, payload }, primitives));
  trailer(block).set(primitives.ed25519Sign({ seed, message: body(block) }));
  return { routingKey: routingKeyInHeader(block, primitives), block };
}

/**
 * @throws ParseError bad_block
 * @throws ParseError bad_key when the name is none.
 */
export function decodeSsk(
  { publicKeyHash, cryptoKey, name, block }: SskAddress & { block: Block },
  primitives: Primitives = native,
): Uint8Array {
  const { publicKey, blindedName } = split(block);
  if (!equalBytes(primitives.sha256(publicKey), publicKeyHash)) {
    throw new ParseError('bad_block', 'the block belongs to another public key');
  }
  if (!equalBytes(blindedName, blind({ cryptoKey, name }, primitives))) {
    throw new ParseError('bad_block', 'the block belongs to another name');
  }
  if (!isSigned(block, primitives)) throw new ParseError('bad_block', 'the signature of the block is wrong');
  return unseal({ kind: 'ssk', cryptoKey, block }, primitives);
}

/** The routing key that a block claims by its header; the signature is another question. */
export function routingKeyInHeader(block: Block, primitives: Primitives = native): RoutingKey {
  const { publicKey, blindedName } = split(block);
  const publicKeyHash = asPublicKeyHash(primitives.sha256(publicKey));
  return routingKeyOf({ publicKeyHash, blindedName }, primitives);
}

export function isSigned(block: Block, primitives: Primitives = native): boolean {
  const { publicKey } = split(block);
  return primitives.ed25519Verify({ publicKey, message: body(block), signature: trailer(block) });
}

function split(block: Block): { publicKey: Uint8Array; blindedName: Uint8Array } {
  const head = header(block);
  return { publicKey: head.subarray(0, KEY_BYTES), blindedName: head.subarray(KEY_BYTES) };
}

function blind(
  { cryptoKey, name }: { cryptoKey: CryptoKey; name: string },
  primitives: Primitives,
): Uint8Array {
  return primitives.hmacSha256(cryptoKey, NAME_DOMAIN, Buffer.from(canonicalName(name)));
}

function routingKeyOf(
  { publicKeyHash, blindedName }: { publicKeyHash: PublicKeyHash; blindedName: Uint8Array },
  primitives: Primitives,
): RoutingKey {
  return asRoutingKey(primitives.sha256(ROUTING_DOMAIN, blindedName, publicKeyHash));
}
