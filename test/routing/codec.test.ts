/** Messages as bytes: what is written is read back, and what is not exactly a message is refused. */
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import t, { type Test } from 'tap';
import {
  BLOCK_BYTES,
  type CborValue,
  ParseError,
  asLocation,
  assert,
  block,
  encodeCbor,
  equalBytes,
  routingKey,
} from '../../keys/index.ts';
import { decodeMessage, encodeMessage, opennetLimits, routingLimits } from '../../routing/index.ts';
import type {
  IncomingMessage,
  Message,
  Request,
  RequestId,
  SeekId,
  Uid,
  WireDistance,
} from '../../routing/messages.ts';
import { page } from './content.ts';

const full = process.env['MIMEO_TEST_FULL'] !== undefined;

type Fields = { readonly [key: string]: CborValue };
type Sample = Fields & { readonly type: Message['type'] };

/** As the codec makes them: fast-check's own have no prototype. */
function record<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(fields, { noNullPrototype: true });
}

const ids = fc.integer({ min: 0, max: 0xffff_ffff }).map((id) => id as RequestId);
const visits = fc.integer({ min: 0, max: 0xffff });
// One byte repeated: a block for its size, which is all that the codec looks at.
const blocks = fc.nat(255).map((byte) => block(new Uint8Array(BLOCK_BYTES).fill(byte)));
const uids = fc
  .uint8Array({ minLength: 8, maxLength: 8 })
  .map((uid) => Buffer.from(uid).toString('hex') as Uid);
const seekIds = fc.integer({ min: 0, max: 0xffff_ffff }).map((id) => id as SeekId);
const places = fc.maxSafeNat().map((units) => asLocation(units / 2 ** 53));
const references = fc.uint8Array({ minLength: 1, maxLength: 400 });
const keys = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(routingKey);
const routes = fc.oneof(
  fc.constant({ phase: 'stem' } as const),
  record({
    phase: fc.constant('greedy' as const),
    uid: uids,
    htl: fc.integer({ min: 1, max: 0xffff }),
    stall: fc.integer({ min: 0, max: 0xffff }),
    best: fc.integer({ min: 0, max: 2 ** 31 }).map((best) => best as WireDistance),
    visited: fc.array(places, { maxLength: 8 }),
  }),
);
const requests = (type: Request['type']): fc.Arbitrary<Message> =>
  record({
    type: fc.constant(type),
    id: ids,
    key: keys,
    salt: fc.constantFrom(0, 1, 2),
    priority: fc.constantFrom('bulk', 'realtime'),
    deadlineMs: fc.integer({ min: 0, max: 3_600_000 }),
    route: routes,
  });

/** By type, so that a type that is forgotten here does not compile. */
const arbitraries: { readonly [T in Message['type']]: fc.Arbitrary<Message> } = {
  dataRequest: requests('dataRequest'),
  insertRequest: requests('insertRequest'),
  accepted: record({ type: fc.constant('accepted'), id: ids }),
  working: record({ type: fc.constant('working'), id: ids }),
  rejectedOverload: record({ type: fc.constant('rejectedOverload'), id: ids }),
  dataNotFound: record({ type: fc.constant('dataNotFound'), id: ids, visits }),
  routeNotFound: record({ type: fc.constant('routeNotFound'), id: ids, visits }),
  insertStored: record({ type: fc.constant('insertStored'), id: ids, visits }),
  dataFound: record({ type: fc.constant('dataFound'), id: ids, visits, block: blocks }),
  insertCollision: record({ type: fc.constant('insertCollision'), id: ids, visits, block: blocks }),
  insertBlock: record({ type: fc.constant('insertBlock'), id: ids, block: blocks }),
  offered: record({ type: fc.constant('offered'), key: keys, salt: fc.constantFrom(0, 1, 2) }),
  wanted: record({ type: fc.constant('wanted'), reference: fc.uint8Array({ maxLength: 400 }) }),
  unwanted: record({ type: fc.constant('unwanted') }),
  peers: record({
    type: fc.constant('peers'),
    list: fc.uniqueArray(places, { maxLength: 64 }).map((list) => list.sort((a, b) => a - b)),
  }),
  seek: record({
    type: fc.constant('seek'),
    id: seekIds,
    uid: uids,
    target: places,
    walk: fc.integer({ min: 0, max: 8 }),
    htl: fc.integer({ min: 1, max: 255 }),
    reference: references,
    proof: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  }),
  seekOffer: record({ type: fc.constant('seekOffer'), id: seekIds, reference: references }),
  seekEnd: record({ type: fc.constant('seekEnd'), id: seekIds }),
  introduce: record({ type: fc.constant('introduce'), id: seekIds, location: places }),
  introduction: record({ type: fc.constant('introduction'), id: seekIds, reference: references }),
  noIntroduction: record({ type: fc.constant('noIntroduction'), id: seekIds }),
  uplink: record({ type: fc.constant('uplink'), value: fc.integer({ min: 0, max: 7 }) }),
  stemLink: record({ type: fc.constant('stemLink'), step: fc.constantFrom('ask', 'grant', 'full', 'end') }),
  fold: record({ type: fc.constant('fold'), id: ids, reference: references }),
  unsupported: record({
    type: fc.constant('unsupported'),
    name: fc.constantFrom('', 'beacon', 'é'.repeat(32)),
  }),
};

