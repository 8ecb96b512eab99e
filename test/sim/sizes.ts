/** How many bytes a message takes on a link: the frame that it is sent in (docs/spec/links.md, 7). Blocks count as full ones. */
import { assertNever } from '../../keys/index.ts';
import type { Message } from '../../routing/index.ts';

const [SMALL, MIDDLE, BLOCK] = [256, 1_024, 33_536];

/** 219 bytes fit into the smallest frame: a request without hints has up to 158, a list 32 and 8 for each peer. */
const SMALL_HINTS = 6;
const SMALL_LIST = 23;

export function frameBytes(message: Message): number {
  switch (message.type) {
    case 'insertBlock':
    case 'dataFound':
    case 'insertCollision':
      return BLOCK;
    case 'dataRequest':
    case 'insertRequest': {
      const { route } = message;
      return route.phase === 'greedy' && route.visited.length > SMALL_HINTS ? MIDDLE : SMALL;
    }
    case 'peers':
      return message.list.length > SMALL_LIST ? MIDDLE : SMALL;
    // They carry a reference, which has 250 to 400 bytes.
    case 'seek':
    case 'seekOffer':
    case 'introduction':
    case 'fold':
      return MIDDLE;
    case 'accepted':
    case 'working':
    case 'rejectedOverload':
    case 'insertStored':
    case 'dataNotFound':
    case 'routeNotFound':
    case 'wanted':
    case 'unwanted':
    case 'seekEnd':
    case 'introduce':
    case 'noIntroduction':
    case 'unsupported':
    case 'offered':
    case 'uplink':
    case 'stemLink':
      return SMALL;
    default:
      return assertNever(message);
  }
}

/** Control goes before bulk; a block is bulk. */
export function isBulk(message: Message): boolean {
  return 'block' in message;
}
