/**
 * Spies that ask: each takes a place at every peer of his that has one, and sends keys of his own along it (docs/spec/attack.md, 3). Where these come out
 * shows how the ways of that peer go on, by the one guard that it has for this spy; and of its own requests a third, or more, take the same.
 */
import { type RequestId, networks } from '../../routing/index.ts';
import { shortBlock } from '../sim/content.ts';
import type { World } from '../sim/world.ts';
import type { Population } from './population.ts';

/** Ids of requests that no router has chosen. */
const OWN_IDS = 2 ** 31;
/** There and back, and the peer has thought. */
const ANSWERED_MS = 2_000;

/** A key of a spy's own, and where it went. */
export interface Probe {
  readonly spy: number;
  readonly peer: number;
  readonly key: ReturnType<typeof shortBlock>['key'];
}

/** @returns what was sent, one key for each spy and peer of his; all of it has come to its end. */
export function probeAll(
  world: World,
  { population, there }: { population: Population; there: readonly boolean[] },
): Probe[] {
  const { spies, peers } = population;
  const pairs = [...spies].flatMap((spy) =>
    (peers[spy] ?? [])
      .filter((peer) => there[peer] === true && !spies.has(peer))
      .map((peer) => ({ spy, peer })),
  );
  for (const { spy, peer } of pairs) world.say(spy, peer, { type: 'stemLink', step: 'ask' });
  world.run(world.now + ANSWERED_MS);
  const probes = pairs.map(({ spy, peer }, index) => {
    const { key } = shortBlock(world.random.bytes(32));
    world.say(spy, peer, {
      type: 'dataRequest',
      id: (OWN_IDS + index) as RequestId,
      key,
      salt: 0,
      priority: 'bulk',
      deadlineMs: networks.open.deadlineMs,
      route: { phase: 'stem' },
    });
    return { spy, peer, key };
  });
  world.run(world.now + networks.open.deadlineMs / 4);
  return probes;
}
