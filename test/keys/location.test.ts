import * as fc from 'fast-check';
import t from 'tap';
import {
  asLocation,
  distance,
  location,
  locationOfIdentity,
  publicKey,
  routingKey,
} from '../../keys/index.ts';
import { salt, SALTS } from '../../keys/index.ts';
import { noble } from '../../keys/primitives/noble.ts';
import { bytes32, hex, runs, vectors } from './samples.ts';

const locations = fc.maxSafeNat().map((integer) => asLocation(integer / 2 ** 53));

void t.test('the committed vectors hold', async (t) => {
  const file = vectors('location') as {
    nodes: { publicKey: string; location: number }[];
    keys: { routingKey: string; locations: number[] }[];
  };
  for (const node of file.nodes) {
    t.equal(locationOfIdentity(publicKey(hex(node.publicKey))) * 2 ** 53, node.location);
  }
  for (const key of file.keys) {
    const made = SALTS.map((salt) => location(routingKey(hex(key.routingKey)), salt) * 2 ** 53);
    t.same(made, key.locations);
  }
  for (const kind of ['chk', 'ssk']) {
    const { blocks } = vectors(kind) as { blocks: { routingKey: string; locations: number[] }[] };
    for (const { routingKey: key, locations } of blocks) {
      const made = SALTS.map((salt) => location(routingKey(hex(key)), salt) * 2 ** 53);
      t.same(made, locations);
    }
  }
});

void t.test('a location is the first 53 bits of the hash, exactly', async () => {
  fc.assert(
    fc.property(bytes32, fc.constantFrom(...SALTS), (key, salt) => {
      const hash = noble.sha256(Buffer.from('mimeo/loc'), Uint8Array.of(salt), key);
      const bits = Buffer.from(hash).readBigUInt64BE() >> 11n;
      return BigInt(location(routingKey(key), salt) * 2 ** 53) === bits;
    }),
    runs(2_000),
  );
});

void t.test('the three salts of a key, and a node of the same bytes, lie apart', async (t) => {
  const bytes = new Uint8Array(32).fill(1);
  const places = [
    ...SALTS.map((salt) => location(routingKey(bytes), salt)),
    locationOfIdentity(publicKey(bytes)),
  ];
  t.equal(new Set(places).size, 4);
});

void t.test(
  'distance goes the shorter way round: symmetric, at most half, zero only to itself',
  async (t) => {
    fc.assert(
      fc.property(locations, locations, (a, b) => {
        const there = distance(a, b);
        return there === distance(b, a) && there >= 0 && there <= 0.5 && (there === 0) === (a === b);
      }),
      runs(2_000),
    );
    t.equal(distance(asLocation(0.125), asLocation(0.875)), 0.25);
    t.equal(distance(asLocation(0.25), asLocation(0.75)), 0.5);
    t.equal(distance(asLocation(0), asLocation(1 - 2 ** -53)), 2 ** -53);
  },
);

void t.test('constructors assert', async (t) => {
  for (const value of [-0.1, 1, Number.NaN, Infinity]) {
    t.throws(() => asLocation(value), { name: 'AssertionError' });
  }
  for (const value of [-1, 3, 0.5]) t.throws(() => salt(value), { name: 'AssertionError' });
  t.same(SALTS.map(salt), [0, 1, 2]);
});
