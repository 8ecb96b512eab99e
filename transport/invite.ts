/**
 * An invite: one line of text that makes two nodes friends when one person has sent it and the other has pasted it
 * (docs/spec/links.md, 4). It holds the inviter's reference and a secret that is good for one friend.
 *
 * It keeps no account of invites and looks at no clock: whether one was used or has expired is for its maker, who keeps the secret.
 * Whoever reads the line on its way can use it first; the intended friend is refused then, and both people notice.
 */
import { ParseError, assert, encodeCbor, fromText, toText } from '../keys/index.ts';
import type { PublicKey } from '../keys/index.ts';
import { bytesField, decodeFields, field } from './fields.ts';
import { transportLimits } from './limits.ts';
import { KEY_BYTES, derive } from './link-keys.ts';
import { decodeReference, referenceBytes, referenceLine } from './reference.ts';
import type { NodeReference } from './reference.ts';

interface Invite {
  readonly inviter: NodeReference;
  /** 32 bytes, of one invite. */
  readonly secret: Uint8Array;
  /** Unix time in seconds after which the inviter refuses it. */
  readonly expiresSeconds: number;
}

const PREFIX = 'mimeo-invite:';
const FORMAT = 1;
export const INVITE_ID_BYTES = 16;

export function encodeInvite({ inviter, secret, expiresSeconds }: Invite): string {
  assert(secret.length === KEY_BYTES, `the secret of an invite has ${KEY_BYTES} bytes`);
  assert(isTime(expiresSeconds), 'an invite expires at a whole second');
  const ref = referenceBytes(inviter.line);
  return PREFIX + toText(encodeCbor({ v: FORMAT, ref, key: secret, exp: expiresSeconds }));
}

/**
 * Space around the line is ignored. The expiry is not compared with any clock here.
 * @throws ParseError bad_reference with what is wrong.
 */
export function decodeInvite(text: string): Invite {
  try {
    return readLine(text.trim());
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    throw new ParseError('bad_reference', `the invite cannot be read: ${error.message}`);
  }
}

/** 16 bytes that name an invite and say nothing about its secret. */
export function inviteId(secret: Uint8Array): Uint8Array {
  return derive({ from: secret, info: 'mimeo/invite/id' }).subarray(0, INVITE_ID_BYTES);
}

/** 32 bytes that both friends compute from the invite, for all their links after the first. The keys are identities. */
export function pairSecret(input: {
  readonly secret: Uint8Array;
  readonly inviterKey: PublicKey;
  readonly joinerKey: PublicKey;
}): Uint8Array {
  const salt = Buffer.concat([input.inviterKey, input.joinerKey]);
  return derive({ from: input.secret, salt, info: 'mimeo/invite/pair' });
}

function readLine(line: string): Invite {
  const code = 'bad_reference';
  const limit = transportLimits.inviteChars.value;
  if (line.length > limit) throw new ParseError(code, `longer than ${limit} characters`);
  if (!line.startsWith(PREFIX)) throw new ParseError(code, `does not begin with ${PREFIX}`);
  const fields = readFields(fromText(line.slice(PREFIX.length)), code);
  if (field(fields, 'v') !== FORMAT) {
    throw new ParseError(code, `its format is not ${FORMAT}: another version made it`);
  }
  const reference = field(fields, 'ref');
  if (!(reference instanceof Uint8Array)) throw new ParseError(code, 'field ref is not bytes');
  const expiresSeconds = field(fields, 'exp');
  if (!isTime(expiresSeconds)) throw new ParseError(code, 'field exp is not a time');
  return {
    inviter: decodeReference(referenceLine(reference)),
    secret: bytesField(fields, { name: 'key', length: KEY_BYTES, code }),
    expiresSeconds,
  };
}

function readFields(bytes: Uint8Array, code: 'bad_reference'): ReturnType<typeof decodeFields> {
  try {
    return decodeFields(bytes, code);
  } catch (error) {
    if (error instanceof ParseError) throw new ParseError(code, `cut off or mistyped: ${error.message}`);
    throw error;
  }
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
