/**
 * What a node's links are keyed with (docs/spec/links.md, 2), all of it derived from the seed of its identity: no file holds more
 * than that seed, and who has it has everything.
 *
 * Invariant: every derivation has an info string of its own, so no value can stand for another.
 */
import { assert, primitives } from '../keys/index.ts';
import type { Seed } from '../keys/index.ts';

export interface LinkKeys {
  /** X25519, 32 bytes. */
  readonly agreementSecret: Uint8Array;
  /** Its public key: `x` in the reference. */
  readonly agreementKey: Uint8Array;
  /** 32 bytes in the reference: whoever has them can make this node listen, and nobody else can. */
  readonly probeKey: Uint8Array;
}

export const KEY_BYTES = 32;

export function linkKeys(seed: Seed): LinkKeys {
  const agreementSecret = derive({ from: seed, info: 'mimeo/link/agreement' });
  return {
    agreementSecret,
    agreementKey: primitives.x25519PublicKey(agreementSecret),
    probeKey: derive({ from: seed, info: 'mimeo/link/probe' }),
  };
}

/** 32 bytes; `info` is ASCII. */
export function derive(input: {
  readonly from: Uint8Array;
  readonly salt?: Uint8Array;
  readonly info: string;
}): Uint8Array {
  const { from, salt = new Uint8Array(0), info } = input;
  assert(from.length === KEY_BYTES, `a secret of a link has ${KEY_BYTES} bytes`);
  return primitives.hkdfSha256({ ikm: from, salt, info: Buffer.from(info), length: KEY_BYTES });
}