/** One message of each type, as the fields that travel. */
const greedy: Fields = {
  phase: 'greedy',
  uid: new Uint8Array(8).fill(9),
  htl: 20,
  stall: 0,
  best: 2 ** 31,
  visited: Buffer.from('0000000000000001001fffffffffffff', 'hex'),
};
const reference = Uint8Array.of(7, 7, 7);
const place = Buffer.from('0010000000000000', 'hex');
const asked: Fields = { id: 1, key: page().key, salt: 0, priority: 'bulk', deadlineMs: 120_000 };
const samples: readonly Sample[] = [
  { type: 'dataRequest', ...asked, ...greedy },
  { type: 'insertRequest', ...asked, ...greedy },
  { type: 'dataRequest', ...asked, phase: 'stem' },
  { type: 'accepted', id: 2 },
  { type: 'working', id: 3 },
  { type: 'rejectedOverload', id: 4 },
  { type: 'dataNotFound', id: 5, visits: 6 },
  { type: 'routeNotFound', id: 7, visits: 0 },
  { type: 'insertStored', id: 8, visits: 9 },
  { type: 'dataFound', id: 10, visits: 11, block: page().block },
  { type: 'insertCollision', id: 12, visits: 13, block: page().block },
  { type: 'insertBlock', id: 14, block: page().block },
  { type: 'offered', key: page().key, salt: 2 },
  { type: 'unsupported', name: 'beacon' },
  { type: 'wanted', reference },
  { type: 'unwanted' },
  { type: 'peers', list: Buffer.from('00000000000000000000000000000001001fffffffffffff', 'hex') },
  {
    type: 'seek',
    id: 15,
    uid: new Uint8Array(8).fill(9),
    target: place,
    walk: 4,
    htl: 24,
    reference,
    proof: new Uint8Array(8).fill(1),
  },
  { type: 'seekOffer', id: 16, reference },
  { type: 'seekEnd', id: 17 },
  { type: 'introduce', id: 18, location: place },
  { type: 'introduction', id: 19, reference },
  { type: 'noIntroduction', id: 20 },
  { type: 'fold', id: 21, reference },
  { type: 'uplink', value: 3 },
  { type: 'stemLink', step: 'grant' },
];

