/**
 * What a node pays for asking strangers (docs/spec/peers.md, 5): a number that makes the hash of its reference small. A quarter of a
 * million hashes, once for a reference; whoever wants a thousand identities pays a thousand times.
 *
 * Found in slices on the event loop: a thread would cost 20 MiB and an entry of its own, for half a second of a node's life.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Random, primitives } from '../../keys/index.ts';
import { nodeLimits } from './limits.ts';

export const PROOF_BYTES = 8;

const DOMAIN = Buffer.from('mimeo/proof/1/');
/** About 5 ms: what waits for the loop meanwhile waits no longer than for a large block. */
const SLICE_HASHES = 2_048;

export function isPaid(reference: Uint8Array, proof: Uint8Array): boolean {
  return proof.length === PROOF_BYTES && isSmall(Buffer.concat([DOMAIN, reference, proof]));
}

/** Begins at a random number, so that it is not told by the proof how long it took. Undefined when it was called off. */
export async function findProof(
  reference: Uint8Array,
  { random, signal }: { random: Random; signal: AbortSignal },
): Promise<Uint8Array | undefined> {
  const message = Buffer.concat([DOMAIN, reference, random.bytes(PROOF_BYTES)]);
  const at = message.length - PROOF_BYTES;
  let next = message.readBigUInt64BE(at);
  while (!signal.aborted) {
    for (let hashes = 0; hashes < SLICE_HASHES; hashes += 1) {
      if (isSmall(message)) return Uint8Array.from(message.subarray(at));
      next = BigInt.asUintN(64, next + 1n);
      message.writeBigUInt64BE(next, at);
    }
    await nextTurn();
  }
  return undefined;
}

function isSmall(message: Uint8Array): boolean {
  const hash = primitives.sha256(message);
  const first = ((hash[0] ?? 0) << 24) | ((hash[1] ?? 0) << 16) | ((hash[2] ?? 0) << 8) | (hash[3] ?? 0);
  return first >>> (32 - nodeLimits.proofBits.value) === 0;
}
