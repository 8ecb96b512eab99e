/**
 * routing/codec.ts. Promises: a message that is read is written as the same bytes (but for reserved types, which are not kept),
 * every number lies in its range, and nothing longer than a message is looked at.
 */
import { BLOCK_BYTES, encodeCbor, equalBytes, type CborValue } from '../../../keys/index.ts';
import { decodeMessage, encodeMessage, opennetLimits, routingLimits } from '../../../routing/index.ts';
import type { SeededRandom } from '../../sim/random.ts';
import { editCbor } from '../edits/cbor.ts';
import { accepted, attempt, ensure, pick, type Target } from '../target.ts';

const TYPES_WITH_ID = ['accepted', 'working', 'rejectedOverload', 'seekEnd', 'noIntroduction'];
const TYPES_WITH_REFERENCE = ['seekOffer', 'introduction', 'fold'];
const TYPES_WITH_VISITS = ['dataNotFound', 'routeNotFound', 'insertStored'];

export const message: Target = {
  name: 'message',
  promise: 'a message has one encoding, and its numbers lie in their ranges',
  mostBytes: 2 * BLOCK_BYTES + 300,
  edits: [editCbor],
  words: [
    'type',
    'dataRequest',
    'stem',
    'greedy',
    'uid',
    'visited',
    'beacon',
    'circuit.open',
    'peers',
    'seek',
    'offered',
    'uplink',
    'stemLink',
    'grant',
  ],
  sample: (random) => encodeCbor(sampleFields(random)),
  run: (input) => {
    const read = attempt(() => decodeMessage(input), ['bad_message', 'bad_cbor']);
    if (read.type !== 'value') return read;
    const message = read.value;
    ensure(input.length <= routingLimits.messageBytes.value, 'the limit of a message');
    if (message.type === 'reserved') return accepted(message.name);
    ensure(equalBytes(encodeMessage(message), input), 'one encoding');
    if ('id' in message) ensure(isWhole(message.id, 0xffff_ffff), 'id is a uint32');
    if ('visits' in message) ensure(isWhole(message.visits, 0xffff), 'visits is a uint16');
    if ('reference' in message)
      ensure(message.reference.length <= opennetLimits.referenceBytes.value, 'the limit of a reference');
    if (message.type === 'peers') ensure(isAscending(message.list), 'a list is ascending, and on the circle');
    if (message.type === 'uplink') ensure(isWhole(message.value, 7), 'seven is none');
    if (message.type === 'offered') ensure(isWhole(message.salt, 2), 'three places of a key');
    if (message.type === 'seek') {
      ensure(isWhole(message.walk, 8) && isWhole(message.htl - 1, 254), 'ranges of a seek');
      ensure(isAscending([message.target]), 'a target lies on the circle');
    }
    if (!('route' in message)) return accepted(message.type);
    ensure(isWhole(message.deadlineMs, 3_600_000), 'an hour at most');
    if (message.route.phase === 'greedy') {
      const { htl, stall, best, uid, visited } = message.route;
      ensure(
        isWhole(htl - 1, 0xfffe) && isWhole(stall, 0xffff) && isWhole(best, 2 ** 31),
        'ranges of a route',
      );
      ensure(/^[0-9a-f]{16}$/.test(uid), 'a uid has 8 bytes');
      ensure(visited.length <= 8, 'eight hints at most');
      for (const place of visited) ensure(isAscending([place]), 'a hint lies on the circle');
    }
    return accepted(`${message.type} ${message.route.phase} ${message.priority}`);
  },
};

function isWhole(value: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= most;
}

function isAscending(places: readonly number[]): boolean {
  return places.every((place, i) => place > (places[i - 1] ?? -1) && place >= 0 && place < 1);
}

/** A row of places, mostly ascending. */
function row(count: number, random: SeededRandom): Uint8Array {
  const units = Array.from({ length: count }, () => Math.floor(random.fraction() * 2 ** 53));
  const bytes = Buffer.alloc(8 * count);
  units.sort((a, b) => a - b).forEach((unit, i) => bytes.writeBigUInt64BE(BigInt(unit), 8 * i));
  return bytes;
}

function sampleFields(random: SeededRandom): CborValue {
  const id = random.uint32();
  const block = (): Uint8Array => new Uint8Array(BLOCK_BYTES).fill(random.below(256));
  const reference = random.bytes(1 + random.below(400));
  switch (random.below(24)) {
    case 0:
      return { type: pick(['dataFound', 'insertCollision'], random), id, visits: 3, block: block() };
    case 1:
      return { type: 'insertBlock', id, block: block() };
    case 2:
      return { type: 'unsupported', name: 'beacon' };
    case 3:
      return { type: pick(['beacon', 'circuit.data'], random), more: random.bytes(9) };
    case 4:
    case 5:
      return { type: pick(TYPES_WITH_ID, random), id };
    case 6:
    case 7:
      return { type: pick(TYPES_WITH_VISITS, random), id, visits: random.below(65_536) };
    case 8:
      return { type: pick(TYPES_WITH_REFERENCE, random), id, reference };
    case 9:
      return { type: 'wanted', reference };
    case 10:
      return { type: 'unwanted' };
    case 11:
      return { type: 'peers', list: row(random.below(66), random) };
    case 12:
      return { type: 'introduce', id, location: row(1, random) };
    case 13: {
      const seek = { type: 'seek', id, uid: random.bytes(8), target: row(1, random) };
      return {
        ...seek,
        walk: random.below(9),
        htl: 1 + random.below(255),
        reference,
        proof: random.bytes(8),
      };
    }
    case 14:
      return { type: 'offered', key: random.bytes(32), salt: random.below(4) };
    case 15:
      return { type: 'uplink', value: random.below(9) };
    case 16:
      return { type: 'stemLink', step: pick(['ask', 'grant', 'full', 'end', 'none'], random) };
    default:
      return {
        type: pick(['dataRequest', 'insertRequest'], random),
        id,
        key: random.bytes(32),
        salt: random.below(3),
        priority: pick(['bulk', 'realtime'], random),
        deadlineMs: random.below(3_600_001),
        ...(random.below(3) === 0
          ? { phase: 'stem' }
          : {
              phase: 'greedy',
              uid: random.bytes(8),
              htl: 20,
              stall: random.below(9),
              best: random.uint32() >>> 1,
              visited: row(random.below(9), random),
            }),
      };
  }
}
