/** What the tests of single links do to the links of one node, and what they ask of it meanwhile. */
import type { Test } from 'tap';
import { assert } from '../../../keys/index.ts';
import { type FaultNet, type FaultNode, type Item, JOINED, isFull, until } from './net.ts';
import { type LinkState, OPEN } from './relay.ts';

export const NODES = isFull ? 30 : 8;
export const ROUNDS = isFull ? 4 : 1;
/** Much longer than a link was away, and much less than the ten minutes for which some things are not tried again. */
const BACK_MS = isFull ? 900_000 : 180_000;

/** All links of a node but those to these. */
export function set(
  net: FaultNet,
  node: FaultNode,
  { but, state }: { but: readonly FaultNode[]; state: LinkState },
): void {
  for (const other of net.nodes)
    if (other !== node && !but.includes(other)) net.relay.set([node.number, other.number], state);
}

/** Other nodes to which there is a connection now. */
export function connected(net: FaultNet, node: FaultNode): FaultNode[] {
  return net.nodes.filter((other) => other !== node && net.relay.between([node.number, other.number]) > 0);
}

/** What a node puts in others can fetch, and the other way round. */
export async function exchange(
  name: string,
  { node, others }: { node: FaultNode; others: readonly FaultNode[] },
): Promise<void> {
  const [other] = others;
  assert(other !== undefined, 'there are others');
  const [own, foreign]: [Item, Item] = await Promise.all([
    node.put(`${name} 1`, 100_000),
    other.put(`${name} 2`, 100_000),
  ]);
  await Promise.all([node.get(foreign), ...others.slice(1).map((one) => one.get(own))]);
}

/** All links of the node are open again. Who has some peers looks for the others at leisure. */
export async function comesBack(t: Test, net: FaultNet, node: FaultNode): Promise<void> {
  set(net, node, { but: [], state: OPEN });
  const since = performance.now();
  const isBack = async () => (await node.confirmed()) >= JOINED;
  await until(`node ${node.number} has ${JOINED} peers again`, isBack, { withinMs: BACK_MS });
  t.comment(`${JOINED} peers again after ${Math.round((performance.now() - since) / 1_000)} s`);
}
