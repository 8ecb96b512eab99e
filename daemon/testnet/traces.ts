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
  readonly uid?: string;
  readonly kind?: 'fetch' | 'insert';
  readonly local?: boolean;
  readonly outcome?: string;
}

export class Traces {
  /** Keys of the blocks that each node's owner had stored, in order. */
  readonly #inserted = new Map<number, Set<string>>();
  /** Nodes by block. Blocks that a node has dropped since still count: a test network's stores are never full. */
  readonly #holders = new Map<string, Set<number>>();
  /** For each fetch, the nodes that handed the block on, and who asked. */
  readonly #ways = new Map<string, { nodes: number; asker: number | undefined; key: string }>();

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

  /** Mean length of the ways on which `node` got these blocks; undefined when it asked for none. */
  hops(keys: ReadonlySet<string>, node: number): number | undefined {
    const lengths: number[] = [];
    for (const { nodes, asker, key } of this.#ways.values())
      if (asker === node && keys.has(key)) lengths.push(nodes - 1);
    return lengths.length === 0
      ? undefined
      : lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  }

  #add(node: number, { type, key, uid, kind, local, outcome }: TraceLine): void {
    if (type === 'kept') {
      entry(this.#holders, key, () => new Set<number>()).add(node);
    } else if (kind === 'insert' && local === true && outcome === 'stored') {
      entry(this.#inserted, node, () => new Set<string>()).add(key);
    } else if (kind === 'fetch' && outcome === 'found' && uid !== undefined) {
      const way = entry(this.#ways, uid, () => ({ nodes: 0, asker: undefined as number | undefined, key }));
      way.nodes += 1;
      if (local === true) way.asker = node;
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
