/**
 * One router with opennet on a bench: links come up and messages are said by the test, dials wait until they are answered, and time
 * passes on command. Every message goes through the codec, both ways.
 */
import {
  BLOCK_BYTES,
  block,
  type Location,
  type RoutingKey,
  asLocation,
  assert,
  routingKey,
} from '../../../keys/index.ts';
import {
  type Effect,
  LOCAL_LINK,
  type LinkId,
  Router,
  decodeMessage,
  encodeMessage,
} from '../../../routing/index.ts';
import { type NetworkParams, networks } from '../../../routing/index.ts';
import type { Candidate, Message, Peer, RouterEvent, Token, Verdict } from '../../../routing/index.ts';
import type {
  Request,
  RequestId,
  Route,
  WireDistance,
  Seek,
  SeekId,
  Uid,
} from '../../../routing/messages.ts';
import { SeededRandom } from '../../sim/random.ts';

export const OWN_REFERENCE = Uint8Array.of(0xaa);
/** A location can only be a multiple of 2^-53, and a decimal fraction mostly is none. */
export function at(place: number): Location {
  return asLocation(Math.round(place * 2 ** 53) / 2 ** 53);
}

const OWN_PLACE = asLocation(0.5);
const PAID = new Uint8Array(8).fill(1);
export const UNPAID = new Uint8Array(8);
/** Taken for the block of any key. */
export const BLOCK = block(new Uint8Array(BLOCK_BYTES));
const FAR = (2 ** 31) as WireDistance;

/** The message of a type; some types share a shape. */
type Of<T extends Message['type']> = Message extends infer M
  ? M extends { readonly type: infer U }
    ? T extends U
      ? M
      : never
    : never
  : never;

export interface LoneOptions {
  readonly dialable?: boolean;
  /** Undefined: a network without strangers. */
  readonly opennet?: 'on' | 'quiet' | undefined;
  readonly seed?: number;
  readonly params?: NetworkParams;
}

export class Lone {
  readonly router: Router;
  now = 1_000;
  readonly dials: { readonly candidate: Candidate; readonly token: Token }[] = [];
  readonly closed: LinkId[] = [];
  readonly verdicts: { readonly link: LinkId; readonly verdict: Verdict }[] = [];
  readonly remembered: (readonly Candidate[])[] = [];
  /** How often a reference was read, which costs a signature check. */
  reads = 0;
  readonly #told = new Map<LinkId, Message[]>();
  readonly #timers = new Map<Token, number>();
  readonly toldOwner: Message[] = [];
  readonly references: Uint8Array[] = [];
  readonly #nodes = new Map<string, Candidate>();
  readonly #ties = new Map<LinkId, Peer['tie']>();
  #nextLink = LOCAL_LINK + 1;
  #nextId = 1;

  constructor(options: LoneOptions = {}) {
    const { dialable = true, seed = 1, params = networks.testnet } = options;
    const { opennet = 'quiet' } = options;
    this.router = new Router({
      stem: 'off',
      params,
      location: OWN_PLACE,
      random: new SeededRandom(seed),
      verify: () => 'chk',
      traced: 'untraced',
      ...('opennet' in options && options.opennet === undefined
        ? {}
        : {
            opennet: {
              own: () => ({ reference: OWN_REFERENCE, proof: PAID, dialable }),
              readReference: (reference: Uint8Array) => {
                this.reads += 1;
                return this.#nodes.get(Buffer.from(reference).toString('hex'));
              },
              isPaid: (_: Uint8Array, proof: Uint8Array) => proof[0] === 1,
              upkeep: opennet,
            },
          }),
    });
  }

  /** Somebody who has a valid reference. */
  node(place: number, options: Partial<Omit<Candidate, 'location' | 'reference'>> = {}): Candidate {
    const number = this.#nodes.size;
    const reference = Uint8Array.of(1, number >>> 8, number & 255);
    const candidate: Candidate = {
      identity: `node ${number}`,
      location: at(place),
      group: `group ${number}`,
      site: `site ${number}`,
      dialable: true,
      ...options,
      reference,
    };
    this.references.push(reference);
    this.#nodes.set(Buffer.from(reference).toString('hex'), candidate);
    return candidate;
  }

  up(
    candidate: Candidate,
    { tie = 'stranger', cost = 50 }: Partial<Pick<Peer, 'tie' | 'cost'>> = {},
  ): LinkId {
    const link = this.#nextLink as LinkId;
    this.#nextLink += 1;
    this.#ties.set(link, tie);
    const { identity, location, group, site } = candidate;
    this.handle({
      type: 'linkUp',
      link,
      peer: { identity, location, group, site, tie, cost, carrier: 'memory' },
      since: this.now,
    });
    return link;
  }

  /** A stranger who has called and says that it wants this node. */
  caller(place: number, options: Partial<Omit<Candidate, 'location' | 'reference'>> = {}): LinkId {
    const candidate = this.node(place, options);
    const link = this.up(candidate);
    this.say(link, { type: 'wanted', reference: candidate.reference });
    return link;
  }

