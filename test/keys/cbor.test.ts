import * as cborg from 'cborg';
import * as fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import { type CborLimits, type CborValue, decodeCbor, encodeCbor, keyLimits } from '../../keys/index.ts';
import { ParseError } from '../../keys/index.ts';
import { hex, runs, throwsParseError, toHex } from './samples.ts';

/** Throws on everything that is not deterministic but the order of keys, which is compared apart. */
const strict = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  rejectDuplicateMapKeys: true,
};

const integers = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({ min: -300, max: 300 }),
  fc
    .tuple(
      fc.constantFrom(8, 16, 31, 32, 33, 40, 52),
      fc.integer({ min: -2, max: 2 }),
      fc.constantFrom(1, -1),
    )
    .map(([bits, offset, sign]) => sign * (2 ** bits + offset)),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER),
);
const texts = fc
  .oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom('x'.repeat(23), 'x'.repeat(24), 'é'.repeat(300), '10', '9'),
  )
  .filter((text) => !text.startsWith('\ufeff'));
const keys = texts.filter((text) => text !== '__proto__');
const { value: values } = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 5 },
    fc.constantFrom(null, true, false),
    integers,
    texts,
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.dictionary(keys, tie('value'), { maxKeys: 30, noNullPrototype: true }),
  ),
}));

void t.test('every value comes back, and from the one encoding that RFC 8949 gives it', async () => {
  fc.assert(
    fc.property(values, (value) => {
      const bytes = encodeCbor(value);
      const decoded = decodeCbor(bytes);
      return (
        toHex(bytes) === toHex(cborg.encode(value, cborg.rfc8949EncodeOptions)) &&
        isDeepStrictEqual(decoded, value) &&
        toHex(encodeCbor(decoded)) === toHex(bytes)
      );
    }),
    runs(10_000),
  );
});

void t.test(
  'any bytes are a ParseError, or what they decode to encodes to them, and cborg agrees',
  async () => {
    const changed = fc.tuple(values, fc.nat(), fc.nat(255)).map(([value, at, byte]) => {
      const bytes = Uint8Array.from(encodeCbor(value));
      bytes[at % bytes.length] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), changed), (bytes) => {
        let value: CborValue;
        try {
          value = decodeCbor(bytes);
        } catch (error) {
          return (
            error instanceof ParseError &&
            error.code === 'bad_cbor' &&
            /^CBOR at byte \d+: /u.test(error.message)
          );
        }
        cborg.decode(bytes, strict);
        return toHex(encodeCbor(value)) === toHex(bytes);
      }),
      runs(30_000),
    );
  },
);

void t.test('every prefix of a value is refused, and so is a byte more', async (t) => {
  const bytes = encodeCbor({
    a: [1, 300, 70_000, 2 ** 40, -1],
    bc: 'text é',
    d: new Uint8Array(30),
    e: null,
  });
  for (let length = 0; length < bytes.length; length++) {
    throwsParseError(t, () => decodeCbor(bytes.subarray(0, length)), {
      code: 'bad_cbor',
      says: 'too early',
      name: `${length} of ${bytes.length} bytes`,
    });
  }
  throwsParseError(t, () => decodeCbor(Buffer.concat([bytes, Uint8Array.of(0)])), {
    code: 'bad_cbor',
    says: `at byte ${bytes.length}: more bytes`,
    name: 'one more',
  });
});

