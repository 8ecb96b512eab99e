/**
 * Messages as bytes: the only place where what a peer sent becomes a typed message (docs/spec/routing.md, 2). One message is one
 * deterministic CBOR map; fields are named, none is optional, none may be missing and none may be there too much.
 *
 * It checks form alone: whether a block belongs to its key or a request may be made is the router's to decide.
 *
 * Invariants: `decodeMessage` returns a valid message or throws a ParseError, for any bytes, in time linear in their number;
 * decoding what `encodeMessage` wrote gives the same message.
 */
import {
  BLOCK_BYTES,
  type Block,
  type CborValue,
  KEY_BYTES,
  type Location,
  ParseError,
  type RoutingKey,
  type Salt,
  asLocation,
  assertNever,
  block,
  decodeCbor,
  encodeCbor,
  routingKey,
  salt,
} from '../keys/index.ts';
import { routingLimits } from './limits.ts';
import { opennetLimits } from './opennet/limits.ts';
import type {
  IncomingMessage,
  Message,
  PeerMessage,
  Priority,
  Request,
  RequestId,
  Route,
  SeekId,
  StemStep,
  Uid,
  WireDistance,
} from './messages.ts';

/** Versions of the messages that this node speaks. A node that speaks n also speaks n-1, once there is one. */
export const messageVersions = { min: 1, max: 1 } as const;

/** Types of later versions that the design has reserved: they are answered `unsupported`, and the link stays. */
const RESERVED = new Set(['circuit.open', 'circuit.accept', 'circuit.data', 'circuit.close', 'beacon']);

const UID_BYTES = 8;
const UINT32_MAX = 0xffff_ffff;
/** Half of the circle. */
const DISTANCE_MAX = 2 ** 31;
const VISITS_MAX = 0xffff;
const DEADLINE_MAX_MS = 3_600_000;
const LOCATION_BYTES = 8;
/** A location is an integer below it, divided by it (docs/spec/keys.md, 6). */
const LOCATION_UNITS = 2 ** 53;
const WALK_MAX = 8;
const SEEK_HTL_MAX = 255;
const PROOF_BYTES = 8;
const UPLINK_MAX = 7;

export function encodeMessage(message: Message): Uint8Array {
  return encodeCbor(fieldsOf(message));
}

function fieldsOf(message: Message): { readonly [key: string]: CborValue } {
  switch (message.type) {
    case 'dataRequest':
    case 'insertRequest':
      return requestFields(message);
    case 'accepted':
    case 'working':
    case 'rejectedOverload':
    case 'dataNotFound':
    case 'routeNotFound':
    case 'insertStored':
    case 'dataFound':
    case 'insertCollision':
    case 'insertBlock':
    case 'offered':
    case 'unsupported':
      return message;
    case 'wanted':
    case 'unwanted':
    case 'seekOffer':
    case 'seekEnd':
    case 'introduction':
    case 'noIntroduction':
    case 'uplink':
    case 'stemLink':
    case 'fold':
      return message;
    case 'peers':
      return { ...message, list: locationBytes(message.list) };
    case 'introduce':
      return { ...message, location: locationBytes([message.location]) };
    case 'seek':
      return { ...message, uid: Buffer.from(message.uid, 'hex'), target: locationBytes([message.target]) };
    default:
      return assertNever(message);
  }
}

function locationBytes(places: readonly Location[]): Uint8Array {
  const bytes = new Uint8Array(places.length * LOCATION_BYTES);
  const view = new DataView(bytes.buffer);
  places.forEach((place, index) => {
    const units = place * LOCATION_UNITS;
    view.setUint32(index * LOCATION_BYTES, Math.floor(units / 2 ** 32));
    view.setUint32(index * LOCATION_BYTES + 4, units % 2 ** 32);
  });
  return bytes;
}

function requestFields({ route, ...fields }: Request): { readonly [key: string]: CborValue } {
  return route.phase === 'stem'
    ? { ...fields, phase: 'stem' }
    : { ...fields, ...route, uid: Buffer.from(route.uid, 'hex'), visited: locationBytes(route.visited) };
}

