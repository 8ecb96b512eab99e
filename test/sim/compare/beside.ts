/**
 * The same questions put to this network's routing, to Kademlia and to Chord: what each costs (docs/spec/simulator.md, 12). Askers, places of
 * keys and ids of nodes are the same; the network's own figures are those that were measured, of first fetches.
 */
import { type Location, assert } from '../../../keys/index.ts';
import { mean, quantile } from '../scenario.ts';
import { Chord } from './chord.ts';
import { K, Kademlia } from './kademlia.ts';
import type { OwnersFetch } from './owners.ts';

/** More would sharpen nothing that anybody reads. */
const COMPARED_MOST = 5_000;
/** What the Chord paper has for its analysis, and what its implementations keep. */
const SUCCESSORS = [1, 16] as const;

export function beside(options: {
  locations: readonly Location[];
  fetches: readonly OwnersFetch[];
  seed: number;
}): Readonly<Record<string, number>> {
  const { locations, seed } = options;
  const [first, missing] = (['first', 'missing'] as const).map((of) =>
    options.fetches.filter((fetch) => fetch.of === of).slice(0, COMPARED_MOST),
  );
  assert(first !== undefined && missing !== undefined, 'both were asked for');
  return {
    ...own(first),
    'missing.fetches': options.fetches.filter((fetch) => fetch.of === 'missing').length,
    'missing.compared': missing.length,
    ...kademlia(new Kademlia({ locations, seed }), { first, missing }),
    ...SUCCESSORS.map((successors) => chord({ locations, successors, first })).reduce((all, one) =>
      Object.assign(all, one),
    ),
  };
}

function own(fetches: readonly OwnersFetch[]): Record<string, number> {
  const hops = fetches.flatMap((fetch) => (fetch.hops === undefined ? [] : [fetch.hops]));
  return {
    'first.fetches': fetches.length,
    'first.found': fetches.length === 0 ? 0 : hops.length / fetches.length,
    'first.hops.mean': mean(hops),
    'first.hops.p95': quantile(hops, 0.95),
    'first.messages.mean': mean(fetches.map(({ messages }) => messages)),
    // Every hop of the way back sends the block once.
    'first.blocks.mean': mean(hops),
  };
}

function kademlia(
  network: Kademlia,
  asked: { first: readonly OwnersFetch[]; missing: readonly OwnersFetch[] },
): Record<string, number> {
  const metrics: Record<string, number> = {};
  for (const replicas of [K, 1]) {
    const costs = asked.first.map((fetch) => network.fetch({ ...fetch, replicas }));
    const remote = costs.map(({ holdersAsked }) => (holdersAsked > 0 ? 1 : 0));
    const name = `kademlia${replicas}`;
    metrics[`${name}.found`] = mean(costs.map(({ found }) => (found ? 1 : 0)));
    metrics[`${name}.rounds`] = mean(costs.map(({ rounds }) => rounds));
    metrics[`${name}.messages`] = mean(costs.map(({ messages }) => messages));
    metrics[`${name}.blocks`] = mean(costs.map(({ holdersAsked }) => holdersAsked));
    // The holder says that it has it, and is then asked for it: one question and one block more.
    metrics[`${name}.direct.messages`] = mean(
      costs.map(({ messages }, i) => messages + 2 * (remote[i] ?? 0)),
    );
    metrics[`${name}.direct.blocks`] = mean(remote);
  }
  const nothing = asked.missing.map((fetch) => network.fetch({ ...fetch, replicas: 0 }));
  metrics['kademlia.missing.messages'] = mean(nothing.map(({ messages }) => messages));
  return metrics;
}

function chord(options: {
  locations: readonly Location[];
  successors: number;
  first: readonly OwnersFetch[];
}): Record<string, number> {
  const { successors, first } = options;
  const network = new Chord(options);
  const costs = first.map((fetch) => network.fetch(fetch));
  const name = `chord${successors}`;
  return {
    [`${name}.hops`]: mean(costs.map(({ hops }) => hops)),
    [`${name}.messages`]: mean(costs.map(({ messages }) => messages)),
    [`${name}.blocks`]: mean(costs.map(({ hops }) => (hops > 0 ? 1 : 0))),
  };
}
