/** Contents, targets and whole round trips for the tests of this folder. Everything follows from seeds. */
import zlib from 'node:zlib';
import { Getter } from '../../client/get.ts';
import type { Layout } from '../../client/layout.ts';
import { Putter, type PutOptions } from '../../client/put.ts';
import type { GetTarget, PutTarget } from '../../client/target.ts';
import { assert, createSsk, cryptoKey, hashPublicKey, parseUri, type SskSecret } from '../../keys/index.ts';
import { type Run, run, type World } from './driver.ts';
import { MemoryNetwork, MemorySink, MemorySource, SeededRandom } from './world.ts';

/** Two keys a list block and a few in the top block: 40 blocks of content need three levels of lists. */
export const tinyLayout: Layout = { payloadBytes: 64, topBytes: 400, dataPerSegment: 3 };

/** Bytes that zstd can't shorten. */
export function noise(sizeBytes: number, seed = 1): Uint8Array {
  return new SeededRandom(`noise/${seed}`).bytes(sizeBytes);
}

/** Bytes that zstd shortens to less than half. */
export function prose(sizeBytes: number, seed = 1): Uint8Array {
  const words = noise(sizeBytes, seed).map((byte) => 97 + (byte % 2));
  assert(sizeBytes < 1_000 || zlib.zstdCompressSync(words).length < sizeBytes / 2, 'prose shrinks');
  return words;
}

export const secret: SskSecret = createSsk(new SeededRandom('ssk'));
export const convergenceSecret = new SeededRandom('convergence').bytes(32);

export const targets = {
  chk: { type: 'chk', fileName: undefined },
  ssk: { type: 'ssk', secret, name: 'page' },
  // A keyword's secret without the derivation, which has its own tests in test/keys.
  ksk: { type: 'ksk', secret: { ...secret, name: 'word' } },
} as const satisfies Record<string, PutTarget>;

/** What a reader makes of a URI. */
function readTarget(uri: string): GetTarget {
  const parsed = parseUri(uri);
  if (parsed.kind === 'chk' && parsed.form === 'request') return { type: 'chk', ...parsed };
  if (parsed.kind === 'ssk' && parsed.form === 'request') return { type: 'ssk', ...parsed };
  assert(parsed.kind === 'ksk', 'a request URI');
  const publicKeyHash = hashPublicKey(secret.publicKey);
  return { type: 'ksk', publicKeyHash, cryptoKey: cryptoKey(secret.cryptoKey), name: parsed.keyword };
}

export interface PutCase extends Partial<PutOptions> {
  readonly network?: MemoryNetwork;
  readonly seed?: number;
  readonly world?: Partial<World>;
}

export function put(content: Uint8Array, { network, seed = 1, world, ...options }: PutCase = {}): Run {
  const putter = new Putter({
    target: targets.chk,
    mimeType: 'text/plain',
    key: { type: 'convergent', secret: convergenceSecret },
    mode: 'insert',
    random: new SeededRandom(`put/${seed}`),
    ...options,
  });
  const into = network ?? new MemoryNetwork();
  return run(putter, { network: into, seed, source: new MemorySource(content), ...world });
}

export interface GetCase {
  readonly network: MemoryNetwork;
  readonly seed?: number;
  readonly window?: number;
  readonly layout?: Layout;
  readonly world?: Partial<World>;
}

export function get(
  uri: string,
  { network, seed = 1, world, ...options }: GetCase,
): Run & { written: Uint8Array } {
  const random = new SeededRandom(`get/${seed}`);
  const getter = new Getter({ uri, target: readTarget(uri), random, ...options });
  const sink = new MemorySink();
  return { ...run(getter, { network, seed, sink, ...world }), written: sink.written };
}

/** The URI of an upload that went well. */
export function uriOf({ outcome }: Run): string {
  assert(outcome.type === 'done', `the upload is done, not ${JSON.stringify(outcome)}`);
  return outcome.uri;
}
