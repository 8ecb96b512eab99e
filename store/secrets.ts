/**
 * The keys of one store (docs/spec/store.md, 2), all from its one secret.
 *
 * Invariant: what goes to the disk is made with one of them, or random. Nothing there can be tested against a list of routing keys
 * by somebody who does not have the secret.
 */
import { KEY_BYTES, assert, primitives } from '../keys/index.ts';
import type { Aead, RoutingKey } from '../keys/index.ts';
import { ID_BYTES } from './slot.ts';

export interface StoreSecrets {
  /** Seals blocks in slots. */
  readonly block: Aead;
  /** Seals rows of the index. */
  readonly row: Aead;
  /** Seals anchors, the batch number in the index, and the recency file. */
  readonly state: Aead;
  /** What a key is called on the disk. */
  readonly slotId: (key: RoutingKey) => Uint8Array;
  /** 16 bits that tell links apart, mostly, and name none. Never 0. */
  readonly linkMark: (from: string) => number;
}

/** `key` is 32 bytes. */
export function storeSecrets(key: Uint8Array): StoreSecrets {
  assert(key.length === KEY_BYTES, `the key of a store has ${KEY_BYTES} bytes`);
  const derive = (use: string) =>
    primitives.hkdfSha256({
      ikm: key,
      salt: new Uint8Array(0),
      info: Buffer.from(`mimeo/store/2/${use}`),
      length: KEY_BYTES,
    });
  const id = derive('id');
  const link = derive('link');
  return {
    block: primitives.xchachaPoly(derive('block')),
    row: primitives.xchachaPoly(derive('row')),
    state: primitives.xchachaPoly(derive('state')),
    slotId: (routingKey) => primitives.hmacSha256(id, routingKey).slice(0, ID_BYTES),
    linkMark: (from) => {
      const [high = 0, low = 0] = primitives.hmacSha256(link, Buffer.from(from));
      return (high << 8) | low || 1;
    },
  };
}