/** Values on both sides of what a field may be. */
const wrongValues: Readonly<Record<string, readonly CborValue[]>> = {
  type: ['', 'dataRequested', 'DataRequest', 'constructor', 'x'.repeat(33), 1],
  id: [-1, 2 ** 32, 2 ** 53 - 1, '1'],
  key: [new Uint8Array(31), new Uint8Array(33), new Uint8Array(0), 'k'.repeat(32)],
  salt: [-1, 3, 'a'],
  value: [-1, 8, 2 ** 32, '1'],
  step: ['', 'Ask', 'grants', 1],
  priority: ['', 'Bulk', 'toString', 0],
  deadlineMs: [-1, 3_600_001],
  phase: ['', 'walk', 'hasOwnProperty', 1],
  uid: [new Uint8Array(7), new Uint8Array(9), '0909090909090909'],
  htl: [0, -1, 65_536],
  stall: [-1, 65_536],
  best: [-1, 2 ** 31 + 1],
  visits: [-1, 65_536],
  block: [new Uint8Array(BLOCK_BYTES - 1), new Uint8Array(BLOCK_BYTES + 1), new Uint8Array(0), 'block'],
  name: ['x'.repeat(33), new Uint8Array(4)],
  visited: [
    new Uint8Array(7),
    new Uint8Array(9),
    new Uint8Array(72),
    Buffer.from('0020000000000000', 'hex'),
    'visited',
  ],
  reference: [new Uint8Array(opennetLimits.referenceBytes.value + 1), 'reference'],
  list: [
    new Uint8Array(7),
    new Uint8Array(16),
    Buffer.from('00000000000000020000000000000001', 'hex'),
    Buffer.from('0020000000000000', 'hex'),
    Buffer.concat(
      Array.from({ length: 65 }, (_, i) => Buffer.from(`00000000000000${(16 + i).toString(16)}`, 'hex')),
    ),
  ],
  target: [new Uint8Array(7), new Uint8Array(9), new Uint8Array(0), Buffer.from('ffffffffffffffff', 'hex')],
  location: [new Uint8Array(7), new Uint8Array(9), new Uint8Array(0), Buffer.from('0020000000000000', 'hex')],
  walk: [-1, 9],
  proof: [new Uint8Array(7), new Uint8Array(9)],
};
/** What no field may be. */
const neverValues: readonly CborValue[] = [null, true, false, [], [1], {}, { a: 1 }];

function refused(t: Test, bytes: Uint8Array, name: string): void {
  try {
    decodeMessage(bytes);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return;
  }
  t.fail(`${name} was taken for a message`);
}

/** @returns the message, or undefined when it was refused as it must be. */
function tryDecode(bytes: Uint8Array): IncomingMessage | undefined {
  try {
    return decodeMessage(bytes);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return undefined;
  }
}

for (const [type, messages] of Object.entries(arbitraries)) {
  void t.test(`${type}: what was encoded is decoded as it was`, async () => {
    fc.assert(
      fc.property(messages, (message) => {
        const bytes = encodeMessage(message);
        return (
          bytes.length <= routingLimits.messageBytes.value && isDeepStrictEqual(decodeMessage(bytes), message)
        );
      }),
      { numRuns: full ? 1_000 : 100 },
    );
  });
}

void t.test('each sample is a message, and every type has one', async (t) => {
  for (const fields of samples) t.equal(decodeMessage(encodeCbor(fields)).type, fields.type);
  t.same(new Set(samples.map(({ type }) => type)), new Set(Object.keys(arbitraries)));
});

void t.test('a list of as many peers as there may be is read, and locations keep every bit', async (t) => {
  const list = Array.from({ length: opennetLimits.listedPeers.value }, (_, i) =>
    asLocation((2 ** 53 - 64 + i) / 2 ** 53),
  );
  t.strictSame(decodeMessage(encodeMessage({ type: 'peers', list })), { type: 'peers', list });
  const reference = new Uint8Array(opennetLimits.referenceBytes.value).fill(5);
  t.strictSame(decodeMessage(encodeMessage({ type: 'wanted', reference })), { type: 'wanted', reference });
});

void t.test('a reference of no bytes is one only where a node says that it has none', async (t) => {
  t.same(decodeMessage(encodeCbor({ type: 'wanted', reference: new Uint8Array(0) })), {
    type: 'wanted',
    reference: new Uint8Array(0),
  });
  for (const fields of samples) {
    if (!Object.hasOwn(fields, 'reference') || fields.type === 'wanted') continue;
    refused(t, encodeCbor({ ...fields, reference: new Uint8Array(0) }), `${fields.type} with no reference`);
  }
});

void t.test(
  'a reference does not lie in the bytes that it came in: it is kept longer than they are',
  async (t) => {
    const bytes = Uint8Array.from(encodeMessage({ type: 'wanted', reference: Uint8Array.of(1, 2, 3) }));
    const read = decodeMessage(bytes);
    bytes.fill(0);
    t.same(read, { type: 'wanted', reference: Uint8Array.of(1, 2, 3) });
  },
);

