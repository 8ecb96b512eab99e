/**
 * Nodes that don't follow the protocol (docs/spec/simulator.md, 3). A mask stands between the network and the node's router: what
 * it takes the router never hears of. Towards peers.md's messages all but the liar about its peers behave well, so that they have
 * and keep links like anybody.
 */
import {
  type Block,
  type Location,
  type RoutingKey,
  type Salt,
  asLocation,
  distance,
  location,
} from '../../keys/index.ts';
import type { Message, Priority, Request, RequestId, Uid } from '../../routing/index.ts';
import type { SeededRandom } from './random.ts';

/**
 * - `silent`: a black hole, says nothing to a request.
 * - `swallowing`: accepts, and then says nothing.
 * - `refusing`: always says that it is overloaded.
 * - `dropping`: serves a share of what it is asked honestly, and takes the rest like `silent`.
 * - `lying`: says that it has searched far and found nothing, or that it has stored what it was given, with many visits.
 * - `lyingPeers`: lists invented peers, some next to whatever it was asked lately, and finds nothing.
 * - `lyingVisits`: says that it has searched far and found nothing, of inserts too.
 * - `lyingInserts`: says that it has stored what it was given, keeps nothing and finds nothing.
 * - `corrupting`: answers every fetch with another block; passes inserts on.
 * - `flooding`: follows the protocol, and asks all its peers for keys that don't exist as fast as it may.
 */
export type Role =
  | 'honest'
  | 'silent'
  | 'swallowing'
  | 'refusing'
  | 'dropping'
  | 'lying'
  | 'lyingPeers'
  | 'lyingVisits'
  | 'lyingInserts'
  | 'corrupting'
  | 'flooding';

type Say = (message: Message) => void;

export interface Mask {
  /** False when the router is to hear it as well. */
  readonly takes: (message: Message, say: Say) => boolean;
  /** What goes out instead of what the router wanted to say. */
  readonly alters: (message: Message) => Message;
  /** What is said to every peer of its own accord, and how often. */
  readonly floods?: { readonly everyMs: number; readonly next: (own: Location) => Message };
}

export interface MaskOptions {
  readonly random: SeededRandom;
  /** Of the dropper: what it serves. */
  readonly servedShare?: number;
  /** Of the flooder: milliseconds between two requests to one peer. */
  readonly floodEveryMs?: number;
}

/** More than any network allows: what is believed of it is for the others to say. */
const INVENTED_VISITS = 1_000;
const SERVED_SHARE = 0.5;
const FLOOD_EVERY_MS = 20;
/** Ids of floods, apart from those of the node's own router. */
const FLOOD_IDS = 2 ** 31;

export function maskOf(role: Role, options: MaskOptions): Mask | undefined {
  switch (role) {
    case 'honest':
      return undefined;
    case 'silent':
      return taking(() => {});
    case 'swallowing':
      return taking(({ id }, say) => say({ type: 'accepted', id }));
    case 'refusing':
      return taking(({ id }, say) => say({ type: 'rejectedOverload', id }));
    case 'dropping':
      return dropping(options);
    case 'lying':
      return taking(({ id, type }, say) => {
        say({ type: 'accepted', id });
        say({ type: type === 'dataRequest' ? 'dataNotFound' : 'insertStored', id, visits: INVENTED_VISITS });
      });
    case 'lyingPeers':
      return inventing(options.random);
    case 'lyingVisits':
      return taking(({ id }, say) => {
        say({ type: 'accepted', id });
        say({ type: 'dataNotFound', id, visits: INVENTED_VISITS });
      });
    case 'lyingInserts':
      return swindling();
    case 'corrupting':
      return corrupting();
    case 'flooding':
      return flooding(options);
  }
}

/** Requests are answered by `answer` and never reach the router. */
function taking(answer: (request: Request, say: Say) => void): Mask {
  return {
    takes: (message, say) => {
      if (isRequest(message)) answer(message, say);
      // The block of an insert that the router never heard of.
      return isRequest(message) || message.type === 'insertBlock';
    },
    alters: same,
  };
}

function dropping({ random, servedShare = SERVED_SHARE }: MaskOptions): Mask {
  return { takes: (message) => isRequest(message) && random.fraction() >= servedShare, alters: same };
}

function swindling(): Mask {
  return {
    takes: (message, say) => {
      if (message.type === 'insertBlock') say({ type: 'insertStored', id: message.id, visits: 0 });
      if (isRequest(message)) say({ type: 'accepted', id: message.id });
      if (message.type === 'dataRequest') say({ type: 'dataNotFound', id: message.id, visits: 0 });
      return isRequest(message) || message.type === 'insertBlock';
    },
    alters: same,
  };
}

function corrupting(): Mask {
  const wrong = new Uint8Array(32).fill(0xbd) as Block;
  return {
    takes: (message, say) => {
      if (message.type !== 'dataRequest') return false;
      say({ type: 'accepted', id: message.id });
      say({ type: 'dataFound', id: message.id, visits: 0, block: wrong });
      return true;
    },
    alters: same,
  };
}

/** A list that attracts: what it was asked lately, and places all over the circle. */
function inventing(random: SeededRandom): Mask {
  const ASKED = 32;
  const SPREAD = 28;
  const asked: Location[] = [];
  const list = (): Location[] => {
    const near = asked.map((place) => exact(place + (random.fraction() - 0.5) * 1e-6));
    const far = Array.from({ length: SPREAD }, (_, index) => exact((index + random.fraction()) / SPREAD));
    return [...new Set([...near, ...far])].sort((a, b) => a - b);
  };
  return {
    takes: (message, say) => {
      if (!isRequest(message)) return message.type === 'insertBlock';
      asked.push(location(message.key, message.salt));
      if (asked.length > ASKED) asked.shift();
      say({ type: 'accepted', id: message.id });
      say({ type: 'dataNotFound', id: message.id, visits: 0 });
      return true;
    },
    alters: (message) => (message.type === 'peers' ? { type: 'peers', list: list() } : message),
  };
}

function flooding({ random, floodEveryMs = FLOOD_EVERY_MS }: MaskOptions): Mask {
  let id = FLOOD_IDS;
  return {
    takes: (message) => 'id' in message && message.id >= FLOOD_IDS && !isRequest(message),
    alters: same,
    floods: {
      everyMs: floodEveryMs,
      next: (own) => {
        id = id === 2 ** 32 - 1 ? FLOOD_IDS : id + 1;
        return floodRequest({ id: id as RequestId, random, own });
      },
    },
  };
}

function floodRequest(options: { id: RequestId; random: SeededRandom; own: Location }): Request {
  const { id, random, own } = options;
  const key = random.bytes(32) as RoutingKey;
  const salt: Salt = 0;
  const priority: Priority = 'realtime';
  const best = Math.floor(distance(own, location(key, salt)) * 2 ** 32);
  const uid = Buffer.from(random.bytes(8)).toString('hex') as Uid;
  const route = { phase: 'greedy', uid, htl: 20, stall: 0, best, visited: [] } as unknown as Request['route'];
  return { type: 'dataRequest', id, key, salt, priority, deadlineMs: 100_000, route };
}

function isRequest(message: Message): message is Request {
  return message.type === 'dataRequest' || message.type === 'insertRequest';
}

function same(message: Message): Message {
  return message;
}

/** The nearest multiple of 2^-53 on the circle. */
function exact(place: number): Location {
  return asLocation(Math.floor((place - Math.floor(place)) * 2 ** 53) / 2 ** 53);
}
