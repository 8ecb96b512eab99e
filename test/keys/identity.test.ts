import t from 'tap';
import { identityFromSeed, seed, verifySignature } from '../../keys/index.ts';
import { noble } from '../../keys/primitives/noble.ts';
import { toHex } from './samples.ts';

const own = identityFromSeed(seed(new Uint8Array(32).fill(4)));
const message = Buffer.from('mimeo/reference');

void t.test('an identity signs what everybody with its public key can verify', async (t) => {
  const signature = own.sign(message);
  t.equal(signature.length, 64);
  t.ok(verifySignature({ publicKey: own.publicKey, message, signature }));
  t.equal(toHex(own.publicKey), toHex(noble.ed25519PublicKey(seed(new Uint8Array(32).fill(4)))));
});

void t.test('a signature fits neither another message nor another identity', async (t) => {
  const signature = own.sign(message);
  const other = identityFromSeed(seed(new Uint8Array(32).fill(5)));
  t.notOk(verifySignature({ publicKey: own.publicKey, message: Buffer.from('mimeo/invite'), signature }));
  t.notOk(verifySignature({ publicKey: other.publicKey, message, signature }));
  t.notOk(verifySignature({ publicKey: own.publicKey, message, signature: signature.subarray(0, 63) }));
});

void t.test('the identity keeps its seed when the caller wipes theirs', async (t) => {
  const bytes = Buffer.alloc(32, 6);
  const identity = identityFromSeed(seed(bytes));
  bytes.fill(0);
  t.ok(verifySignature({ publicKey: identity.publicKey, message, signature: identity.sign(message) }));
});