/** @throws ParseError bad_message or bad_cbor. Blocks and keys in the result lie in `bytes`: whoever keeps them keeps those. */
export function decodeMessage(bytes: Uint8Array): IncomingMessage {
  if (bytes.length > routingLimits.messageBytes.value) throw bad(`${bytes.length} bytes are too many`);
  const value = decodeCbor(bytes, { depth: 1, items: 32 });
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array || Array.isArray(value)) {
    throw bad('not a map');
  }
  const fields = new Fields(value as { readonly [key: string]: CborValue });
  const message = readMessage(fields);
  if (message.type !== 'reserved') fields.assertAllRead();
  return message;
}

function readMessage(fields: Fields): IncomingMessage {
  const type = fields.text('type');
  switch (type) {
    case 'dataRequest':
    case 'insertRequest':
      return {
        type,
        id: fields.id(),
        key: fields.key(),
        salt: fields.salt(),
        priority: fields.priority(),
        deadlineMs: fields.integer('deadlineMs', { min: 0, max: DEADLINE_MAX_MS }),
        route: readRoute(fields),
      };
    case 'accepted':
    case 'working':
    case 'rejectedOverload':
      return { type, id: fields.id() };
    case 'dataNotFound':
    case 'routeNotFound':
    case 'insertStored':
      return { type, id: fields.id(), visits: fields.visits() };
    case 'dataFound':
    case 'insertCollision':
      return { type, id: fields.id(), visits: fields.visits(), block: fields.block() };
    case 'insertBlock':
      return { type, id: fields.id(), block: fields.block() };
    case 'offered':
      return { type, key: fields.key(), salt: fields.salt() };
    case 'unsupported':
      return { type, name: fields.text('name') };
    case 'wanted':
    case 'unwanted':
    case 'peers':
    case 'seek':
    case 'seekOffer':
    case 'seekEnd':
    case 'introduce':
    case 'introduction':
    case 'noIntroduction':
    case 'uplink':
    case 'stemLink':
    case 'fold':
      return readPeerMessage(type, fields);
    default:
      if (RESERVED.has(type)) return { type: 'reserved', name: type };
      throw bad('an unknown type');
  }
}

/** What is about links and peers (docs/spec/peers.md). */
function readPeerMessage(type: PeerMessage['type'], fields: Fields): PeerMessage {
  switch (type) {
    case 'wanted':
      return { type, reference: fields.reference({ least: 0 }) };
    case 'unwanted':
      return { type };
    case 'peers': {
      const list = fields.locations('list', { most: opennetLimits.listedPeers.value });
      // One form for one set: not even twice the same is taken.
      if (list.some((place, index) => place <= (list[index - 1] ?? -1))) throw bad('list is not ascending');
      return { type, list };
    }
    case 'seek':
      return {
        type,
        id: fields.seekId(),
        uid: fields.uid(),
        target: fields.location('target'),
        walk: fields.integer('walk', { min: 0, max: WALK_MAX }),
        htl: fields.integer('htl', { min: 1, max: SEEK_HTL_MAX }),
        reference: fields.reference({ least: 1 }),
        proof: Uint8Array.from(fields.bytes('proof', PROOF_BYTES)),
      };
    case 'introduce':
      return { type, id: fields.seekId(), location: fields.location('location') };
    case 'seekOffer':
    case 'introduction':
      return { type, id: fields.seekId(), reference: fields.reference({ least: 1 }) };
    case 'seekEnd':
    case 'noIntroduction':
      return { type, id: fields.seekId() };
    case 'uplink':
      return { type, value: fields.integer('value', { min: 0, max: UPLINK_MAX }) };
    case 'stemLink':
      return { type, step: fields.step() };
    case 'fold':
      return { type, id: fields.id(), reference: fields.reference({ least: 1 }) };
    default:
      return assertNever(type);
  }
}

function readRoute(fields: Fields): Route {
  const phase = fields.text('phase');
  if (phase === 'stem') return { phase };
  if (phase !== 'greedy') throw bad('an unknown phase');
  return {
    phase,
    uid: fields.uid(),
    htl: fields.integer('htl', { min: 1, max: VISITS_MAX }),
    stall: fields.integer('stall', { min: 0, max: VISITS_MAX }),
    best: fields.integer('best', { min: 0, max: DISTANCE_MAX }) as WireDistance,
    visited: fields.locations('visited', { most: routingLimits.visitedHints.value }),
  };
}

