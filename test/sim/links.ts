/**
 * The links of the world: who is connected, how long a message takes, and what gets lost (docs/spec/simulator.md, 2).
 *
 * A link is an ordered stream, so a lost packet delays what follows it instead of losing it, and a stream that loses one packet too
 * often breaks. Messages are control or bulk; order is kept within each. Nodes in different parts of a partition, and dead ones,
 * hear nothing; that the link is gone the other end notices only when keep-alives have failed to come.
 */
import { assert } from '../../keys/index.ts';
import { LOCAL_LINK, type LinkId, type Message, type RouterEvent } from '../../routing/index.ts';
import { type LatencyModel, latencyBetween } from './latency.ts';
import type { End, Happening, SimNode, Tie } from './node.ts';
import { SeededRandom } from './random.ts';
import type { Schedule } from './schedule.ts';
import { frameBytes, isBulk } from './sizes.ts';

/** Bytes in a millisecond that a node can send and take in. */
interface Bandwidth {
  readonly up: number;
  readonly down: number;
}

export interface LinkOptions {
  readonly latency: LatencyModel;
  /** Undefined: without bounds. */
  readonly bandwidth?: (node: number) => Bandwidth;
  /** Fraction of packets that are lost. */
  readonly loss?: number;
  /** After this long without a word the other end is taken for dead. */
  readonly keepAliveMs?: number;
}

const KEEP_ALIVE_MS = 60_000;
const PACKET_BYTES = 1_400;
/** A lost packet is sent again after this long, or two round trips; each time twice as long. */
const RESEND_FLOOR_MS = 200;
/** A stream breaks when one packet was lost this often. */
const LOSSES_MOST = 6;
/** Of bulk already sealed, control waits for one frame at most. */
const SEALED_BYTES = 33_536;

interface Queue {
  readonly rate: Bandwidth;
  readonly upFree: { control: number; bulk: number };
  readonly downFree: { control: number; bulk: number };
}

export class Links {
  readonly #schedule: Schedule<Happening>;
  readonly #options: LinkOptions;
  readonly #seed: number;
  readonly #random: SeededRandom;
  readonly #tell: (node: SimNode, event: RouterEvent) => void;
  /** Without bandwidth and loss a message only takes its time. */
  readonly #plain: boolean;
  readonly #queues = new Map<number, Queue>();
  #partOf: ((node: number) => number) | undefined;

  constructor(options: {
    schedule: Schedule<Happening>;
    links: LinkOptions;
    seed: number;
    tell: (node: SimNode, event: RouterEvent) => void;
  }) {
    this.#schedule = options.schedule;
    this.#options = options.links;
    this.#seed = options.seed;
    this.#random = new SeededRandom(options.seed ^ 0x6c696e6b);
    this.#tell = options.tell;
    this.#plain = options.links.bandwidth === undefined && (options.links.loss ?? 0) === 0;
  }