/** Written down once: another node reads these bytes. */
const golden: readonly (readonly [Message, string])[] = [
  [
    { type: 'wanted', reference: Uint8Array.of(1, 2) },
    'a264747970656677616e746564697265666572656e6365420102',
  ],
  [{ type: 'unwanted' }, 'a1647479706568756e77616e746564'],
  [
    { type: 'peers', list: [asLocation(0), asLocation(0.5)] },
    'a2646c69737450000000000000000000100000000000006474797065657065657273',
  ],
  [
    {
      type: 'seek',
      id: 1 as SeekId,
      uid: '0102030405060708' as Uid,
      target: asLocation(0.75),
      walk: 4,
      htl: 24,
      reference: Uint8Array.of(1),
      proof: new Uint8Array(8),
    },
    'a8626964016368746c1818637569644801020304050607086474797065647365656b6477616c6b046570726f6f6648000000000000000066746172676574480018000000000000697265666572656e63654101',
  ],
  [
    { type: 'seekOffer', id: 2 as SeekId, reference: Uint8Array.of(9) },
    'a3626964026474797065697365656b4f66666572697265666572656e63654109',
  ],
  [{ type: 'seekEnd', id: 3 as SeekId }, 'a2626964036474797065677365656b456e64'],
  [
    { type: 'introduce', id: 4 as SeekId, location: asLocation(0.25) },
    'a362696404647479706569696e74726f64756365686c6f636174696f6e480008000000000000',
  ],
  [
    { type: 'introduction', id: 5 as SeekId, reference: Uint8Array.of(9) },
    'a36269640564747970656c696e74726f64756374696f6e697265666572656e63654109',
  ],
  [{ type: 'noIntroduction', id: 6 as SeekId }, 'a26269640664747970656e6e6f496e74726f64756374696f6e'],
  [{ type: 'uplink', value: 3 }, 'a264747970656675706c696e6b6576616c756503'],
  [{ type: 'stemLink', step: 'ask' }, 'a264737465706361736b6474797065687374656d4c696e6b'],
  [
    { type: 'fold', id: 7 as RequestId, reference: Uint8Array.of(9) },
    'a362696407647479706564666f6c64697265666572656e63654109',
  ],
  [
    { type: 'offered', key: routingKey(new Uint8Array(32).fill(0xab)), salt: 2 },
    'a3636b65795820abababababababababababababababababababababababababababababababab6473616c74026474797065676f666665726564',
  ],
];

void t.test('messages about peers and offers are these bytes', async (t) => {
  for (const [message, hex] of golden) {
    t.equal(Buffer.from(encodeMessage(message)).toString('hex'), hex, message.type);
    t.strictSame(decodeMessage(Buffer.from(hex, 'hex')), message, message.type);
  }
});

void t.test('a message without one of its fields is refused', async (t) => {
  for (const fields of samples) {
    for (const name of Object.keys(fields)) {
      const rest = Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name));
      refused(t, encodeCbor(rest), `${fields.type} without ${name}`);
    }
  }
});

void t.test('a message with a field too many is refused', async (t) => {
  for (const fields of samples) {
    for (const name of [
      '',
      'a',
      'visit',
      'constructor',
      'zzzzzzzzzzzzzzzzzzzz',
      ...Object.keys(wrongValues),
    ]) {
      if (Object.hasOwn(fields, name)) continue;
      refused(t, encodeCbor({ ...fields, [name]: 0 }), `${fields.type} with ${name}`);
    }
  }
});

void t.test('a field of another type or out of its range is refused', async (t) => {
  for (const fields of samples) {
    for (const name of Object.keys(fields)) {
      const wrong = wrongValues[name];
      assert(wrong !== undefined, `there are wrong values for ${name}`);
      for (const value of [...wrong, ...neverValues])
        refused(t, encodeCbor({ ...fields, [name]: value }), `${name} ${JSON.stringify(value)}`);
    }
  }
});

void t.test('a refusal names a range that a person can read', async (t) => {
  for (const fields of samples) {
    for (const name of Object.keys(fields)) {
      try {
        decodeMessage(encodeCbor({ ...fields, [name]: -1 }));
        t.fail(`${name} -1 was taken`);
      } catch (error) {
        t.match(error, { code: 'bad_message' });
        t.notMatch(String(error), /\d\.\d/u, `${name}: whole numbers`);
      }
    }
  }
});

void t.test('a stem request with a uid is refused: it would link its hops', async (t) => {
  const stem = { type: 'dataRequest', ...asked, phase: 'stem' };
  refused(t, encodeCbor({ ...stem, uid: new Uint8Array(8) }), 'a stem request with a uid');
  refused(t, encodeCbor({ ...stem, ...greedy, phase: 'stem' }), 'a stem request with a route');
});

