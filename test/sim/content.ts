/**
 * What travels in a simulated network: short blocks under their hash. Keys and blocks go as values through thousands of nodes, each of
 * which asks where a key lives and whether a block belongs to it, and nobody changes them: both are reckoned once for each object.
 */
import {
  type Block,
  type Location,
  type RoutingKey,
  type Salt,
  equalBytes,
  location,
  primitives,
  routingKey,
} from '../../keys/index.ts';

/** A block of any length under its own hash: the check of a CHK without the size. */
export function shortBlock(bytes: Uint8Array): { key: RoutingKey; block: Block } {
  return { key: routingKey(primitives.sha256(bytes)), block: bytes as Block };
}

/** By salt. */
const located = new WeakMap<RoutingKey, Map<Salt, Location>>();

export function locateOnce(key: RoutingKey, salt: Salt): Location {
  let places = located.get(key);
  if (places === undefined) located.set(key, (places = new Map()));
  let place = places.get(salt);
  if (place === undefined) places.set(salt, (place = location(key, salt)));
  return place;
}

/** What was once seen to belong to a key still does. */
const verified = new WeakMap<Block, RoutingKey>();

/** The check of a CHK without the size. */
export function verifyHash(key: RoutingKey, block: Block): 'chk' | undefined {
  if (verified.get(block) === key) return 'chk';
  if (!equalBytes(primitives.sha256(block), key)) return undefined;
  verified.set(block, key);
  return 'chk';
}
