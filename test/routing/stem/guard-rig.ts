/**
 * One node's guards on a bench: peers come and go by the test, answer as it says, and time passes on command, over restarts and days.
 */
import { asLocation, assert } from '../../../keys/index.ts';
import { LOCAL_LINK, type LinkId, networks, type NetworkParams, type Peer } from '../../../routing/index.ts';
import type { Candidate } from '../../../routing/index.ts';
import { PeerTable } from '../../../routing/peers.ts';
import { Guards } from '../../../routing/stem/guards.ts';
import type { StemState } from '../../../routing/stem/state.ts';
import type { Token } from '../../../routing/effect.ts';
import { SeededRandom } from '../../sim/random.ts';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** The wall clock when the first run begins. */
const EPOCH_MS = 1_800_000_000_000;

export type Answer = 'grant' | 'full' | 'nothing' | 'swallow';

/** Somebody who may become a peer. */
export interface Node {
  readonly identity: string;
  tie: Peer['tie'];
  group: string;
  dialable: boolean;
  source: string | undefined;
  uplink: number;
  cost: number;
  answer: Answer;
  /** Whether a call reaches it. */
  isOn: boolean;
}

export interface RigOptions {
  readonly params?: NetworkParams;
  readonly seed?: number;
  readonly random?: SeededRandom;
  readonly knownNodes?: number;
}

export class GuardRig {
  guards: Guards;
  peers: PeerTable;
  now = 0;
  /** Of the machine's clock: the router's time begins anew with each run. */
  epochMs = EPOCH_MS;
  /** How far that clock is ahead. */
  #aheadMs = 0;
  knownNodes: number;
  readonly random: SeededRandom;
  readonly params: NetworkParams;
  readonly nodes = new Map<string, Node>();
  readonly links = new Map<LinkId, Node>();
  readonly asks: string[] = [];
  readonly ends: string[] = [];
  readonly calls: string[] = [];
  /** Of `ask` and `end`, on each link. */
  readonly steps = new Map<LinkId, number>();
  changes = 0;
  /** Called at each change. */
  watch: () => void = () => {};
  kept: Pick<StemState, 'guards' | 'draws' | 'connected'> | undefined;
  #timers = new Map<Token, { readonly at: number; readonly fired: () => void }>();
  #nextToken = 1;
  #nextLink = LOCAL_LINK + 1;

  constructor({ params = networks.open, seed = 1, random, knownNodes = 1_000 }: RigOptions = {}) {
    this.params = params;
    this.random = random ?? new SeededRandom(seed);
    this.knownNodes = knownNodes;
    [this.guards, this.peers] = this.#start();
  }

  #start(): [Guards, PeerTable] {
    const peers = new PeerTable(this.params, this.random, asLocation(0.5));
    const now = () => this.now;
    const guards = new Guards({
      desk: {
        get now() {
          return now();
        },
        params: this.params,
        random: this.random,
        peers,
        setTimer: (at, fired) => {
          const token = this.#nextToken as Token;
          this.#nextToken += 1;
          this.#timers.set(token, { at, fired });
          return token;
        },
        cancelTimer: (token) => void this.#timers.delete(token),
      },
      epochMs: this.epochMs,
      kept:
        this.kept === undefined
          ? undefined
          : { ...this.kept, secret: new Uint8Array(32), places: [], loops: [] },
      ask: (link) => this.#asked(link),
      end: (link) => {
        this.#count(link);
        this.ends.push(this.#nodeOf(link).identity);
      },
      prove: (link, ended) => this.#proves(link, ended),
      candidateOf: (link) => this.#candidateOf(this.links.get(link)),
      call: (reference) => {
        const identity = Buffer.from(reference).toString();
        this.calls.push(identity);
        const node = this.nodes.get(identity);
        if (node?.isOn === true) this.#later(50, () => this.linkOf(node) ?? this.up(node));
      },
      sourceOf: (identity) => this.nodes.get(identity)?.source,
      uplinkOf: (link) => this.links.get(link)?.uplink ?? 7,
      knownNodes: () => this.knownNodes,
      changed: () => {
        this.changes += 1;
        this.watch();
      },
    });
    return [guards, peers];
  }

  get wallMs(): number {
    return this.epochMs + this.now;
  }

