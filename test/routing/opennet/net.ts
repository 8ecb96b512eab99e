/**
 * A little network of real routers in memory, on a clock of its own: nodes on a plane with latencies, dials that take round trips and
 * fail, links that go down. Small and slow compared with test/sim, and with nothing in it but links: no load, no loss.
 *
 * What was said on every link is seen by `spy`, as the bytes' meaning; with `wire: 'bytes'` each message goes through the codec.
 */
import TinyQueue from 'tinyqueue';
import {
  BLOCK_BYTES,
  type Location,
  type RoutingKey,
  asLocation,
  assert,
  block,
  distance,
} from '../../../keys/index.ts';
import { location, routingKey } from '../../../keys/index.ts';
import {
  type Effect,
  LOCAL_LINK,
  type LinkId,
  Router,
  decodeMessage,
  encodeMessage,
} from '../../../routing/index.ts';
import { type NetworkParams, networks } from '../../../routing/index.ts';
import type { Candidate, Message, OpennetOptions, Peer, RouterEvent, Token } from '../../../routing/index.ts';
import type { RequestId } from '../../../routing/messages.ts';
import { SeededRandom } from '../../sim/random.ts';

import { type Node, type NodeOptions, type Said, isConfirmed, isWord, keyOf, peerOf } from './net-node.ts';

export type { Node };

interface Due {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

const PROOF = new Uint8Array(8);
const DIAL_FAILS_MS = 5_000;
const BLOCK = block(new Uint8Array(BLOCK_BYTES));

export class Net {
  now = 0;
  /** Whether a dial gets through; links that are up are cut by `cut`. */
  reaches: (from: Node, to: Node) => boolean = () => true;
  readonly random: SeededRandom;
  readonly nodes: Node[] = [];
  readonly #byReference = new Map<string, Node>();
  readonly #queue = new TinyQueue<Due>([], (a, b) => a.at - b.at || a.order - b.order);
  readonly #params: NetworkParams;
  readonly #wire: 'bytes' | 'objects';
  readonly spy: ((said: Said) => void) | undefined;
  #order = 0;
  /** Messages by type. */
  readonly counts = new Map<string, number>();
  #holder: Node | undefined;
  /** What the owners were told finally. */
  #answers: Message[] = [];

  constructor(options: {
    seed: number;
    wire?: 'bytes' | 'objects';
    params?: NetworkParams;
    spy?: (said: Said) => void;
  }) {
    this.random = new SeededRandom(options.seed);
    this.#wire = options.wire ?? 'objects';
    this.#params = options.params ?? networks.testnet;
    this.spy = options.spy;
  }

  add(options: NodeOptions = {}): Node {
    const index = this.nodes.length;
    const candidate: Candidate = {
      identity: `node ${index}`,
      location: options.at ?? asLocation(this.random.fraction()),
      group: options.group ?? `group ${index}`,
      site: options.site ?? `site ${index}`,
      dialable: options.dialable ?? true,
      reference: Uint8Array.of(1, index >>> 16, index >>> 8, index),
    };
    const { opennet = 'on' } = options;
    const own: OpennetOptions = {
      own: () => ({ reference: candidate.reference, proof: PROOF, dialable: candidate.dialable }),
      readReference: (reference) => this.readReference(reference),
      isPaid: (_, proof) => proof.every((byte) => byte === 0),
      upkeep: opennet,
    };
    const node: Node = {
      index,
      candidate,
      proof: PROOF,
      router: new Router({
        stem: 'off',
        params: this.#params,
        location: candidate.location,
        random: new SeededRandom(this.random.uint32()),
        verify: () => 'chk',
        traced: 'untraced',
        ...('opennet' in options && options.opennet === undefined ? {} : { opennet: own }),
      }),
      links: new Map(),
      timers: new Set(),
      verdicts: [],
      remembered: [],
      nextLink: LOCAL_LINK + 1,
      alive: true,
      dials: 0,
      closed: 0,
      x: this.random.fraction(),
      y: this.random.fraction(),
    };
    this.nodes.push(node);
    this.#byReference.set(keyOf(candidate.reference), node);
    const { remembered, seeds } = options;
    if (remembered !== undefined)
      this.handle(node, { type: 'candidates', from: 'remembered', candidates: remembered });
    if (seeds !== undefined)
      this.handle(node, {
        type: 'candidates',
        from: 'seeds',
        candidates: seeds.map(({ candidate }) => candidate),
      });
    return node;
  }

