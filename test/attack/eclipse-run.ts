/**
 * Sybils next to a key (docs/spec/attack.md, 7): they have chosen their places, have joined a grown network by its rules, and have been peers for as long as anybody. For
 * the one key they say that they have stored it, and that nobody for a thousand visits has it; otherwise they are good.
 */
import {
  type Location,
  type RoutingKey,
  SALTS,
  type Salt,
  asLocation,
  equalBytes,
  location,
} from '../../keys/index.ts';
import { networks } from '../../routing/index.ts';
import { SeededRandom } from '../sim/random.ts';
import type { Mask } from '../sim/roles.ts';
import type { Topology } from '../sim/topology.ts';
import { type Result, World, shortBlock } from '../sim/world.ts';
import { type Addresses, scattered } from '../sim/addresses.ts';
import { isRequest } from './spies.ts';

export interface EclipseOptions {
  readonly seed: number;
  /** Honest ones. */
  readonly nodes: number;
  /** For each key, at all of its places together. */
  readonly sybils: number;
  /** Places of the key, of three, that they sit at and that are used. */
  readonly salts: 1 | 3;
  /** Where they sit, when there are three: in equal parts, or all at one. */
  readonly spread: 'even' | 'one';
  /** - `lies`: says that it has stored, or that nobody has it, for a thousand visits. - `swallows`: the same, of itself alone. */
  readonly behaviour: 'lies' | 'swallows';
  /** Networks (/16) that they live in; each has one of its own unless given. */
  readonly homes?: number;
  readonly keys: number;
  readonly readers: number;
}

export interface EclipseResult {
  readonly fetches: number;
  readonly found: number;
  /** Of the nodes that are peers of a Sybil's. */
  readonly sybilPeers: number;
}

/** Nearer than any honest node of some thousands. */
const NEAR = 1e-5;
const JOIN_EVERY_MS = 500;
const GROWTH_PER_MS = 0.01 / 1_000;
const UPKEEP_MS = 300_000;
const STORE_BLOCKS = 4_096;
const INVENTED_VISITS = 1_000;
const INSERT_TRIES = 3;
const PAUSE_MS = 3_000;

export function runEclipse(options: EclipseOptions): EclipseResult {
  const { seed, nodes, sybils, keys, readers, salts } = options;
  const random = new SeededRandom(seed ^ 0x65636c69);
  const contents = Array.from({ length: keys }, () => shortBlock(random.bytes(32)));
  const locations = [
    ...Array.from({ length: nodes }, () => asLocation(random.fraction())),
    ...contents.flatMap(({ key }) => placesAround(key, { ...options, random })),
  ];
  const addresses = addressesOf(options);
  const topology = grownWith(locations, { seed, honest: nodes, random, addresses });
  const targetOf = (node: number): RoutingKey | undefined =>
    contents[Math.floor((node - nodes) / sybils)]?.key;
  const world = new World({
    topology,
    params: networks.open,
    seed,
    latency: { type: 'plane' },
    storeBlocks: STORE_BLOCKS,
    cacheBlocks: STORE_BLOCKS,
    tie: 'chosen',
    opennet: 'quiet',
    addresses,
    maskOf: (node) => (node < nodes ? undefined : censor(targetOf(node), options.behaviour)),
  });
  world.run(UPKEEP_MS);
  const anyone = (): number => random.below(nodes);
  const used = SALTS.slice(0, salts);
  let found = 0;
  for (const content of contents) {
    for (const salt of used) insert(world, { node: anyone(), ...content, salt });
    // Caches of one reader would serve the next.
    for (const reader of Array.from({ length: readers }, anyone))
      if (read(world, { reader, key: content.key, salts: used, first: random.below(used.length) }))
        found += 1;
  }
  const isSybil = (node: number): boolean => node >= nodes;
  const peers = Array.from({ length: nodes }, (_, node) => world.neighboursOf(node)).flat();
  return { fetches: keys * readers, found, sybilPeers: peers.filter(isSybil).length / peers.length };
}

