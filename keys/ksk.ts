/**
 * The keyword signed key: an SSK whose secret follows from a word (docs/spec/keys.md, 5.3).
 *
 * Whoever guesses the word can read it, and can insert another block under it: that is what a KSK is for. scrypt only makes
 * guessing dear, 50 to 100 ms and 32 MiB a word.
 *
 * Invariant: at most `kskAtOnce` derivations run and `kskWaiting` wait; one more is refused, not queued.
 */
import { cryptoKey, KEY_BYTES, seed } from './bytes.ts';
import { keyLimits } from './limits.ts';
import { canonicalName } from './name.ts';
import { native } from './primitives/native.ts';
import type { ScryptInput } from './primitives/primitives.ts';
import { type SskSecret, sskFromSeed } from './ssk.ts';

export type KskSecret = SskSecret & { readonly name: string };

/** Too many derivations wait already. Trying again in a second helps. */
export class KskBusyError extends Error {
  readonly code = 'busy';

  constructor() {
    super(`${keyLimits.kskWaiting.value} keywords are waiting to be derived`);
    this.name = 'KskBusyError';
  }
}

/**
 * The SSK of a keyword; its name is the keyword in NFC.
 * @throws ParseError bad_key when the keyword is no name
 * @throws KskBusyError
 */
export async function deriveKsk(keyword: string): Promise<KskSecret> {
  const name = canonicalName(keyword);
  await enter();
  try {
    const bytes = await native.scrypt(kskScrypt(name));
    const ssk = sskFromSeed({
      seed: seed(bytes.subarray(0, KEY_BYTES)),
      cryptoKey: cryptoKey(bytes.subarray(KEY_BYTES)),
    });
    return { ...ssk, name };
  } finally {
    leave();
  }
}

/** The parameters are part of the format: another value gives other keys. `name` is canonical. */
export function kskScrypt(name: string): ScryptInput {
  return {
    password: Buffer.from(name),
    salt: Buffer.from('mimeo KSK v1'),
    cost: 2 ** 15,
    blockSize: 8,
    parallelization: 1,
    length: 2 * KEY_BYTES,
  };
}

let running = 0;
const waiting: (() => void)[] = [];

async function enter(): Promise<void> {
  if (running < keyLimits.kskAtOnce.value) {
    running++;
    return;
  }
  if (waiting.length >= keyLimits.kskWaiting.value) throw new KskBusyError();
  // A place is handed over, not given back, so that nobody slips in between.
  await new Promise<void>((resolve) => waiting.push(resolve));
}

function leave(): void {
  const next = waiting.shift();
  if (next) next();
  else running--;
}