/** What decoders are known to accept, to build or to choke on. */
const hostile: [name: string, bytes: string, says: string][] = [
  ['a date, tag 0', 'c074323031332d30332d32315432303a30343a30305a', 'a tag'],
  ['a time, tag 1', 'c11a514b67b0', 'a tag'],
  ['a bignum, tag 2', 'c249010000000000000000', 'a tag'],
  ['a negative bignum, tag 3', 'c349010000000000000000', 'a tag'],
  ['a RegExp, tag 27', 'd81b82665265674578706528612b292b24', 'a tag'],
  ['a shared value, tag 28', 'd81c81d81d00', 'a tag'],
  ['a typed array, tag 64', 'd8404101', 'a tag'],
  ['a set, tag 258', 'd9010280', 'a tag'],
  ['a map, tag 259', 'd90103a0', 'a tag'],
  ['a record, tag 105', 'd869831901008161618101', 'a tag'],
  ['the self-description', 'd9d9f700', 'a tag'],
  ['a half float', 'f93c00', 'a float'],
  ['a float', 'fa47c35000', 'a float'],
  ['a double', 'fb3ff199999999999a', 'a float'],
  ['NaN', 'f97e00', 'a float'],
  ['undefined', 'f7', 'simple'],
  ['simple value 16', 'f0', 'simple'],
  ['simple value 255', 'f8ff', 'simple'],
  ['false in two bytes', 'f814', 'simple'],
  ['a lone break', 'ff', 'simple'],
  ['an indefinite array', '9f01ff', 'indefinite'],
  ['an indefinite map', 'bf616101ff', 'indefinite'],
  ['indefinite bytes', '5f4101ff', 'indefinite'],
  ['indefinite text', '7f6161ff', 'indefinite'],
  ['a reserved head', '1c', 'reserved'],
  ['a reserved head of an array', '9e', 'reserved'],
  ['23 in two bytes', '1817', 'more bytes than it needs'],
  ['255 in three bytes', '1900ff', 'more bytes than it needs'],
  ['65535 in five bytes', '1a0000ffff', 'more bytes than it needs'],
  ['2^32 − 1 in nine bytes', '1b00000000ffffffff', 'more bytes than it needs'],
  ['−1 in two bytes', '3800', 'more bytes than it needs'],
  ['a length in two bytes', '580101', 'more bytes than it needs'],
  ['a count in two bytes', '980101', 'more bytes than it needs'],
  ['2^53', '1b0020000000000000', 'beyond'],
  ['2^64 − 1', '1bffffffffffffffff', 'beyond'],
  ['−2^53', '3b001fffffffffffff', 'beyond'],
  ['a key that is an integer', 'a10102', 'a key that is not text'],
  ['a key that is bytes', 'a1416102', 'a key that is not text'],
  ['a key that is null', 'a1f602', 'a key that is not text'],
  ['a key twice', 'a2616101616102', 'out of order or twice'],
  ['keys out of order', 'a2616201616102', 'out of order or twice'],
  ['keys in order of letters, not of length', 'a262616101616202', 'out of order or twice'],
  ['the key __proto__', 'a1695f5f70726f746f5f5f01', '__proto__'],
  ['text with a stray continuation', '6180', 'not UTF-8'],
  ['text with an overlong slash', '62c0af', 'not UTF-8'],
  ['text with a surrogate', '63eda080', 'not UTF-8'],
  ['text beyond Unicode', '64f4908080', 'not UTF-8'],
  ['text cut within a character', '62e282', 'not UTF-8'],
  ['text that begins with a BOM', '64efbbbf61', 'U+FEFF'],
  ['a key with bad UTF-8', 'a161ff01', 'not UTF-8'],
  ['an array of 2^32 − 1', '9affffffff', 'more than 4096 items'],
  ['a map of 2^32 − 1', 'baffffffff', 'more than 4096 items'],
  ['an array of 2^53 − 1', '9b001fffffffffffff', 'more than 4096 items'],
  ['bytes of 2^32 − 1', '5affffffff', 'more than 65536 bytes'],
  ['text of 2^53 − 1', '7b001fffffffffffff', 'more than 65536 bytes'],
  ['nothing', '', 'too early'],
];

void t.test('hostile bytes are refused, with the reason', async (t) => {
  for (const [name, bytes, says] of hostile) {
    throwsParseError(t, () => decodeCbor(hex(bytes)), { code: 'bad_cbor', says, name });
    throwsParseError(t, () => decodeCbor(hex(`81${bytes}`)), {
      code: 'bad_cbor',
      says,
      name: `${name}, inside`,
    });
  }
});