function placesAround(
  key: RoutingKey,
  how: Pick<EclipseOptions, 'sybils' | 'salts' | 'spread'> & { random: SeededRandom },
): Location[] {
  const { sybils, salts, spread, random } = how;
  return Array.from({ length: sybils }, (_, index) => {
    const salt = SALTS[spread === 'even' ? index % salts : 0] as Salt;
    const place = location(key, salt) + (random.fraction() - 0.5) * 2 * NEAR;
    return asLocation(Math.floor((place - Math.floor(place)) * 2 ** 53) / 2 ** 53);
  });
}

/** Honest nodes live anywhere. */
function addressesOf({ seed, nodes, homes }: EclipseOptions): Addresses {
  const anywhere = scattered(seed);
  if (homes === undefined) return anywhere;
  return (node) => {
    if (node < nodes) return anywhere(node);
    const [a, b] = anywhere(-1 - (node % homes)).split('.');
    const [, , c, d] = anywhere(node).split('.');
    return [a, b, c, d].join('.');
  };
}

/** All join one after the other by a random honest node, Sybils last; what links there are in the end. */
function grownWith(
  locations: readonly Location[],
  {
    seed,
    honest,
    random,
    addresses,
  }: { seed: number; honest: number; random: SeededRandom; addresses: Addresses },
): Topology {
  const world = new World({
    topology: { locations, links: [] },
    params: networks.open,
    seed,
    latency: { type: 'plane' },
    storeBlocks: 1,
    cacheBlocks: 1,
    opennet: 'on',
    addresses,
    present: () => false,
  });
  for (const node of locations.keys()) {
    const seeds = node === 0 ? [] : [random.below(Math.min(node, honest))];
    world.revive(node, { store: 'lost', seeds });
    world.run(world.now + Math.min(JOIN_EVERY_MS, 1 / (GROWTH_PER_MS * (node + 1))));
  }
  world.run(world.now + UPKEEP_MS);
  const links = locations.flatMap((_, node) =>
    world
      .peersOf(node)
      .filter((peer) => peer > node)
      .map((peer) => [node, peer] as const),
  );
  return { locations, links };
}

/** Everything but the one key is served honestly. */
function censor(target: RoutingKey | undefined, behaviour: EclipseOptions['behaviour']): Mask {
  const visits = behaviour === 'lies' ? INVENTED_VISITS : 0;
  const open = new Set<number>();
  return {
    takes: (message, say) => {
      if (isRequest(message) && target !== undefined && equalBytes(message.key, target)) {
        say({ type: 'accepted', id: message.id });
        if (message.type === 'insertRequest') open.add(message.id);
        else say({ type: 'dataNotFound', id: message.id, visits });
        return true;
      }
      if (message.type !== 'insertBlock' || !open.delete(message.id)) return false;
      say({ type: 'insertStored', id: message.id, visits });
      return true;
    },
    alters: (message) => message,
  };
}

function insert(
  world: World,
  what: { node: number; key: RoutingKey; block: ReturnType<typeof shortBlock>['block']; salt: Salt },
): void {
  const done = { stored: false };
  for (let tries = 0; tries < INSERT_TRIES && !done.stored; tries += 1) {
    world.insert(what.node, what, ({ type }) => (done.stored = type === 'stored'));
    world.settle();
    if (!done.stored) world.run(world.now + PAUSE_MS);
  }
}

function read(
  world: World,
  { reader, key, salts, first }: { reader: number; key: RoutingKey; salts: readonly Salt[]; first: number },
): boolean {
  for (let i = 0; i < salts.length; i += 1) {
    let result: Result | undefined;
    world.fetch(reader, key, salts[(first + i) % salts.length] ?? 0, (one) => (result = one));
    world.settle();
    if (result?.type === 'found') return true;
  }
  return false;
}
