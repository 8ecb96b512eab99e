/**
 * transport/invite.ts. Promises: an invite that is read is the same when it is written and read again; its inviter is a reference that stands alone,
 * and its secret has its length.
 */
import { isDeepStrictEqual } from 'node:util';
import { toText } from '../../../keys/index.ts';
import { decodeInvite, decodeReference, encodeInvite, transportLimits } from '../../../transport/index.ts';
import { editCbor } from '../edits/cbor.ts';
import { editText } from '../edits/text.ts';
import { accepted, attempt, ensure, type Change, type Target } from '../target.ts';
import { sampleReference } from './reference.ts';

const PREFIX = 'mimeo-invite:';

export const invite: Target = {
  name: 'invite',
  promise: 'what is read can be written and read again, and holds a reference that stands alone',
  mostBytes: 8_000,
  edits: [editText, editFields, editFields],
  words: [PREFIX, 'mimeo-node:'],
  sample: (random) => {
    const inviter = decodeReference(sampleReference(random));
    return Buffer.from(encodeInvite({ inviter, secret: random.bytes(32), expiresSeconds: random.uint32() }));
  },
  run: (input) => {
    const text = Buffer.from(input).toString();
    const read = attempt(() => decodeInvite(text), ['bad_reference']);
    if (read.type !== 'value') return read;
    const { inviter, secret, expiresSeconds } = read.value;
    ensure(text.trim().length <= transportLimits.inviteChars.value, 'the limit of a line');
    ensure(secret.length === 32 && Number.isSafeInteger(expiresSeconds), 'secret and expiry');
    // Fields of later versions are ignored, so the line may be another one.
    const written = encodeInvite(read.value);
    const isSame = written === text.trim() || isDeepStrictEqual(decodeInvite(written), read.value);
    ensure(isSame, 'the same invite when written');
    ensure(decodeReference(inviter.line).line === inviter.line, 'a reference that stands alone');
    return accepted('invite');
  },
};

function editFields(change: Change): Uint8Array | undefined {
  const text = Buffer.from(change.input).toString().trim();
  if (!text.startsWith(PREFIX)) return undefined;
  const fields = editCbor({ ...change, input: Buffer.from(text.slice(PREFIX.length), 'base64url') });
  return fields && Buffer.from(PREFIX + toText(fields));
}