void t.test('big hostile bytes are refused before they cost anything', async (t) => {
  const refuse = (bytes: Uint8Array, says: string) =>
    throwsParseError(t, () => decodeCbor(bytes), { code: 'bad_cbor', says, name: says });
  refuse(Buffer.alloc(100_000, 0x81), 'nested more than 8 deep');
  refuse(Buffer.concat([Buffer.from('c25a00100000', 'hex'), Buffer.alloc(1 << 20, 1)]), 'a tag');
  refuse(Buffer.concat([Buffer.from('9a00010000', 'hex'), Buffer.alloc(65_536)]), 'more than 4096 items');
  refuse(Buffer.concat([Buffer.from('5a00010001', 'hex'), Buffer.alloc(65_537)]), 'more than 65536 bytes');
});

void t.test('each limit is met exactly and refused one above, also where the caller lowers it', async (t) => {
  const nested = (depth: number) => Buffer.concat([Buffer.alloc(depth - 1, 0x81), Uint8Array.of(0x80)]);
  const many = (items: number) => encodeCbor(Array.from({ length: items - 1 }, () => 0));
  const long = (size: number) => encodeCbor('x'.repeat(size));
  const cases: [keyof CborLimits, number, (amount: number) => Uint8Array][] = [
    ['depth', keyLimits.cborDepth.value, nested],
    ['items', keyLimits.cborItems.value, many],
    ['stringBytes', keyLimits.cborStringBytes.value, long],
  ];
  for (const [limit, value, make] of cases) {
    t.ok(decodeCbor(make(value)) !== undefined, limit);
    t.throws(() => decodeCbor(make(value + 1)), { code: 'bad_cbor' }, limit);
    t.ok(decodeCbor(make(3), { [limit]: 3 }) !== undefined, `${limit}, lowered`);
    t.throws(() => decodeCbor(make(4), { [limit]: 3 }), { code: 'bad_cbor' }, `${limit}, lowered`);
    t.ok(decodeCbor(make(value + 1), { [limit]: value + 1 }) !== undefined, `${limit}, raised`);
  }
  const pairs = encodeCbor({ a: 1, b: 2 });
  t.same(decodeCbor(pairs, { items: 5 }), { a: 1, b: 2 }, 'keys count, and the map itself');
  t.throws(() => decodeCbor(pairs, { items: 4 }), { code: 'bad_cbor' });
});

void t.test('what the subset does not have is not encoded', async (t) => {
  const nested = (depth: number): CborValue => (depth === 0 ? 0 : [nested(depth - 1)]);
  const cyclic: CborValue[] = [];
  cyclic.push(cyclic);
  const wrong: [name: string, value: unknown][] = [
    ['a fraction', 1.5],
    ['NaN', Number.NaN],
    ['infinity', Infinity],
    ['2^53', 2 ** 53],
    ['undefined', undefined],
    ['undefined inside', { a: undefined }],
    ['a bigint', 1n],
    ['a Date', new Date(0)],
    ['a Map', new Map()],
    ['a function', () => 0],
    ['half a surrogate pair', 'a\ud800'],
    ['a BOM', '\ufeffa'],
    ['a key with half a pair', { '\ud800': 1 }],
    ['the key __proto__', Object.fromEntries([['__proto__', 1]])],
    ['nine levels', nested(9)],
    ['a cycle', cyclic],
  ];
  for (const [name, value] of wrong) {
    throwsParseError(t, () => encodeCbor(value as CborValue), {
      code: 'bad_cbor',
      says: 'not encodable',
      name,
    });
  }
  t.equal(toHex(encodeCbor(nested(8))), `${'81'.repeat(8)}00`);
  t.equal(toHex(encodeCbor(-0)), '00');
});

void t.test('byte strings lie in the input and are plain arrays, from a Buffer too', async (t) => {
  const input = Buffer.from(encodeCbor([new Uint8Array(40)]));
  const [inside] = decodeCbor(input) as [Uint8Array];
  input.fill(7);
  t.equal(inside[0], 7);
  t.equal(Object.getPrototypeOf(inside), Uint8Array.prototype);
});

void t.test('an encoding keeps its bytes while others are made', async (t) => {
  const first = encodeCbor({ a: 'first' });
  const before = toHex(first);
  for (let i = 0; i < 2_000; i++) encodeCbor({ b: i, c: new Uint8Array(100).fill(i) });
  t.equal(toHex(first), before);
});