/** Reads a map field by field and remembers how many it has read. */
class Fields {
  readonly #map: { readonly [key: string]: CborValue };
  #read = 0;

  constructor(map: { readonly [key: string]: CborValue }) {
    this.#map = map;
  }

  text(name: string): string {
    const value = this.#take(name);
    if (typeof value !== 'string' || value.length > routingLimits.reservedNameChars.value)
      throw bad(`${name} is no short text`);
    return value;
  }

  integer(name: string, range: { min: number; max: number }): number {
    const value = this.#take(name);
    if (typeof value !== 'number' || value < range.min || value > range.max) {
      throw bad(`${name} is not in ${range.min}…${range.max}`);
    }
    return value;
  }

  bytes(name: string, length: number): Uint8Array {
    const value = this.#take(name);
    if (!(value instanceof Uint8Array) || value.length !== length)
      throw bad(`${name} does not have ${length} bytes`);
    return value;
  }

  id(): RequestId {
    return this.integer('id', { min: 0, max: UINT32_MAX }) as RequestId;
  }

  seekId(): SeekId {
    return this.integer('id', { min: 0, max: UINT32_MAX }) as SeekId;
  }

  uid(): Uid {
    return Buffer.from(this.bytes('uid', UID_BYTES)).toString('hex') as Uid;
  }

  /** A copy: it is kept longer than the message that it lies in. */
  reference({ least }: { least: 0 | 1 }): Uint8Array {
    const value = this.#take('reference');
    const most = opennetLimits.referenceBytes.value;
    if (!(value instanceof Uint8Array) || value.length < least || value.length > most)
      throw bad(`reference does not have ${least}…${most} bytes`);
    return Uint8Array.from(value);
  }

  location(name: string): Location {
    const [place] = readLocations(name, this.bytes(name, LOCATION_BYTES));
    if (place === undefined) throw bad(`${name} is no location`);
    return place;
  }

  locations(name: string, { most }: { most: number }): readonly Location[] {
    const value = this.#take(name);
    if (!(value instanceof Uint8Array) || value.length % LOCATION_BYTES !== 0)
      throw bad(`${name} is no row of locations`);
    if (value.length > most * LOCATION_BYTES) throw bad(`${name} has more than ${most} locations`);
    return readLocations(name, value);
  }

  step(): StemStep {
    const value = this.text('step');
    if (value !== 'ask' && value !== 'grant' && value !== 'full' && value !== 'end')
      throw bad('an unknown step');
    return value;
  }

  visits(): number {
    return this.integer('visits', { min: 0, max: VISITS_MAX });
  }

  key(): RoutingKey {
    return routingKey(this.bytes('key', KEY_BYTES));
  }

  block(): Block {
    return block(this.bytes('block', BLOCK_BYTES));
  }

  salt(): Salt {
    return salt(this.integer('salt', { min: 0, max: 2 }));
  }

  priority(): Priority {
    const value = this.text('priority');
    if (value !== 'bulk' && value !== 'realtime') throw bad('an unknown priority');
    return value;
  }

  assertAllRead(): void {
    if (Object.keys(this.#map).length !== this.#read) throw bad('fields that do not belong to its type');
  }

  #take(name: string): CborValue {
    const value = Object.hasOwn(this.#map, name) ? this.#map[name] : undefined;
    if (value === undefined) throw bad(`${name} is missing`);
    this.#read += 1;
    return value;
  }
}

function readLocations(name: string, bytes: Uint8Array): readonly Location[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const places: Location[] = [];
  for (let at = 0; at < bytes.length; at += LOCATION_BYTES) {
    const high = view.getUint32(at);
    if (high >= LOCATION_UNITS / 2 ** 32) throw bad(`${name} is beyond the circle`);
    places.push(asLocation((high * 2 ** 32 + view.getUint32(at + 4)) / LOCATION_UNITS));
  }
  return places;
}

function bad(what: string): ParseError {
  return new ParseError('bad_message', `message refused: ${what}`);
}
