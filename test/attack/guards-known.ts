/** Whom each node has as a guard, as its router keeps it: for judging, and for attackers that are said to know it. */
import type { Effect } from '../../routing/index.ts';
import type { Observer } from '../sim/host.ts';
import type { SimNode } from '../sim/node.ts';

export class GuardsKnown implements Observer {
  readonly #guards = new Map<number, readonly number[]>();

  did(_now: number, node: SimNode, effect: Effect): void {
    if (effect.type !== 'rememberStem') return;
    this.#guards.set(
      node.number,
      effect.state.guards.map(({ identity }) => Number(identity.slice(1))),
    );
  }

  /** In no order that means anything. */
  of(node: number): readonly number[] {
    return this.#guards.get(node) ?? [];
  }
}
