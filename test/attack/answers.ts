/** What a spy hears in answer to requests of his own: kinds and times. Answers to ids that his router has not chosen do nothing there. */
import type { Message, Priority, Request, RequestId, Uid } from '../../routing/index.ts';
import { type RoutingKey, type Salt, distance, location } from '../../keys/index.ts';
import type { Observer } from '../sim/host.ts';
import type { End } from '../sim/node.ts';
import type { World } from '../sim/world.ts';
import { isRequest } from './spies.ts';

const OWN_IDS = 2 ** 31;

export interface Heard {
  readonly afterMs: number;
  readonly type: Message['type'];
}

interface Asked {
  readonly at: number;
  readonly heard: Heard[];
}

export class Answers implements Observer {
  readonly #asked = new Map<string, Asked>();
  #next = OWN_IDS;

  passed(now: number, end: End, what: { dir: 'in' | 'out'; message: Message }): void {
    const { message } = what;
    if (what.dir === 'out' || isRequest(message) || !('id' in message) || message.id < OWN_IDS) return;
    const asked = this.#asked.get(`${end.node.number} ${end.other?.node.number} ${message.id}`);
    asked?.heard.push({ afterMs: now - asked.at, type: message.type });
  }

  /** What is heard from now on in answer to a request that somebody sends himself. */
  sent(world: World, { spy, peer, id }: { spy: number; peer: number; id: RequestId }): readonly Heard[] {
    const asked: Asked = { at: world.now, heard: [] };
    this.#asked.set(`${spy} ${peer} ${id}`, asked);
    return asked.heard;
  }

  /** A spy asks a peer by the stem. @returns what he hears, as it comes. */
  stem(world: World, ask: { spy: number; peer: number; key: RoutingKey; salt?: Salt }): readonly Heard[] {
    return this.#send(world, ask, { phase: 'stem' });
  }

  /** A spy asks a peer greedily; with an `htl` of 1 that one has nobody else to ask. */
  greedy(
    world: World,
    ask: { spy: number; peer: number; key: RoutingKey; salt?: Salt; htl: number; uid?: Uid },
  ): readonly Heard[] {
    const { key, salt = 0, htl, spy } = ask;
    const own = world.options.topology.locations[spy];
    const best = Math.floor(distance(own ?? location(key, salt), location(key, salt)) * 2 ** 32);
    const uid = ask.uid ?? (Buffer.from(world.random.bytes(8)).toString('hex') as Uid);
    const route = { phase: 'greedy', uid, htl, stall: 0, best, visited: [] } as unknown as Request['route'];
    return this.#send(world, ask, route);
  }

  #send(
    world: World,
    ask: { spy: number; peer: number; key: RoutingKey; salt?: Salt },
    route: Request['route'],
  ): readonly Heard[] {
    const { spy, peer, key, salt = 0 } = ask;
    const id = this.#next as RequestId;
    this.#next += 1;
    const heard = this.sent(world, { spy, peer, id });
    const priority: Priority = 'realtime';
    const { deadlineMs } = world.options.params;
    world.say(spy, peer, { type: 'dataRequest', id, key, salt, priority, deadlineMs, route });
    return heard;
  }
}