  /** The same, and it became a peer; what was said to it until now is forgotten. */
  peer(place: number, options: Partial<Omit<Candidate, 'location' | 'reference'>> = {}): LinkId {
    const link = this.caller(place, options);
    assert(this.toldTypes(link).includes('wanted'), 'this node wants the peer');
    return link;
  }

  isUp(link: LinkId): boolean {
    return this.#ties.has(link);
  }

  tieOf(link: LinkId): Peer['tie'] | undefined {
    return this.#ties.get(link);
  }

  down(link: LinkId): void {
    if (!this.#ties.delete(link)) return;
    this.handle({ type: 'linkDown', link });
  }

  say(link: LinkId, message: Message): void {
    this.handle({ type: 'message', link, message: decodeMessage(encodeMessage(message)) });
  }

  told(link: LinkId): Message[] {
    const told = this.#told.get(link) ?? [];
    this.#told.delete(link);
    return told;
  }

  toldTypes(link: LinkId): string[] {
    return this.told(link).map(({ type }) => type);
  }

  /** What was told to anybody of one type, with the link; the rest is forgotten. */
  toldAll<T extends Message['type']>(type: T): { readonly link: LinkId; readonly message: Of<T> }[] {
    const found: { link: LinkId; message: Of<T> }[] = [];
    for (const [link, messages] of this.#told)
      for (const message of messages)
        if (message.type === type) found.push({ link, message: message as Of<T> });
    this.#told.clear();
    return found;
  }

  seek(seeker: Candidate, options: Partial<Omit<Seek, 'type' | 'reference'>> = {}): Seek {
    this.#nextId += 1;
    return {
      type: 'seek',
      id: this.#nextId as SeekId,
      uid: this.#nextId.toString(16).padStart(16, '0') as Uid,
      target: seeker.location,
      walk: 0,
      htl: 24,
      reference: seeker.reference,
      proof: PAID,
      ...options,
    };
  }

  /** A peer asks for a block; or the owner does. */
  fetch(link: LinkId): void {
    this.say(
      link,
      request({ phase: 'greedy', uid: '00000000000000ff' as Uid, htl: 10, stall: 0, best: FAR, visited: [] }),
    );
  }

  ask(): void {
    this.say(LOCAL_LINK, request({ phase: 'stem' }));
  }

  /** The dial that waits longest ends. */
  dialEnds(outcome: 'linked' | 'failed', tie: Peer['tie'] = 'stranger'): LinkId | undefined {
    const dial = this.dials.shift();
    assert(dial !== undefined, 'somebody is being dialled');
    const link = outcome === 'linked' ? this.up(dial.candidate, { tie }) : undefined;
    this.handle({ type: 'dialled', token: dial.token, outcome });
    return link;
  }

  pass(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      let due: { token: Token; at: number } | undefined;
      for (const [token, at] of this.#timers) if (due === undefined || at < due.at) due = { token, at };
      if (due === undefined || due.at > until) break;
      this.now = Math.max(this.now, due.at);
      this.#timers.delete(due.token);
      this.handle({ type: 'timer', token: due.token });
    }
    this.now = until;
  }

  get timers(): number {
    return this.#timers.size;
  }

  handle(event: RouterEvent): void {
    const effects: Effect[] = [];
    this.router.handle(this.now, event, effects);
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'send': {
        if (effect.link === LOCAL_LINK) {
          this.toldOwner.push(effect.message);
          return;
        }
        assert(this.#ties.has(effect.link), 'what is said goes to a link that is up');
        const message = decodeMessage(encodeMessage(effect.message));
        assert(message.type !== 'reserved', 'nobody sends what is reserved');
        const told = this.#told.get(effect.link) ?? [];
        told.push(message);
        this.#told.set(effect.link, told);
        return;
      }
      case 'setTimer':
        this.#timers.set(effect.token, effect.at);
        return;
      case 'cancelTimer':
        this.#timers.delete(effect.token);
        return;
      case 'dial':
        this.dials.push(effect);
        return;
      case 'closeLink':
        this.closed.push(effect.link);
        this.down(effect.link);
        return;
      case 'remember':
        this.remembered.push(effect.candidates);
        return;
      case 'rememberStem':
        return;
      case 'peerVerdict':
        this.verdicts.push(effect);
        if (effect.verdict !== 'silent') this.down(effect.link);
        return;
      case 'readBlock':
        this.handle({ type: 'blockRead', token: effect.token, block: undefined });
        return;
      case 'writeBlock':
        this.handle({ type: 'blockWritten', token: effect.token, outcome: 'kept' });
        return;
      case 'trace':
    }
  }
}

function request(route: Route): Request {
  const key: RoutingKey = routingKey(new Uint8Array(32));
  return {
    type: 'dataRequest',
    id: 1 as RequestId,
    key,
    salt: 0,
    priority: 'bulk',
    deadlineMs: 60_000,
    route,
  };
}
