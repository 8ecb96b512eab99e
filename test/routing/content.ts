/** Real blocks for the tests of routing, and places on the circle by their distance from a key. */
import {
  type Block,
  type Location,
  type RoutingKey,
  type Salt,
  asLocation,
  block,
  cryptoKey,
  encodeChk,
  encodeSsk,
  location,
  seed,
  sskFromSeed,
} from '../../keys/index.ts';

export interface Content {
  readonly key: RoutingKey;
  readonly block: Block;
}

/** A CHK block; every number has one of its own. */
export function page(number = 0): Content {
  const { routingKey: key, block } = encodeChk({
    cryptoKey: cryptoKey(new Uint8Array(32).fill(7)),
    payload: Buffer.from(`page ${number}`),
  });
  return { key, block };
}

/** An SSK block; all versions have one key, and each another block. */
export function edition(version: string): Content {
  const secret = sskFromSeed({
    seed: seed(new Uint8Array(32).fill(1)),
    cryptoKey: cryptoKey(new Uint8Array(32).fill(2)),
  });
  const { routingKey: key, block } = encodeSsk({ secret, name: 'news', payload: Buffer.from(version) });
  return { key, block };
}

/** The block with one bit turned: it belongs to no key. */
export function damaged(original: Block): Block {
  const bytes = Uint8Array.from(original);
  bytes[1_000] = (bytes[1_000] ?? 0) ^ 1;
  return block(bytes);
}

/** The place that lies `away` from where the key lives, forward on the circle; backward when negative. */
export function placeAt(key: RoutingKey, away: number, salt: Salt = 0): Location {
  return asLocation((location(key, salt) + away + 1) % 1);
}
