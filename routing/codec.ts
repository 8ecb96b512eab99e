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
  ParseError,
  type RoutingKey,
  type Salt,
  assertNever,
  block,
  decodeCbor,
  encodeCbor,
  routingKey,
  salt,
} from '../keys/index.ts';
import { routingLimits } from './limits.ts';
import type {
  IncomingMessage,
  Message,
  Priority,
  Request,
  RequestId,
  Route,
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
    case 'unsupported':
      return message;
    default:
      return assertNever(message);
  }
}

function requestFields({ route, ...fields }: Request): { readonly [key: string]: CborValue } {
  return route.phase === 'stem'
    ? { ...fields, phase: 'stem' }
    : { ...fields, ...route, uid: Buffer.from(route.uid, 'hex') };
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
    case 'unsupported':
      return { type, name: fields.text('name') };
    default:
      if (RESERVED.has(type)) return { type: 'reserved', name: type };
      throw bad('an unknown type');
  }
}

function readRoute(fields: Fields): Route {
  const phase = fields.text('phase');
  if (phase === 'stem') return { phase };
  if (phase !== 'greedy') throw bad('an unknown phase');
  return {
    phase,
    uid: Buffer.from(fields.bytes('uid', UID_BYTES)).toString('hex') as Uid,
    htl: fields.integer('htl', { min: 1, max: VISITS_MAX }),
    stall: fields.integer('stall', { min: 0, max: VISITS_MAX }),
    best: fields.integer('best', { min: 0, max: DISTANCE_MAX }) as WireDistance,
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

function bad(what: string): ParseError {
  return new ParseError('bad_message', `message refused: ${what}`);
}
