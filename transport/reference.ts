/**
 * A node reference: one line of text that says who a node is, in which network, and where it listens (docs/spec/links.md, 3).
 * Signed by the node, so that nobody can put other addresses or keys under its name. Who has it can call the node; who has not cannot
 * even find out that it is one.
 *
 * It does not say when it was made, and whether the addresses answer is for whoever dials.
 * Invariant: the signature is verified over the bytes as received; nothing is encoded again.
 */
import {
  ParseError,
  assert,
  encodeCbor,
  fromText,
  publicKey,
  toText,
  verifySignature,
} from '../keys/index.ts';
import type { CborValue, Identity, PublicKey } from '../keys/index.ts';
import { parseAddress } from './address.ts';
import { bytesField, decodeFields, field } from './fields.ts';
import type { Fields } from './fields.ts';
import { transportLimits } from './limits.ts';
import { KEY_BYTES } from './link-keys.ts';
import type { LinkKeys } from './link-keys.ts';

export interface NodeReference {
  readonly identity: PublicKey;
  /** X25519, 32 bytes: the static key of its handshakes. */
  readonly agreementKey: Uint8Array;
  /** 32 bytes: whoever calls without them is not answered. */
  readonly probeKey: Uint8Array;
  /** 32 bytes. */
  readonly network: Uint8Array;
  /** What a caller sends first, so that its opening looks like something else; up to 64 bytes, mostly none. */
  readonly prefix: Uint8Array;
  /** `host:port` each, in the order in which to try them; none for a node that can't be dialled. */
  readonly addresses: readonly string[];
  /** The text that all this was read from. */
  readonly line: string;
}

const NETWORK_BYTES = 32;
const SIGNATURE_BYTES = 64;

const PREFIX = 'mimeo-node:';
const FORMAT = 2;
const SIGNATURE_DOMAIN = Buffer.from('mimeo/reference/2');

/** @throws ParseError bad_reference when an address is none or something is too long: they come from a configuration. */
export function encodeReference(input: {
  readonly identity: Identity;
  readonly keys: Pick<LinkKeys, 'agreementKey' | 'probeKey'>;
  readonly network: Uint8Array;
  readonly addresses: readonly string[];
  readonly prefix?: Uint8Array;
}): string {
  const { identity, keys, network, addresses, prefix = new Uint8Array(0) } = input;
  assert(network.length === NETWORK_BYTES, `a network id has ${NETWORK_BYTES} bytes`);
  checkAddresses(addresses);
  checkPrefix(prefix);
  const body = encodeCbor({
    v: FORMAT,
    id: identity.publicKey,
    x: keys.agreementKey,
    probe: keys.probeKey,
    net: network,
    addr: addresses,
    ...(prefix.length === 0 ? {} : { pre: prefix }),
  });
  return referenceLine(Buffer.concat([body, identity.sign(signedMessage(body))]));
}

/** Space around the line is ignored. @throws ParseError bad_reference with what is wrong. */
export function decodeReference(text: string): NodeReference {
  try {
    return readLine(text.trim());
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    throw new ParseError('bad_reference', `the node reference cannot be read: ${error.message}`);
  }
}

/** A line and its bytes: invites and openings carry them without the text around. The bytes are not looked at here. */
export function referenceLine(bytes: Uint8Array): string {
  return PREFIX + toText(bytes);
}

/** @throws ParseError bad_key unless it is base64url behind the right beginning. */
export function referenceBytes(line: string): Uint8Array {
  if (!line.startsWith(PREFIX)) throw bad(`does not begin with ${PREFIX}`);
  return fromText(line.slice(PREFIX.length));
}

function readLine(line: string): NodeReference {
  const limit = transportLimits.referenceChars.value;
  if (line.length > limit) throw bad(`longer than ${limit} characters`);
  const bytes = referenceBytes(line);
  const body = bytes.subarray(0, Math.max(0, bytes.length - SIGNATURE_BYTES));
  const fields = readBody(body);
  const format = field(fields, 'v');
  if (format === 1) {
    throw bad('it is of format 1, without encryption: ask for a new one');
  }
  if (format !== FORMAT) throw bad(`its format is not ${FORMAT}: another version made it`);
  const code = 'bad_reference';
  const identity = publicKey(bytesField(fields, { name: 'id', length: 32, code }));
  const signature = bytes.subarray(body.length);
  if (!verifySignature({ publicKey: identity, message: signedMessage(body), signature })) {
    throw bad('its signature is wrong: a character was changed');
  }
  const addresses = field(fields, 'addr');
  if (!isTexts(addresses)) throw bad('field addr is not a list of texts');
  checkAddresses(addresses);
  const prefix = field(fields, 'pre') ?? new Uint8Array(0);
  if (!(prefix instanceof Uint8Array)) throw bad('field pre is not bytes');
  checkPrefix(prefix);
  return {
    identity,
    agreementKey: bytesField(fields, { name: 'x', length: KEY_BYTES, code }),
    probeKey: bytesField(fields, { name: 'probe', length: KEY_BYTES, code }),
    network: bytesField(fields, { name: 'net', length: NETWORK_BYTES, code }),
    prefix: Uint8Array.from(prefix),
    addresses,
    line,
  };
}

function signedMessage(body: Uint8Array): Uint8Array {
  return Buffer.concat([SIGNATURE_DOMAIN, body]);
}

function checkPrefix(prefix: Uint8Array): void {
  const limit = transportLimits.prefixBytes.value;
  if (prefix.length > limit) throw bad(`a prefix of ${prefix.length} bytes; at most ${limit}`);
}

function checkAddresses(addresses: readonly string[]): void {
  const limit = transportLimits.referenceAddresses.value;
  if (addresses.length > limit) throw bad(`${addresses.length} addresses; at most ${limit}`);
  for (const address of addresses) parseAddress(address);
}

/** Before the signature is checked, because the body names the signer, and because a line that was cut is told by it. */
function readBody(body: Uint8Array): Fields {
  try {
    return decodeFields(body, 'bad_reference');
  } catch (error) {
    if (error instanceof ParseError) throw bad(`cut off or mistyped: ${error.message}`);
    throw error;
  }
}

function isTexts(value: CborValue | undefined): value is readonly string[] {
  return Array.isArray(value) && (value as readonly unknown[]).every((item) => typeof item === 'string');
}

function bad(what: string): ParseError {
  return new ParseError('bad_reference', what);
}
