/**
 * What spies see: every message at the nodes that they hold, in the order of time, one JSON object a line; and apart from it the
 * truth, which nobody in the network knows (docs/spec/simulator.md, 6). Lines are handed out as they come, so that a long run
 * needs no memory.
 */
import { type RoutingKey, type Salt, toText } from '../../keys/index.ts';
import type { Message } from '../../routing/index.ts';
import type { Observer } from './host.ts';
import type { End } from './node.ts';
import { SeededRandom } from './random.ts';
import { frameBytes } from './sizes.ts';

/** One message, as a spy sees it; null where a message has no such field. */
export interface Sighting {
  readonly t: number;
  readonly node: number;
  readonly peer: number;
  readonly dir: 'in' | 'out';
  readonly type: Message['type'];
  readonly phase: 'stem' | 'greedy' | null;
  /** Of the request on its link; replies carry the id of what they answer. */
  readonly id: number | null;
  readonly key: string | null;
  readonly salt: Salt | null;
  readonly htl: number | null;
  readonly bytes: number;
  /** Of a greedy request, the same at all nodes. */
  readonly uid: string | null;
}

export interface Truth {
  readonly t: number;
  readonly node: number;
  readonly key: string;
  /** Which file of which owner. */
  readonly job: string;
}

export class Tracer implements Observer {
  readonly #isSpy: (node: number) => boolean;
  readonly #write: (line: string) => void;

  constructor(options: { isSpy: (node: number) => boolean; write: (line: string) => void }) {
    this.#isSpy = options.isSpy;
    this.#write = options.write;
  }

  passed(now: number, end: End, what: { dir: 'in' | 'out'; message: Message }): void {
    const { number: node } = end.node;
    if (end.other === undefined || !this.#isSpy(node)) return;
    const { dir, message } = what;
    const asks = message.type === 'dataRequest' || message.type === 'insertRequest' ? message : undefined;
    const greedy = asks?.route.phase === 'greedy' ? asks.route : undefined;
    const sighting: Sighting = {
      t: now,
      node,
      peer: end.other.node.number,
      dir,
      type: message.type,
      phase: asks?.route.phase ?? null,
      id: 'id' in message ? message.id : null,
      key: asks === undefined ? null : toText(asks.key),
      salt: asks?.salt ?? null,
      htl: greedy?.htl ?? null,
      bytes: frameBytes(message),
      uid: greedy?.uid ?? null,
    };
    this.#write(JSON.stringify(sighting));
  }
}

export function truthLine(truth: { t: number; node: number; key: RoutingKey; job: string }): string {
  const line: Truth = { ...truth, key: toText(truth.key) };
  return JSON.stringify(line);
}

/** Who spies: `n1,n2,…` or `f=0.1`, a share drawn from the seed. Undefined for what is neither. */
export function spies(text: string, world: { nodes: number; seed: number }): ReadonlySet<number> | undefined {
  const share = /^f=(0?\.\d+|0|1)$/u.exec(text)?.[1];
  if (share !== undefined) {
    const random = new SeededRandom(world.seed ^ 0x73707900);
    const count = Math.round(Number(share) * world.nodes);
    const drawn = new Set<number>();
    while (drawn.size < count) drawn.add(random.below(world.nodes));
    return drawn;
  }
  if (!/^n?\d+(?:,n?\d+)*$/u.test(text)) return undefined;
  const named = text.split(',').map((name) => Number(name.replace('n', '')));
  return named.every((node) => node < world.nodes) ? new Set(named) : undefined;
}
