/**
 * A node reference: one line of text that says who a node is, in which network, and where it listens (docs/spec/links.md, 5).
 * Signed by the node, so that nobody can put other addresses under its name.
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
import { NETWORK_BYTES, SIGNATURE_BYTES } from './hello.ts';
import { transportLimits } from './limits.ts';

interface NodeReference {
  readonly identity: PublicKey;
  /** 32 bytes. */
  readonly network: Uint8Array;
  /** `host:port` each, in the order in which to try them; none for a node that can't be dialled. */
  readonly addresses: readonly string[];
}

const PREFIX = 'mimeo-node:';
const FORMAT = 1;
const SIGNATURE_DOMAIN = Buffer.from('mimeo/reference/1');

/** @throws ParseError bad_reference when an address is none or there are too many: they come from a configuration. */
export function encodeReference(input: {
  readonly identity: Identity;
  readonly network: Uint8Array;
  readonly addresses: readonly string[];
}): string {
  const { identity, network, addresses } = input;
  assert(network.length === NETWORK_BYTES, `a network id has ${NETWORK_BYTES} bytes`);
  checkAddresses(addresses);
  const body = encodeCbor({ v: FORMAT, id: identity.publicKey, net: network, addr: addresses });
  return PREFIX + toText(Buffer.concat([body, identity.sign(signedMessage(body))]));
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

function readLine(line: string): NodeReference {
  const limit = transportLimits.referenceChars.value;
  if (line.length > limit) throw bad(`longer than ${limit} characters`);
  if (!line.startsWith(PREFIX)) throw bad(`does not begin with ${PREFIX}`);
  const bytes = fromText(line.slice(PREFIX.length));
  const body = bytes.subarray(0, Math.max(0, bytes.length - SIGNATURE_BYTES));
  const fields = readBody(body);
  if (field(fields, 'v') !== FORMAT) throw bad(`its format is not ${FORMAT}: another version made it`);
  const identity = publicKey(bytesField(fields, { name: 'id', length: 32, code: 'bad_reference' }));
  const signature = bytes.subarray(body.length);
  if (!verifySignature({ publicKey: identity, message: signedMessage(body), signature })) {
    throw bad('its signature is wrong: a character was changed');
  }
  const network = bytesField(fields, { name: 'net', length: NETWORK_BYTES, code: 'bad_reference' });
  const addresses = field(fields, 'addr');
  if (!isTexts(addresses)) throw bad('field addr is not a list of texts');
  checkAddresses(addresses);
  return { identity, network, addresses };
}

function signedMessage(body: Uint8Array): Uint8Array {
  return Buffer.concat([SIGNATURE_DOMAIN, body]);
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