  latencyMs(a: number, b: number): number {
    return latencyBetween({ model: this.#options.latency, seed: this.#seed, a, b });
  }

  canReach(a: number, b: number): boolean {
    return this.#partOf === undefined || this.#partOf(a) === this.#partOf(b);
  }

  endAt(node: SimNode, peer: number): End | undefined {
    for (const end of node.ends.values()) if (end.other?.node.number === peer) return end;
    return undefined;
  }

  /** Brings a link up at both ends. */
  connect(a: SimNode, b: SimNode, how: { tie: Tie; since: number }): void {
    const latencyMs = this.latencyMs(a.number, b.number);
    const atA = newEnd(a, latencyMs);
    const atB = newEnd(b, latencyMs);
    atA.other = atB;
    atB.other = atA;
    for (const { node, link, other } of [atA, atB]) {
      assert(other !== undefined, 'a link has two ends');
      const { identity, location, place } = other.node;
      const peer = {
        identity,
        location,
        tie: how.tie,
        ...place,
        cost: 2 * latencyMs,
        carrier: 'memory',
      } as const;
      this.#tell(node, { type: 'linkUp', link, peer, since: how.since });
    }
  }

  /** This end is gone; what is still on its way to it is lost. */
  drop(end: End): void {
    if (!end.open) return;
    end.open = false;
    end.node.ends.delete(end.link);
    this.#tell(end.node, { type: 'linkDown', link: end.link });
  }

  /** Both ends lose the link now. */
  cut(end: End): void {
    this.drop(end);
    if (end.other !== undefined) this.drop(end.other);
  }

  /** One end closes the link; the other one hears of it after what was sent before. */
  close(end: End): void {
    const { other } = end;
    this.drop(end);
    if (other === undefined) return;
    const at = Math.max(this.#schedule.now + end.latencyMs, end.lastAt.control, end.lastAt.bulk);
    this.#schedule.push(at, { type: 'call', call: () => this.drop(other) });
  }

  /** This end hears nothing any more, and notices in time. */
  fade(end: End): void {
    const at = this.#schedule.now + (this.#options.keepAliveMs ?? KEEP_ALIVE_MS);
    this.#schedule.push(at, { type: 'call', call: () => this.drop(end) });
  }

  /** Nodes of different parts can't reach each other from now on; their links fade. Undefined: all can again. */
  part(nodes: Iterable<SimNode>, partOf: ((node: number) => number) | undefined): void {
    this.#partOf = partOf;
    for (const node of nodes)
      for (const end of node.ends.values())
        if (end.other !== undefined && !this.canReach(node.number, end.other.node.number)) this.fade(end);
  }

  send(from: End, message: Message): void {
    const { other: to } = from;
    if (!from.open || to === undefined) return;
    const now = this.#schedule.now;
    if (this.#partOf !== undefined && !this.canReach(from.node.number, to.node.number)) return;
    if (this.#plain) {
      this.#schedule.push(now + from.latencyMs, { type: 'message', to, message });
      return;
    }
    const bytes = frameBytes(message);
    const bulk = isBulk(message);
    const queue = this.#queueOf(from.node.number);
    let at = now;
    if (queue !== undefined) at = leave(queue.upFree, { now, bulk, bytes, rate: queue.rate.up });
    const delay = this.#lossDelay(bytes, from.latencyMs);
    if (delay === undefined) {
      this.#schedule.push(at + from.latencyMs, { type: 'call', call: () => this.cut(from) });
      return;
    }
    const lane = bulk ? 'bulk' : 'control';
    at = Math.max(at + from.latencyMs + delay, from.lastAt[lane]);
    from.lastAt[lane] = at;
    this.#schedule.push(at, { type: queue === undefined ? 'message' : 'arrival', to, message });
  }

  /** A message is at the door; it is read as fast as the node can take it in. */
  arrive(to: End, message: Message): void {
    const queue = this.#queueOf(to.node.number);
    const now = this.#schedule.now;
    const bytes = frameBytes(message);
    const at =
      queue === undefined
        ? now
        : leave(queue.downFree, { now, bulk: isBulk(message), bytes, rate: queue.rate.down });
    this.#schedule.push(at, { type: 'message', to, message });
  }

  #queueOf(node: number): Queue | undefined {
    const { bandwidth } = this.#options;
    if (bandwidth === undefined) return undefined;
    let queue = this.#queues.get(node);
    if (queue === undefined) {
      queue = { rate: bandwidth(node), upFree: { control: 0, bulk: 0 }, downFree: { control: 0, bulk: 0 } };
      this.#queues.set(node, queue);
    }
    return queue;
  }

  /** What sending again costs; undefined when the stream breaks. */
  #lossDelay(bytes: number, latencyMs: number): number | undefined {
    const loss = this.#options.loss ?? 0;
    if (loss === 0) return 0;
    let delay = 0;
    let resend = Math.max(RESEND_FLOOR_MS, 4 * latencyMs);
    let packets = Math.ceil(bytes / PACKET_BYTES);
    for (let losses = 1; ; losses += 1) {
      let lost = 0;
      for (let packet = 0; packet < packets; packet += 1) if (this.#random.fraction() < loss) lost += 1;
      if (lost === 0) return delay;
      if (losses === LOSSES_MOST) return undefined;
      packets = lost;
      delay += resend;
      resend *= 2;
    }
  }
}

/** When a message has left a queue of two lanes. */
function leave(
  free: { control: number; bulk: number },
  what: { now: number; bulk: boolean; bytes: number; rate: number },
): number {
  const { now, bytes, rate } = what;
  if (what.bulk) {
    free.bulk = Math.max(now, free.bulk, free.control) + bytes / rate;
    return free.bulk;
  }
  const sealed = Math.min(Math.max(0, free.bulk - now), SEALED_BYTES / rate);
  free.control = Math.max(now + sealed, free.control) + bytes / rate;
  // What it overtakes comes so much later.
  free.bulk = Math.max(now, free.bulk) + bytes / rate;
  return free.control;
}

function newEnd(node: SimNode, latencyMs: number): End {
  const link = node.nextLink as LinkId;
  assert(link !== LOCAL_LINK, 'the virtual peer has its own');
  node.nextLink += 1;
  const end: End = { node, link, latencyMs, other: undefined, open: true, lastAt: { control: 0, bulk: 0 } };
  node.ends.set(link, end);
  return end;
}
