/** Invites: round trips, what each side derives, and a reason for every line that is none. */
import * as fc from 'fast-check';
import t from 'tap';
import { ParseError, encodeCbor, seed, toText } from '../../keys/index.ts';
import {
  decodeInvite,
  encodeInvite,
  inviteId,
  linkKeys,
  pairSecret,
  transportLimits,
} from '../../transport/index.ts';
import { presharedKey } from '../../transport/psk.ts';
import { referenceBytes } from '../../transport/reference.ts';
import { bytes32, runs, toHex } from '../keys/samples.ts';
import { identityOf, keysOf, referenceOf } from './session-pair.ts';

const inviter = referenceOf(5);
const secret = new Uint8Array(32).fill(7);
const line = encodeInvite({ inviter, secret, expiresSeconds: 1_800_000_000 });

void t.test('an invite comes back as it was made', async (t) => {
  fc.assert(
    fc.property(bytes32, fc.nat(), (secret, expiresSeconds) => {
      const invite = { inviter, secret: Uint8Array.from(secret), expiresSeconds };
      t.same(decodeInvite(` ${encodeInvite(invite)}\n`), invite);
    }),
    runs(200),
  );
});

void t.test('the invite of the longest reference is within the limit', async (t) => {
  const name = `${'a'.repeat(63)}.`.repeat(3) + 'b'.repeat(61);
  const addresses = Array.from({ length: 8 }, () => `${name}:65535`);
  const longest = referenceOf(5, { addresses, prefix: new Uint8Array(64) });
  const invite = { inviter: longest, secret, expiresSeconds: Number.MAX_SAFE_INTEGER };
  t.same(decodeInvite(encodeInvite(invite)), invite);
});

void t.test('an invite cut off anywhere, or of other fields, is refused with the reason', async (t) => {
  for (let length = 0; length < line.length; length++) {
    t.throws(() => decodeInvite(line.slice(0, length)), { code: 'bad_reference' });
  }
  const fields = { v: 1, ref: referenceBytes(inviter.line), key: secret, exp: 5 };
  const bad: [object, RegExp][] = [
    [{ ...fields, v: 2 }, /its format is not 1/],
    [{ ...fields, ref: 'x' }, /field ref/],
    [{ ...fields, ref: new Uint8Array(80) }, /node reference cannot be read/],
    [{ ...fields, key: new Uint8Array(31) }, /field key/],
    [{ ...fields, exp: -1 }, /field exp/],
    [{ ...fields, exp: 'never' }, /field exp/],
  ];
  for (const [fields, message] of bad) {
    const text = `mimeo-invite:${toText(encodeCbor(fields as never))}`;
    t.throws(() => decodeInvite(text), { code: 'bad_reference', message });
  }
  t.throws(() => decodeInvite(inviter.line), { message: /does not begin with mimeo-invite:/ });
  const long = `mimeo-invite:${'A'.repeat(transportLimits.inviteChars.value)}`;
  t.throws(() => decodeInvite(long), { message: /longer than/ });
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String()), (garbage) => {
      try {
        decodeInvite(`mimeo-invite:${garbage}`);
        return false;
      } catch (error) {
        return error instanceof ParseError && error.code === 'bad_reference';
      }
    }),
    runs(2_000),
  );
});

void t.test('all that is derived differs from all else, and by who invites whom', async (t) => {
  const [a, b] = [identityOf(1).publicKey, identityOf(2).publicKey];
  const ends = {
    responderProbeKey: secret,
    initiatorKey: keysOf(1).agreementKey,
    responderKey: keysOf(2).agreementKey,
  };
  const swapped = { ...ends, initiatorKey: ends.responderKey, responderKey: ends.initiatorKey };
  const fromSecret = linkKeys(seed(secret));
  const values = [
    secret,
    inviteId(secret),
    pairSecret({ secret, inviterKey: a, joinerKey: b }),
    pairSecret({ secret, inviterKey: b, joinerKey: a }),
    presharedKey({ type: 'stranger' }, ends),
    presharedKey({ type: 'stranger' }, swapped),
    presharedKey({ type: 'pair', pairSecret: secret }, ends),
    presharedKey({ type: 'pair', pairSecret: secret }, swapped),
    presharedKey({ type: 'invite', inviteSecret: secret }, ends),
    fromSecret.agreementSecret,
    fromSecret.agreementKey,
    fromSecret.probeKey,
  ].map((value) => toHex(value).slice(0, 32));
  t.equal(new Set(values).size, values.length);
  t.equal(inviteId(secret).length, 16);
});
