/** Messages as bytes: what is written is read back, and what is not exactly a message is refused. */
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import t, { type Test } from 'tap';
import {
  BLOCK_BYTES,
  type CborValue,
  ParseError,
  assert,
  block,
  encodeCbor,
  equalBytes,
  routingKey,
} from '../../keys/index.ts';
import { decodeMessage, encodeMessage, routingLimits } from '../../routing/index.ts';
import type {
  IncomingMessage,
  Message,
  Request,
  RequestId,
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
const keys = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(routingKey);
const routes = fc.oneof(
  fc.constant({ phase: 'stem' } as const),
  record({
    phase: fc.constant('greedy' as const),
    uid: fc.uint8Array({ minLength: 8, maxLength: 8 }).map((uid) => Buffer.from(uid).toString('hex') as Uid),
    htl: fc.integer({ min: 1, max: 0xffff }),
    stall: fc.integer({ min: 0, max: 0xffff }),
    best: fc.integer({ min: 0, max: 2 ** 31 }).map((best) => best as WireDistance),
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
  unsupported: record({
    type: fc.constant('unsupported'),
    name: fc.constantFrom('', 'beacon', 'é'.repeat(32)),
  }),
};

/** One message of each type, as the fields that travel. */
const greedy: Fields = { phase: 'greedy', uid: new Uint8Array(8).fill(9), htl: 20, stall: 0, best: 2 ** 31 };
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
  { type: 'unsupported', name: 'beacon' },
];

/** Values on both sides of what a field may be. */
const wrongValues: Readonly<Record<string, readonly CborValue[]>> = {
  type: ['', 'dataRequested', 'DataRequest', 'constructor', 'x'.repeat(33), 1],
  id: [-1, 2 ** 32, 2 ** 53 - 1, '1'],
  key: [new Uint8Array(31), new Uint8Array(33), new Uint8Array(0), 'k'.repeat(32)],
  salt: [-1, 3, 'a'],
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
