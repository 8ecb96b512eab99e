/**
 * The two frames of the handshake (docs/spec/links.md, 2): hello as bytes and back, and what the auth frame signs.
 *
 * Signed, not encrypted. The signature covers both hellos as they were on the wire, so that neither side's nonce, network, versions
 * or identity can be changed by anybody between them, and an old one is worth nothing against a new nonce.
 */
import { ParseError, encodeCbor, publicKey } from '../keys/index.ts';
import type { PublicKey } from '../keys/index.ts';
import { bytesField, decodeFields, field } from './fields.ts';
import { isVersionRange } from './version.ts';
import type { VersionRange } from './version.ts';

/** Who opened the carrier. */
export type Role = 'dial' | 'listen';

export interface Hello {
  readonly identity: PublicKey;
  /** 32 bytes: nodes of another network are not spoken to. */
  readonly network: Uint8Array;
  /** 32 bytes, fresh for every link. */
  readonly nonce: Uint8Array;
  readonly versions: VersionRange;
}

export const NETWORK_BYTES = 32;
export const NONCE_BYTES = 32;
export const SIGNATURE_BYTES = 64;

const AUTH_DOMAIN = Buffer.from('mimeo/link/auth/0');
const ROLE_BYTE: Readonly<Record<Role, number>> = { dial: 1, listen: 2 };

export function encodeHello({ identity, network, nonce, versions }: Hello): Uint8Array {
  return encodeCbor({ identity, network, nonce, versions: [versions.min, versions.max] });
}

/** @throws ParseError bad_message */
export function decodeHello(bytes: Uint8Array): Hello {
  const code = 'bad_message';
  const fields = decodeFields(bytes, code);
  const versions = field(fields, 'versions');
  const [min, max, ...more] = Array.isArray(versions) ? (versions as readonly unknown[]) : [];
  if (
    typeof min !== 'number' ||
    typeof max !== 'number' ||
    more.length > 0 ||
    !isVersionRange({ min, max })
  ) {
    throw new ParseError(code, 'field versions is not a range');
  }
  return {
    identity: publicKey(bytesField(fields, { name: 'identity', length: 32, code })),
    network: bytesField(fields, { name: 'network', length: NETWORK_BYTES, code }),
    nonce: bytesField(fields, { name: 'nonce', length: NONCE_BYTES, code }),
    versions: { min, max },
  };
}

/** What `signer` signs. The hellos are whole frames with their lengths: no byte can pass from one to the other. */
export function authMessage(
  signer: Role,
  frames: { readonly dialHello: Uint8Array; readonly listenHello: Uint8Array },
): Uint8Array {
  const role = Uint8Array.of(ROLE_BYTE[signer]);
  return Buffer.concat([AUTH_DOMAIN, role, frames.dialHello, frames.listenHello]);
}
