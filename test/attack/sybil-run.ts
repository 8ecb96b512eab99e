/**
 * Sybils that want places (docs/spec/attack.md, 7): identities that come and go all day long next to a network that stays, and a seed that names nobody but its own. They
 * join and keep links by the rules; each is a group of its own.
 */
import { asLocation } from '../../keys/index.ts';
import { networks } from '../../routing/index.ts';
import { SeededRandom } from '../sim/random.ts';
import type { Mask } from '../sim/roles.ts';
import { World } from '../sim/world.ts';

export interface SybilFloodOptions {
  readonly seed: number;
  /** Honest ones. */
  readonly nodes: number;
  /** Of all that are there at a time. */
  readonly share: number;
  readonly hours: number;
  /** How often all Sybils are others in that time. */
  readonly turns: number;
}

const JOIN_EVERY_MS = 500;
const HOUR_MS = 3_600_000;
const UPKEEP_MS = 300_000;

/** @returns what share of the peers of honest nodes are Sybils, relative to their share of the nodes */
export function runSybilFlood(options: SybilFloodOptions): { slotShare: number; identities: number } {
  const { seed, nodes, share, hours, turns } = options;
  const live = Math.round((share * nodes) / (1 - share));
  const identities = live * turns;
  const { world, random } = emptyWorld({ seed, size: nodes + identities });
  joinAll(world, { nodes, random });
  const lifeMs = (hours * HOUR_MS) / turns;
  const join = (sybil: number): void =>
    world.revive(nodes + sybil, { store: 'lost', seeds: [random.below(nodes)] });
  for (let sybil = 0; sybil < live; sybil += 1) {
    join(sybil);
    world.run(world.now + JOIN_EVERY_MS);
  }
  const began = world.now;
  for (let next = live; next < identities; next += 1) {
    world.run(began + ((next - live + 1) * lifeMs) / live);
    world.kill(nodes + next - live);
    join(next);
  }
  world.run(began + hours * HOUR_MS);
  let slots = 0;
  let evil = 0;
  for (let node = 0; node < nodes; node += 1) {
    const peers = world.peersOf(node);
    slots += peers.length;
    evil += peers.filter((peer) => peer >= nodes).length;
  }
  return { slotShare: evil / slots / (live / (nodes + live)), identities };
}

export interface NewcomerOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly evil: number;
  readonly newcomers: number;
  /** What evil nodes offer: each other alone, or what anybody would. */
  readonly control?: 'goodSeed';
}

/** @returns what share of a newcomer's peers are evil, who has two good seeds and an evil one; the mean over newcomers */
export function runNewcomers(options: NewcomerOptions): { evilShare: number; peers: number; worst: number } {
  const { seed, nodes, evil, newcomers } = options;
  const isEvil = (node: number): boolean => node >= nodes && node < nodes + evil;
  const { world, random } = emptyWorld({
    seed,
    size: nodes + evil + newcomers,
    maskOf: (node) =>
      isEvil(node) && options.control === undefined
        ? clique(() => world, { first: nodes, count: evil })
        : undefined,
  });
  joinAll(world, { nodes, random });
  for (let node = nodes; node < nodes + evil; node += 1) {
    world.revive(node, { store: 'lost', seeds: [random.below(nodes)] });
    world.run(world.now + JOIN_EVERY_MS);
  }
  world.run(world.now + UPKEEP_MS);
  const shares: number[] = [];
  let peers = 0;
  for (let newcomer = nodes + evil; newcomer < world.size; newcomer += 1) {
    world.revive(newcomer, {
      store: 'lost',
      seeds: [nodes + random.below(evil), random.below(nodes), random.below(nodes)],
    });
    world.run(world.now + 2 * UPKEEP_MS);
    const his = world.peersOf(newcomer);
    peers += his.length;
    shares.push(his.filter(isEvil).length / Math.max(1, his.length));
  }
  const sum = shares.reduce((total, share) => total + share, 0);
  return { evilShare: sum / shares.length, peers: peers / shares.length, worst: Math.max(...shares) };
}

/** Seeks are answered with the names of the clique, and introductions too. */
function clique(world: () => World, { first, count }: { first: number; count: number }): Mask {
  return {
    takes: (message, say) => {
      if (message.type === 'introduce') {
        say({ type: 'noIntroduction', id: message.id });
        return true;
      }
      if (message.type !== 'seek') return false;
      for (let node = first; node < first + count; node += 1)
        say({ type: 'seekOffer', id: message.id, reference: world().references.of(node) });
      say({ type: 'seekEnd', id: message.id });
      return true;
    },
    alters: (message) => message,
  };
}

function emptyWorld(options: { seed: number; size: number; maskOf?: (node: number) => Mask | undefined }): {
  world: World;
  random: SeededRandom;
} {
  const { seed, size, maskOf } = options;
  const random = new SeededRandom(seed ^ 0x73796269);
  const locations = Array.from({ length: size }, () => asLocation(random.fraction()));
  const world = new World({
    topology: { locations, links: [] },
    params: networks.open,
    seed,
    latency: { type: 'plane' },
    storeBlocks: 1,
    cacheBlocks: 1,
    opennet: 'on',
    present: () => false,
    ...(maskOf === undefined ? {} : { maskOf }),
  });
  return { world, random };
}

function joinAll(world: World, { nodes, random }: { nodes: number; random: SeededRandom }): void {
  for (let node = 0; node < nodes; node += 1) {
    world.revive(node, { store: 'lost', seeds: node === 0 ? [] : [random.below(node)] });
    world.run(world.now + JOIN_EVERY_MS);
  }
  world.run(world.now + UPKEEP_MS);
}