  /** Of a clock that is right. */
  get trueMs(): number {
    return this.wallMs - this.#aheadMs;
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Identities, in their order. */
  get order(): string[] {
    return this.guards.order.map(({ identity }) => identity);
  }

  get own(): string | undefined {
    const link = this.guards.own();
    return link === undefined ? undefined : this.#nodeOf(link).identity;
  }

  node(identity: string, options: Partial<Node> = {}): Node {
    const node: Node = {
      identity,
      tie: 'stranger',
      group: `group of ${identity}`,
      dialable: true,
      source: undefined,
      uplink: 0,
      cost: 50,
      answer: 'grant',
      isOn: true,
      ...options,
    };
    this.nodes.set(identity, node);
    return node;
  }

  /** The node that is at this place in the order. */
  guard(place: number): Node {
    const node = this.nodes.get(this.order[place] ?? '');
    assert(node !== undefined, 'there is a guard at this place');
    return node;
  }

  /** Of who is connected. */
  linkTo(node: Node): LinkId {
    const link = this.linkOf(node);
    assert(link !== undefined, 'the node is connected');
    return link;
  }

  /** It goes, and no call reaches it. */
  off(node: Node): void {
    node.isOn = false;
    this.down(node);
  }

  linkOf(node: Node): LinkId | undefined {
    for (const [link, other] of this.links) if (other === node) return link;
    return undefined;
  }

  /** A link comes up and is confirmed at once. */
  up(node: Node, since = this.now): LinkId {
    const link = this.sessionUp(node, since);
    this.confirm(link);
    return link;
  }

  /** The same for who was there all the time. */
  old(node: Node): LinkId {
    return this.up(node, -Infinity);
  }

  sessionUp(node: Node, since = this.now): LinkId {
    const link = this.#nextLink as LinkId;
    this.#nextLink += 1;
    this.links.set(link, node);
    const { identity, tie, group, cost } = node;
    const peer: Peer = {
      identity,
      location: asLocation(0.25),
      tie,
      group,
      site: group,
      cost,
      carrier: 'memory',
    };
    this.peers.up(link, peer, since);
    this.guards.linkUp(link, peer, since);
    return link;
  }

  confirm(link: LinkId): void {
    this.peers.confirm(link);
    this.guards.confirmed(link);
  }

  lose(link: LinkId): void {
    this.peers.unconfirm(link);
    this.guards.lost(link);
  }

  down(node: Node): void {
    const link = this.linkOf(node);
    if (link === undefined) return;
    this.guards.lost(link);
    this.links.delete(link);
    this.peers.down(link);
    this.guards.linkDown(link);
  }

  /** So many requests in a row are not accepted in time. */
  silent(node: Node, times: number): void {
    const link = this.linkTo(node);
    for (let time = 0; time < times; time += 1) {
      this.peers.silent(link, this.now);
      if (time + 1 < times) this.pass(2 * this.params.backoffFirstMs * 2 ** time);
    }
  }

  pass(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      let due: [Token, { at: number; fired: () => void }] | undefined;
      for (const entry of this.#timers) if (due === undefined || entry[1].at < due[1].at) due = entry;
      if (due === undefined || due[1].at > until) break;
      this.now = Math.max(this.now, due[1].at);
      this.#timers.delete(due[0]);
      due[1].fired();
    }
    this.now = until;
  }

  /** All links go, and after a while the next run begins with what was kept; the clock may have been set meanwhile. */
  restart({ offMs = 0, setMs = 0 }: { offMs?: number; setMs?: number } = {}): void {
    this.kept = structuredClone(this.guards.keep());
    this.epochMs = this.wallMs + offMs + setMs;
    this.#aheadMs += setMs;
    this.now = 0;
    this.links.clear();
    this.#timers.clear();
    [this.guards, this.peers] = this.#start();
  }

  #asked(link: LinkId): void {
    this.#count(link);
    const { identity, answer } = this.#nodeOf(link);
    this.asks.push(identity);
    if (answer === 'nothing') return;
    this.#later(50, () => {
      if (!this.links.has(link)) return;
      if (answer === 'full') this.guards.full(link);
      else this.guards.granted(link);
    });
  }

  #proves(link: LinkId, ended: (outcome: 'answers' | 'silent') => void): void {
    if (this.#nodeOf(link).answer === 'swallow') this.#later(1_000, () => ended('silent'));
    else ended('answers');
  }

  #later(ms: number, fired: () => void): void {
    this.#timers.set(this.#nextToken as Token, { at: this.now + ms, fired });
    this.#nextToken += 1;
  }

  #count(link: LinkId): void {
    assert(this.links.has(link), 'what is said goes to a link that is up');
    this.steps.set(link, (this.steps.get(link) ?? 0) + 1);
  }

  #nodeOf(link: LinkId): Node {
    const node = this.links.get(link);
    assert(node !== undefined, 'the link is up');
    return node;
  }

  #candidateOf(node: Node | undefined): Candidate | undefined {
    if (node === undefined || node.tie === 'friend') return undefined;
    const { identity, group, dialable } = node;
    const reference = Buffer.from(identity);
    return { identity, location: asLocation(0.25), group, site: group, dialable, reference };
  }
}
