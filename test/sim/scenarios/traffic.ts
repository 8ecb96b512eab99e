/**
 * What most scenarios do: insert blocks at random nodes, then fetch them from others, one at a time, and count. One at a time,
 * so that messages and hops belong to one request; crossing.ts is where requests meet.
 */
import type { RoutingKey } from '../../../keys/index.ts';
import type { Message, Trace, Uid } from '../../../routing/index.ts';
import type { ScenarioResult } from '../scenario.ts';
import { mean, quantile } from '../scenario.ts';
import { type World, shortBlock } from '../world.ts';

/** Small enough for 10^5 nodes, long enough to be told apart. */
const CONTENT_BYTES = 32;
/** A person waits no longer than this between two tries. */
const PAUSE_MS = 3_000;

/** Counts, for each request, the nodes that handed the block on: the length of the way it came. */
export class HopCounter {
  readonly #found = new Map<Uid, number>();
  readonly hops: number[] = [];

  readonly onTrace = (_node: number, trace: Trace): void => {
    if (trace.kind !== 'fetch' || trace.outcome !== 'found') return;
    const nodes = (this.#found.get(trace.uid) ?? 0) + 1;
    if (trace.local) {
      this.#found.delete(trace.uid);
      // The asker itself is no hop.
      this.hops.push(nodes - 1);
    } else {
      this.#found.set(trace.uid, nodes);
    }
  };
}

export interface TrafficOptions {
  readonly inserts: number;
  readonly fetches: number;
  readonly missing: number;
  /** Tries of one fetch, the first included. */
  readonly tries: number;
  /** Nodes that ask; all living ones when not given. */
  readonly mayAsk?: (node: number) => boolean;
}

/** Accepted and Working are not counted: they are a hop's own affair and travel with what is counted. */
function requestMessages(world: World): number {
  const uncounted: ReadonlySet<Message['type']> = new Set(['accepted', 'working', 'insertBlock']);
  let sum = 0;
  for (const [type, count] of world.messages) if (!uncounted.has(type)) sum += count;
  return sum;
}

export function runTraffic(world: World, hops: HopCounter, options: TrafficOptions): ScenarioResult {
  const askers = Array.from({ length: world.size }, (_, node) => node).filter(
    (node) => world.isAlive(node) && (options.mayAsk?.(node) ?? true),
  );
  const anyone = (): number => askers[world.random.below(askers.length)] ?? 0;

  const keys: RoutingKey[] = [];
  const copies: number[] = [];
  let stored = 0;
  const insertsBefore = requestMessages(world);
  for (let i = 0; i < options.inserts; i += 1) {
    const content = shortBlock(world.random.bytes(CONTENT_BYTES));
    world.insert(anyone(), { ...content, salt: 0 }, (result) => {
      if (result.type === 'stored') stored += 1;
    });
    world.schedule.run();
    keys.push(content.key);
    copies.push(world.copies(content.key));
  }
  const insertMessages = requestMessages(world) - insertsBefore;

  let found = 0;
  const latency: number[] = [];
  const fetchesBefore = requestMessages(world);
  for (let i = 0; i < options.fetches; i += 1) {
    const key = keys[world.random.below(keys.length)];
    const asker = anyone();
    if (key === undefined) break;
    for (let tries = 0; tries < options.tries; tries += 1) {
      const began = world.now;
      const before = found;
      world.fetch(asker, key, 0, (result) => {
        if (result.type !== 'found') return;
        found += 1;
        latency.push(world.now - began);
      });
      world.schedule.run();
      if (found > before) break;
      world.schedule.run(world.now + PAUSE_MS);
    }
  }
  const fetchMessages = requestMessages(world) - fetchesBefore;

  const missingBefore = requestMessages(world);
  let invented = 0;
  for (let i = 0; i < options.missing; i += 1) {
    world.fetch(anyone(), shortBlock(world.random.bytes(CONTENT_BYTES)).key, 0, (result) => {
      if (result.type === 'found') invented += 1;
    });
    world.schedule.run();
  }
  const missingMessages = requestMessages(world) - missingBefore;

  return {
    world,
    metrics: {
      'insert.stored': stored / options.inserts,
      'insert.copies': mean(copies),
      'insert.messages': insertMessages / options.inserts,
      'fetch.found': found / options.fetches,
      'fetch.hops.mean': mean(hops.hops),
      'fetch.hops.p95': quantile(hops.hops, 0.95),
      'fetch.latencyMs.p50': quantile(latency, 0.5),
      'fetch.messages': fetchMessages / options.fetches,
      ...(options.missing === 0 ? {} : { 'missing.messages': missingMessages / options.missing }),
      'missing.found': invented,
      unanswered: world.unanswered,
      pending: world.pending,
    },
  };
}