  readReference(reference: Uint8Array): Candidate | undefined {
    return this.#byReference.get(keyOf(reference))?.candidate;
  }

  /** Brings a link up at both ends. */
  link(a: Node, b: Node, tie: Peer['tie']): readonly [LinkId, LinkId] {
    const ms = 5 + 140 * Math.hypot(a.x - b.x, a.y - b.y);
    const linkA = a.nextLink++ as LinkId;
    const linkB = b.nextLink++ as LinkId;
    a.links.set(linkA, { to: b, toLink: linkB, tie, ms, said: '', heard: '' });
    b.links.set(linkB, { to: a, toLink: linkA, tie, ms, said: '', heard: '' });
    this.handle(b, { type: 'linkUp', link: linkB, peer: peerOf(a, tie, ms), since: this.now });
    this.handle(a, { type: 'linkUp', link: linkA, peer: peerOf(b, tie, ms), since: this.now });
    return [linkA, linkB];
  }

  cut(a: Node, b: Node): void {
    for (const [link, { to }] of a.links) if (to === b) this.#close(a, link);
  }

  /** The node is gone at once, with all of its links. */
  kill(node: Node): void {
    node.alive = false;
    for (const link of node.links.keys()) this.#close(node, link);
  }

  linkBetween(a: Node, b: Node): LinkId | undefined {
    for (const [link, { to }] of a.links) if (to === b) return link;
    return undefined;
  }

  run(untilMs: number): void {
    for (;;) {
      const due = this.#queue.peek();
      if (due === undefined || due.at > untilMs) break;
      this.#queue.pop();
      this.now = due.at;
      due.run();
    }
    this.now = untilMs;
  }

  pass(ms: number): void {
    this.run(this.now + ms);
  }

  /** Whom a node counts as its peers, friends included. */
  peersOf(node: Node): Node[] {
    return [...node.links.values()].filter(isConfirmed).map(({ to }) => to);
  }

  /** Links that one end counts and the other one does not. */
  disagreements(): number {
    let count = 0;
    for (const node of this.nodes) {
      for (const wire of node.links.values()) {
        const back = wire.to.links.get(wire.toLink);
        if (isConfirmed(wire) && (back === undefined || !isConfirmed(back))) count += 1;
      }
    }
    return count;
  }

  closest(target: Location): Node {
    let best: Node | undefined;
    for (const node of this.nodes) {
      if (!node.alive) continue;
      if (
        best === undefined ||
        distance(node.candidate.location, target) < distance(best.candidate.location, target)
      )
        best = node;
    }
    assert(best !== undefined, 'there is a node');
    return best;
  }

