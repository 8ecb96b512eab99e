/**
 * What the daemons of a test network wrote about what passed (daemon/node/trace-file.ts), put together: how many nodes hold a
 * block, and how far a block came. A hop count never travels on the wire, and only a test network can be read like this.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestNode } from './network.ts';

/** Daemons write their traces a moment after they have answered. */
const SETTLE_MS = 50;

interface TraceLine {
  readonly key: string;
  readonly type: 'answered' | 'kept';
  readonly kind?: 'fetch' | 'insert';
  readonly local?: boolean;
  readonly outcome?: string;
}

export class Traces {
  /** Keys of the blocks that each node's owner had stored, in order. */
  readonly #inserted = new Map<number, Set<string>>();
  /** Nodes by block. Blocks that a node has dropped since still count: a test network's stores are never full. */
  readonly #holders = new Map<string, Set<number>>();
  /** By block, how often a node gave it to the one who had asked it. */
  readonly #handed = new Map<string, number>();

  static async read(nodes: readonly TestNode[]): Promise<Traces> {
    await sleep(SETTLE_MS);
    const traces = new Traces();
    for (const { number, traceFile } of nodes) {
      for (const line of readFileSync(traceFile, 'utf8').split('\n')) {
        // The last line may be half written: the daemon runs, or was killed.
        if (line.endsWith('}')) traces.#add(number, JSON.parse(line) as TraceLine);
      }
    }
    return traces;
  }

  /** Blocks that the owner of `node` has inserted. */
  insertedBy(node: number): ReadonlySet<string> {
    return this.#inserted.get(node) ?? new Set();
  }

  /** Mean number of nodes that hold a block, of living ones. */
  copies(keys: ReadonlySet<string>, living: readonly TestNode[]): number {
    const alive = new Set(living.map(({ number }) => number));
    let sum = 0;
    for (const key of keys) for (const node of this.#holders.get(key) ?? []) if (alive.has(node)) sum += 1;
    return keys.size === 0 ? 0 : sum / keys.size;
  }

  /** Mean length of the ways on which these blocks have come since `before`, when one reader has asked for each once: nothing joins the hops of a stem. */
  hopsSince(before: Traces, keys: ReadonlySet<string>): number {
    let sum = 0;
    for (const key of keys) sum += (this.#handed.get(key) ?? 0) - (before.#handed.get(key) ?? 0);
    return keys.size === 0 ? 0 : sum / keys.size;
  }

  #add(node: number, { type, key, kind, local, outcome }: TraceLine): void {
    if (type === 'kept') {
      entry(this.#holders, key, () => new Set<number>()).add(node);
    } else if (kind === 'insert' && local === true && outcome === 'stored') {
      entry(this.#inserted, node, () => new Set<string>()).add(key);
    } else if (kind === 'fetch' && outcome === 'found' && local === false) {
      this.#handed.set(key, (this.#handed.get(key) ?? 0) + 1);
    }
  }
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
