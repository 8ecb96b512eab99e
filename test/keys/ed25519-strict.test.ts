/**
 * Signatures that libraries disagree about, made by hand. Each is "almost valid": the laxest rule in use (ZIP 215) takes it,
 * which is checked first, so that a refusal is the strict rule's and not a slip in the making.
 */
import { ed25519, ED25519_TORSION_SUBGROUP } from '@noble/curves/ed25519.js';
import { createHash } from 'node:crypto';
import t from 'tap';
import { isWellFormed } from '../../keys/primitives/ed25519-strict.ts';
import { native } from '../../keys/primitives/native.ts';
import { noble } from '../../keys/primitives/noble.ts';
import { hex } from './samples.ts';

const both = Object.entries({ native, noble });
const { Point } = ed25519;
const L = Point.Fn.ORDER;
const P = Point.Fp.ORDER;
const message = Buffer.from('mimeo');

function littleEndian(value: bigint): Uint8Array {
  return hex(value.toString(16).padStart(64, '0')).reverse();
}

function number(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

function challenge(r: Uint8Array, publicKey: Uint8Array, message: Uint8Array): bigint {
  return number(createHash('sha512').update(r).update(publicKey).update(message).digest()) % L;
}

/** Encodings of small order that are not canonical: y + p where it still fits 255 bits, and "minus zero". */
const NON_CANONICAL = [
  littleEndian(P),
  littleEndian(P + 1n),
  littleEndian(P | (1n << 255n)),
  littleEndian((P + 1n) | (1n << 255n)),
  littleEndian(1n | (1n << 255n)),
  littleEndian((P - 1n) | (1n << 255n)),
];
const smallOrder = [...ED25519_TORSION_SUBGROUP.map(hex), ...NON_CANONICAL];

void t.test('a public key of small order, canonical or not, signs nothing', async (t) => {
  for (const publicKey of smallOrder) {
    for (const r of smallOrder) {
      const signature = new Uint8Array(64);
      signature.set(r);
      const name = `${Buffer.from(publicKey).toString('hex')}, R ${Buffer.from(r).toString('hex', 0, 4)}`;
      if (!ed25519.verify(signature, message, publicKey, { zip215: true })) t.fail(`${name} is made wrongly`);
      for (const [lib, p] of both) {
        if (p.ed25519Verify({ publicKey, message, signature })) t.fail(`${lib} takes ${name}`);
      }
    }
  }
  t.equal(smallOrder.length, 14, 'all of them were tried');
});

void t.test('an R of small order is refused, also where the equation holds', async (t) => {
  // S = k·a makes [S]B = O + [k]A with R the neutral element: RFC 8032 would take it, libsodium does not.
  const seed = new Uint8Array(32).fill(7);
  const { scalar, pointBytes } = ed25519.utils.getExtendedPublicKey(seed);
  const r = littleEndian(1n);
  const s = (challenge(r, pointBytes, message) * scalar) % L;
  const signature = Buffer.concat([r, littleEndian(s)]);
  t.ok(ed25519.verify(signature, message, pointBytes, { zip215: true }), 'it is made rightly');
  for (const [lib, p] of both) t.notOk(p.ed25519Verify({ publicKey: pointBytes, message, signature }), lib);
});

void t.test('a key with a torsion part is judged without the cofactor by both', async (t) => {
  const { scalar, point } = ed25519.utils.getExtendedPublicKey(new Uint8Array(32).fill(9));
  const torsion = Point.fromHex(ED25519_TORSION_SUBGROUP[3] ?? '');
  const mixed = point.add(torsion);
  const publicKey = mixed.toBytes();
  const outcomes = new Set<boolean>();
  for (let i = 1n; i <= 40n; i++) {
    const message = littleEndian(i);
    const nonce = i * 1_000_003n;
    const r = Point.BASE.multiply(nonce).toBytes();
    const k = challenge(r, publicKey, message);
    const signature = Buffer.concat([r, littleEndian((nonce + k * scalar) % L)]);
    t.ok(
      ed25519.verify(signature, message, publicKey, { zip215: false }),
      'the cofactor hides the torsion part',
    );
    const holds = k % 8n === 0n;
    outcomes.add(holds);
    for (const [lib, p] of both)
      t.equal(p.ed25519Verify({ publicKey, message, signature }), holds, `${lib}, ${i}`);
  }
  t.equal(outcomes.size, 2, 'both outcomes were met');
});

void t.test('S is below the order of the group: a signature has no twin', async (t) => {
  const seed = new Uint8Array(32).fill(3);
  const publicKey = ed25519.getPublicKey(seed);
  const signature = ed25519.sign(message, seed);
  const twin = Buffer.from(signature);
  twin.set(littleEndian(number(signature.subarray(32)) + L), 32);
  for (const [lib, p] of both) {
    t.ok(p.ed25519Verify({ publicKey, message, signature }), lib);
    t.notOk(p.ed25519Verify({ publicKey, message, signature: twin }), `${lib}, twin`);
  }
  const base = littleEndian(number(Point.BASE.toBytes()));
  t.ok(isWellFormed(base, Buffer.concat([base, littleEndian(L - 1n)])));
  t.notOk(isWellFormed(base, Buffer.concat([base, littleEndian(L)])));
});

void t.test('y is below p: every encoding from p on is refused, whatever its order', async (t) => {
  const s = littleEndian(1n);
  const base = Point.BASE.toBytes();
  t.ok(isWellFormed(littleEndian(P - 2n), Buffer.concat([base, s])), 'p − 2 is a number below p');
  for (let y = P; y < 2n ** 255n; y++) {
    t.notOk(isWellFormed(littleEndian(y), Buffer.concat([base, s])), `A, p + ${y - P}`);
    t.notOk(isWellFormed(base, Buffer.concat([littleEndian(y), s])), `R, p + ${y - P}`);
  }
});

void t.test('other lengths are refused', async (t) => {
  const base = Point.BASE.toBytes();
  const signature = Buffer.concat([base, littleEndian(1n)]);
  t.ok(isWellFormed(base, signature));
  for (const length of [0, 31, 33]) t.notOk(isWellFormed(Buffer.alloc(length, base), signature));
  for (const length of [0, 63, 65]) t.notOk(isWellFormed(base, Buffer.alloc(length, signature)));
});