  /**
   * A real fetch of a random key whose block lies at the closest node alone. `hops` are the links that the block crossed.
   */
  fetch(
    from: Node,
    block: 'there' | 'missing' = 'there',
  ): { found: boolean; hops: number; messages: number } {
    const key: RoutingKey = routingKey(this.random.bytes(32));
    this.#holder = block === 'there' ? this.closest(location(key, 0)) : undefined;
    if (this.#holder === from) return { found: true, hops: 0, messages: 0 };
    const blocks = this.#count('dataFound');
    const requests = this.#count('dataRequest');
    this.#answers = [];
    this.handle(from, {
      type: 'message',
      link: LOCAL_LINK,
      message: {
        type: 'dataRequest',
        id: 1 as RequestId,
        key,
        salt: 0,
        priority: 'bulk',
        deadlineMs: 120_000,
        route: { phase: 'stem' },
      },
    });
    const until = this.now + 130_000;
    while (this.#answers.length === 0 && this.now < until) this.pass(50);
    this.#holder = undefined;
    return {
      found: this.#answers[0]?.type === 'dataFound',
      hops: this.#count('dataFound') - blocks,
      messages: this.#count('dataRequest') - requests,
    };
  }

  #count(type: string): number {
    return this.counts.get(type) ?? 0;
  }

  handle(node: Node, event: RouterEvent): void {
    if (!node.alive) return;
    const effects: Effect[] = [];
    node.router.handle(this.now, event, effects);
    for (const effect of effects) this.#perform(node, effect);
  }

  #perform(node: Node, effect: Effect): void {
    switch (effect.type) {
      case 'send':
        if (effect.link === LOCAL_LINK) this.#toOwner(effect.message);
        else this.#send(node, effect.link, effect.message);
        return;
      case 'setTimer':
        node.timers.add(effect.token);
        this.#at(effect.at, () => {
          if (node.timers.delete(effect.token)) this.handle(node, { type: 'timer', token: effect.token });
        });
        return;
      case 'cancelTimer':
        node.timers.delete(effect.token);
        return;
      case 'dial':
        node.dials += 1;
        this.#dial(node, effect.candidate, effect.token);
        return;
      case 'closeLink':
        this.#close(node, effect.link);
        return;
      case 'remember':
        node.remembered = effect.candidates;
        return;
      case 'readBlock':
        this.#at(this.now, () =>
          this.handle(node, {
            type: 'blockRead',
            token: effect.token,
            block: node === this.#holder ? BLOCK : undefined,
          }),
        );
        return;
      case 'writeBlock':
        this.#at(this.now, () =>
          this.handle(node, { type: 'blockWritten', token: effect.token, outcome: 'kept' }),
        );
        return;
      case 'rememberStem':
        return;
      case 'peerVerdict':
        node.verdicts.push(effect.verdict);
        if (effect.verdict !== 'silent') this.#close(node, effect.link);
        return;
      case 'trace':
    }
  }

  #toOwner(message: Message): void {
    if (message.type !== 'accepted' && message.type !== 'working') this.#answers.push(message);
  }

  #send(from: Node, link: LinkId, message: Message): void {
    const wire = from.links.get(link);
    if (wire === undefined) return;
    this.counts.set(message.type, this.#count(message.type) + 1);
    this.spy?.({ from, to: wire.to, tie: wire.tie, message });
    if (isWord(message)) wire.said = message.type;
    const arrived = this.#wire === 'bytes' ? decodeMessage(encodeMessage(message)) : message;
    this.#at(this.now + wire.ms, () => {
      const back = wire.to.links.get(wire.toLink);
      if (back === undefined) return;
      if (isWord(message)) back.heard = message.type;
      this.handle(wire.to, { type: 'message', link: wire.toLink, message: arrived });
    });
  }

  #dial(from: Node, candidate: Candidate, token: Token): void {
    const to = this.#byReference.get(keyOf(candidate.reference));
    const ends = (outcome: 'linked' | 'failed'): void =>
      this.handle(from, { type: 'dialled', token, outcome });
    if (to === undefined || to === from || !to.candidate.dialable) {
      this.#at(this.now + DIAL_FAILS_MS, () => ends('failed'));
      return;
    }
    const ms = 5 + 140 * Math.hypot(from.x - to.x, from.y - to.y);
    this.#at(this.now + 4 * ms, () => {
      if (!from.alive || !to.alive || !this.reaches(from, to)) {
        ends('failed');
        return;
      }
      if (this.linkBetween(from, to) === undefined) this.link(from, to, 'stranger');
      ends('linked');
    });
  }

  #close(node: Node, link: LinkId): void {
    const wire = node.links.get(link);
    if (wire === undefined) return;
    node.closed += 1;
    node.links.delete(link);
    wire.to.links.delete(wire.toLink);
    this.#at(this.now, () => this.handle(node, { type: 'linkDown', link }));
    this.#at(this.now + wire.ms, () => this.handle(wire.to, { type: 'linkDown', link: wire.toLink }));
  }

  #at(at: number, run: () => void): void {
    this.#order += 1;
    this.#queue.push({ at: Math.max(at, this.now), order: this.#order, run });
  }
}