void t.test('a message that is cut off anywhere is refused', async (t) => {
  for (const fields of samples) {
    const bytes = encodeCbor(fields);
    // In the middle of a block one cut is like another.
    const step = full || bytes.length < 1_000 ? 1 : 97;
    for (let end = 0; end < bytes.length; end += end < 200 || end > bytes.length - 200 ? 1 : step)
      refused(t, bytes.subarray(0, end), `${fields.type} cut off after ${end} bytes`);
  }
});

void t.test('a message with a byte after it is refused', async (t) => {
  for (const fields of samples)
    refused(t, Buffer.concat([encodeCbor(fields), Uint8Array.of(0)]), 'a byte after');
});

void t.test('what is no map of fields is refused', async (t) => {
  const noMaps: readonly CborValue[] = [
    null,
    true,
    0,
    'dataRequest',
    new Uint8Array(3),
    [],
    ['type', 'beacon'],
  ];
  for (const value of noMaps) refused(t, encodeCbor(value), JSON.stringify(value));
});

void t.test('a key that comes twice, or out of order, is refused', async (t) => {
  const entry = (name: string, value: CborValue): Uint8Array =>
    Buffer.concat([encodeCbor(name), encodeCbor(value)]);
  const map = (...entries: Uint8Array[]): Uint8Array =>
    Buffer.concat([Uint8Array.of(0xa0 + entries.length), ...entries]);
  const [id, type] = [entry('id', 1), entry('type', 'accepted')];
  t.strictSame(decodeMessage(map(id, type)), { type: 'accepted', id: 1 });
  refused(t, map(type, id), 'keys out of order');
  refused(t, map(id, id, type), 'a key twice');
  refused(t, map(id, type, type), 'a type twice');
});

void t.test('maps inside of maps are refused before they are built', async (t) => {
  let nested: CborValue = 0;
  for (let depth = 0; depth < 7; depth += 1) nested = { a: nested };
  refused(t, encodeCbor({ type: 'beacon', more: nested }), 'a reserved message with a map in it');
  refused(t, encodeCbor({ type: 'accepted', id: nested }), 'an id that is a map');
});

void t.test('more than 32 items or more bytes than a message may have are refused', async (t) => {
  const crowd = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`f${i + 10}`, i]));
  refused(t, encodeCbor({ type: 'beacon', ...crowd }), '35 items');
  const most = routingLimits.messageBytes.value;
  const frame = encodeCbor({ type: 'beacon', pad: new Uint8Array(1_000) }).length - 1_000;
  t.strictSame(decodeMessage(encodeCbor({ type: 'beacon', pad: new Uint8Array(most - frame) })), {
    type: 'reserved',
    name: 'beacon',
  });
  refused(t, encodeCbor({ type: 'beacon', pad: new Uint8Array(most - frame + 1) }), 'one byte too many');
});

void t.test('a reserved type is told apart from an unknown one, whatever its fields', async (t) => {
  for (const name of ['circuit.open', 'circuit.accept', 'circuit.data', 'circuit.close', 'beacon']) {
    t.strictSame(decodeMessage(encodeCbor({ type: name, uplink: 3 })), { type: 'reserved', name });
    t.strictSame(decodeMessage(encodeCbor({ type: name })), { type: 'reserved', name });
  }
  refused(t, encodeCbor({ type: 'circuit' }), 'an unknown type');
});

void t.test(
  'random bytes and messages with a bit turned are refused or are messages, and nothing else happens',
  async (t) => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .record({
          of: fc.constantFrom(...samples.filter(({ block }) => block === undefined)),
          bit: fc.nat(4_000),
        })
        .map(({ of, bit }) => {
          const turned = Uint8Array.from(encodeCbor(of));
          const at = (bit >> 3) % turned.length;
          turned[at] = (turned[at] ?? 0) ^ (1 << (bit & 7));
          return turned;
        }),
    );
    let taken = 0;
    fc.assert(
      fc.property(bytes, (foreign) => {
        const message = tryDecode(foreign);
        if (message === undefined || message.type === 'reserved') return true;
        taken += 1;
        // A message has one encoding: what was taken is what would have been sent.
        return equalBytes(encodeMessage(message), foreign);
      }),
      { numRuns: full ? 100_000 : 10_000 },
    );
    t.ok(taken > 100, 'some turned bits give other messages');
  },
);
